// config/schema/*.lua: the game's database tables, `return db_table { key =, columns =, indexes = }`.
//
// Core thread and tools. The file's name is the table's. The prelude gives the file its words; what
// they make is plain data that is checked here, every mistake with file, line and field. What comes
// out is the same for all databases; core/drain/ddl.ts knows how each of them says it, core/lane how
// a Lua value becomes a cell:
//
//   kind    Lua value                          in the database
//   int     integer of 64 bits                 64-bit integer
//   float   float                              double
//   text    text, UTF-8, no NUL                text, compared byte by byte
//   blob    bytes                              bytes
//   json    table                              its JSON, as text
//   bool    true, false                        boolean (SQLite: 1, 0)
//   time    integer: ms since 1970-01-01 UTC   64-bit integer

import type { Evaluated } from './evaluate.ts'
import { plainPairs } from './lua-values.ts'
import { type Problems, show, suggestion } from './problems.ts'
import { reservedWords } from './reserved-words.ts'
import {
  type ColumnKind,
  columnKinds,
  type DatabaseColumn,
  type DatabaseIndex,
  type DatabaseTable,
  type PlainValue,
} from './types.ts'

/** Defines db_table and the column words; lua/meta/config.d.lua documents them. */
export const databasePrelude = `
local function column(kind)
  local meta = {}
  function meta.__call(_, options)
    if type(options) ~= "table" then
      error(kind .. " takes a table of options: " .. kind .. " { default = ... }", 2)
    end
    local made = { kind = kind }
    for name, value in pairs(options) do made[name] = value end
    return made
  end
  return setmetatable({ kind = kind }, meta)
end
int, float, text, blob = column "int", column "float", column "text", column "blob"
json, bool, time = column "json", column "bool", column "time"
function optional(of)
  if type(of) ~= "table" then error("optional takes a column: optional(int)", 2) end
  local made = { optional = true }
  for name, value in pairs(of) do made[name] = value end
  return made
end
function unique(...) return { unique = true, ... } end
function db_table(schema)
  if type(schema) ~= "table" then error("db_table takes a table: db_table { ... }", 2) end
  return { ["$db_table"] = schema }
end
`

/** Longest text of a key or an index: MySQL can index no longer one. */
const indexedTextMax = 255
/** Longest text with a limit of its own. */
const textMaxMost = 4096
const columnsMax = 256
const namePattern = /^[a-z][a-z0-9_]{0,47}$/
const nameWords = 'a name of at most 48 letters a-z, digits and _, that begins with a letter'
const columnOptions = ['kind', 'max', 'default', 'optional']
const kindWords = `${columnKinds.join(', ')} or optional(...)`

type Fields = ReadonlyMap<string | number, PlainValue>

const fieldsOf = (value: PlainValue | undefined): Fields | undefined => {
  const pairs = value === undefined || Array.isArray(value) ? undefined : plainPairs(value)
  return pairs && new Map(pairs)
}

/** What is wrong with `name` for a table or a column; undefined when it is fine. */
export function nameProblem(name: string): string | undefined {
  if (!namePattern.test(name)) return `expected ${nameWords}, got ${show(name)}`
  if (name.startsWith('moon_')) return 'names that begin with moon_ are for the host itself'
  if (name.startsWith('sqlite_') || name.startsWith('pg_')) return 'the database keeps this name'
  if (!reservedWords.has(name)) return undefined
  return `'${name}' is a reserved word of SQL in one of the databases; take another name`
}

/** Checks one file of config/schema. */
export class DatabaseTableCheck {
  readonly #name: string
  readonly #file: string
  readonly #evaluated: Evaluated
  readonly #problems: Problems

  constructor(name: string, file: string, evaluated: Evaluated, problems: Problems) {
    this.#name = name
    this.#file = file
    this.#evaluated = evaluated
    this.#problems = problems
  }

