// Lua values as bytes: what crosses between lanes (calls, a moving session's data).
//
// Any thread that owns an engine. Integers, floats, byte strings, booleans, nil and tables keep
// their exact type and value; the receiver gets a copy that shares nothing. Functions and coroutines
// are refused with the path of the offender, and so are cycles (by depth) and oversized values.
//
//   nil 0 | false 1 | true 2
//   integer  3 i32 LE | 4 i64 LE
//   float    5 f64 LE                    (a LuaFloat or a JavaScript number that is not an integer)
//   string   6 u8 length | bytes         7 u32 LE length | bytes
//   table    8 u32 LE pairs | u32 LE length of the sequence | values 1..n | key, value …
//
// Metatables do not travel; JSON null is 9.

import { limits } from '../base/limits.ts'
import { type LuaEngine, LuaError, LuaFloat, type LuaTable, type LuaValue } from './engine.ts'

export const valueTag = {
  nil: 0,
  false: 1,
  true: 2,
  int32: 3,
  int64: 4,
  float: 5,
  shortString: 6,
  longString: 7,
  table: 8,
  jsonNull: 9,
} as const

/** Values of one list; their count is one byte. */
const valuesMax = 255

/** Encodes values into one growing buffer, which it reuses from call to call. */
export class ValueWriter {
  readonly #engine: LuaEngine
  #buffer = Buffer.allocUnsafeSlow(4096)
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
    this.#at = 0
    this.#depth = 0
    this.#path.length = 0
    if (values.length > valuesMax) this.#refuse(`${values.length} values (${valuesMax} at most)`)
    this.#room(1)
    this.#buffer[this.#at++] = values.length
    for (let i = 0; i < values.length; i++) {
      this.#path.push(`argument ${i + 1}`)
      this.#value(values[i])
      this.#path.pop()
    }
    return this.#buffer.subarray(0, this.#at)
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes
    if (needed > limits.valueBytesMax) this.#refuse(`longer than ${limits.valueBytesMax} bytes`)
    if (needed <= this.#buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(grown, 0, 0, this.#at)
    this.#buffer = grown
  }

  #value(value: LuaValue): void {
    this.#room(9)
    if (value === undefined) this.#buffer[this.#at++] = valueTag.nil
    else if (typeof value === 'boolean')
      this.#buffer[this.#at++] = value ? valueTag.true : valueTag.false
    else if (typeof value === 'number') this.#number(value)
    else if (typeof value === 'bigint') this.#int64(value)
    else if (typeof value === 'string') this.#string(value)
    else if (value instanceof LuaFloat) this.#float(value.n)
    else if (this.#engine.typeOf(value) === 'table') this.#table(value as LuaTable)
    else this.#refuse(`a ${this.#engine.typeOf(value)}`)
  }

