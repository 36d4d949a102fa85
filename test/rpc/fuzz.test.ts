// Broken frames against a listener: nothing crashes, nothing grows, and good callers are served.

import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type RequestEnvelope,
  requestFrameBytesMax,
  writeRequestFrame,
} from '../../core/rpc/envelope.ts'
import { FrameReader } from '../../core/rpc/frames.ts'
import { nodeAt, routesTo, startClient, startServer, stopAll } from './rpc-fixture.ts'

const seed = Number(process.env.MOONWHEEL_SEED ?? Date.now() % 1_000_000)
const frames = process.env.MOONWHEEL_LONG === '1' ? 200_000 : 16_000
/** Few, because the first one that is refused ends the connection. */
const framesPerSocket = 8

afterEach(stopAll)

/** A repeatable source of whole numbers below n (xorshift32). */
function randomFrom(start: number): (n: number) => number {
  let state = start | 1
  return (n) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % n
  }
}

function goodFrame(random: (n: number) => number): Buffer {
  const request: RequestEnvelope = {
    id: random(100) + 1,
    service: 'echo',
    method: ['echo', 'x'.repeat(random(300))][random(2)] as string,
    body: Buffer.alloc(random(2000), random(256)),
    timeoutMs: random(5000),
    traceId: '',
    idempotencyKey: random(4) === 0 ? `${random(50)}` : '',
    key: '',
  }
  const bytes = Buffer.alloc(requestFrameBytesMax(request))
  return bytes.subarray(0, writeRequestFrame(bytes, 0, request, request.id, request.timeoutMs))
}

/** A frame with one thing wrong with it, or nothing. */
function brokenFrame(random: (n: number) => number): Buffer {
  const frame = Buffer.from(goodFrame(random))
  switch (random(16)) {
    case 0:
      frame.writeUInt32BE([0, 0xffffffff, 0x7fffffff, 2 ** 21][random(4)] as number, 0)
      return frame
    case 1:
      return frame.subarray(0, random(frame.length))
    case 2:
      return Buffer.concat([frame, frame.subarray(0, random(frame.length))])
    case 3:
      for (let i = 0; i < 1 + random(4); i++) frame[4 + random(frame.length - 4)] = random(256)
      return frame
    case 4: {
      const noise = Buffer.from(Array.from({ length: random(64) }, () => random(256)))
      const length = Buffer.alloc(4)
      length.writeUInt32BE(noise.length)
      return Buffer.concat([length, noise])
    }
    default:
      return frame
  }
}

describe('broken frames', () => {
  it(`${frames} of them: no crash, no growth, good callers served (seed ${seed})`, async () => {
    const random = randomFrom(seed)
    const a = await startServer('a', undefined, { rules: { inFlightMax: 100 } })
    const good = startClient(routesTo([nodeAt('a', a.port)]))
    expect(await good.call()).toMatchObject({ code: 0 })
    let served = 0
    const round = async (): Promise<void> => {
      const socket = connect(a.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.resume()
      const closed = new Promise((resolve) => socket.once('close', resolve))
      await once(socket, 'connect')
      const all = Array.from({ length: framesPerSocket }, () => brokenFrame(random))
      socket.end(Buffer.concat(all))
      await closed
      served += a.calls.length
      a.calls.length = 0
    }
    // The first part warms up: code is compiled, the heap finds its size.
    const warmUp = frames / 4
    for (let sent = 0; sent < warmUp; sent += framesPerSocket) await round()
    const before = process.memoryUsage().rss
    for (let sent = warmUp; sent < frames; sent += framesPerSocket) {
      await round()
      if (sent % 10_000 < framesPerSocket) expect(await good.call()).toMatchObject({ code: 0 })
    }
    const grownMib = (process.memoryUsage().rss - before) / 2 ** 20
    expect(grownMib).toBeLessThan(32)
    expect(a.server.counts.expelled).toBeGreaterThan(0)
    expect(served).toBeGreaterThan(frames / 4)
    expect(a.server.connections).toBe(1)
    expect(await good.call()).toMatchObject({ code: 0 })
  }, 300_000)

  it('however a stream is cut, the frames are the same', () => {
    const lengths = fc.array(fc.nat(40), { maxLength: 20 })
    fc.assert(
      fc.property(
        lengths,
        fc.array(fc.integer({ min: 1, max: 50 })),
        fc.nat(5),
        (sizes, cuts, stops) => {
          const bodies = sizes.map((size, i) => Buffer.alloc(size, i + 1))
          const stream = Buffer.concat(
            bodies.flatMap((body) => {
              const head = Buffer.alloc(4)
              head.writeUInt32BE(body.length)
              return [head, body]
            }),
          )
          const seen: Buffer[] = []
          let refusals = stops
          const reader = new FrameReader(40, (bytes, start, end) => {
            if (refusals > 0 && refusals-- > 0) return false
            seen.push(Buffer.from(bytes.subarray(start, end)))
            return true
          })
          let at = 0
          for (const cut of [...cuts, stream.length]) {
            expect(reader.feed(stream.subarray(at, at + cut))).toBe(true)
            at += cut
          }
          while (reader.waitsForVisitor) expect(reader.resume()).toBe(true)
          expect(seen).toEqual(bodies)
        },
      ),
      { seed, numRuns: 500 },
    )
  })

  it('a length at the limit is read, one over it ends the stream before its bytes come', () => {
    const seen: number[] = []
    const reader = new FrameReader(10, (_, start, end) => seen.push(end - start) > 0)
    expect(reader.feed(Buffer.concat([Buffer.from([0, 0, 0, 10]), Buffer.alloc(10)]))).toBe(true)
    expect(reader.feed(Buffer.from([0, 0, 0, 11]))).toBe(false)
    expect(seen).toEqual([10])
    expect(reader.failed).toBe(true)
  })
})
