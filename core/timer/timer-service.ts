// The timer thread as the core sees it: allocates the ports, starts the thread, ends it.
//
// Core thread. The core makes one port for itself and one for each lane, and hands each lane its
// own. A lane that replaces a dead one gets the dead one's port (and rings the same bell). The
// thread ends by `stop`; when it ends otherwise, `exited` says why, and the process cannot go on.

import { type Clock, systemClock } from '../base/clock.ts'
import { limits } from '../base/limits.ts'
import { allocateDoorbell, DoorbellButton } from '../thread/doorbell.ts'
import { allocateRing } from '../thread/ring.ts'
import { startWorker, type WorkerExit } from '../thread/worker.ts'
import { type TimerPort, TimerState } from './timer-port.ts'
import type { TimerThreadData } from './timer-thread.ts'

export interface TimerService {
  /** One for each client, in the order of `clientBells`. */
  readonly ports: readonly TimerPort[]
  /** Counts for the status. */
  readonly state: TimerState
  /** Settles when the thread is gone. */
  readonly exited: Promise<WorkerExit>
  /** Ends the thread; timers that wait do not fire. */
  stop(): Promise<WorkerExit>
}

/** The ports of a timer thread: one for each client, whose bell is rung when its timers fire. */
export function allocateTimerPorts(
  clientBells: readonly SharedArrayBuffer[],
  options: {
    readonly clock?: Clock
    readonly ringBytes?: number
    readonly timersMax?: number
  } = {},
): TimerThreadData {
  const state = TimerState.allocate(clientBells.length)
  const timerBell = allocateDoorbell()
  const originMs = (options.clock ?? systemClock).monotonicMs()
  const share = Math.floor(limits.timersMax / clientBells.length)
  const timersMax = options.timersMax ?? Math.min(limits.timersPerThreadMax, share)
  const ringBytes = options.ringBytes ?? limits.timerRingBytes
  const ports = clientBells.map((clientBell, client) => ({
    client,
    commandRing: allocateRing(ringBytes),
    firedRing: allocateRing(ringBytes),
    timerBell,
    clientBell,
    state,
    originMs,
    timersMax,
  }))
  return { ports, timerBell, state }
}

/**
 * Starts the timer thread.
 * @param clientBells the bell of each thread that uses timers
 * @throws HostError INTERNAL when the thread dies while it starts
 */
export async function startTimerService(
  clientBells: readonly SharedArrayBuffer[],
): Promise<TimerService> {
  const data = allocateTimerPorts(clientBells)
  const worker = await startWorker<undefined>({
    name: 'timer',
    file: 'timer/timer-thread.ts',
    data,
  })
  const state = new TimerState(data.state)
  return {
    ports: data.ports,
    state,
    exited: worker.exited,
    stop: () => {
      state.requestStop()
      new DoorbellButton(data.timerBell).ring()
      return worker.exited
    },
  }
}
