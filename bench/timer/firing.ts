// How late timers fire, idle and under load: a lane on the timer thread, beside a lane that keeps a
// binary heap itself, and a worker on Node's setTimeout. A million timers wait meanwhile in each.
// The engines take turns, and medians of the rounds are printed: a busy machine hits them alike.

import { Worker } from 'node:worker_threads'
import { allocateDoorbell } from '../../core/thread/doorbell.ts'
import type { TimerPort } from '../../core/timer/timer-port.ts'
import { startTimerService } from '../../core/timer/timer-service.ts'
import { median, printTable } from '../table.ts'
import type { FiringEngine, FiringLoad, FiringReport } from './firing-thread.ts'

async function runOne(load: Omit<FiringLoad, 'port'>): Promise<FiringReport> {
  const service = await startTimerService([allocateDoorbell()])
  const data: FiringLoad = { ...load, port: service.ports[0] as TimerPort }
  const worker = new Worker(new URL('./firing-thread.js', import.meta.url), { workerData: data })
  try {
    return await new Promise<FiringReport>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
  } finally {
    await worker.terminate()
    await service.stop()
  }
}

/** Runs and prints this part. @returns whether the targets are met */
export async function benchFiring(options: {
  readonly waiting: number
  readonly perSecond: number
  readonly seconds: number
  readonly rounds: number
}): Promise<boolean> {
  const engines: FiringEngine[] = ['timer thread', 'binary heap', 'setTimeout']
  const loads = [
    { name: 'idle', live: 10, meanMs: 40, limitMs: 2 },
    { name: 'loaded', live: options.perSecond, meanMs: 1000, limitMs: 10 },
  ]
  let ok = true
  for (const { name, live, meanMs, limitMs } of loads) {
    const reports = new Map<FiringEngine, FiringReport[]>(engines.map((engine) => [engine, []]))
    for (let round = 0; round < options.rounds; round++) {
      for (const engine of engines) {
        const { waiting } = options
        const measureMs = options.seconds * 1000
        const load = { engine, waiting, live, meanMs, warmUpMs: 2000, measureMs }
        reports.get(engine)?.push(await runOne(load))
      }
    }
    const middle = (engine: FiringEngine, field: keyof FiringReport) =>
      median((reports.get(engine) ?? []).map((report) => report[field]))
    console.info(`\n${name}: ${live} timers of ${meanMs} ms on average, ${options.waiting} waiting`)
    printTable(
      ['', 'fired/s', 'late p50 ms', 'p99', 'max', 'cores used'],
      engines.map((engine) => [
        engine,
        middle(engine, 'perSecond').toFixed(0),
        middle(engine, 'p50Ms').toFixed(2),
        middle(engine, 'p99Ms').toFixed(2),
        middle(engine, 'maxMs').toFixed(2),
        middle(engine, 'cores').toFixed(2),
      ]),
    )
    const p99Ms = middle('timer thread', 'p99Ms')
    const isFast = name === 'idle' || middle('timer thread', 'perSecond') >= live * 0.9
    const isMet = p99Ms <= limitMs && isFast
    ok &&= isMet
    console.info(`target: timer thread p99 <= ${limitMs} ms: ${isMet ? 'met' : 'MISSED'}`)
  }
  return ok
}
