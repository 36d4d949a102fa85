// Request and Response of config/proto/rpc.proto, as they stand in a frame.
//
// Core thread; pure. Written by hand, because each call is four of these: test/rpc/envelope.test.ts
// holds them against what protobufjs makes of the .proto, both ways. Decoders take anything from
// outside: they return undefined for bytes that are no such message, and never throw.
//
//   frame    u32 BE length | message
//   Request  1 id  2 service_name  3 method_name  4 request_proto  5 timeout_ms  6 trace_id
//            7 idempotency_key  8 key
//   Response 1 id  2 error_code  3 error  4 response_proto  5 not_run  6 internal

import { tagOf, varintSize, WireReader, wireType, writeVarint } from '../base/protobuf-wire.ts'
import type { Outcome } from './outcome.ts'

/** Bytes before each message. */
export const frameHeaderBytes = 4

export interface RequestEnvelope {
  /** 0: a heartbeat. */
  readonly id: number
  readonly service: string
  readonly method: string
  /** Part of the bytes that it was decoded from. */
  readonly body: Uint8Array
  /** 0: as the receiver likes. */
  readonly timeoutMs: number
  readonly traceId: string
  /** '' without one; so is `key`. */
  readonly idempotencyKey: string
  readonly key: string
}

export interface ResponseEnvelope extends Outcome {
  readonly id: number
}

const tags = {
  id: tagOf(1, wireType.varint),
  service: tagOf(2, wireType.bytes),
  method: tagOf(3, wireType.bytes),
  body: tagOf(4, wireType.bytes),
  timeoutMs: tagOf(5, wireType.varint),
  traceId: tagOf(6, wireType.bytes),
  idempotencyKey: tagOf(7, wireType.bytes),
  key: tagOf(8, wireType.bytes),
  code: tagOf(2, wireType.varint),
  error: tagOf(3, wireType.bytes),
  notRun: tagOf(5, wireType.varint),
  internal: tagOf(6, wireType.varint),
} as const

/** Tags, lengths and numbers of one envelope take no more than this, its frame header included. */
const overheadBytes = 64
const none = Buffer.alloc(0)
const reader = new WireReader()

/** An upper bound of the frame's size. */
export function requestFrameBytesMax(request: RequestEnvelope): number {
  const chars =
    request.service.length +
    request.method.length +
    request.traceId.length +
    request.idempotencyKey.length +
    request.key.length
  return overheadBytes + 3 * chars + request.body.length
}

/** Writes a frame at `at`, where there is room for `requestFrameBytesMax`. @returns its end */
export function writeRequestFrame(
  bytes: Buffer,
  at: number,
  request: RequestEnvelope,
  id: number,
  timeoutMs: number,
): number {
  let to = at + frameHeaderBytes
  if (id !== 0) to = writeNumber(bytes, to, tags.id, id)
  to = writeText(bytes, to, tags.service, request.service)
  to = writeText(bytes, to, tags.method, request.method)
  to = writeBody(bytes, to, request.body)
  if (timeoutMs !== 0) to = writeNumber(bytes, to, tags.timeoutMs, timeoutMs)
  to = writeText(bytes, to, tags.traceId, request.traceId)
  to = writeText(bytes, to, tags.idempotencyKey, request.idempotencyKey)
  to = writeText(bytes, to, tags.key, request.key)
  bytes.writeUInt32BE(to - at - frameHeaderBytes, at)
  return to
}

export function responseFrameBytesMax(error: string, body: Uint8Array): number {
  return overheadBytes + 3 * error.length + body.length
}

/** The same for a response. */
export function writeResponseFrame(
  bytes: Buffer,
  at: number,
  id: number,
  response: Outcome,
): number {
  let to = at + frameHeaderBytes
  if (id !== 0) to = writeNumber(bytes, to, tags.id, id)
  if (response.code !== 0) to = writeNumber(bytes, to, tags.code, response.code)
  to = writeText(bytes, to, tags.error, response.error)
  to = writeBody(bytes, to, response.body)
  if (response.notRun) to = writeNumber(bytes, to, tags.notRun, 1)
  if (response.internal) to = writeNumber(bytes, to, tags.internal, 1)
  bytes.writeUInt32BE(to - at - frameHeaderBytes, at)
  return to
}

/** @returns undefined for what is no Request */
export function decodeRequest(
  bytes: Buffer,
  start: number,
  end: number,
): RequestEnvelope | undefined {
  let id = 0
  let service = ''
  let method = ''
  let body: Uint8Array = none
  let timeoutMs = 0
  let traceId = ''
  let idempotencyKey = ''
  let key = ''
  reader.reset(bytes, start, end)
  while (reader.more) {
    const tag = reader.varint()
    if (tag === tags.id) id = reader.varint()
    else if (tag === tags.service) service = reader.text()
    else if (tag === tags.method) method = reader.text()
    else if (tag === tags.body) body = readBody()
    else if (tag === tags.timeoutMs) timeoutMs = reader.varint()
    else if (tag === tags.traceId) traceId = reader.text()
    else if (tag === tags.idempotencyKey) idempotencyKey = reader.text()
    else if (tag === tags.key) key = reader.text()
    else skip(tag)
  }
  if (reader.failed) return undefined
  return { id, service, method, body, timeoutMs, traceId, idempotencyKey, key }
}

/** @returns undefined for what is no Response */
export function decodeResponse(
  bytes: Buffer,
  start: number,
  end: number,
): ResponseEnvelope | undefined {
  let id = 0
  let code = 0
  let error = ''
  let body: Uint8Array = none
  let notRun = false
  let internal = false
  reader.reset(bytes, start, end)
  while (reader.more) {
    const tag = reader.varint()
    if (tag === tags.id) id = reader.varint()
    else if (tag === tags.code) code = reader.varint()
    else if (tag === tags.error) error = reader.text()
    else if (tag === tags.body) body = readBody()
    else if (tag === tags.notRun) notRun = reader.varint() !== 0
    else if (tag === tags.internal) internal = reader.varint() !== 0
    else skip(tag)
  }
  if (reader.failed) return undefined
  return { id, code, error, body, notRun, internal }
}

function skip(tag: number): void {
  // Field number 0 does not exist: such bytes are no message at all.
  reader.skip(tag >>> 3 === 0 ? -1 : tag & 7)
}

function readBody(): Uint8Array {
  const to = reader.lengthEnd()
  const from = reader.at
  reader.at = to
  return from === to ? none : reader.bytes.subarray(from, to)
}

function writeNumber(bytes: Buffer, at: number, tag: number, value: number): number {
  bytes[at] = tag
  return writeVarint(bytes, at + 1, value)
}

function writeBody(bytes: Buffer, at: number, body: Uint8Array): number {
  if (body.length === 0) return at
  bytes[at] = tags.body
  const to = writeVarint(bytes, at + 1, body.length)
  bytes.set(body, to)
  return to + body.length
}

/** Most texts are short names in ASCII, for which a loop is quicker than a call into the runtime. */
function writeText(bytes: Buffer, at: number, tag: number, text: string): number {
  const { length } = text
  if (length === 0) return at
  bytes[at] = tag
  if (length <= 64) {
    let to = at + 2
    bytes[at + 1] = length
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit > 0x7f) return writeLongText(bytes, at + 1, text)
      bytes[to++] = unit
    }
    return to
  }
  return writeLongText(bytes, at + 1, text)
}

function writeLongText(bytes: Buffer, at: number, text: string): number {
  const length = Buffer.byteLength(text)
  bytes.write(text, at + varintSize(length), 'utf8')
  return writeVarint(bytes, at, length) + length
}
