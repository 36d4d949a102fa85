// Every byte vector of the client protocol: our encoders make it, our decoders read it, and so does
// pomelo-protocol; fed whole, byte by byte, cut anywhere, and all in one chunk.

import { describe, expect, it } from 'vitest'
import {
  decodeMessage,
  decodeServerMessage,
  encodeKick,
  encodeNotify,
  encodePush,
  encodeRequest,
  encodeResponse,
  MessageView,
} from '../../../core/gate/message-codec.ts'
import { handshakeAckPackage, heartbeatPackage } from '../../../core/gate/package-codec.ts'
import { oracle, oraclePackages } from '../../support/pomelo-oracle.ts'
import { collector, cut, feedVolatile, hex, show } from './collect.ts'

interface Vector {
  readonly name: string
  readonly bytes: Buffer
  readonly encoded: Uint8Array
  /** Of data packages: what the message says. */
  readonly message?: { type: number; id: number; route: string | number | null; body: string }
}

const vectors: readonly Vector[] = [
  { name: 'ack', bytes: hex('02 000000'), encoded: handshakeAckPackage },
  { name: 'heartbeat', bytes: hex('03 000000'), encoded: heartbeatPackage },
  {
    name: 'kick',
    bytes: hex('05 00000e 7b22726561736f6e223a2278227d'),
    encoded: encodeKick('x'),
  },
  {
    name: 'request id 1 route a.b.c',
    bytes: hex('04 00000a 00 01 05 612e622e63 7b7d'),
    encoded: encodeRequest(1, 'a.b.c', '{}'),
    message: { type: 0, id: 1, route: 'a.b.c', body: '{}' },
  },
  {
    name: 'request id 300 code 7',
    bytes: hex('04 000007 01 ac02 0007 7b7d'),
    encoded: encodeRequest(300, 7, '{}'),
    message: { type: 0, id: 300, route: 7, body: '{}' },
  },
  {
    name: 'notify a.b.c',
    bytes: hex('04 000009 02 05 612e622e63 7b7d'),
    encoded: encodeNotify('a.b.c', Buffer.from('{}')),
    message: { type: 1, id: 0, route: 'a.b.c', body: '{}' },
  },
  {
    name: 'response id 300',
    bytes: hex('04 000005 04 ac02 7b7d'),
    encoded: encodeResponse(300, '{}'),
    message: { type: 2, id: 300, route: null, body: '{}' },
  },
  {
    name: 'push code 7',
    bytes: hex('04 000005 07 0007 7b7d'),
    encoded: encodePush(7, '{}'),
    message: { type: 3, id: 0, route: 7, body: '{}' },
  },
]

const shown = vectors.map(({ bytes }) => show(bytes[0] as number, bytes.subarray(4)))
const stream = Buffer.concat(vectors.map(({ bytes }) => bytes))

describe('the vectors', () => {
  it.each(vectors)('$name: our encoder makes these bytes', ({ bytes, encoded }) => {
    expect(Buffer.from(encoded).toString('hex')).toBe(bytes.toString('hex'))
  })

  it.each(vectors)('$name: the package reads whole, byte by byte and cut anywhere', (vector) => {
    const { bytes } = vector
    const expected = [show(bytes[0] as number, bytes.subarray(4))]
    for (let at = 0; at <= bytes.length; at++) {
      const { decoder, packages } = collector(14)
      for (const part of cut(bytes, [at])) expect(feedVolatile(decoder, part)).toBe('ok')
      expect(packages).toEqual(expected)
      expect(decoder.bufferedBytes).toBe(0)
    }
    const { decoder, packages } = collector(14)
    for (const byte of bytes) expect(feedVolatile(decoder, Uint8Array.of(byte))).toBe('ok')
    expect(packages).toEqual(expected)
  })

  it.each(vectors.filter(({ message }) => message))('$name: the message reads', (vector) => {
    const { bytes, message } = vector
    const view = new MessageView()
    const decode = (message?.type ?? 0) >= 2 ? decodeServerMessage : decodeMessage
    expect(decode(bytes, 4, bytes.length, view)).toBeUndefined()
    expect({
      type: view.type,
      id: view.id,
      route: view.type === 2 ? null : view.routeCode || view.route,
      body: bytes.toString('utf8', view.bodyStart, view.bodyEnd),
    }).toEqual(message)
    const theirs = oracle.Message.decode(bytes.subarray(4))
    expect({
      type: theirs.type,
      id: theirs.id,
      route: theirs.route,
      body: theirs.body.toString('utf8'),
    }).toEqual(message)
  })

  it('all in one chunk, and cut at every pair of points', () => {
    const whole = collector(14)
    expect(feedVolatile(whole.decoder, stream)).toBe('ok')
    expect(whole.packages).toEqual(shown)
    expect(oraclePackages(stream).map(({ type, body }) => show(type, body ?? hex('')))).toEqual(
      shown,
    )
    for (let first = 0; first <= stream.length; first++) {
      for (let second = first; second <= stream.length; second++) {
        const { decoder, packages } = collector(14)
        for (const part of cut(stream, [first, second])) feedVolatile(decoder, part)
        expect(packages).toEqual(shown)
      }
    }
  })
})
