// A worker that keeps timers firing on one engine and notes how late each was: the thread of a
// lane. It reports once, by message. All engines carry the same timers that wait far away
// meanwhile.

import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../core/base/clock.ts'
import { Doorbell } from '../../core/thread/doorbell.ts'
import { RingReader } from '../../core/thread/ring.ts'
import { TimerClient } from '../../core/timer/timer-client.ts'
import type { TimerPort } from '../../core/timer/timer-port.ts'
import { quantile, seededRandom } from '../table.ts'
import { TimerHeap } from './heap.ts'

export type FiringEngine = 'timer thread' | 'binary heap' | 'setTimeout'

export interface FiringLoad {
  readonly engine: FiringEngine
  readonly port: TimerPort
  /** Timers that wait and do not fire. */
  readonly waiting: number
  /** Timers that fire and are set again, each about once a `meanMs`. */
  readonly live: number
  readonly meanMs: number
  readonly warmUpMs: number
  readonly measureMs: number
}

export interface FiringReport {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Processor time of the whole process, in cores. */
  readonly cores: number
}

const farMs = 7_200_000
const samplesMax = 4_000_000

/** Notes firings between the warm-up and the end. */
class Recorder {
  readonly #load: FiringLoad
  readonly #fromMs: number
  readonly #endMs: number
  readonly #late = new Float64Array(samplesMax)
  #count = 0
  #cpu: NodeJS.CpuUsage | undefined

  constructor(load: FiringLoad) {
    this.#load = load
    this.#fromMs = systemClock.monotonicMs() + load.warmUpMs
    this.#endMs = this.#fromMs + load.measureMs
  }

  /** @returns false when it is over */
  note(nowMs: number, dueMs: number): boolean {
    if (nowMs < this.#fromMs) return true
    this.#cpu ??= process.cpuUsage()
    if (nowMs >= this.#endMs) return false
    if (this.#count < samplesMax) this.#late[this.#count++] = nowMs - dueMs
    return true
  }

  report(): FiringReport {
    const cpu = process.cpuUsage(this.#cpu)
    const samples = this.#late.subarray(0, this.#count)
    const seconds = this.#load.measureMs / 1000
    return {
      perSecond: this.#count / seconds,
      p50Ms: quantile(samples, 0.5),
      p99Ms: quantile(samples, 0.99),
      maxMs: quantile(samples, 1),
      cores: (cpu.user + cpu.system) / 1e6 / seconds,
    }
  }
}

/**
 * Each live timer sets itself again when it fires; `start` is the engine's way to set one. One
 * callback for each, made beforehand: else what is measured is the collection of the callbacks.
 */
function keepFiring(
  load: FiringLoad,
  start: (ms: number, fire: () => void) => void,
): () => boolean {
  const random = seededRandom(42)
  const dueMs = new Float64Array(load.live)
  let isOver = false
  let recorder: Recorder | undefined
  const callbacks = Array.from({ length: load.live }, (_, timer) => () => {
    if (isOver) return
    if (recorder?.note(systemClock.monotonicMs(), dueMs[timer] as number) !== false) {
      next(timer)
      return
    }
    isOver = true
    parentPort?.postMessage(recorder.report())
  })
  const next = (timer: number) => {
    const ms = 1 + Math.floor(load.meanMs * (0.5 + random()))
    dueMs[timer] = systemClock.monotonicMs() + ms
    start(ms, callbacks[timer] as () => void)
  }
  for (let timer = 0; timer < load.live; timer++) next(timer)
  recorder = new Recorder(load)
  return () => isOver
}

function runTimerThread(load: FiringLoad): void {
  const client = new TimerClient(load.port)
  const reader = new RingReader(load.port.firedRing)
  const bell = new Doorbell(load.port.clientBell)
  const doNothing = () => {}
  for (let i = 0; i < load.waiting; i++) {
    client.after(farMs + i, doNothing)
    while (client.unsent > 1000) client.flush()
  }
  const isOver = keepFiring(load, (ms, fire) => client.after(ms, fire))
  while (!isOver()) {
    const ticket = bell.ticket()
    client.flush()
    if (reader.drain(client.dispatch, 1000) === 0) bell.wait(ticket, 10_000)
  }
}

function runHeap(load: FiringLoad): void {
  const heap = new TimerHeap()
  const calls: (() => void)[] = [() => {}]
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const free: number[] = []
  for (let i = 0; i < load.waiting; i++) heap.add(systemClock.monotonicMs() + farMs + i, 0)
  const isOver = keepFiring(load, (ms, fire) => {
    const call = free.pop() ?? calls.length
    calls[call] = fire
    heap.add(systemClock.monotonicMs() + ms, call)
  })
  const onFire = (call: number) => {
    free.push(call)
    calls[call]?.()
  }
  while (!isOver()) {
    heap.advance(systemClock.monotonicMs(), onFire)
    const waitMs = (heap.nextDue() ?? 0) - systemClock.monotonicMs()
    if (waitMs > 0) Atomics.wait(cell, 0, 0, waitMs)
  }
}

function runTimeout(load: FiringLoad): void {
  const doNothing = () => {}
  // Spread over 100,000 lengths: Node keeps one list for each.
  for (let i = 0; i < load.waiting; i++) setTimeout(doNothing, farMs + (i % 100_000)).unref()
  keepFiring(load, (ms, fire) => {
    setTimeout(fire, ms)
  })
}

const load = workerData as FiringLoad
if (load.engine === 'timer thread') runTimerThread(load)
else if (load.engine === 'binary heap') runHeap(load)
else runTimeout(load)
