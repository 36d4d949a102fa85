// The client handshake: reading the client's, making our reply. Core thread.
//
//   client  {"sys":{"type","version","protoVersion"?,"dictVersion"?},"user":{}}             pomelo
//           {"sys":{"platform","libVersion","clientBuildNumber","clientVersion"},"user":{}} pitaya
//   reply   {"code":200,"sys":{"heartbeat","useDict","dict","routeToCode","codeToRoute",
//            "dictVersion"},"user":{}}                                                      pomelo
//           {"code":200,"sys":{"heartbeat","dict":{},"serializer"}}                         pitaya
//
// - libpomelo2 aborts unless dictVersion, routeToCode and codeToRoute come all or not at all; so a
//   client that already has our version gets `useDict` alone.
// - libpitaya aborts on `useDict` and never learns a dictionary: pitaya clients get an empty one, and
//   must be pushed to by route names (`routeCodes` is false).
// - A handshake comes from a stranger: depth and string lengths are bounded, and whatever is wrong is
//   a HandshakeRefusal, never a throw.
// Replies are cached by what they depend on, for thousands of clients that arrive at once.

import { limits } from '../base/limits.ts'
import { encodeClientJson, normalizeUtf8 } from '../base/utf8.ts'
import { encodePackage, packageType } from './package-codec.ts'
import type { RouteDictionary } from './route-dictionary.ts'

/** The longest version or type string that a client may send, in UTF-16 units. */
export const handshakeFieldLengthMax = 256

export const handshakeCodes = {
  ok: 200,
  /** pitaya's only refusal. */
  bad: 400,
  /** pomelo: the handshake is wrong. */
  failed: 500,
  /** pomelo: the client is too old. */
  oldClient: 501,
} as const
export type HandshakeRefusalCode = 400 | 500 | 501

export type Dialect = 'pomelo' | 'pitaya'

export interface Handshake {
  readonly ok: true
  readonly dialect: Dialect
  /** Whether this client reads routes as dictionary codes. */
  readonly routeCodes: boolean
  /** pomelo's `sys.type`, pitaya's `sys.platform`; '' when missing. */
  readonly clientType: string
  /** pomelo's `sys.version`, pitaya's `sys.clientVersion`; '' when missing. */
  readonly clientVersion: string
  readonly dictVersion: string | undefined
  readonly protoVersion: string | undefined
  /** The JSON text of `user`, exactly as it came; undefined when missing. */
  readonly userJson: string | undefined
}

export interface HandshakeRefusal {
  readonly ok: false
  readonly code: HandshakeRefusalCode
  /** For people; safe to show to the client. */
  readonly reason: string
}

export interface HandshakeReplyOptions {
  /** Whole seconds; 0 means no heartbeats. */
  readonly heartbeatS: number
  readonly dictionary: RouteDictionary
  /** JSON text that becomes `user` (pomelo only); `{}` when left out. */
  readonly userJson?: string
  /** How pitaya clients are to read bodies; json when left out. */
  readonly serializer?: 'json' | 'protobuf'
}

/** Reads the body of a client's handshake package. */
export function parseHandshake(body: Uint8Array): Handshake | HandshakeRefusal {
  const bytes = normalizeUtf8(body)
  if (bytes === undefined) return refusal('the handshake is not UTF-8')
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
  if (jsonDepth(text) > limits.jsonDepthMax) return refusal('the handshake is nested too deeply')
  const parsed = parseObject(text)
  if (parsed === undefined) return refusal('the handshake is not a JSON object')
  const { sys } = parsed
  if (!isObject(sys)) return refusal('the handshake has no sys object')
  const pitaya = typeof sys.platform === 'string' && typeof sys.type !== 'string'
  const handshake: Handshake = {
    ok: true,
    dialect: pitaya ? 'pitaya' : 'pomelo',
    routeCodes: !pitaya,
    clientType: field(pitaya ? sys.platform : sys.type) ?? '',
    clientVersion: field(pitaya ? sys.clientVersion : sys.version) ?? '',
    dictVersion: field(sys.dictVersion),
    protoVersion: field(sys.protoVersion),
    userJson: topLevelValue(text, 'user'),
  }
  const strings = [
    handshake.clientType,
    handshake.clientVersion,
    handshake.dictVersion ?? '',
    handshake.protoVersion ?? '',
  ]
  if (strings.some((value) => value.length > handshakeFieldLengthMax)) {
    return refusal('the handshake has an over-long version or type')
  }
  return handshake
}