  /** The table, or undefined when anything about it is wrong (and has been reported). */
  run(): DatabaseTable | undefined {
    const before = this.#problems.list.length
    const problem = nameProblem(this.#name)
    if (problem !== undefined) this.#report([], 'file name', problem)
    const schema = fieldsOf(fieldsOf(this.#evaluated.value)?.get('$db_table'))
    if (schema === undefined) {
      this.#report([], '', 'must end with: return db_table { key = ..., columns = { ... } }')
      return undefined
    }
    const known = ['key', 'columns', 'indexes']
    for (const name of schema.keys()) {
      if (known.includes(String(name))) continue
      this.#report([name], String(name), `unknown field${suggestion(String(name), known)}`)
    }
    const columns = this.#columns(schema.get('columns'))
    const key = this.#key(schema.get('key'), columns)
    const indexes = this.#indexes(schema.get('indexes'), columns)
    if (this.#problems.list.length > before) return undefined
    const first = key.flatMap((name) => columns.get(name) ?? [])
    const rest = [...columns.values()].filter((column) => !key.includes(column.name))
    return { name: this.#name, file: this.#file, key, columns: [...first, ...rest], indexes }
  }

  #report(path: readonly (string | number)[], where: string, message: string): void {
    const line = path.length === 0 ? undefined : this.#evaluated.positions.lineOf(path)
    this.#problems.add({ file: this.#file, line, field: where, message })
  }

  // --- columns

  #columns(value: PlainValue | undefined): Map<string, DatabaseColumn> {
    const columns = new Map<string, DatabaseColumn>()
    const fields = fieldsOf(value)
    if (fields === undefined || fields.size === 0) {
      this.#report(['columns'], 'columns', 'expected a table such as { id = int, name = text }')
      return columns
    }
    if (fields.size > columnsMax) {
      this.#report(['columns'], 'columns', `${fields.size} columns, at most ${columnsMax}`)
    }
    for (const [name, spec] of fields) {
      const column = this.#column(String(name), name, fieldsOf(spec))
      if (column !== undefined) columns.set(column.name, column)
    }
    return columns
  }

  #column(
    name: string,
    key: string | number,
    spec: Fields | undefined,
  ): DatabaseColumn | undefined {
    const where = `columns.${name}`
    const problem = typeof key === 'number' ? `expected a name = ... pair` : nameProblem(name)
    if (problem !== undefined) this.#report(['columns', key], where, problem)
    const kind = columnKinds.find((word) => word === spec?.get('kind'))
    if (spec === undefined || kind === undefined) {
      this.#report(['columns', key], where, `expected one of ${kindWords}`)
      return undefined
    }
    for (const option of spec.keys()) {
      if (columnOptions.includes(String(option))) continue
      const words = `unknown option '${option}'${suggestion(String(option), columnOptions)}`
      this.#report(['columns', key, option], where, words)
    }
    const optional = spec.get('optional') ?? false
    if (typeof optional !== 'boolean') {
      this.#report(['columns', key, 'optional'], where, 'optional must be true or false')
    }
    const lengthMax = this.#lengthMax(key, where, kind, spec.get('max'))
    const otherwise = this.#default(key, where, kind, lengthMax, spec.get('default'))
    return { name, kind, optional: optional === true, lengthMax, default: otherwise }
  }

  #lengthMax(
    key: string | number,
    where: string,
    kind: ColumnKind,
    max: PlainValue | undefined,
  ): number | undefined {
    if (max === undefined) return undefined
    const path = ['columns', key, 'max']
    if (kind !== 'text') this.#report(path, where, 'only text has a max')
    else if (typeof max === 'number' && Number.isInteger(max) && max >= 1 && max <= textMaxMost) {
      return max
    } else {
      this.#report(path, where, `expected a max from 1 to ${textMaxMost}, got ${show(max)}`)
    }
    return undefined
  }

  #default(
    key: string | number,
    where: string,
    kind: ColumnKind,
    lengthMax: number | undefined,
    value: PlainValue | undefined,
  ): boolean | number | string | undefined {
    if (value === undefined) return undefined
    const report = (message: string): undefined => {
      this.#report(['columns', key, 'default'], where, message)
      return undefined
    }
    if (kind === 'blob' || kind === 'json') return report(`a ${kind} column has no default`)
    if (kind === 'text' && lengthMax === undefined) {
      return report('a text column with a default needs a max: text { max = 32, default = "" }')
    }
    switch (kind) {
      case 'int':
      case 'time':
        if (Number.isSafeInteger(value)) return value as number
        return report(`expected a whole number as default, got ${show(value)}`)
      case 'float':
        if (typeof value === 'number') return value
        return report(`expected a number as default, got ${show(value)}`)
      case 'bool':
        if (typeof value === 'boolean') return value
        return report(`expected true or false as default, got ${show(value)}`)
      case 'text':
        if (typeof value === 'string' && [...value].length <= (lengthMax ?? 0)) {
          if (/^[^\p{Cc}'\\]*$/u.test(value)) return value
          return report("a default may hold no ', no \\ and no control character")
        }
        return report(`expected text of at most ${lengthMax} characters, got ${show(value)}`)
    }
  }

  // --- key and indexes

  #key(value: PlainValue | undefined, columns: Map<string, DatabaseColumn>): string[] {
    const names = typeof value === 'string' ? [value] : listOfTexts(value)
    if (names === undefined || names.length === 0) {
      const words = 'expected a column, or a list: key = "id", key = { "role_id", "item_id" }'
      this.#report(['key'], 'key', `${words}; got ${show(value)}`)
      return []
    }
    for (const name of this.#indexed('key', ['key'], names, columns)) {
      if (columns.get(name)?.optional === true) {
        this.#report(['columns', name], `columns.${name}`, 'a column of the key cannot be optional')
      }
    }
    return names
  }

  /** Checks the columns of a key or an index; returns those that exist. */
  #indexed(
    where: string,
    path: readonly (string | number)[],
    names: readonly string[],
    columns: Map<string, DatabaseColumn>,
  ): string[] {
    return names.filter((name, i) => {
      const column = columns.get(name)
      if (column === undefined) {
        const known = suggestion(name, columns.keys())
        this.#report(path, where, `there is no column '${name}'${known}`)
        return false
      }
      if (names.indexOf(name) !== i) this.#report(path, where, `'${name}' is in it twice`)
      if (column.kind === 'blob' || column.kind === 'json') {
        this.#report(path, where, `'${name}' is ${column.kind}, which cannot be indexed`)
      }
      if (
        column.kind === 'text' &&
        (column.lengthMax ?? Number.POSITIVE_INFINITY) > indexedTextMax
      ) {
        const words = `a text column in a key or index needs a max of at most ${indexedTextMax}`
        this.#report(['columns', name], `columns.${name}`, `${words}: text { max = 32 }`)
      }
      return true
    })
  }

