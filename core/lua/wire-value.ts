// Lua values as protobuf: the LuaValues message of config/proto/rpc.proto, which crosses between hosts.
//
// Any thread that owns an engine. The same values travel as between lanes (value-codec.ts), with the
// same limits: integers, floats, byte strings, booleans, nil and tables, each as what it is; metatables
// do not. The writer goes from the end to the front, because a message's length stands before it: so
// one pass is enough, and the bytes are those that any protobuf library would make. Bytes that come
// from outside are never trusted: `decode` returns undefined for what is no such message.
//
//   LuaValues  1 values*
//   LuaValue   1 nil  2 boolean  3 integer (sint64)  4 float  5 string (bytes)  6 table  7 json_null
//   LuaTable   1 items*: the values 1..n   2 pairs*: { 1 key  2 value }

import { limits } from '../base/limits.ts'
import { tagOf, varintSize, WireReader, wireType, writeVarint } from '../base/protobuf-wire.ts'
import { type LuaEngine, LuaError, LuaFloat, type LuaTable, type LuaValue } from './engine.ts'

const kind = {
  nil: tagOf(1, wireType.varint),
  boolean: tagOf(2, wireType.varint),
  integer: tagOf(3, wireType.varint),
  float: tagOf(4, wireType.fixed64),
  string: tagOf(5, wireType.bytes),
  table: tagOf(6, wireType.bytes),
  jsonNull: tagOf(7, wireType.varint),
} as const
/** `values` of LuaValues, `items` of LuaTable, `key` of LuaPair. */
const firstField = tagOf(1, wireType.bytes)
/** `pairs` of LuaTable, `value` of LuaPair. */
const secondField = tagOf(2, wireType.bytes)

const firstBytes = 4096

export class WireValueWriter {
  readonly #engine: LuaEngine
  #buffer = Buffer.allocUnsafeSlow(firstBytes)
  /** Where what is written begins; it ends at the buffer's end. */
  #at = 0
  #depth = 0
  readonly #path: string[] = []

  constructor(engine: LuaEngine) {
    this.#engine = engine
  }

  /**
   * Encodes a list of values.
   * @returns bytes that are valid until the next call
   * @throws LuaError naming the path of what cannot travel (`argument 2.items[3]: a function`)
   */
  encode(values: readonly LuaValue[]): Uint8Array {
    this.#at = this.#buffer.length
    this.#depth = 0
    this.#path.length = 0
    for (let i = values.length - 1; i >= 0; i--) {
      this.#path.push(`argument ${i + 1}`)
      this.#field(firstField, values[i])
      this.#path.pop()
    }
    return this.#buffer.subarray(this.#at)
  }

  /** One LuaValue as a field of the message around it. */
  #field(tag: number, value: LuaValue): void {
    const end = this.#buffer.length - this.#at
    this.#value(value)
    this.#head(tag, this.#buffer.length - this.#at - end)
  }

  /** Tag and length of what was just written. */
  #head(tag: number, length: number): void {
    const size = varintSize(length)
    this.#room(size + 1)
    this.#at -= size
    writeVarint(this.#buffer, this.#at, length)
    this.#buffer[--this.#at] = tag
  }

  #value(value: LuaValue): void {
    if (value === undefined) this.#flag(kind.nil, 1)
    else if (typeof value === 'boolean') this.#flag(kind.boolean, value ? 1 : 0)
    else if (typeof value === 'number') this.#number(value)
    else if (typeof value === 'bigint') this.#wide(value)
    else if (typeof value === 'string') this.#string(value)
    else if (value instanceof LuaFloat) this.#float(value.n)
    else if (value === this.#engine.jsonNull) this.#flag(kind.jsonNull, 1)
    else if (this.#engine.typeOf(value) === 'table') this.#table(value as LuaTable)
    else this.#refuse(`a ${this.#engine.typeOf(value)}`)
  }

  #flag(tag: number, value: number): void {
    this.#room(2)
    this.#buffer[--this.#at] = value
    this.#buffer[--this.#at] = tag
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) return this.#float(value)
    if (value >= 2 ** 30 || value < -(2 ** 30)) return this.#wide(BigInt(value))
    const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
    const size = varintSize(zigzag)
    this.#room(size + 1)
    this.#at -= size
    writeVarint(this.#buffer, this.#at, zigzag)
    this.#buffer[--this.#at] = kind.integer
  }

  #wide(value: bigint): void {
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
    const bytes: number[] = []
    while (rest > 0x7fn) {
      bytes.push(Number(rest & 0x7fn) | 0x80)
      rest >>= 7n
    }
    bytes.push(Number(rest))
    this.#room(bytes.length + 1)
    this.#at -= bytes.length
    this.#buffer.set(bytes, this.#at)
    this.#buffer[--this.#at] = kind.integer
  }

  #float(value: number): void {
    this.#room(9)
    this.#at -= 8
    this.#buffer.writeDoubleLE(value, this.#at)
    this.#buffer[--this.#at] = kind.float
  }

  #string(value: string): void {
    this.#room(value.length)
    this.#at -= value.length
    this.#buffer.write(value, this.#at, 'latin1')
    this.#head(kind.string, value.length)
  }

  #table(table: LuaTable): void {
    if (++this.#depth > limits.jsonDepthMax) {
      this.#refuse(`nested deeper than ${limits.jsonDepthMax} (a cycle?)`)
    }
    const end = this.#buffer.length - this.#at
    const length = this.#engine.rawLength(table)
    this.#engine.forEach(table, (key, value) => {
      const isItem = typeof key === 'number' && Number.isInteger(key) && key >= 1 && key <= length
      if (!isItem) this.#pair(key, value)
      return true
    })
    for (let i = length; i >= 1; i--) {
      this.#path.push(`[${i}]`)
      this.#field(firstField, this.#engine.rawGet(table, i))
      this.#path.pop()
    }
    this.#head(kind.table, this.#buffer.length - this.#at - end)
    this.#depth--
  }

  #pair(key: LuaValue, value: LuaValue): void {
    const end = this.#buffer.length - this.#at
    this.#path.push(typeof key === 'string' ? `.${key}` : `[${String(key)}]`)
    this.#field(secondField, value)
    this.#field(firstField, key)
    this.#path.pop()
    this.#head(secondField, this.#buffer.length - this.#at - end)
  }

  #room(bytes: number): void {
    const used = this.#buffer.length - this.#at
    if (used + bytes > limits.valueBytesMax)
      this.#refuse(`longer than ${limits.valueBytesMax} bytes`)
    if (bytes <= this.#at) return
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, used + bytes))
    this.#buffer.copy(grown, grown.length - used, this.#at)
    this.#at = grown.length - used
    this.#buffer = grown
  }

  #refuse(what: string): never {
    const message = `${this.#path.join('')}: ${what} cannot be sent`
    throw new LuaError(message, message, '')
  }
}