/** The reply package to a good handshake. It may be shared with other clients: never write to it. */
export function encodeHandshakeReply(handshake: Handshake, options: HandshakeReplyOptions): Buffer {
  const { dictionary } = options
  const pitaya = handshake.dialect === 'pitaya'
  const knowsDict = handshake.dictVersion === dictionary.version
  const key = pitaya
    ? `pitaya ${options.heartbeatS} ${options.serializer ?? 'json'}`
    : `pomelo ${options.heartbeatS} ${knowsDict}`
  let cached = replyCache.get(dictionary)
  if (cached === undefined) replyCache.set(dictionary, (cached = new Map()))
  let reply = cached.get(key)
  if (reply === undefined) {
    const sys = pitaya ? pitayaSys(options) : pomeloSys(options, knowsDict)
    const head = encodeClientJson(`{"code":${handshakeCodes.ok},"sys":${sys}`)
    const tail = pitaya ? '}' : ',"user":{}}'
    reply = {
      head,
      whole: encodePackage(packageType.handshake, Buffer.concat([head, Buffer.from(tail)])),
    }
    cached.set(key, reply)
  }
  if (pitaya || options.userJson === undefined) return reply.whole
  const user = encodeClientJson(`,"user":${options.userJson}}`)
  return encodePackage(packageType.handshake, Buffer.concat([reply.head, user]))
}

/** The reply package that refuses a client, in its dialect's code; close behind it. */
export function encodeHandshakeRefusal(code: HandshakeRefusalCode, reason: string): Buffer {
  return encodePackage(
    packageType.handshake,
    encodeClientJson(JSON.stringify({ code, sys: {}, reason })),
  )
}

interface CachedReply {
  /** The JSON up to `user`. */
  readonly head: Buffer
  /** The package without user data. */
  readonly whole: Buffer
}

// A dictionary lives as long as its connections and the gate; its replies go with it. The keys come
// from the host's own options and two booleans, so a map stays a handful of entries.
const replyCache = new WeakMap<RouteDictionary, Map<string, CachedReply>>()

function pomeloSys(options: HandshakeReplyOptions, knowsDict: boolean): string {
  const { dictionary, heartbeatS } = options
  if (dictionary.size === 0) return `{"heartbeat":${heartbeatS}}`
  if (knowsDict) return `{"heartbeat":${heartbeatS},"useDict":true}`
  return (
    `{"heartbeat":${heartbeatS},"useDict":true,"dict":${dictionary.dictJson},` +
    `"routeToCode":${dictionary.dictJson},"codeToRoute":${dictionary.codeToRouteJson},` +
    `"dictVersion":${JSON.stringify(dictionary.version)}}`
  )
}

function pitayaSys(options: HandshakeReplyOptions): string {
  const serializer = options.serializer ?? 'json'
  return `{"heartbeat":${options.heartbeatS},"dict":{},"serializer":"${serializer}"}`
}

function refusal(reason: string): HandshakeRefusal {
  return { ok: false, code: handshakeCodes.failed, reason }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined // not JSON is one of the two answers, not a failure
  }
}

/** Clients write "no version" as nothing, null, "" or 0 (pomelo's own sends `protoVersion: 0`). */
function field(value: unknown): string | undefined {
  if (typeof value === 'number' && value !== 0) return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

const quote = 0x22
const backslash = 0x5c

/** The index behind the string whose opening quote is at `at`; the end of the text if it is cut. */
function skipString(text: string, at: number): number {
  let next = at + 1
  while (next < text.length && text.charCodeAt(next) !== quote) {
    next += text.charCodeAt(next) === backslash ? 2 : 1
  }
  return next + 1
}

/** How deep brackets nest in what may or may not be JSON: asked before a parser recurses. */
function jsonDepth(text: string): number {
  let depth = 0
  let deepest = 0
  for (let at = 0; at < text.length; ) {
    const char = text[at]
    if (char === '"') {
      at = skipString(text, at)
      continue
    }
    if (char === '{' || char === '[') deepest = Math.max(deepest, ++depth)
    else if (char === '}' || char === ']') depth--
    at++
  }
  return deepest
}

/** The text of the last value under `key` in a JSON object that JSON.parse has accepted. */
function topLevelValue(text: string, key: string): string | undefined {
  let found: string | undefined
  let at = text.indexOf('{') + 1
  while (at < text.length) {
    const keyStart = text.indexOf('"', at)
    if (keyStart < 0) return found
    const keyEnd = skipString(text, keyStart)
    const valueStart = text.indexOf(':', keyEnd) + 1
    const valueEnd = endOfValue(text, valueStart)
    if (JSON.parse(text.slice(keyStart, keyEnd)) === key) {
      found = text.slice(valueStart, valueEnd).trim()
    }
    at = valueEnd + 1
  }
  return found
}

/** The index of the comma or brace that ends the value at `from`. */
function endOfValue(text: string, from: number): number {
  let depth = 0
  for (let at = from; at < text.length; ) {
    const char = text[at]
    if (char === '"') {
      at = skipString(text, at)
      continue
    }
    if (char === '{' || char === '[') depth++
    else if ((char === '}' || char === ']') && depth-- === 0) return at
    else if (char === ',' && depth === 0) return at
    at++
  }
  return text.length
}
