// config/tables/*.lua with columns: `return table_schema { key =, columns = {...}, rows = {...} }`.
//
// Core thread and tools. The prelude below gives the designer's file its words; what they make is
// plain data that is checked here. Every bad cell is reported with file, line, row number, row key
// and column: wrong types, values out of range, missing and unknown columns, duplicate keys, and (by
// `checkReferences`, when all tables are loaded) references to rows that do not exist.

import type { Evaluated } from './evaluate.ts'
import { pairsToPlain, plainPairs } from './lua-values.ts'
import { type Problems, show, suggestion } from './problems.ts'
import type { PlainValue } from './types.ts'

/** Defines table_schema and the column words; lua/meta/config.d.lua documents them. */
export const tablePrelude = `
local function column(kind)
  local meta = {}
  function meta.__call(_, options)
    if type(options) ~= "table" then
      error(kind .. " takes a table of options: " .. kind .. " { min = 1 }", 2)
    end
    local made = { kind = kind }
    for name, value in pairs(options) do made[name] = value end
    return made
  end
  return setmetatable({ kind = kind }, meta)
end
integer, number, text, flag, any = column "integer", column "number", column "text", column "flag", column "any"
function choice(words) return { kind = "choice", words = words } end
function ref(name) return { kind = "ref", to = name } end
function optional(of)
  local made = { optional = true }
  for name, value in pairs(of) do made[name] = value end
  return made
end
function table_schema(schema)
  return { ["$schema"] = schema }
end
`

const columnOptions = ['kind', 'min', 'max', 'default', 'optional', 'words', 'to']

interface Column {
  readonly name: string
  readonly kind: string
  readonly min: number | undefined
  readonly max: number | undefined
  readonly default: PlainValue | undefined
  readonly optional: boolean
  readonly words: readonly PlainValue[]
  readonly to: string
}

/** A cell that must name a row of another table. */
export interface Reference {
  readonly to: string
  readonly value: PlainValue
  readonly file: string
  readonly line: number
  readonly field: string
}

export interface CheckedTable {
  /** Rows by key. */
  readonly value: PlainValue
  readonly rowCount: number
  readonly keys: ReadonlySet<PlainValue>
  readonly references: readonly Reference[]
}

/** The schema that `table_schema` made, or undefined for free-form data. */
export function schemaOf(value: PlainValue): PlainValue | undefined {
  return typeof value === 'object' ? field(value, '$schema') : undefined
}

function field(value: PlainValue | undefined, name: string): PlainValue | undefined {
  if (value === undefined || typeof value !== 'object' || Array.isArray(value)) return undefined
  return Object.hasOwn(value, name) ? (value as Record<string, PlainValue>)[name] : undefined
}

/** Checks one table with a schema. */
export class TableCheck {
  readonly #file: string
  readonly #evaluated: Evaluated
  readonly #problems: Problems
  readonly #references: Reference[] = []
  /** Line of the first row of each key. */
  readonly #seen = new Map<PlainValue, number>()

  constructor(file: string, evaluated: Evaluated, problems: Problems) {
    this.#file = file
    this.#evaluated = evaluated
    this.#problems = problems
  }

  run(schema: PlainValue): CheckedTable {
    for (const [name] of plainPairs(schema) ?? []) {
      if (name === 'key' || name === 'columns' || name === 'rows') continue
      const known = suggestion(String(name), ['key', 'columns', 'rows'])
      this.#report([name], String(name), `unknown field${known}`)
    }
    const columns = this.#columns(field(schema, 'columns'))
    const key = this.#key(field(schema, 'key'), columns)
    const rows = this.#rows(field(schema, 'rows'))
    const pairs: [string | number, PlainValue][] = []
    if (key !== undefined) {
      rows.forEach((row, i) => {
        const checked = this.#row(row, i + 1, columns, key)
        if (checked !== undefined) pairs.push(checked)
      })
    }
    const value = pairsToPlain(pairs)
    const keys = new Set<PlainValue>(this.#seen.keys())
    return { value, rowCount: pairs.length, keys, references: this.#references }
  }

  #report(path: (string | number)[], where: string, message: string): void {
    const line = this.#evaluated.positions.lineOf(path)
    this.#problems.add({ file: this.#file, line, field: where, message })
  }

  #columns(value: PlainValue | undefined): Map<string, Column> {
    const columns = new Map<string, Column>()
    const pairs = value === undefined ? undefined : plainPairs(value)
    if (pairs === undefined || pairs.length === 0) {
      this.#report(['columns'], 'columns', 'expected a table such as { id = integer, name = text }')
    }
    for (const [name, spec] of pairs ?? []) {
      const where = `columns.${name}`
      const kind = field(spec, 'kind')
      if (typeof name !== 'string' || typeof kind !== 'string') {
        const words = 'integer, number, text, flag, any, choice {...}, ref "..." or optional(...)'
        this.#report(['columns', name], where, `expected one of ${words}`)
        continue
      }
      this.#options(name, spec)
      const numberOption = (option: string): number | undefined => {
        const found = field(spec, option)
        if (found === undefined || typeof found === 'number') return found
        this.#report(['columns', name, option], where, `${option} must be a number`)
        return undefined
      }
      columns.set(name, {
        name,
        kind,
        min: numberOption('min'),
        max: numberOption('max'),
        default: field(spec, 'default'),
        optional: field(spec, 'optional') === true,
        words: (plainPairs(field(spec, 'words') ?? []) ?? []).map(([, word]) => word),
        to: String(field(spec, 'to') ?? ''),
      })
    }
    return columns
  }

