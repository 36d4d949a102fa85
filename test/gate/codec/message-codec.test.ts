// The message codec against pomelo-protocol, both ways, over generated messages.

import fc from 'fast-check'
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
  messageIdMax,
  pushSize,
  responseSize,
  writePush,
  writeResponse,
} from '../../../core/gate/message-codec.ts'
import { isRoute } from '../../../core/gate/route-dictionary.ts'
import { oracle, oraclePackages } from '../../support/pomelo-oracle.ts'

const id = fc.oneof(
  fc.integer({ min: 1, max: messageIdMax }),
  fc.constantFrom(1, 127, 128, 16383, 16384, 2097151, 2097152, 268435455, 268435456, messageIdMax),
)
const route = fc.oneof(
  fc.integer({ min: 1, max: 65535 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => text === '' || isRoute(text)),
  fc.constantFrom('a', 'x'.repeat(255), `${'月'.repeat(85)}`),
)
const body = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))

const compress = (value: number | string) => (typeof value === 'number' ? 1 : 0)

/** The one message inside a data package that we made. */
function unwrap(bytes: Buffer): Buffer {
  const [first, ...rest] = oraclePackages(bytes)
  expect(rest).toEqual([])
  expect(first?.type).toBe(4)
  return first?.body ?? Buffer.alloc(0)
}

describe('what we encode', () => {
  it('is byte for byte what pomelo-protocol encodes', () => {
    fc.assert(
      fc.property(id, route, body, (id, route, body) => {
        const theirs = (type: number) =>
          oracle.Message.encode(id, type, compress(route), route, body).toString('hex')
        expect(unwrap(encodeRequest(id, route, body)).toString('hex')).toBe(theirs(0))
        expect(unwrap(encodeNotify(route, body)).toString('hex')).toBe(theirs(1))
        // The oracle sets the route flag on responses when asked to; no server asks.
        const response = oracle.Message.encode(id, 2, 0, null, body).toString('hex')
        expect(unwrap(encodeResponse(id, body)).toString('hex')).toBe(response)
        expect(unwrap(encodePush(route, body)).toString('hex')).toBe(theirs(3))
      }),
    )
  })

  it('is the same from a byte string as from bytes', () => {
    fc.assert(
      fc.property(id, route, body, (id, route, body) => {
        const text = body.toString('latin1')
        expect(encodeResponse(id, text).equals(encodeResponse(id, body))).toBe(true)
        expect(encodePush(route, text).equals(encodePush(route, body))).toBe(true)
      }),
    )
  })

  it('can be batched: sizes are exact and writes leave the rest alone', () => {
    fc.assert(
      fc.property(id, route, body, (id, route, body) => {
        const size = responseSize(id, body.length) + pushSize(route, body.length)
        const buffer = Buffer.alloc(size + 4, 0xee)
        const middle = writeResponse(buffer, 2, id, body)
        expect(middle).toBe(2 + responseSize(id, body.length))
        expect(writePush(buffer, middle, route, body)).toBe(size + 2)
        const expected = [encodeResponse(id, body), encodePush(route, body)]
        expect(buffer.subarray(2, -2).equals(Buffer.concat(expected))).toBe(true)
        expect(buffer.readUInt16BE(0)).toBe(0xeeee)
        expect(buffer.readUInt16BE(size + 2)).toBe(0xeeee)
      }),
    )
  })

  it('never carries a pitaya flag unless asked, and then the error flag only', () => {
    expect(encodeResponse(5, '{}')[4]).toBe(0x04)
    expect(encodeResponse(5, '{}', true)[4]).toBe(0x24)
    expect(encodePush('a', '{}')[4]).toBe(0x06)
  })

  it('asserts on what the wire cannot say', () => {
    for (const bad of [0, -1, 1.5, Number.NaN, messageIdMax + 1]) {
      expect(() => encodeResponse(bad, '')).toThrow('message id')
      expect(() => encodeRequest(bad, 'a', '')).toThrow('message id')
    }
    for (const bad of [0, -1, 65536, 1.5]) expect(() => encodePush(bad, '')).toThrow('route code')
    expect(() => encodePush('x'.repeat(256), '')).toThrow('route of 256 bytes')
    expect(() => encodeNotify('月'.repeat(86), '')).toThrow('route of 258 bytes')
  })
})

describe('what pomelo-protocol encodes', () => {
  it('decodes to the same fields', () => {
    fc.assert(
      fc.property(id, route, body, fc.integer({ min: 0, max: 3 }), (id, route, body, type) => {
        const isResponse = type === 2
        const bytes = oracle.Message.encode(
          id,
          type,
          isResponse ? 0 : compress(route),
          route,
          body,
          type < 2 ? 1 : 0,
        )
        const view = new MessageView()
        const decode = type < 2 ? decodeMessage : decodeServerMessage
        expect(decode(bytes, 0, bytes.length, view)).toBeUndefined()
        expect(view.type).toBe(type)
        expect(view.id).toBe(type % 2 === 0 ? id : 0)
        expect(view.compressedBody).toBe(type < 2)
        expect(view.error).toBe(false)
        if (isResponse) expect([view.route, view.routeCode]).toEqual(['', 0])
        else expect(view.routeCode === 0 ? view.route : view.routeCode).toBe(route)
        expect(bytes.subarray(view.bodyStart, view.bodyEnd).equals(body)).toBe(true)
      }),
    )
  })

  it('decodes anywhere in a larger buffer, and from a plain Uint8Array', () => {
    fc.assert(
      fc.property(id, route, body, fc.nat(9), (id, route, body, before) => {
        const bytes = oracle.Message.encode(id, 0, compress(route), route, body)
        const larger = new Uint8Array(before + bytes.length + 5).fill(0x81)
        larger.set(bytes, before)
        const view = new MessageView()
        const end = before + bytes.length
        expect(decodeMessage(larger, before, end, view)).toBeUndefined()
        expect(view.routeCode === 0 ? view.route : view.routeCode).toBe(route)
        expect(view.bodyEnd).toBe(end)
        expect(view.bodyEnd - view.bodyStart).toBe(body.length)
      }),
    )
  })

  it('leaves nothing of the message before in a view that is used again', () => {
    const view = new MessageView()
    const flagged = oracle.Message.encode(9, 0, 0, 'a.b.c', Buffer.from('{}'), 1)
    flagged[0] = (flagged[0] ?? 0) | 0x20
    expect(decodeMessage(flagged, 0, flagged.length, view)).toBeUndefined()
    expect([view.error, view.compressedBody, view.route]).toEqual([true, true, 'a.b.c'])
    const plain = oracle.Message.encode(0, 1, 1, 7, Buffer.alloc(0))
    expect(decodeMessage(plain, 0, plain.length, view)).toBeUndefined()
    expect({ ...view }).toEqual({
      type: 1,
      id: 0,
      routeCode: 7,
      route: '',
      bodyStart: 3,
      bodyEnd: 3,
      compressedBody: false,
      error: false,
    })
  })
})

describe('encodeKick', () => {
  it('is JSON that the old browser client can read, whatever the reason', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (reason) => {
        const [kick] = oraclePackages(encodeKick(reason))
        expect(kick?.type).toBe(5)
        const bytes = kick?.body ?? Buffer.alloc(0)
        expect(JSON.parse(bytes.toString('utf8'))).toEqual({ reason })
        expect(bytes.every((byte) => byte < 0xf0)).toBe(true)
      }),
    )
  })
})
