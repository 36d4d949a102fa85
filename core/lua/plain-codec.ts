// Values without an engine in the bytes of value-codec.ts: what the core itself answers to a lane.
//
// Any thread. Text is bytes: a Buffer, or a string of one character a byte. A float that is integral
// cannot be said here; integers beyond 2^53 are bigints. Reading is for the few values that the core
// must look into (a counter of the cache); everything else stays bytes.

import { HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'

export type PlainLua = null | boolean | number | bigint | string | Buffer | readonly PlainLua[]

/**
 * Encodes a list of values as ValueWriter does.
 * @throws HostError TOO_LARGE beyond limits.valueBytesMax or limits.jsonDepthMax
 */
export function encodePlain(values: readonly PlainLua[]): Buffer {
  const parts: Buffer[] = [Buffer.of(values.length)]
  let length = 1
  const put = (part: Buffer): void => {
    length += part.length
    if (length > limits.valueBytesMax) {
      throw new HostError('TOO_LARGE', `longer than ${limits.valueBytesMax} bytes`)
    }
    parts.push(part)
  }
  const write = (value: PlainLua, depth: number): void => {
    if (value === null) put(tagOnly.nil)
    else if (value === true) put(tagOnly.true)
    else if (value === false) put(tagOnly.false)
    else if (typeof value === 'number') put(encodeNumber(value))
    else if (typeof value === 'bigint') put(encodeInt64(value))
    else if (typeof value === 'string') putText(Buffer.from(value, 'latin1'))
    else if (Buffer.isBuffer(value)) putText(value)
    else putList(value as readonly PlainLua[], depth)
  }
  const putText = (text: Buffer): void => {
    put(textHead(text.length))
    put(text)
  }
  const putList = (list: readonly PlainLua[], depth: number): void => {
    if (depth >= limits.jsonDepthMax) {
      throw new HostError('TOO_LARGE', `nested deeper than ${limits.jsonDepthMax}`)
    }
    const head = Buffer.alloc(9)
    head[0] = 8
    head.writeUInt32LE(list.length, 5)
    put(head)
    for (const each of list) write(each, depth + 1)
  }
  for (const value of values) write(value, 0)
  return Buffer.concat(parts, length)
}

/** The number in an encoded list of one value; undefined when it is anything but an integer. */
export function readPlainInteger(bytes: Buffer): number | undefined {
  if (bytes[0] !== 1) return undefined
  if (bytes[1] === 3 && bytes.length === 6) return bytes.readInt32LE(2)
  if (bytes[1] !== 4 || bytes.length !== 10) return undefined
  const value = Number(bytes.readBigInt64LE(2))
  return Number.isSafeInteger(value) ? value : undefined
}

const tagOnly = { nil: Buffer.of(0), false: Buffer.of(1), true: Buffer.of(2) }

function textHead(length: number): Buffer {
  if (length < 256) return Buffer.of(6, length)
  const head = Buffer.allocUnsafe(5)
  head[0] = 7
  head.writeUInt32LE(length, 1)
  return head
}

function encodeNumber(value: number): Buffer {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
    if ((value | 0) !== value) return encodeInt64(BigInt(value))
    const bytes = Buffer.allocUnsafe(5)
    bytes[0] = 3
    bytes.writeInt32LE(value, 1)
    return bytes
  }
  const bytes = Buffer.allocUnsafe(9)
  bytes[0] = 5
  bytes.writeDoubleLE(value, 1)
  return bytes
}

function encodeInt64(value: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(9)
  bytes[0] = 4
  bytes.writeBigInt64LE(value, 1)
  return bytes
}
