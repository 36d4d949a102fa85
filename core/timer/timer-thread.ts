// The main of the timer thread: one wheel for the process, and sleep until there is work.
//
// It waits for nobody but its bell, and for that no longer than until the next timer is due. It
// ends when the core asks it to (TimerState.stop); whatever it throws is a bug and ends the
// process.

import { workerData } from 'node:worker_threads'
import { systemClock } from '../base/clock.ts'
import { Doorbell } from '../thread/doorbell.ts'
import { reportReady } from '../thread/worker.ts'
import { type TimerPort, TimerState } from './timer-port.ts'
import { TimerScheduler } from './timer-scheduler.ts'

/** What the core hands to the timer thread. */
export interface TimerThreadData {
  readonly ports: readonly TimerPort[]
  readonly timerBell: SharedArrayBuffer
  readonly state: SharedArrayBuffer
}

function run(data: TimerThreadData): void {
  const bell = new Doorbell(data.timerBell)
  const state = new TimerState(data.state)
  const scheduler = new TimerScheduler(data.ports, systemClock)
  reportReady(undefined)
  while (!state.isStopping) {
    const ticket = bell.ticket()
    const sleepMs = scheduler.turn()
    if (sleepMs > 0 && !state.isStopping) bell.wait(ticket, sleepMs)
  }
}

run(workerData as TimerThreadData)
