// Two threads, one ring, both sleeping and waking as the host does; every byte is checked.
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { allocateDoorbell, Doorbell, DoorbellButton } from '../../core/thread/doorbell.ts'
import { allocateRing, RingReader, RingWriter } from '../../core/thread/ring.ts'

const echoFile = new URL('../fixtures/ring-echo-thread.mjs', import.meta.url)

/** FNV-1a over what was sent, so that a lost, doubled, swapped or torn record changes the sum. */
function checksum(sum: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = sum
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 16777619) >>> 0
  return hash
}

async function roundTrip(records: number, capacityBytes: number, corruptAt: number) {
  const there = allocateRing(capacityBytes)
  const back = allocateRing(capacityBytes)
  const workerBell = allocateDoorbell()
  const coreBell = allocateDoorbell()
  const worker = new Worker(echoFile, {
    workerData: { there, back, workerBell, coreBell, records, corruptAt },
  })
  const failed = new Promise<never>((_, reject) => worker.once('error', reject))
  const writer = new RingWriter(there)
  const reader = new RingReader(back)
  const bell = new Doorbell(coreBell)
  const button = new DoorbellButton(workerBell)
  const payload = Buffer.alloc(200)
  let sent = 0
  let received = 0
  let sentSum = 2166136261
  let receivedSum = 2166136261
  let sleeps = 0
  const pump = async () => {
    while (received < records) {
      const ticket = bell.ticket()
      let moved = reader.drain((_kind, a, _b, bytes, start, end) => {
        expect(a).toBe(received)
        receivedSum = checksum(receivedSum, bytes, start, end)
        received++
      }, 1000)
      while (sent < records) {
        const length = (sent * 7919) % 200
        for (let i = 0; i < length; i++) payload[i] = (sent + i * 31) & 255
        if (!writer.write(1, sent, length, payload.subarray(0, length))) break
        sentSum = checksum(sentSum, payload, 0, length)
        sent++
        moved++
      }
      button.ring()
      if (moved > 0) continue
      sleeps++
      bell.asleep()
      if (reader.isEmpty) await bell.waitAsync(ticket)
      bell.awake()
    }
  }
  await Promise.race([pump(), failed])
  await worker.terminate()
  return { sent, received, same: sentSum === receivedSum, sleeps }
}

describe('ring between two threads', () => {
  it('carries 300,000 records through a small ring and back, in order and whole', async () => {
    const result = await roundTrip(300_000, 4096, -1)
    expect(result).toMatchObject({ sent: 300_000, received: 300_000, same: true })
    expect(result.sleeps).toBeGreaterThan(0)
  })

  it('canary: one flipped bit on the way changes the checksum', async () => {
    expect(await roundTrip(5_000, 4096, 2_500)).toMatchObject({ received: 5_000, same: false })
  })
})
