// The inner layer of the client wire: messages, the bodies of data packages.
//
//   +------+--------------+-----------------------------+---------+
//   | flag | id           | route                       | payload |
//   +------+--------------+-----------------------------+---------+
//     u8     varint         u16 BE code, or u8 n + UTF-8
//            request,       request, notify, push
//            response
//
//   flag   7 6 | 5     | 4      | 3 2 1 | 0
//          0 0 | error | zlib   | type  | route is a code
//                (both are pitaya's: never set toward a pomelo client)
//
// Core thread, stateless. Decoding is strict and never throws: a message from a stranger is either
// described by the view or refused by one of `DecodeError`. Encoding wrong values is a bug (assert):
// who takes routes and bodies from scripts checks them with isRoute and packageBodyBytesMax first.
// The `write…` functions append whole data packages to a buffer that the caller has sized with
// `…Size`, so that many replies leave in one buffer; `encode…` makes a buffer for one.
// bench/load/codec.ts watches what a message costs here.

import { isUtf8 } from 'node:buffer'
import { assert } from '../base/assert.ts'
import { encodeClientJson } from '../base/utf8.ts'
import {
  encodePackage,
  packageHeaderBytes,
  packageType,
  writeBytes,
  writePackageHeader,
} from './package-codec.ts'
import { routeBytesMax, routeCodeMax } from './route-dictionary.ts'

export const messageType = { request: 0, notify: 1, response: 2, push: 3 } as const
export type MessageType = (typeof messageType)[keyof typeof messageType]

/** Larger ids come back negative from the JavaScript clients. */
export const messageIdMax = 0x7fffffff

const flagRouteCode = 0x01
const flagZlib = 0x10
const flagError = 0x20
const flagUnused = 0xc0

/** What a message said; one object is reused for all messages of a reader. */
export class MessageView {
  type: MessageType = messageType.request
  /** Of requests and responses, 1..messageIdMax; else 0. */
  id = 0
  /** 1..65535 when the route came as a code; else 0, and `route` holds it (it may be empty). */
  routeCode = 0
  route = ''
  bodyStart = 0
  bodyEnd = 0
  /** pitaya: the body is zlib. */
  compressedBody = false
  /** pitaya: the body is an error. */
  error = false
}

export type DecodeError =
  /** No flag byte. */
  | 'empty'
  /** A flag bit that nobody has defined. */
  | 'bad_flag'
  /** Not a type, or one that this side may not send. */
  | 'bad_type'
  | 'cut_id'
  /** Zero, over messageIdMax, or written in more than five bytes. */
  | 'bad_id'
  | 'cut_route'
  /** Not UTF-8. */
  | 'bad_route'
  /** Code 0. */
  | 'bad_route_code'

/**
 * Reads a message that a client sent: a request or a notify.
 * @returns undefined, and `into` is filled; or why it was refused, and `into` is undefined in parts
 */
export function decodeMessage(
  bytes: Uint8Array,
  start: number,
  end: number,
  into: MessageView,
): DecodeError | undefined {
  return decode(bytes, start, end, into, false)
}

/** Reads a message that a server sent: a response or a push. For clients. */
export function decodeServerMessage(
  bytes: Uint8Array,
  start: number,
  end: number,
  into: MessageView,
): DecodeError | undefined {
  return decode(bytes, start, end, into, true)
}

function decode(
  bytes: Uint8Array,
  start: number,
  end: number,
  into: MessageView,
  fromServer: boolean,
): DecodeError | undefined {
  if (start >= end) return 'empty'
  const flag = bytes[start] as number
  const type = (flag >> 1) & 7
  if ((flag & flagUnused) !== 0) return 'bad_flag'
  if (type > messageType.push || type >= messageType.response !== fromServer) return 'bad_type'
  into.type = type as MessageType
  into.compressedBody = (flag & flagZlib) !== 0
  into.error = (flag & flagError) !== 0
  into.id = 0
  into.routeCode = 0
  into.route = ''
  into.bodyStart = start + 1
  into.bodyEnd = end
  if (type === messageType.request || type === messageType.response) {
    const refused = decodeId(bytes, end, into)
    if (refused !== undefined) return refused
  }
  if (type === messageType.response) return undefined
  return (flag & flagRouteCode) !== 0
    ? decodeRouteCode(bytes, end, into)
    : decodeRoute(bytes, end, into)
}

/** Reads the id at `into.bodyStart` and moves that behind it, as the next two do. */
function decodeId(bytes: Uint8Array, end: number, into: MessageView): DecodeError | undefined {
  let at = into.bodyStart
  let id = 0
  let scale = 1
  for (let count = 0; count < 5; count++) {
    if (at >= end) return 'cut_id'
    const byte = bytes[at++] as number
    id += (byte & 0x7f) * scale
    if (byte < 0x80) {
      if (id === 0 || id > messageIdMax) return 'bad_id'
      into.id = id
      into.bodyStart = at
      return undefined
    }
    scale *= 128
  }
  return 'bad_id'
}

function decodeRouteCode(
  bytes: Uint8Array,
  end: number,
  into: MessageView,
): DecodeError | undefined {
  const at = into.bodyStart
  if (at + 2 > end) return 'cut_route'
  const code = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
  if (code === 0) return 'bad_route_code'
  into.routeCode = code
  into.bodyStart = at + 2
  return undefined
}

