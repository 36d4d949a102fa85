// 100,000 structured frames: mostly right, damaged in one place, cut at random and fed as a socket
// would. Nothing may throw, hang, hold bytes beyond the limit, or grow memory.
//
// Fault model: a flipped bit, a byte replaced, a length field off by one or huge, a piece cut out or
// doubled, two frames crossed. The canary shows that a decoder with a fault is found by the same run.

import { describe, expect, it } from 'vitest'
import { normalizeUtf8 } from '../../../core/base/utf8.ts'
import { parseHandshake } from '../../../core/gate/handshake.ts'
import {
  decodeMessage,
  decodeServerMessage,
  MessageView,
} from '../../../core/gate/message-codec.ts'
import { PackageDecoder, packageBodyBytesMax } from '../../../core/gate/package-codec.ts'
import { oracle } from '../../support/pomelo-oracle.ts'
import { pack } from './collect.ts'

const frames = 100_000
const bodyBytesMax = 512
const growthBytesMax = 32 * 1024 * 1024

/** xorshift32: small, and the same everywhere. */
function randomFrom(seed: number): (below: number) => number {
  let state = (seed << 1) | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

const handshakes = [
  '{"sys":{"type":"js-websocket","version":"0.0.1","rsa":{},"protoVersion":0},"user":{"n":"月"}}',
  '{"sys":{"platform":"mac","libVersion":"0.3.5","clientVersion":"1"},"user":{"a":[1,{"b":"]}"}]}}',
]

function goodFrame(random: (below: number) => number): Buffer {
  const kind = random(10)
  if (kind === 0) return pack(1, Buffer.from(handshakes[random(2)] ?? ''))
  if (kind === 1) return pack(2 + random(2), '')
  const compressed = random(2)
  const route = compressed === 1 ? 1 + random(65535) : 'battle.handler.move'.slice(random(10))
  const body = Buffer.from(`{"x":${random(1000)},"s":"${'月'.repeat(random(20))}"}`)
  const id = 1 + random(0x7fffffff)
  return pack(4, oracle.Message.encode(id, random(4), compressed, route, body))
}

/** One fault somewhere, the header and the first bytes of a message more often than the rest. */
function damage(frame: Buffer, random: (below: number) => number): Buffer {
  const at = random(2) === 0 ? random(Math.min(12, frame.length)) : random(frame.length)
  const bytes = Buffer.from(frame)
  switch (random(6)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8))
      return bytes
    case 1:
      bytes[at] = [0, 1, 0x7f, 0x80, 0xff, 0xed][random(6)] ?? 0
      return bytes
    case 2:
      bytes.writeUIntBE((frame.length - 4 + random(3) - 1 + 0x1000000) % 0x1000000, 1, 3)
      return bytes
    case 3:
      bytes.writeUIntBE(random(0x1000000), 1, 3)
      return bytes
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(4))])
    default:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at >> 1)])
  }
}

interface Tally {
  good: number
  refusedPackages: number
  refusedMessages: number
  paused: number
}

/** Reads what a connection would, with the gate's own decoders. */
function reader(random: (below: number) => number, tally: Tally, limit: number): PackageDecoder {
  const view = new MessageView()
  return new PackageDecoder(limit, (type, buffer, start, end) => {
    expectInside(start, end, buffer.length)
    if (type === 1) {
      if (!parseHandshake(buffer.subarray(start, end)).ok) tally.refusedMessages++
    } else if (type === 4) {
      const decode = (((buffer[start] ?? 0) >> 1) & 7) < 2 ? decodeMessage : decodeServerMessage
      if (decode(buffer, start, end, view) !== undefined) tally.refusedMessages++
      else {
        expectInside(view.bodyStart, view.bodyEnd, end)
        normalizeUtf8(buffer.subarray(view.bodyStart, view.bodyEnd))
        tally.good++
      }
    }
    return random(8) !== 0
  })
}

function expectInside(start: number, end: number, limit: number): void {
  if (!(start <= end && end <= limit)) throw new Error(`range ${start}..${end} of ${limit}`)
}

function feedInPieces(
  decoder: PackageDecoder,
  frame: Buffer,
  random: (below: number) => number,
  tally: Tally,
): boolean {
  for (let at = 0; at < frame.length; ) {
    const piece = frame.subarray(at, at + 1 + random(random(3) === 0 ? 8 : 400))
    at += piece.length
    let status = decoder.feed(piece)
    for (let round = 0; status === 'paused'; round++) {
      tally.paused++
      if (round > 1000) throw new Error('a pause that never ends')
      status = decoder.resume()
    }
    if (decoder.bufferedBytes > bodyBytesMax + 4) throw new Error('held more than one package')
    if (status !== 'ok') return false
  }
  return true
}

function run(seed: number, count: number, tally: Tally, limit = bodyBytesMax): void {
  const random = randomFrom(seed)
  let decoder = reader(random, tally, limit)
  for (let n = 0; n < count; n++) {
    const frame = goodFrame(random)
    const sent = random(3) === 0 ? damage(frame, random) : frame
    if (!feedInPieces(decoder, sent, random, tally)) {
      tally.refusedPackages++
      decoder = reader(random, tally, limit)
    }
  }
}

const newTally = (): Tally => ({ good: 0, refusedPackages: 0, refusedMessages: 0, paused: 0 })

describe('structured fuzz', () => {
  const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 0x7fffffff)

  it(`${frames} frames: no throw, bounded memory (FUZZ_SEED=${seed})`, () => {
    run(seed, frames / 10, newTally()) // lets the heap reach its working size first
    globalThis.gc?.()
    const before = process.memoryUsage.rss()
    const tally = newTally()
    run(seed + 1, frames, tally)
    const growth = process.memoryUsage.rss() - before
    console.log(`fuzz seed ${seed}: ${JSON.stringify(tally)}, RSS growth ${growth >> 10} KiB`)
    expect(growth).toBeLessThanOrEqual(growthBytesMax)
    // The run is worth something only if it went everywhere.
    expect(tally.good).toBeGreaterThan(frames / 10)
    expect(tally.refusedPackages).toBeGreaterThan(frames / 100)
    expect(tally.refusedMessages).toBeGreaterThan(frames / 100)
    expect(tally.paused).toBeGreaterThan(frames / 100)
  })

  it('canary: the same run finds a decoder that trusts a length', () => {
    expect(() => run(seed, frames, newTally(), packageBodyBytesMax)).toThrow(
      'held more than one package',
    )
  })
})
