// The ring benchmark: `npm run bench:ring`. Guards core/thread/ring.ts and doorbell.ts.
//
// Two threads, 50-byte messages there and back. Streamed: up to 1,000 under way. Idle: one at a time,
// each wakes the other side. Rings and doorbells as core and lanes use them, beside postMessage under
// the same load in the same run.

import { cpus } from 'node:os'
import { Worker } from 'node:worker_threads'
import { allocateDoorbell, Doorbell, DoorbellButton } from '../core/thread/doorbell.ts'
import { allocateRing, RingReader, RingWriter } from '../core/thread/ring.ts'
import type { EchoData } from './ring/echo-thread.ts'
import { median, printTable } from './table.ts'

const payload = Buffer.alloc(50, 'x')
const underWayMax = 1000
const streamed = 1_000_000
const idleTrips = 5_000

/** Sends `total` messages, `underWay` at most on their way; settles when the last has come back. */
type Trip = (total: number, underWay: number) => Promise<void>

function echo(way: EchoData['way']): { trip: Trip; end: () => Promise<number> } {
  const data: EchoData = {
    way,
    there: allocateRing(1 << 20),
    back: allocateRing(1 << 20),
    workerBell: allocateDoorbell(),
    coreBell: allocateDoorbell(),
  }
  const worker = new Worker(new URL('./ring/echo-thread.js', import.meta.url), { workerData: data })
  const trip = way === 'ring' ? ringTrip(data) : portTrip(worker)
  return { trip, end: () => worker.terminate() }
}

function ringTrip(data: EchoData): Trip {
  const writer = new RingWriter(data.there)
  const reader = new RingReader(data.back)
  const bell = new Doorbell(data.coreBell)
  const button = new DoorbellButton(data.workerBell)
  return async (total, underWay) => {
    let sent = 0
    let received = 0
    const count = () => {
      received++
    }
    while (received < total) {
      const ticket = bell.ticket()
      const drained = reader.drain(count, 4096)
      const before = sent
      while (sent < total && sent - received < underWay && writer.write(1, sent, 0, payload)) sent++
      if (sent > before) button.ring()
      if (drained > 0 || sent > before) continue
      bell.asleep()
      if (reader.isEmpty) await bell.waitAsync(ticket)
      bell.awake()
    }
  }
}

function portTrip(worker: Worker): Trip {
  return async (total, underWay) => {
    let sent = 0
    let received = 0
    await new Promise<void>((resolve) => {
      const more = () => {
        while (sent < total && sent - received < underWay) {
          worker.postMessage(payload)
          sent++
        }
      }
      const onMessage = () => {
        received++
        if (received < total) return more()
        worker.off('message', onMessage)
        resolve()
      }
      worker.on('message', onMessage)
      more()
    })
  }
}

async function measure(way: EchoData['way'], total: number): Promise<[number, number]> {
  const { trip, end } = echo(way)
  await trip(20_000, underWayMax)
  const began = performance.now()
  await trip(total, underWayMax)
  const streamedUs = ((performance.now() - began) * 1000) / total
  const idleUs: number[] = []
  for (let i = 0; i < idleTrips; i++) {
    const at = performance.now()
    await trip(1, 1)
    idleUs.push((performance.now() - at) * 1000)
  }
  await end()
  return [streamedUs, median(idleUs)]
}

console.info(`node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`)
const ring = await measure('ring', streamed)
const port = await measure('port', streamed / 10)
const row = (name: string, [us, idleUs]: [number, number]) => [
  name,
  us.toFixed(2),
  idleUs.toFixed(1),
]
printTable(
  ['50 bytes there and back', 'streamed, us each', 'idle, us (median)'],
  [
    row('ring and doorbell', ring),
    row('postMessage', port),
    ['postMessage : ring', (port[0] / ring[0]).toFixed(1), (port[1] / ring[1]).toFixed(1)],
  ],
)
