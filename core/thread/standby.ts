// A thread that stands by: its code is loaded, and it waits to be told what it is for.
//
// Most of a thread's start is Node and our own modules being loaded, whatever the thread will do then.
// A standby has that behind it. Its main asks `startData` for what it is started with, which in any
// other thread is there already; here it sleeps until the core hands it over.
//
//   startStandby ─▶ loads its modules ─▶ "ready" ─▶ asleep ─── start(data) ──▶ runs as any worker
//
// It sleeps in Atomics.wait without a time limit and costs nothing but its memory; `terminate` wakes
// it. The data lie in its port before the cell says so, so whoever is woken finds them.

import {
  parentPort,
  type ResourceLimits,
  receiveMessageOnPort,
  type Transferable,
  workerData,
} from 'node:worker_threads'
import { assert, must } from '../base/assert.ts'
import {
  awaitReport,
  launchThread,
  type RunningWorker,
  reportReady,
  type WorkerExit,
} from './worker.ts'

interface StandbyData {
  /** One i32: 0 until what it is started with lies in its port. */
  readonly standbyCell: SharedArrayBuffer
}

export interface Standby {
  /** Settles when the thread is gone. */
  readonly exited: Promise<WorkerExit>
  /**
   * Tells it what it is for, once, and waits for its start report.
   * @throws HostError as `awaitReport`
   */
  start<Ready>(options: {
    readonly name: string
    readonly data: unknown
    readonly transfer?: readonly Transferable[]
    readonly startMsMax?: number
  }): Promise<RunningWorker<Ready>>
  terminate(): Promise<void>
}

/**
 * Starts a thread that stands by; resolves when its modules are loaded.
 * @param options.file the worker's main, which must begin with `startData`
 * @throws HostError INTERNAL when it died before that
 */
export async function startStandby(options: {
  readonly name: string
  readonly file: string
  readonly resourceLimits?: ResourceLimits
}): Promise<Standby> {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const data: StandbyData = { standbyCell: cell.buffer }
  const thread = launchThread({ ...options, data })
  await awaitReport<undefined>(thread, options.name)
  let isStarted = false
  return {
    exited: thread.exited,
    start: (its) => {
      assert(!isStarted, 'a standby is started once')
      isStarted = true
      thread.worker.postMessage(its.data, [...(its.transfer ?? [])])
      Atomics.store(cell, 0, 1)
      Atomics.notify(cell, 0)
      return awaitReport(thread, its.name, its.startMsMax)
    },
    terminate: async () => {
      await thread.worker.terminate()
    },
  }
}

/** In a worker: what it is started with. A standby reports that it is there, and sleeps until it is told. */
export function startData<Data>(): Data {
  const given = workerData as Data | StandbyData
  if (!isStandby(given)) return given
  reportReady(undefined)
  Atomics.wait(new Int32Array(given.standbyCell), 0, 0)
  const received = receiveMessageOnPort(must(parentPort, 'the port of a worker'))
  return must(received, 'what a standby is started with').message as Data
}

function isStandby(given: unknown): given is StandbyData {
  return typeof given === 'object' && given !== null && 'standbyCell' in given
}