function decodeRoute(bytes: Uint8Array, end: number, into: MessageView): DecodeError | undefined {
  if (into.bodyStart >= end) return 'cut_route'
  const from = into.bodyStart + 1
  const to = from + (bytes[into.bodyStart] as number)
  if (to > end) return 'cut_route'
  let ascii = true
  for (let at = from; at < to && ascii; at++) ascii = (bytes[at] as number) < 0x80
  if (!ascii && !isUtf8(bytes.subarray(from, to))) return 'bad_route'
  const buffer =
    bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  into.route = buffer.toString(ascii ? 'latin1' : 'utf8', from, to)
  into.bodyStart = to
  return undefined
}

// --- encoding ---------------------------------------------------------------------------------

/** A body as it comes: bytes, or a byte string with one character for each byte. */
export type Body = Uint8Array | string

/** Bytes of the data package that writeResponse makes. */
export function responseSize(id: number, bodyBytes: number): number {
  return packageHeaderBytes + 1 + idSize(id) + bodyBytes
}

/**
 * Writes a data package with a response at `at`; returns where it ends.
 * @param error sets pitaya's error flag; only for a client of that dialect
 */
export function writeResponse(
  into: Buffer,
  at: number,
  id: number,
  body: Body,
  error = false,
): number {
  const size = responseSize(id, body.length)
  let next = writePackageHeader(into, at, packageType.data, size - packageHeaderBytes)
  into[next++] = (messageType.response << 1) | (error ? flagError : 0)
  next = writeId(into, next, id)
  return writeBytes(into, next, body)
}

/** Bytes of the data package that writePush makes. */
export function pushSize(route: number | string, bodyBytes: number): number {
  return packageHeaderBytes + 1 + routeSize(route) + bodyBytes
}

/** Writes a data package with a push at `at`; returns where it ends. A number is a route code. */
export function writePush(into: Buffer, at: number, route: number | string, body: Body): number {
  const size = pushSize(route, body.length)
  let next = writePackageHeader(into, at, packageType.data, size - packageHeaderBytes)
  into[next++] = flagOf(messageType.push, route)
  next = writeRoute(into, next, route)
  return writeBytes(into, next, body)
}

/** A data package with a response to request `id`; `error` as for writeResponse. */
export function encodeResponse(id: number, body: Body, error = false): Buffer {
  const buffer = Buffer.allocUnsafe(responseSize(id, body.length))
  writeResponse(buffer, 0, id, body, error)
  return buffer
}

/** A data package with a push. A route code goes only to a client that was sent the dictionary. */
export function encodePush(route: number | string, body: Body): Buffer {
  const buffer = Buffer.allocUnsafe(pushSize(route, body.length))
  writePush(buffer, 0, route, body)
  return buffer
}

/** A kick package; the body is always JSON, because the newer JavaScript client parses it. */
export function encodeKick(reason: string): Buffer {
  return encodePackage(packageType.kick, encodeClientJson(JSON.stringify({ reason })))
}

/** A data package with a request. For clients. */
export function encodeRequest(id: number, route: number | string, body: Body): Buffer {
  const bodyBytes = 1 + idSize(id) + routeSize(route) + body.length
  const buffer = Buffer.allocUnsafe(packageHeaderBytes + bodyBytes)
  let at = writePackageHeader(buffer, 0, packageType.data, bodyBytes)
  buffer[at++] = flagOf(messageType.request, route)
  at = writeId(buffer, at, id)
  at = writeRoute(buffer, at, route)
  writeBytes(buffer, at, body)
  return buffer
}

/** A data package with a notify. For clients. */
export function encodeNotify(route: number | string, body: Body): Buffer {
  const bodyBytes = 1 + routeSize(route) + body.length
  const buffer = Buffer.allocUnsafe(packageHeaderBytes + bodyBytes)
  let at = writePackageHeader(buffer, 0, packageType.data, bodyBytes)
  buffer[at++] = flagOf(messageType.notify, route)
  at = writeRoute(buffer, at, route)
  writeBytes(buffer, at, body)
  return buffer
}

function flagOf(type: MessageType, route: number | string): number {
  return (type << 1) | (typeof route === 'number' ? flagRouteCode : 0)
}

function idSize(id: number): number {
  assert(Number.isInteger(id) && id >= 1 && id <= messageIdMax, `message id ${id}`)
  return id < 0x80 ? 1 : id < 0x4000 ? 2 : id < 0x20_0000 ? 3 : id < 0x1000_0000 ? 4 : 5
}

function writeId(into: Buffer, at: number, id: number): number {
  let next = at
  let rest = id
  while (rest > 0x7f) {
    into[next++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  into[next++] = rest
  return next
}

function routeSize(route: number | string): number {
  return typeof route === 'number' ? 2 : 1 + Buffer.byteLength(route, 'utf8')
}

function writeRoute(into: Buffer, at: number, route: number | string): number {
  if (typeof route === 'number') {
    assert(Number.isInteger(route) && route >= 1 && route <= routeCodeMax, `route code ${route}`)
    into[at] = route >> 8
    into[at + 1] = route
    return at + 2
  }
  const bytes = into.write(route, at + 1, 'utf8')
  assert(bytes <= routeBytesMax, `route of ${bytes} bytes`)
  into[at] = bytes
  return at + 1 + bytes
}
