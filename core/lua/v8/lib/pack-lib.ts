// string.pack, string.unpack and string.packsize. Lanes.
//
// Integers up to six bytes are done in plain numbers, wider ones in BigInt. What is built is capped
// by the engine's stringBytesMax before it is allocated.

import { retArray } from '../run/answer.ts'
import { floatOf, wrapInteger } from '../run/number-text.ts'
import type { Ret, Value } from '../run/value.ts'
import { checkDouble, checkInteger, checkString, optIndex } from './args.ts'
import { argError, checkSize, fail, spend } from './failure.ts'
import { PackFormat } from './pack-format.ts'

const view = new DataView(new ArrayBuffer(8))

/** `size` bytes of an integer in two's complement. */
function integerBytes(value: number | bigint, size: number, littleEndian: boolean): string {
  let text = ''
  if (size <= 6 && typeof value === 'number') {
    let rest = value
    for (let i = 0; i < size; i++) {
      const byte = ((rest % 256) + 256) % 256
      text += String.fromCharCode(byte)
      rest = (rest - byte) / 256
    }
  } else {
    let rest = BigInt.asIntN(64, BigInt(value))
    for (let i = 0; i < size; i++) {
      text += String.fromCharCode(Number(rest & 0xffn))
      rest >>= 8n
    }
  }
  return littleEndian ? text : [...text].reverse().join('')
}

function doubleBytes(value: number, size: number, littleEndian: boolean): string {
  if (size === 4) view.setFloat32(0, value, littleEndian)
  else view.setFloat64(0, value, littleEndian)
  let text = ''
  for (let i = 0; i < size; i++) text += String.fromCharCode(view.getUint8(i))
  return text
}

function packInteger(v: Value, index: number, format: PackFormat, signed: boolean): string {
  const value = checkInteger(v, index, 'pack')
  const { size } = format
  if (size < 8) {
    const limit = signed ? 2 ** (size * 8 - 1) : 2 ** (size * 8)
    if (signed && !(value >= -limit && value < limit)) argError(index, 'pack', 'integer overflow')
    if (!signed && !(value >= 0 && value < limit)) argError(index, 'pack', 'unsigned overflow')
  }
  // Beyond eight bytes an unsigned one is filled with zeros, though the value may be negative.
  if (size > 8 && !signed) {
    const low = integerBytes(value, 8, true) + '\0'.repeat(size - 8)
    return format.littleEndian ? low : [...low].reverse().join('')
  }
  return integerBytes(value, size, format.littleEndian)
}

function packText(v: Value, index: number, format: PackFormat, kind: string): string {
  const text = checkString(v, index, 'pack')
  const { size } = format
  if (kind === 'char') {
    if (text.length > size) argError(index, 'pack', 'string longer than given size')
    checkSize(size)
    return text + '\0'.repeat(size - text.length)
  }
  if (kind === 'zstring') {
    if (text.includes('\0')) argError(index, 'pack', 'string contains zeros')
    return `${text}\0`
  }
  if (size < 8 && text.length >= 2 ** (size * 8)) {
    argError(index, 'pack', 'string length does not fit in given size')
  }
  return integerBytes(text.length, size, format.littleEndian) + text
}

function pack(...args: Value[]): Ret {
  const format = new PackFormat(checkString(args[0], 1, 'pack'), 'pack')
  let out = ''
  let arg = 1
  for (;;) {
    spend(1)
    const kind = format.next(out.length)
    if (kind === undefined) return out
    if (format.padding > 0) out += '\0'.repeat(format.padding)
    if (kind === 'nothing' || kind === 'align') continue
    if (kind === 'padding') {
      out += '\0'
      continue
    }
    const value = args[arg++]
    if (kind === 'int' || kind === 'uint') out += packInteger(value, arg, format, kind === 'int')
    else if (kind === 'float' || kind === 'double') {
      out += doubleBytes(checkDouble(value, arg, 'pack'), format.size, format.littleEndian)
    } else out += packText(value, arg, format, kind)
    checkSize(out.length)
  }
}

function packsize(formatText: Value): Ret {
  const format = new PackFormat(checkString(formatText, 1, 'packsize'), 'packsize')
  let total = 0
  for (;;) {
    spend(1)
    const kind = format.next(total)
    if (kind === undefined) return total
    if (kind === 'string' || kind === 'zstring') {
      argError(1, 'packsize', 'variable-length format')
    }
    total += format.size + format.padding
    if (total > 0x7fffffff) argError(1, 'packsize', 'format result too large')
  }
}

function unpackInteger(data: string, at: number, format: PackFormat, signed: boolean) {
  const { size, littleEndian } = format
  const byte = (i: number) => data.charCodeAt(littleEndian ? at + i : at + size - 1 - i)
  if (size <= 6) {
    let value = 0
    for (let i = size - 1; i >= 0; i--) value = value * 256 + byte(i)
    const limit = 2 ** (size * 8 - 1)
    return signed && value >= limit ? value - 2 * limit : value
  }
  let value = 0n
  for (let i = Math.min(size, 8) - 1; i >= 0; i--) value = (value << 8n) | BigInt(byte(i))
  if (size === 7 && signed) value = BigInt.asIntN(56, value)
  const filler = signed && BigInt.asIntN(64, value) < 0n ? 255 : 0
  for (let i = 8; i < size; i++) {
    if (byte(i) !== filler) fail(`${size}-byte integer does not fit into Lua Integer`)
  }
  return wrapInteger(value)
}

function unpackDouble(data: string, at: number, format: PackFormat) {
  for (let i = 0; i < format.size; i++) view.setUint8(i, data.charCodeAt(at + i))
  const { littleEndian } = format
  return floatOf(
    format.size === 4 ? view.getFloat32(0, littleEndian) : view.getFloat64(0, littleEndian),
  )
}

function unpack(formatText: Value, dataValue: Value, init: Value): Ret {
  const format = new PackFormat(checkString(formatText, 1, 'unpack'), 'unpack')
  const data = checkString(dataValue, 2, 'unpack')
  const from = optIndex(init, 1, 3, 'unpack')
  let at = (from > 0 ? from : from === 0 || from < -data.length ? 1 : data.length + from + 1) - 1
  if (at > data.length) argError(3, 'unpack', 'initial position out of string')
  const values: Value[] = []
  for (;;) {
    spend(1)
    const kind = format.next(at)
    if (kind === undefined) break
    if (format.padding + format.size > data.length - at) {
      argError(2, 'unpack', 'data string too short')
    }
    at += format.padding
    const { size } = format
    if (kind === 'int' || kind === 'uint')
      values.push(unpackInteger(data, at, format, kind === 'int'))
    else if (kind === 'float' || kind === 'double') values.push(unpackDouble(data, at, format))
    else if (kind === 'char') values.push(data.slice(at, at + size))
    else if (kind === 'string') {
      const length = Number(unpackInteger(data, at, format, false))
      const room = data.length - at - size
      // A length that wrapped to a negative integer is an enormous size_t.
      if (length < 0 || length > room) argError(2, 'unpack', 'data string too short')
      values.push(data.slice(at + size, at + size + length))
      at += length
    } else if (kind === 'zstring') {
      const end = data.indexOf('\0', at)
      if (end < 0) argError(2, 'unpack', "unfinished string for format 'z'")
      values.push(data.slice(at, end))
      at = end + 1
    }
    at += size
  }
  values.push(at + 1)
  return retArray(values)
}

export const packFunctions = { pack, packsize, unpack }
