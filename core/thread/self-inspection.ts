// What any thread can find out about itself: what garbage it holds, where its time goes.
//
// node:inspector calls back before `post` returns, so this works in a thread without an event loop. A
// profile is sampled by V8's own thread while this one goes on working.

import { Session } from 'node:inspector'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { HostError, messageOf } from '../base/errors.ts'

const samplingIntervalUs = 500

export interface GarbageCollected {
  readonly beforeBytes: number
  readonly afterBytes: number
  readonly durationMs: number
}

/** Collects the garbage of this thread, all of it, now. */
export function collectGarbage(): GarbageCollected {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const beforeBytes = process.memoryUsage().heapUsed
  const startedMs = performance.now()
  gc()
  const durationMs = performance.now() - startedMs
  return { beforeBytes, afterBytes: process.memoryUsage().heapUsed, durationMs }
}

/** A CPU profile of this thread that is being taken. */
export class RunningProfile {
  readonly #session = new Session()

  /** @throws HostError INTERNAL when the inspector refuses */
  constructor() {
    this.#session.connect()
    try {
      this.#post('Profiler.enable')
      this.#post('Profiler.setSamplingInterval', { interval: samplingIntervalUs })
      this.#post('Profiler.start')
    } catch (error) {
      this.#session.disconnect()
      throw error
    }
  }

  /** Ends it. @returns the text of a .cpuprofile file @throws HostError INTERNAL */
  stop(): string {
    try {
      const { profile } = this.#post('Profiler.stop') as { profile: object }
      return JSON.stringify(profile)
    } finally {
      this.#session.disconnect()
    }
  }

  #post(method: string, params: object = {}): unknown {
    let answer: unknown
    let problem: Error | undefined
    this.#session.post(method, params, (error, result) => {
      if (error !== null) problem = error
      else answer = result
    })
    if (problem === undefined) return answer
    throw new HostError('INTERNAL', `${method}: ${messageOf(problem)}`)
  }
}
