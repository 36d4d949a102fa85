// The format of string.dump: a function as its source text. Pure; the stand-alone interpreter only.
//
// There is no bytecode to write, so a "binary chunk" of ours is the header that Lua 5.4 checks, and then
// the function's own text with what it needs from outside. Integers are little-endian.
//
//   0   "\27Lua"  0x54  0x00  "\x19\x93\r\n\x1a\n"  4  8  8     as PUC 5.4: version, format, sizes
//   15  int64 0x5678   float64 370.5                            LUAC_INT, LUAC_NUM
//   31  "moon"   u32 length of the body   u32 CRC-32 of the body
//   43  body: u8 flags (1 main, 2 method, 4 stripped)   u32 line   u32 line of the text
//       string chunk name   string function name   u32 n, n × string: upvalues
//       u32 n, n × (string, value): constants of outer functions   string text
//
//   string  u32 length, bytes          value  u8 tag and, by tag: 0 nil, 1 false, 2 true, 3 int64,
//                                             4 float64, 5 string
//
// Any other file is refused with a reason; nothing is allocated for a length that is not there. The
// text is compiled like any other, so a forged dump can do nothing that `load` of text could not.

import { crc32 } from 'node:zlib'
import { LuaFloat } from '../../engine.ts'
import { makeFloat, makeInteger, type Value } from '../run/value.ts'
import type { FunctionText } from '../syntax/parser.ts'

/** A dumped function. */
export interface Dump {
  readonly fn: FunctionText
  /** As `load` got it; `=?` when stripped. */
  readonly chunkName: string
  readonly isStripped: boolean
}

const headerParts: readonly (readonly [bytes: string, fault: string])[] = [
  ['\x1bLua', 'not a binary chunk'],
  ['\x54', 'version mismatch'],
  ['\0', 'format mismatch'],
  ['\x19\x93\r\n\x1a\n', 'corrupted chunk'],
  ['\x04', 'Instruction size mismatch'],
  ['\x08', 'lua_Integer size mismatch'],
  ['\x08', 'lua_Number size mismatch'],
  ['\x78\x56\0\0\0\0\0\0', 'integer format mismatch'],
  ['\0\0\0\0\0\x28\x77\x40', 'float format mismatch'],
  ['moon', 'bytecode of another Lua'],
]
const header = headerParts.map(([bytes]) => bytes).join('')

const mainFlag = 1
const methodFlag = 2
const strippedFlag = 4

class Writer {
  private readonly parts: Buffer[] = []

  u8(n: number): void {
    this.parts.push(Buffer.from([n]))
  }

  u32(n: number): void {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(n)
    this.parts.push(bytes)
  }

  string(text: string): void {
    this.u32(text.length)
    this.parts.push(Buffer.from(text, 'latin1'))
  }

  value(v: Value): void {
    if (v === undefined) this.u8(0)
    else if (typeof v === 'boolean') this.u8(v ? 2 : 1)
    else if (typeof v === 'string') {
      this.u8(5)
      this.string(v)
    } else {
      const isInteger = typeof v === 'bigint' || (typeof v === 'number' && Number.isInteger(v))
      const bytes = Buffer.alloc(8)
      if (isInteger) bytes.writeBigInt64LE(BigInt(v))
      else bytes.writeDoubleLE(v instanceof LuaFloat ? v.n : (v as number))
      this.u8(isInteger ? 3 : 4)
      this.parts.push(bytes)
    }
  }

  bytes(): Buffer {
    return Buffer.concat(this.parts)
  }
}

/** A dump as a byte string. */
export function encodeDump({ fn, chunkName, isStripped }: Dump): string {
  const body = new Writer()
  const flags = (fn.isMain ? mainFlag : 0) | (fn.isMethod ? methodFlag : 0)
  body.u8(flags | (isStripped ? strippedFlag : 0))
  body.u32(fn.line)
  body.u32(fn.bodyLine)
  body.string(chunkName)
  body.string(fn.name)
  body.u32(fn.upvalues.length)
  for (const name of fn.upvalues) body.string(name)
  body.u32(fn.constants.size)
  for (const [name, value] of fn.constants) {
    body.string(name)
    body.value(value)
  }
  body.string(fn.text)
  const bytes = body.bytes()
  const lengths = Buffer.alloc(8)
  lengths.writeUInt32LE(bytes.length)
  lengths.writeUInt32LE(crc32(bytes), 4)
  return header + lengths.toString('latin1') + bytes.toString('latin1')
}

/** The body is not what a dump has; only one that was made to deceive gets so far. */
class BadBody extends Error {}

class Reader {
  private readonly bytes: Buffer
  private at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  private take(n: number): number {
    const from = this.at
    if (n > this.bytes.length - from) throw new BadBody()
    this.at += n
    return from
  }

  u8(): number {
    return this.bytes.readUInt8(this.take(1))
  }

  u32(): number {
    return this.bytes.readUInt32LE(this.take(4))
  }

  string(): string {
    const n = this.u32()
    const from = this.take(n)
    return this.bytes.toString('latin1', from, from + n)
  }

  /** A name is compiled as it is, so it has to be one. */
  name(): string {
    const name = this.string()
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new BadBody()
    return name
  }

  value(): Value {
    const tag = this.u8()
    if (tag <= 2) return tag === 0 ? undefined : tag === 2
    if (tag === 3) return makeInteger(this.bytes.readBigInt64LE(this.take(8)))
    if (tag === 4) return makeFloat(this.bytes.readDoubleLE(this.take(8)))
    if (tag === 5) return this.string()
    throw new BadBody()
  }
}

/** Reads a byte string that begins as a binary chunk does. @returns the fault when it is no dump of ours */
export function decodeDump(dump: string): Dump | { fault: string } {
  let at = 0
  for (const [bytes, fault] of headerParts) {
    const found = dump.slice(at, at + bytes.length)
    if (found !== bytes) return { fault: bytes.startsWith(found) ? 'truncated chunk' : fault }
    at += bytes.length
  }
  const bytes = Buffer.from(dump.slice(at), 'latin1')
  if (bytes.length < 8) return { fault: 'truncated chunk' }
  const length = bytes.readUInt32LE(0)
  if (bytes.length - 8 < length) return { fault: 'truncated chunk' }
  const body = bytes.subarray(8, 8 + length)
  if (crc32(body) !== bytes.readUInt32LE(4)) return { fault: 'checksum mismatch' }
  try {
    return readBody(new Reader(body))
  } catch (thrown) {
    if (thrown instanceof BadBody) return { fault: 'corrupted chunk' }
    throw thrown
  }
}

function readBody(body: Reader): Dump {
  const flags = body.u8()
  const line = body.u32()
  const bodyLine = body.u32()
  const chunkName = body.string()
  const name = body.string()
  const upvalues: string[] = []
  for (let n = body.u32(); n > 0; n--) upvalues.push(body.name())
  const constants = new Map<string, Value>()
  for (let n = body.u32(); n > 0; n--) constants.set(body.name(), body.value())
  const text = body.string()
  const isMain = (flags & mainFlag) !== 0
  const isMethod = (flags & methodFlag) !== 0
  const fn = { text, isMain, isMethod, line, bodyLine, name, upvalues, constants }
  return { fn, chunkName, isStripped: (flags & strippedFlag) !== 0 }
}
