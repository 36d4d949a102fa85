// One table of config/schema as entities need it: checks cells, compares them, writes their SQL.
//
// Lane thread. A Lua table stands for a row. What its columns held at the last commit is kept as a
// snapshot, one value for each column, so that a change is found by comparing and taken back by
// writing the snapshot over the table. Every fault names table and column.
//
//   kind       snapshot                           a change is written as
//   int        number or bigint                   gold = gold + (-10): two lanes cannot undo each other
//   time       number or bigint                   at = (…)
//   float      number                             f = (…)
//   text, blob byte string
//   bool       boolean
//   json       its JSON as a byte string: compared in depth, whatever the table's identity

import { isUtf8 } from 'node:buffer'
import { HostError } from '../base/errors.ts'
import type { DatabaseColumn, DatabaseTable } from '../config/types.ts'
import { bytesToText } from '../lua/bytes.ts'
import { type LuaEngine, LuaError, LuaFloat, type LuaTable, type LuaValue } from '../lua/engine.ts'
import { SqlBlob, type SqlValue } from '../spool/sql-value.ts'

/** What a column held; undefined is NULL. */
export type Kept = undefined | boolean | number | bigint | string

/** A statement's text and its values. */
export interface Change {
  readonly sql: string
  readonly values: readonly SqlValue[]
}

/** Bytes that an entity is counted with beside its cells. */
const entityOverheadBytes = 256
const cellBytes = 48

export class EntityTable {
  readonly schema: DatabaseTable
  readonly selectSql: string
  readonly deleteSql: string
  readonly #insertSql: string
  readonly #where: string
  readonly #engine: LuaEngine
  readonly #columns: ReadonlyMap<string, DatabaseColumn>

  constructor(schema: DatabaseTable, engine: LuaEngine) {
    this.schema = schema
    this.#engine = engine
    this.#columns = new Map(schema.columns.map((column) => [column.name, column]))
    const names = schema.columns.map((column) => column.name)
    this.#where = schema.key.map((name) => `${name} = ?`).join(' AND ')
    this.selectSql = `SELECT ${names.join(', ')} FROM ${schema.name} WHERE ${this.#where}`
    this.deleteSql = `DELETE FROM ${schema.name} WHERE ${this.#where}`
    const marks = names.map(() => '?').join(', ')
    this.#insertSql = `INSERT INTO ${schema.name}(${names.join(', ')}) VALUES (${marks})`
  }

  get name(): string {
    return this.schema.name
  }

