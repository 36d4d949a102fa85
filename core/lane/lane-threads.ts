// The threads that lanes run in: started from nothing, or the spare one that stands by.
//
// Core thread. What a lane is (its rings, its lives) is lane-slot.ts; this is how it gets a thread.

import type { ResourceLimits } from 'node:worker_threads'
import type { Clock } from '../base/clock.ts'
import { limits } from '../base/limits.ts'
import { startStandby } from '../thread/standby.ts'
import { type RunningWorker, startWorker } from '../thread/worker.ts'
import type { LaneReady, LaneStart } from './protocol.ts'
import { SpareLane } from './spare-lane.ts'

/** What each lane's thread runs. */
const file = 'lane/lane-thread.ts'
/** V8's stack in a lane: deep Lua recursion ends as a Lua error, not as a crash. */
const stackMb = 64

export interface LaneThreadsOptions {
  /** V8's heap of one lane. */
  readonly memoryMb: number
  readonly clock: Clock
  /** All lanes are up, and none stands still. */
  readonly isCalm: () => boolean
  readonly log: (level: 'debug' | 'warn', text: string, data: object) => void
}

export class LaneThreads {
  readonly #resourceLimits: ResourceLimits
  readonly #spare: SpareLane

  constructor({ memoryMb, clock, isCalm, log }: LaneThreadsOptions) {
    this.#resourceLimits = { maxOldGenerationSizeMb: memoryMb, stackSizeMb: stackMb }
    this.#spare = new SpareLane({
      clock,
      start: () => startStandby({ name: 'spare lane', file, resourceLimits: this.#resourceLimits }),
      isCalm,
      log: (level, text) => log(level, text, {}),
    })
  }

  /**
   * A thread for a lane; its services' `init` has run when it resolves.
   * @throws HostError as `awaitReport`
   */
  async start(
    data: LaneStart,
  ): Promise<{ readonly worker: RunningWorker<LaneReady>; readonly wasSpare: boolean }> {
    const spare = this.#spare.take()
    const how = {
      name: `lane ${data.index}`,
      data,
      transfer: [data.mailbox],
      startMsMax: limits.laneStartMs,
    }
    const worker =
      spare === undefined
        ? await startWorker<LaneReady>({ ...how, file, resourceLimits: this.#resourceLimits })
        : await spare.start<LaneReady>(how)
    return { worker, wasSpare: spare !== undefined }
  }

  /** Called every watchdogLookMs: starts a spare thread when it is time to. */
  look(): void {
    this.#spare.look()
  }

  /** No more spare threads. */
  end(): Promise<void> {
    return this.#spare.end()
  }
}