  #indexes(
    value: PlainValue | undefined,
    columns: Map<string, DatabaseColumn>,
  ): readonly DatabaseIndex[] {
    if (value === undefined) return []
    const pairs = plainPairs(value)
    if (pairs === undefined || pairs.some(([key], i) => key !== i + 1)) {
      const words = 'expected a list: indexes = { { "name" }, unique("from_id", "at") }'
      this.#report(['indexes'], 'indexes', words)
      return []
    }
    const found = new Map<string, DatabaseIndex>()
    for (const [position, spec] of pairs) {
      const where = `indexes ${position}`
      const path = ['indexes', position]
      const fields = new Map(typeof spec === 'string' ? [[1, spec]] : plainPairs(spec))
      const unique = fields.get('unique') === true
      fields.delete('unique')
      const names = [...fields].sort(([a], [b]) => Number(a) - Number(b)).map(([, name]) => name)
      if (names.length === 0 || !names.every((name) => typeof name === 'string')) {
        this.#report(path, where, 'expected columns: { "name" }, { "a", "b" } or unique("name")')
        continue
      }
      const kept = this.#indexed(where, path, names as string[], columns)
      const name = `${this.#name}_${kept.join('_')}`.slice(0, 58) + (unique ? '_key' : '_idx')
      if (found.has(name)) this.#report(path, where, 'this index is in the list already')
      found.set(name, { name, columns: kept, unique })
    }
    return [...found.values()]
  }
}

function listOfTexts(value: PlainValue | undefined): string[] | undefined {
  if (!Array.isArray(value)) return undefined
  return value.every((item) => typeof item === 'string') ? (value as string[]) : undefined
}
