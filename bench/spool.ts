// The spool benchmark: `npm run bench:spool [-- --quick]`. Guards what a write costs a lane, how many
// the spool thread takes, and how soon they are on disk.
//
//   lane     a lane's CPU time for exec and commit (Linux), in bursts that fit its ring
//   stream   one lane writes as fast as the spool thread takes it, each group with its fdatasync; CPU
//            is that of all threads together, which tells more than the clock on a busy machine
//   paced    10,000 transactions a second; from commit to the moment the core sees it on disk
//
// Prints the targets beside the figures; exits 1 when one is missed. `--dir` is where the spool goes,
// else the machine's folder for temporary files: fdatasync is the disk's, so choose yours.

import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { systemClock } from '../core/base/clock.ts'
import { type SpoolService, startSpoolService } from '../core/spool/spool-service.ts'
import { allocateDoorbell, Doorbell } from '../core/thread/doorbell.ts'
import type { LaneReport, LaneWork } from './spool/lane-thread.ts'

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, dir: { type: 'string', default: tmpdir() } },
})
const part = values.quick === true ? 0.1 : 1
const folder = mkdtempSync(join(values.dir, 'moonwheel-bench-spool-'))

interface Run {
  readonly report: LaneReport
  /** From the lane's first transaction to its last one on disk. */
  readonly ms: number
  /** Of each transaction that was looked at. */
  readonly latenciesMs: readonly number[]
}

async function run(work: Omit<LaneWork, 'port' | 'sentMs'>): Promise<Run> {
  const coreBell = allocateDoorbell()
  const service = await startSpoolService({
    root: join(folder, `${work.way}-${work.records}-${Math.random()}`),
    node: 'bench',
    dialect: 'sqlite',
    policy: 'fdatasync',
    lanes: 1,
    coreBell,
    log: (level, text) => level === 'info' || console.info(text),
  })
  const sentMs = new SharedArrayBuffer(8 * 2 ** 20)
  const port = service.ports[0] as SpoolService['ports'][0]
  const data: LaneWork = { ...work, port, sentMs }
  const lane = new Worker(new URL('./spool/lane-thread.js', import.meta.url), { workerData: data })
  const done = new Promise<LaneReport>((resolve, reject) => {
    lane.once('message', resolve)
    lane.once('error', reject)
  })
  const sent = new Float64Array(sentMs)
  const seen = await watch(service, new Doorbell(coreBell), sent, work)
  const ms = systemClock.monotonicMs() - (sent[0] as number)
  const report = await done
  await service.stop()
  return { report, ms, ...seen }
}

/** Looks at the tickets as the core does, until the last one is settled. */
async function watch(
  service: SpoolService,
  bell: Doorbell,
  sentMs: Float64Array,
  work: Pick<LaneWork, 'way' | 'transactions'>,
): Promise<{ latenciesMs: number[] }> {
  const latenciesMs: number[] = []
  for (let last = 0; last < work.transactions; ) {
    const ticket = bell.ticket()
    bell.asleep()
    const settled = service.tickets.settled(0)
    if (settled === last) {
      await bell.waitAsync(ticket)
      continue
    }
    bell.awake()
    const nowMs = systemClock.monotonicMs()
    if (work.way === 'paced') {
      for (let t = last + 1; t <= settled; t++) {
        latenciesMs.push(nowMs - (sentMs[t % sentMs.length] as number))
      }
    }
    last = settled
  }
  return { latenciesMs }
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}

let missed = 0
function show(name: string, figure: string, target: string, isMet: boolean): void {
  if (!isMet) missed++
  console.info(`${name.padEnd(44)} ${figure.padStart(34)}   ${isMet ? 'ok' : 'MISSED'} (${target})`)
}

console.info(
  `node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${folder}`,
)
try {
  for (const records of [1, 8]) {
    const transactions = 200_000 * part
    const { report } = await run({ way: 'burst', transactions, records, perSecond: 0 })
    const figure = `${report.recordUs.toFixed(2)} us`
    const name = `lane: exec and commit, ${records} a transaction`
    show(name, figure, '<= 2 us a record', report.recordUs <= 2)
  }
  for (const records of [1, 8]) {
    const transactions = Math.round((1_000_000 * part) / records)
    const before = process.cpuUsage()
    const { ms } = await run({ way: 'stream', transactions, records, perSecond: 0 })
    const used = process.cpuUsage(before)
    const cpuUs = (used.user + used.system) / (transactions * records)
    const perSecond = Math.round((transactions * records * 1000) / ms)
    const name = `stream: records/s, ${records} a transaction`
    const figure = `${perSecond.toLocaleString('en')}, CPU ${cpuUs.toFixed(2)} us each`
    show(name, figure, '>= 300,000', perSecond >= 300_000)
  }
  const perSecond = 10_000
  const transactions = perSecond * Math.max(2, 10 * part)
  const { latenciesMs } = await run({ way: 'paced', transactions, records: 1, perSecond })
  const sorted = latenciesMs.toSorted((a, b) => a - b)
  const [p50, p99, p999] = [0.5, 0.99, 0.999].map((q) => quantile(sorted, q)) as [
    number,
    number,
    number,
  ]
  const figure = `p50 ${p50.toFixed(2)} p99 ${p99.toFixed(2)} p99.9 ${p999.toFixed(2)} ms`
  show('paced: 10,000 transactions/s, to disk', figure, 'p99 <= 5 ms', p99 <= 5)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = missed === 0 ? 0 : 1
