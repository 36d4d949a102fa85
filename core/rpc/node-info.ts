// What the two ends of a connection tell each other about themselves: bodies of heartbeats.
//
// Core thread; pure. Hello and NodeInfo of config/proto/rpc.proto. Decoders return undefined for bytes
// that are no such message, and never throw.

import { tagOf, WireReader, wireType, writeVarint } from '../base/protobuf-wire.ts'

export interface Hello {
  readonly node: string
  readonly token: string
}

export interface NodeInfo {
  readonly node: string
  /** Another one after each start of the process. */
  readonly incarnation: string
  readonly draining: boolean
}

export function encodeHello({ node, token }: Hello): Buffer {
  return encode([node, token], false)
}

export function encodeNodeInfo({ node, incarnation, draining }: NodeInfo): Buffer {
  return encode([node, incarnation], draining)
}

export function decodeHello(bytes: Uint8Array): Hello | undefined {
  const fields = decode(bytes)
  return fields && { node: fields.texts[0], token: fields.texts[1] }
}

export function decodeNodeInfo(bytes: Uint8Array): NodeInfo | undefined {
  const fields = decode(bytes)
  return (
    fields && { node: fields.texts[0], incarnation: fields.texts[1], draining: fields.draining }
  )
}

/** Both messages are two texts, as fields 1 and 2, and maybe a flag as field 3. */
function encode(texts: readonly [string, string], flag: boolean): Buffer {
  const parts: Buffer[] = texts.flatMap((text, i) => {
    if (text === '') return []
    const body = Buffer.from(text)
    const head = Buffer.alloc(6)
    head[0] = tagOf(i + 1, wireType.bytes)
    return [head.subarray(0, writeVarint(head, 1, body.length)), body]
  })
  if (flag) parts.push(Buffer.from([tagOf(3, wireType.varint), 1]))
  return Buffer.concat(parts)
}

function decode(bytes: Uint8Array) {
  const texts: [string, string] = ['', '']
  let draining = false
  const reader = new WireReader()
  reader.reset(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length)
  while (reader.more) {
    const tag = reader.varint()
    if (tag === tagOf(1, wireType.bytes)) texts[0] = reader.text()
    else if (tag === tagOf(2, wireType.bytes)) texts[1] = reader.text()
    else if (tag === tagOf(3, wireType.varint)) draining = reader.varint() !== 0
    else reader.skip(tag >>> 3 === 0 ? -1 : tag & 7)
  }
  return reader.failed ? undefined : { texts, draining }
}