  /**
   * A key as Lua gives it: one value, or a list for a key of several columns.
   * @throws HostError BAD_REQUEST
   */
  keyOf(key: LuaValue): readonly Kept[] {
    const { key: names } = this.schema
    if (names.length === 1) return [this.#keyCell(names[0] as string, key)]
    if (this.#engine.typeOf(key) !== 'table') {
      throw fault(`the key of ${this.name} is a list: { ${names.join(', ')} }`)
    }
    return names.map((name, i) => this.#keyCell(name, this.#engine.rawGet(key as LuaTable, i + 1)))
  }

  /** The key of a row's table. @throws HostError */
  keyOfRow(row: LuaTable): readonly Kept[] {
    return this.schema.key.map((name) => this.#keyCell(name, this.#engine.rawGet(row, name)))
  }

  /** The values of a key for a statement's WHERE. */
  keyValues(key: readonly Kept[]): readonly SqlValue[] {
    return this.schema.key.map((name, i) => this.#sqlValue(this.#column(name), key[i]))
  }

  /** Fills what is left out with the schema's defaults. */
  fillDefaults(row: LuaTable): void {
    for (const { name, kind, default: otherwise } of this.schema.columns) {
      if (otherwise === undefined || this.#engine.rawGet(row, name) !== undefined) continue
      const value =
        typeof otherwise === 'string'
          ? Buffer.from(otherwise).toString('latin1')
          : kind === 'float' && Number.isInteger(otherwise)
            ? new LuaFloat(otherwise as number)
            : otherwise
      this.#engine.rawSet(row, name, value)
    }
  }

  /** What all columns of a row's table hold now. @throws HostError naming the column at fault */
  keep(row: LuaTable): Kept[] {
    const columns = this.#columns
    this.#engine.forEach(row, (key) => {
      if (typeof key === 'string' && columns.has(key)) return true
      const shown = typeof key === 'string' ? bytesToText(key) : String(key)
      throw fault(`${this.name} has no column '${shown}' (see ${this.schema.file})`)
    })
    return this.schema.columns.map((column) =>
      this.#keepCell(column, this.#engine.rawGet(row, column.name)),
    )
  }

  /** Writes what was kept over a row's table. */
  restore(row: LuaTable, kept: readonly Kept[]): void {
    const extra: LuaValue[] = []
    this.#engine.forEach(row, (key) => {
      if (typeof key !== 'string' || !this.#columns.has(key)) extra.push(key)
      return true
    })
    for (const key of extra) this.#engine.rawSet(row, key, undefined)
    for (const [i, column] of this.schema.columns.entries()) {
      this.#engine.rawSet(row, column.name, this.#luaValue(column, kept[i]))
    }
  }

  /** What a row of a query's result holds, as the columns' kinds want it. */
  keepResult(row: LuaTable): Kept[] {
    return this.schema.columns.map((column) => {
      const cell = this.#engine.rawGet(row, column.name)
      if (cell === undefined) return undefined
      switch (column.kind) {
        case 'bool':
          return typeof cell === 'boolean' ? cell : cell !== 0
        case 'float':
          return cell instanceof LuaFloat ? cell.n : Number(cell)
        case 'int':
        case 'time':
          return cell instanceof LuaFloat ? cell.n : (cell as number | bigint)
        default:
          return cell as string
      }
    })
  }

  insert(kept: readonly Kept[]): Change {
    const values = this.schema.columns.map((column, i) => this.#sqlValue(column, kept[i]))
    return { sql: this.#insertSql, values }
  }

  /** The UPDATE that leads from one state to another; undefined when they are the same. */
  update(before: readonly Kept[], after: readonly Kept[]): Change | undefined {
    const sets: string[] = []
    const values: SqlValue[] = []
    for (const [i, column] of this.schema.columns.entries()) {
      const [old, now] = [before[i], after[i]]
      if (old === now) continue
      const { name } = column
      if (this.schema.key.includes(name)) {
        throw fault(`${this.name}.${name} is part of the key and cannot change`)
      }
      const difference = column.kind === 'int' ? differenceOf(old, now) : undefined
      sets.push(difference === undefined ? `${name} = ?` : `${name} = ${name} + ?`)
      values.push(difference ?? this.#sqlValue(column, now))
    }
    if (sets.length === 0) return undefined
    values.push(...this.keyValues(this.#keyOfKept(before)))
    return { sql: `UPDATE ${this.name} SET ${sets.join(', ')} WHERE ${this.#where}`, values }
  }

  /** Adds to a column of integers, whatever it holds. @throws HostError */
  add(key: readonly Kept[], column: LuaValue, amount: LuaValue): Change {
    const found = typeof column === 'string' ? this.#columns.get(column) : undefined
    if (found?.kind !== 'int' || this.schema.key.includes(found.name)) {
      const shown = typeof column === 'string' ? bytesToText(column) : 'argument 3'
      throw fault(`${this.name}.${shown} is no int column that can be added to`)
    }
    const value = this.#integer(`${this.name}.${found.name}`, amount)
    const sql = `UPDATE ${this.name} SET ${found.name} = ${found.name} + ? WHERE ${this.#where}`
    return { sql, values: [value, ...this.keyValues(key)] }
  }

  /** About how many bytes of memory a row takes. */
  bytesOf(kept: readonly Kept[]): number {
    let bytes = entityOverheadBytes
    for (const value of kept)
      bytes += cellBytes + (typeof value === 'string' ? 2 * value.length : 0)
    return bytes
  }

  // --- cells ------------------------------------------------------------------------------------

  #column(name: string): DatabaseColumn {
    return this.#columns.get(name) as DatabaseColumn
  }

  #keyOfKept(kept: readonly Kept[]): readonly Kept[] {
    // The schema has the key's columns first.
    return kept.slice(0, this.schema.key.length)
  }

  #keyCell(name: string, value: LuaValue): Kept {
    if (value === undefined) throw fault(`the key ${this.name}.${name} is nil`)
    return this.#keepCell(this.#column(name), value)
  }

  #keepCell(column: DatabaseColumn, value: LuaValue): Kept {
    const where = `${this.name}.${column.name}`
    if (value === undefined) {
      if (column.optional) return undefined
      throw fault(`${where} must not be nil`)
    }
    const type = this.#engine.typeOf(value)
    const expected = (what: string): HostError => fault(`${where} must be ${what}, it is a ${type}`)
    switch (column.kind) {
      case 'int':
      case 'time':
        return this.#integer(where, value)
      case 'float': {
        const n = value instanceof LuaFloat ? value.n : Number(value)
        if (type !== 'number') throw expected('a number')
        if (!Number.isFinite(n)) throw fault(`${where} is ${Number.isNaN(n) ? 'NaN' : 'infinite'}`)
        return n
      }
      case 'bool':
        if (typeof value !== 'boolean') throw expected('true or false')
        return value
      case 'text':
        if (typeof value !== 'string') throw expected('text')
        return this.#text(where, column, value)
      case 'blob':
        if (typeof value !== 'string') throw expected('a string of bytes')
        return value
      case 'json':
        return this.#json(where, value)
    }
  }

  #integer(where: string, value: LuaValue): number | bigint {
    const n = value instanceof LuaFloat ? value.n : value
    if (typeof n === 'bigint') return n
    if (typeof n === 'number' && Number.isSafeInteger(n)) return n
    const shown = typeof n === 'number' ? String(n) : `a ${this.#engine.typeOf(value)}`
    throw fault(`${where} must be a whole number, it is ${shown}`)
  }

  #text(where: string, column: DatabaseColumn, value: string): string {
    if (!isUtf8(Buffer.from(value, 'latin1'))) {
      throw fault(`${where} is not valid UTF-8; a blob column holds any bytes`)
    }
    if (value.includes('\0')) throw fault(`${where} has a NUL character, which text cannot hold`)
    const { lengthMax } = column
    if (lengthMax !== undefined && value.length > lengthMax) {
      const length = [...bytesToText(value)].length
      if (length > lengthMax) {
        throw fault(`${where} has ${length} characters, at most ${lengthMax} fit`)
      }
    }
    return value
  }

  #json(where: string, value: LuaValue): string {
    try {
      return this.#engine.stringifyJson(value)
    } catch (error) {
      if (!(error instanceof LuaError)) throw error
      throw fault(`${where}: ${error.message}`)
    }
  }

  #luaValue(column: DatabaseColumn, kept: Kept): LuaValue {
    if (kept === undefined) return undefined
    if (column.kind === 'json') return this.#engine.parseJson(Buffer.from(kept as string, 'latin1'))
    if (column.kind === 'float' && Number.isInteger(kept)) return new LuaFloat(kept as number)
    return kept
  }

  #sqlValue(column: DatabaseColumn, kept: Kept): SqlValue {
    if (kept === undefined) return undefined
    if (column.kind === 'blob') return new SqlBlob(kept as string)
    if (column.kind === 'float') return new LuaFloat(kept as number)
    return kept
  }
}

/** How much was added, when both are integers and the difference is one of 64 bits. */
function differenceOf(old: Kept, now: Kept): number | bigint | undefined {
  if (typeof old === 'number' && typeof now === 'number') {
    return Number.isSafeInteger(now - old) ? now - old : undefined
  }
  if (old === undefined || now === undefined) return undefined
  const difference = BigInt(now as bigint) - BigInt(old as bigint)
  return BigInt.asIntN(64, difference) === difference ? difference : undefined
}

function fault(text: string): HostError {
  return new HostError('BAD_REQUEST', text)
}
