// The envelope written by hand against what protobufjs makes of config/proto/rpc.proto, both ways.

import { join } from 'node:path'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { describe, expect, it } from 'vitest'
import {
  decodeRequest,
  decodeResponse,
  frameHeaderBytes,
  type RequestEnvelope,
  requestFrameBytesMax,
  responseFrameBytesMax,
  writeRequestFrame,
  writeResponseFrame,
} from '../../core/rpc/envelope.ts'
import {
  decodeHello,
  decodeNodeInfo,
  encodeHello,
  encodeNodeInfo,
} from '../../core/rpc/node-info.ts'
import { projectFolder } from '../support/host-process.ts'

const root = protobuf.loadSync(join(projectFolder, 'config/proto/rpc.proto'))
const [Request, Response, Hello, NodeInfo] = ['Request', 'Response', 'Hello', 'NodeInfo'].map(
  (name) => root.lookupType(`moonwheel.${name}`),
) as [protobuf.Type, protobuf.Type, protobuf.Type, protobuf.Type]

const runs = { numRuns: 800, seed: Number(process.env.MOONWHEEL_SEED ?? 20_260_101) }
const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ minLength: 60, maxLength: 200 }),
)
const u32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 0xffffffff }))
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 30 }),
  fc.uint8Array({ minLength: 120, maxLength: 20_000 }),
)

const request = fc.record({
  id: u32,
  service: text,
  method: text,
  body: bytes,
  timeoutMs: u32,
  traceId: text,
  idempotencyKey: text,
  key: text,
})
const response = fc.record({
  id: u32,
  code: u32,
  error: text,
  body: bytes,
  notRun: fc.boolean(),
  internal: fc.boolean(),
})

/** Fields as protobufjs has them; what has its default is left out. */
function plain(fields: Record<string, unknown>): Record<string, unknown> {
  const isSet = (value: unknown): boolean =>
    value !== 0 && value !== '' && value !== false && (value as Uint8Array).length !== 0
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => isSet(value)))
}

const requestFields = (r: RequestEnvelope) =>
  plain({
    id: r.id,
    serviceName: r.service,
    methodName: r.method,
    requestProto: r.body,
    timeoutMs: r.timeoutMs,
    traceId: r.traceId,
    idempotencyKey: r.idempotencyKey,
    key: r.key,
  })

function frameOf(sizeMax: number, write: (to: Buffer, at: number) => number): Buffer {
  const before = 7 // Frames do not begin at 0.
  const slab = Buffer.alloc(before + sizeMax)
  const end = write(slab, before)
  expect(end).toBeLessThanOrEqual(before + sizeMax)
  expect(slab.readUInt32BE(before)).toBe(end - before - frameHeaderBytes)
  return slab.subarray(before + frameHeaderBytes, end)
}

const whole = (b: Buffer) => [b, 0, b.length] as const
const same = (a: Uint8Array, b: Uint8Array) => expect(Buffer.compare(a, b)).toBe(0)

describe('the envelope', () => {
  it(`writes a Request as protobufjs does, and reads it back (seed ${runs.seed})`, () => {
    fc.assert(
      fc.property(request, (r) => {
        const written = frameOf(requestFrameBytesMax(r), (to, at) =>
          writeRequestFrame(to, at, r, r.id, r.timeoutMs),
        )
        same(written, Request.encode(Request.create(requestFields(r))).finish())
        const read = decodeRequest(...whole(written))
        expect({ ...read, body: Buffer.from(read?.body ?? []) }).toEqual({
          ...r,
          body: Buffer.from(r.body),
        })
      }),
      runs,
    )
  })

  it('writes a Response as protobufjs does, and reads it back', () => {
    fc.assert(
      fc.property(response, (r) => {
        const written = frameOf(responseFrameBytesMax(r.error, r.body), (to, at) =>
          writeResponseFrame(to, at, r.id, r),
        )
        const fields = plain({
          id: r.id,
          errorCode: r.code,
          error: r.error,
          responseProto: r.body,
          notRun: r.notRun,
          internal: r.internal,
        })
        same(written, Response.encode(Response.create(fields)).finish())
        const read = decodeResponse(...whole(written))
        expect({ ...read, body: Buffer.from(read?.body ?? []) }).toEqual({
          ...r,
          body: Buffer.from(r.body),
        })
      }),
      runs,
    )
  })

  it('reads defaults that are said, and passes over fields that nobody knows', () => {
    const said = protobuf.Writer.create()
    for (const field of [1, 5]) said.uint32(tag(field, 0)).uint32(0)
    for (const field of [2, 3, 6, 7, 8]) said.uint32(tag(field, 2)).string('')
    const known = Buffer.from(said.uint32(tag(4, 2)).bytes(new Uint8Array(0)).finish())
    const empty = { id: 0, service: '', method: '', body: Buffer.alloc(0), timeoutMs: 0 }
    const noTexts = { traceId: '', idempotencyKey: '', key: '' }
    expect(decodeRequest(...whole(known))).toEqual({ ...empty, ...noTexts })
    const writer = protobuf.Writer.create()
    writer.uint32(tag(100, 0)).uint64(2 ** 50)
    writer.uint32(tag(101, 2)).bytes(Buffer.from('unknown'))
    writer.uint32(tag(102, 1)).double(1.5)
    writer.uint32(tag(103, 5)).float(1.5)
    writer.uint32(tag(1, 0)).uint32(7)
    expect(decodeRequest(...whole(Buffer.from(writer.finish())))?.id).toBe(7)
  })

  it('any bytes are a message or undefined, never an exception or a body outside of them', () => {
    let messages = 0
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (raw) => {
        for (const decode of [decodeRequest, decodeResponse]) {
          const read = decode(Buffer.from(raw), 0, raw.length)
          if (read === undefined) continue
          messages++
          expect(read.body.length).toBeLessThanOrEqual(raw.length)
        }
      }),
      { ...runs, numRuns: 10_000 },
    )
    expect(messages).toBeGreaterThan(0)
  })

  it('a message that is cut anywhere is either shorter by whole fields or no message', () => {
    const r = {
      id: 300,
      service: 'bag',
      method: 'grant',
      body: Buffer.from('0123456789'),
      timeoutMs: 5000,
      traceId: 't',
      idempotencyKey: 'once',
      key: 'k',
    }
    const written = frameOf(requestFrameBytesMax(r), (to, at) =>
      writeRequestFrame(to, at, r, r.id, r.timeoutMs),
    )
    let refused = 0
    for (let length = 0; length < written.length; length++) {
      const read = decodeRequest(written, 0, length)
      if (read === undefined) refused++
      else expect(Object.values(r)).toEqual(expect.arrayContaining([read.id || 300]))
    }
    expect(refused).toBeGreaterThan(20)
  })

  it('Hello and NodeInfo are as protobufjs has them', () => {
    fc.assert(
      fc.property(text, text, fc.boolean(), (a, b, draining) => {
        const hello = { node: a, token: b }
        same(encodeHello(hello), Hello.encode(Hello.create(plain(hello))).finish())
        expect(decodeHello(encodeHello(hello))).toEqual(hello)
        const info = { node: a, incarnation: b, draining }
        same(encodeNodeInfo(info), NodeInfo.encode(NodeInfo.create(plain(info))).finish())
        expect(decodeNodeInfo(encodeNodeInfo(info))).toEqual(info)
      }),
      runs,
    )
    expect(decodeHello(Buffer.from([0x0a, 0xff]))).toBeUndefined()
  })
})

const tag = (field: number, type: number): number => ((field << 3) | type) >>> 0