  #number(value: number): void {
    if ((value | 0) === value && !Object.is(value, -0)) {
      this.#buffer[this.#at++] = valueTag.int32
      this.#at = this.#buffer.writeInt32LE(value, this.#at)
    } else if (Number.isSafeInteger(value)) {
      this.#int64(BigInt(value))
    } else {
      this.#float(value)
    }
  }

  #int64(value: bigint): void {
    this.#buffer[this.#at++] = valueTag.int64
    this.#at = this.#buffer.writeBigInt64LE(value, this.#at)
  }

  #float(value: number): void {
    this.#buffer[this.#at++] = valueTag.float
    this.#at = this.#buffer.writeDoubleLE(value, this.#at)
  }

  #string(value: string): void {
    this.#room(5 + value.length)
    if (value.length < 256) {
      this.#buffer[this.#at++] = valueTag.shortString
      this.#buffer[this.#at++] = value.length
    } else {
      this.#buffer[this.#at++] = valueTag.longString
      this.#at = this.#buffer.writeUInt32LE(value.length, this.#at)
    }
    this.#at += this.#buffer.write(value, this.#at, 'latin1')
  }

  #table(table: LuaTable): void {
    if (table === this.#engine.jsonNull) {
      this.#buffer[this.#at++] = valueTag.jsonNull
      return
    }
    if (++this.#depth > limits.jsonDepthMax) {
      this.#refuse(`nested deeper than ${limits.jsonDepthMax} (a cycle?)`)
    }
    this.#buffer[this.#at++] = valueTag.table
    const pairsAt = this.#at
    const length = this.#engine.rawLength(table)
    this.#at = this.#buffer.writeUInt32LE(length, pairsAt + 4)
    for (let i = 1; i <= length; i++) {
      this.#path.push(`[${i}]`)
      this.#value(this.#engine.rawGet(table, i))
      this.#path.pop()
    }
    let pairs = 0
    this.#engine.forEach(table, (key, value) => {
      if (typeof key === 'number' && Number.isInteger(key) && key >= 1 && key <= length) {
        return true
      }
      pairs++
      this.#path.push(typeof key === 'string' ? `.${key}` : `[${String(key)}]`)
      this.#value(key)
      this.#value(value)
      this.#path.pop()
      return true
    })
    this.#buffer.writeUInt32LE(pairs, pairsAt)
    this.#depth--
  }

  #refuse(what: string): never {
    const where = this.#path.length === 0 ? '' : `${this.#path.join('')}: `
    const message = `${where}${what} cannot be sent`
    throw new LuaError(message, message, '')
  }
}

/** Decodes what a ValueWriter of any engine has encoded. The bytes come from our own threads. */
export class ValueReader {
  readonly #engine: LuaEngine
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0

  constructor(engine: LuaEngine) {
    this.#engine = engine
  }

  /** @returns the values of one `encode`; `bytes` may be reused afterwards */
  decode(bytes: Buffer, start: number): LuaValue[] {
    this.#bytes = bytes
    this.#at = start
    const count = bytes[this.#at++] as number
    const values: LuaValue[] = new Array(count)
    for (let i = 0; i < count; i++) values[i] = this.#value()
    return values
  }

  #value(): LuaValue {
    const kind = this.#bytes[this.#at++]
    switch (kind) {
      case valueTag.nil:
        return undefined
      case valueTag.false:
        return false
      case valueTag.true:
        return true
      case valueTag.int32:
        this.#at += 4
        return this.#bytes.readInt32LE(this.#at - 4)
      case valueTag.int64:
        return this.#int64()
      case valueTag.float:
        return this.#float()
      case valueTag.shortString:
        return this.#string(this.#bytes[this.#at++] as number)
      case valueTag.longString:
        this.#at += 4
        return this.#string(this.#bytes.readUInt32LE(this.#at - 4))
      case valueTag.table:
        return this.#table()
      case valueTag.jsonNull:
        return this.#engine.jsonNull
      default:
        throw new RangeError(`value tag ${kind}`)
    }
  }

  #int64(): LuaValue {
    const value = this.#bytes.readBigInt64LE(this.#at)
    this.#at += 8
    const near = Number(value)
    return Number.isSafeInteger(near) ? near : value
  }

  #float(): LuaValue {
    const value = this.#bytes.readDoubleLE(this.#at)
    this.#at += 8
    return Number.isInteger(value) ? new LuaFloat(value) : value
  }

  #string(length: number): string {
    this.#at += length
    return this.#bytes.toString('latin1', this.#at - length, this.#at)
  }

  #table(): LuaTable {
    const engine = this.#engine
    const pairs = this.#bytes.readUInt32LE(this.#at)
    const length = this.#bytes.readUInt32LE(this.#at + 4)
    this.#at += 8
    const table = engine.newTable()
    for (let i = 1; i <= length; i++) engine.rawSet(table, i, this.#value())
    for (let i = 0; i < pairs; i++) {
      const key = this.#value()
      engine.rawSet(table, key, this.#value())
    }
    return table
  }
}
