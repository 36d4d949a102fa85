// A query's rows as one Lua value, written by threads that have no Lua: a list of tables by column.
//
// Any thread. The bytes are those of value-codec.ts, whose ValueReader makes them Lua values again.
// NULL is nil, so a row has no such key. Rows and bytes are bounded: one too many is an error, and
// nothing is cut off silently.
//
//   u8 1 | list { row { column → value, … }, … }

import { HostError } from '../base/errors.ts'
import { valueTag } from './value-codec.ts'

/**
 * A cell: bigint is an integer of 64 bits, number a float, string text, bytes as they are (text in
 * UTF-8, or a blob).
 */
export type Cell = null | undefined | bigint | number | boolean | string | Uint8Array

export interface RowLimits {
  readonly rowsMax: number
  readonly bytesMax: number
}

const listHeaderBytes = 10

export class RowWriter {
  readonly #limits: RowLimits
  readonly #columns: readonly Buffer[]
  #buffer = Buffer.allocUnsafe(1024)
  #at = listHeaderBytes
  #rows = 0

  /** @param columns names; each with less than 256 bytes */
  constructor(columns: readonly string[], rowLimits: RowLimits) {
    this.#limits = rowLimits
    this.#columns = columns.map((name) => {
      const bytes = Buffer.from(name)
      if (bytes.length < 256) {
        return Buffer.concat([Buffer.from([valueTag.shortString, bytes.length]), bytes])
      }
      throw new HostError('SQL', `the name of column ${name.slice(0, 40)}... is too long`)
    })
  }

  /** @throws HostError TOO_LARGE for a row or a byte too many */
  add(cells: readonly Cell[]): void {
    if (++this.#rows > this.#limits.rowsMax) {
      const text = `more than ${this.#limits.rowsMax} rows (db.result_rows_max); ask for fewer`
      throw new HostError('TOO_LARGE', text)
    }
    this.#room(9)
    const headAt = this.#at
    let pairs = 0
    this.#at += 9
    for (let i = 0; i < cells.length; i++) {
      const cell = cells[i]
      if (cell === null || cell === undefined) continue
      const name = this.#columns[i] as Buffer
      this.#room(name.length + 9)
      this.#at += name.copy(this.#buffer, this.#at)
      this.#cell(cell)
      pairs++
    }
    this.#buffer[headAt] = valueTag.table
    this.#buffer.writeUInt32LE(pairs, headAt + 1)
    this.#buffer.writeUInt32LE(0, headAt + 5)
  }

  /** The bytes of all rows; the writer is of no use afterwards. */
  finish(): Uint8Array {
    this.#buffer[0] = 1
    this.#buffer[1] = valueTag.table
    this.#buffer.writeUInt32LE(0, 2)
    this.#buffer.writeUInt32LE(this.#rows, 6)
    return this.#buffer.subarray(0, this.#at)
  }

  #cell(cell: Exclude<Cell, null | undefined>): void {
    if (typeof cell === 'bigint') this.#integer(cell)
    else if (typeof cell === 'boolean') this.#tag(cell ? valueTag.true : valueTag.false)
    else if (typeof cell === 'string') this.#bytes(Buffer.from(cell))
    else if (typeof cell !== 'number') this.#bytes(cell)
    else {
      this.#tag(valueTag.float)
      this.#at = this.#buffer.writeDoubleLE(cell, this.#at)
    }
  }

  #integer(value: bigint): void {
    const near = Number(value)
    if ((near | 0) === near) {
      this.#tag(valueTag.int32)
      this.#at = this.#buffer.writeInt32LE(near, this.#at)
    } else {
      this.#tag(valueTag.int64)
      this.#at = this.#buffer.writeBigInt64LE(BigInt.asIntN(64, value), this.#at)
    }
  }

  #bytes(bytes: Uint8Array): void {
    this.#room(5 + bytes.length)
    this.#tag(valueTag.longString)
    this.#at = this.#buffer.writeUInt32LE(bytes.length, this.#at)
    this.#buffer.set(bytes, this.#at)
    this.#at += bytes.length
  }

  #tag(tag: number): void {
    this.#buffer[this.#at++] = tag
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes
    if (needed > this.#limits.bytesMax) {
      const text = `more than ${this.#limits.bytesMax} bytes (db.result_bytes_max); ask for less`
      throw new HostError('TOO_LARGE', text)
    }
    if (needed <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(grown, 0, 0, this.#at)
    this.#buffer = grown
  }
}