  #options(name: string, spec: PlainValue): void {
    for (const [option] of plainPairs(spec) ?? []) {
      if (columnOptions.includes(String(option))) continue
      const known = suggestion(String(option), columnOptions)
      const where = `columns.${name}`
      this.#report(['columns', name, option], where, `unknown option '${option}'${known}`)
    }
  }

  #key(value: PlainValue | undefined, columns: Map<string, Column>): Column | undefined {
    const column = typeof value === 'string' ? columns.get(value) : undefined
    if (column !== undefined && (column.kind === 'integer' || column.kind === 'text')) return column
    const message = `expected the name of an integer or text column, got ${show(value)}`
    this.#report(['key'], 'key', message)
    return undefined
  }

  #rows(value: PlainValue | undefined): readonly PlainValue[] {
    const pairs = value === undefined ? undefined : plainPairs(value)
    if (pairs?.every(([index], i) => index === i + 1)) return pairs.map(([, row]) => row)
    this.#report(['rows'], 'rows', 'expected a list: rows = { { ... }, { ... } }')
    return []
  }

  /** One row with its key, defaults filled in; undefined when it cannot be used. */
  #row(
    row: PlainValue,
    index: number,
    columns: Map<string, Column>,
    key: Column,
  ): [string | number, PlainValue] | undefined {
    const id = field(row, key.name)
    const where = id === undefined ? `row ${index}` : `row ${index} (${key.name} ${show(id)})`
    const pairs = plainPairs(row)
    if (pairs === undefined || Array.isArray(row)) {
      const words = `expected a row such as { ${key.name} = ... }, got ${show(row)}`
      this.#report(['rows', index], where, words)
      return undefined
    }
    for (const [name] of pairs) {
      if (columns.has(String(name))) continue
      const known = suggestion(String(name), columns.keys())
      this.#report(['rows', index, name], `${where}: ${name}`, `unknown column${known}`)
    }
    const cells: [string, PlainValue][] = []
    for (const column of columns.values()) {
      const cell = this.#cell(row, index, where, column)
      if (cell !== undefined) cells.push([column.name, cell])
    }
    if (typeof id !== 'string' && typeof id !== 'number') return undefined
    const line = this.#evaluated.positions.lineOf(['rows', index])
    const first = this.#seen.get(id)
    if (first === undefined) this.#seen.set(id, line)
    else {
      const message = `${show(id)} is the ${key.name} of the row at line ${first} already`
      this.#report(['rows', index, key.name], `${where}: ${key.name}`, message)
    }
    return [id, Object.fromEntries(cells)]
  }

  #cell(row: PlainValue, index: number, where: string, column: Column): PlainValue | undefined {
    const at = `${where}: ${column.name}`
    const value = field(row, column.name) ?? column.default
    if (value === undefined) {
      if (!column.optional) {
        this.#report(['rows', index], at, `missing, expected ${expectedOf(column)}`)
      }
      return undefined
    }
    if (!fits(value, column)) {
      const message = `expected ${expectedOf(column)}, got ${show(value)}`
      this.#report(['rows', index, column.name], at, message)
    } else if (column.kind === 'ref') {
      const line = this.#evaluated.positions.lineOf(['rows', index, column.name])
      this.#references.push({ to: column.to, value, file: this.#file, line, field: at })
    }
    return value
  }
}

function fits(value: PlainValue, column: Column): boolean {
  const size = typeof value === 'string' ? [...value].length : value
  const inRange =
    typeof size !== 'number' ||
    ((column.min === undefined || size >= column.min) &&
      (column.max === undefined || size <= column.max))
  switch (column.kind) {
    case 'integer':
      return Number.isInteger(value) && inRange
    case 'number':
      return typeof value === 'number' && inRange
    case 'text':
      return typeof value === 'string' && inRange
    case 'flag':
      return typeof value === 'boolean'
    case 'choice':
      return column.words.includes(value)
    case 'ref':
      return typeof value === 'string' || Number.isInteger(value)
    default:
      return true
  }
}

function expectedOf(column: Column): string {
  const { min, max } = column
  let range = ''
  if (min !== undefined && max !== undefined) range = ` from ${min} to ${max}`
  else if (min !== undefined) range = ` of at least ${min}`
  else if (max !== undefined) range = ` of at most ${max}`
  switch (column.kind) {
    case 'integer':
      return `a whole number${range}`
    case 'number':
      return `a number${range}`
    case 'text':
      return range === '' ? 'text' : `text${range} characters`
    case 'flag':
      return 'true or false'
    case 'choice':
      return `one of ${column.words.map((word) => show(word)).join(', ')}`
    case 'ref':
      return `a key of table '${column.to}'`
    default:
      return 'a value'
  }
}

/** Reports each reference to a row that is not there. */
export function checkReferences(
  tables: ReadonlyMap<string, CheckedTable>,
  problems: Problems,
): void {
  for (const table of tables.values()) {
    for (const { to, value, file, line, field: where } of table.references) {
      const target = tables.get(to)
      if (target?.keys.has(value)) continue
      const message =
        target === undefined
          ? `refers to table '${to}', which does not exist or has no schema${suggestion(to, tables.keys())}`
          : `there is no ${show(value)} in table '${to}'`
      problems.add({ file, line, field: where, message })
    }
  }
}