export class WireValueReader {
  readonly #engine: LuaEngine
  readonly #reader = new WireReader()
  #depth = 0
  /** A nil or NaN as a table's key, or too many levels. */
  #isWrong = false

  constructor(engine: LuaEngine) {
    this.#engine = engine
  }

  /** @returns the values of a LuaValues message; undefined when it is none */
  decode(bytes: Buffer, start: number, end: number): LuaValue[] | undefined {
    const reader = this.#reader
    reader.reset(bytes, start, end)
    this.#depth = 0
    this.#isWrong = false
    const values: LuaValue[] = []
    while (reader.more) {
      const tag = reader.varint()
      if (tag === firstField) values.push(this.#message(this.#value))
      else this.#skip(tag)
    }
    return reader.failed || this.#isWrong ? undefined : values
  }

  /** Reads the message that follows, which ends where its length says. */
  #message<T>(read: () => T): T {
    const reader = this.#reader
    const end = reader.lengthEnd()
    const outer = reader.end
    reader.end = end
    const value = read()
    // After a fault the reader stays at its end, so that every loop around this one ends as well.
    if (!reader.failed) reader.at = end
    reader.end = reader.failed ? reader.at : outer
    return value
  }

  readonly #value = (): LuaValue => {
    const reader = this.#reader
    let value: LuaValue
    while (reader.more) {
      const tag = reader.varint()
      if (tag === kind.integer) value = reader.sint64()
      else if (tag === kind.string) value = this.#string()
      else if (tag === kind.table) value = this.#table()
      else if (tag === kind.float) value = this.#float()
      else if (tag === kind.boolean) value = reader.varint() !== 0
      else if (tag === kind.nil) value = this.#nothing(undefined)
      else if (tag === kind.jsonNull) value = this.#nothing(this.#engine.jsonNull)
      else this.#skip(tag)
    }
    return value
  }

  #nothing(value: LuaValue): LuaValue {
    this.#reader.varint()
    return value
  }

  #float(): LuaValue {
    const value = this.#reader.double()
    return Number.isInteger(value) ? new LuaFloat(value) : value
  }

  #string(): string {
    const reader = this.#reader
    const end = reader.lengthEnd()
    const text = reader.bytes.toString('latin1', reader.at, end)
    reader.at = end
    return text
  }

  #table(): LuaTable {
    const table = this.#engine.newTable()
    if (++this.#depth > limits.jsonDepthMax) {
      this.#isWrong = true
      this.#reader.at = this.#reader.end
    } else {
      this.#message(() => this.#fill(table))
    }
    this.#depth--
    return table
  }

  #fill(table: LuaTable): void {
    const reader = this.#reader
    let length = 0
    while (reader.more) {
      const tag = reader.varint()
      if (tag === firstField) {
        const value = this.#message(this.#value)
        length++
        if (value !== undefined) this.#engine.rawSet(table, length, value)
      } else if (tag === secondField) {
        this.#message(() => this.#pair(table))
      } else {
        this.#skip(tag)
      }
    }
  }

  #pair(table: LuaTable): void {
    const reader = this.#reader
    let key: LuaValue
    let value: LuaValue
    while (reader.more) {
      const tag = reader.varint()
      if (tag === firstField) key = this.#message(this.#value)
      else if (tag === secondField) value = this.#message(this.#value)
      else this.#skip(tag)
    }
    // In Lua 2.0 and 2 are one key.
    if (key instanceof LuaFloat && Number.isSafeInteger(key.n)) key = key.n + 0
    if (key === undefined || Number.isNaN(key)) this.#isWrong = true
    else if (value !== undefined) this.#engine.rawSet(table, key, value)
  }

  #skip(tag: number): void {
    this.#reader.skip(tag >>> 3 === 0 ? -1 : tag & 7)
  }
}
