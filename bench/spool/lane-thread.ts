// A lane that writes and does nothing else, for the spool benchmark: in bursts, in a stream, or paced.
//
// Worker thread. Its own cost is measured here, by the CPU time of the thread over each burst; how
// long a transaction takes to be on disk is measured by the core, from the times that are left in
// `sentMs`.

import { readFileSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../core/base/clock.ts'
import { DurableTickets } from '../../core/spool/durable-tickets.ts'
import { SpoolClient, type SpoolPort } from '../../core/spool/spool-client.ts'

/** What the lane is to do. */
export interface LaneWork {
  readonly port: SpoolPort
  readonly way: 'burst' | 'stream' | 'paced'
  readonly transactions: number
  /** Statements in each. */
  readonly records: number
  /** For `paced`: transactions a second. */
  readonly perSecond: number
  /** When each ticket was committed, by ticket modulo the length; f64. At 0: when it all began. */
  readonly sentMs: SharedArrayBuffer
}

/** What it cost. */
export interface LaneReport {
  /** Microseconds of the lane's CPU time for each record; 0 unless in bursts. */
  readonly recordUs: number
  readonly lastTicket: number
}

const burstTransactions = 2000
const work = workerData as LaneWork
const client = new SpoolClient(work.port)
const tickets = new DurableTickets(work.port.tickets)
const sent = new Float64Array(work.sentMs)
const pause = new Int32Array(new SharedArrayBuffer(4))
const sql = 'UPDATE role SET gold = gold + ?, name = ? WHERE id = ?'
const cause = { uid: '1000042', route: 'trade.handler.give', request: 'r-1f3a9c' }

function write(n: number): void {
  const transaction = client.begin()
  for (let i = 0; i < work.records; i++) {
    client.exec(transaction, sql, [n & 0xffff, 'Mei of the moon', 1_000_042 + n])
  }
  // A disk that pauses for long is waited for: it is what is measured.
  while (client.tryCommit(transaction, cause) === 0) Atomics.wait(pause, 0, 0, 1)
}

function waitUntilSettled(): void {
  while (!client.isSettled) Atomics.wait(pause, 0, 0, 1)
}

/** Milliseconds that this thread has had of a core: other work on the machine does not count. */
function threadMs(): number {
  return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ', 1)[0]) / 1e6
}

/** @returns microseconds for each record, on the whole; the first tenth warms up */
function bursts(): number {
  let ms = 0
  let counted = 0
  for (let n = 0; n < work.transactions; ) {
    const startMs = threadMs()
    for (let i = 0; i < burstTransactions; i++) write(n++)
    if (n > work.transactions / 10) {
      ms += threadMs() - startMs
      counted += burstTransactions * work.records
    }
    waitUntilSettled()
  }
  return (ms * 1000) / counted
}

function paced(): void {
  const startMs = systemClock.monotonicMs()
  for (let n = 0; n < work.transactions; ) {
    const nowMs = systemClock.monotonicMs()
    const due = Math.min(work.transactions, ((nowMs - startMs) * work.perSecond) / 1000)
    for (; n < due; n++) {
      // Written down before the ticket can settle: the core must find it.
      sent[(client.lastTicket + 1) % sent.length] = systemClock.monotonicMs()
      write(n)
    }
    Atomics.wait(pause, 0, 0, 0.5)
  }
}

let recordUs = 0
sent[0] = systemClock.monotonicMs()
if (work.way === 'burst') recordUs = bursts()
else if (work.way === 'paced') paced()
else for (let n = 0; n < work.transactions; n++) write(n)
waitUntilSettled()
const report: LaneReport = { recordUs, lastTicket: tickets.settled(work.port.lane) }
parentPort?.postMessage(report)
