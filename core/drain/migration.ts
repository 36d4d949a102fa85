// What must happen to a database so that it has the tables of config/schema: the plan. Pure.
//
// A plan only adds: tables, columns, indexes. What would lose or reinterpret data is refused, each
// with what to do about it; with one refusal nothing is done at all. Tables that the schema does not
// know are left alone, they may be somebody else's.

import type { DatabaseColumn, DatabaseTable } from '../config/types.ts'
import { addColumn, columnType, createIndex, createTable, type DdlOptions } from './ddl.ts'

/** A column as the database has it. */
export interface ExistingColumn {
  readonly name: string
  /** In the words of columnType (ddl.ts). */
  readonly type: string
  readonly optional: boolean
  readonly hasDefault: boolean
  /** Where a type does not tell it (SQLite): the longest text. */
  readonly lengthMax: number | undefined
}

export interface ExistingTable {
  readonly columns: readonly ExistingColumn[]
  readonly key: readonly string[]
  readonly indexes: ReadonlySet<string>
  /** Rows are there: a new column needs a value for them. */
  readonly hasRows: boolean
}

export interface MigrationStep {
  /** `add column role.level` */
  readonly words: string
  readonly sql: string
}

export interface MigrationPlan {
  readonly steps: readonly MigrationStep[]
  readonly refusals: readonly string[]
}

export function planMigration(
  wanted: readonly DatabaseTable[],
  existing: ReadonlyMap<string, ExistingTable>,
  options: DdlOptions,
): MigrationPlan {
  const steps: MigrationStep[] = []
  const refusals: string[] = []
  for (const table of wanted) {
    const found = existing.get(table.name)
    if (found === undefined) {
      const sql = createTable(table, options)
      steps.push({ words: `create table ${table.name}`, sql })
    } else {
      const planned = planTable(table, found, options)
      steps.push(...planned.steps)
      refusals.push(...planned.refusals)
    }
    for (const index of table.indexes) {
      if (found?.indexes.has(index.name)) continue
      const words = `create index ${index.name} on ${table.name}(${index.columns.join(', ')})`
      steps.push({ words, sql: createIndex(table.name, index, options) })
    }
  }
  return { steps, refusals }
}

function planTable(table: DatabaseTable, found: ExistingTable, options: DdlOptions): MigrationPlan {
  const steps: MigrationStep[] = []
  const refusals: string[] = []
  const refuse = (what: string): void => void refusals.push(`${table.file}: ${what}`)
  const existing = new Map(found.columns.map((column) => [column.name, column]))
  if (found.key.join() !== table.key.join()) {
    refuse(
      `the key of table ${table.name} is (${found.key.join(', ')}) in the database and ` +
        `(${table.key.join(', ')}) here: a key cannot change; make a new table and copy the rows`,
    )
  }
  for (const column of table.columns) {
    const before = existing.get(column.name)
    existing.delete(column.name)
    const place = `${table.name}.${column.name}`
    if (before !== undefined) {
      const change = changeOf(column, before, options)
      if (change !== undefined) refuse(`${place}: ${change}`)
    } else if (!column.optional && column.default === undefined && found.hasRows) {
      refuse(
        `${place} is new, and the rows that exist have no value for it: ` +
          'give it a default, or make it optional(...)',
      )
    } else {
      const sql = addColumn(table.name, column, options)
      steps.push({ words: `add column ${place} ${columnType(column, options.dialect)}`, sql })
    }
  }
  for (const name of existing.keys()) {
    refuse(
      `column ${table.name}.${name} is in the database and not here: put it back, or, when nobody ` +
        `needs its data, drop it by hand: ALTER TABLE ${table.name} DROP COLUMN ${name}`,
    )
  }
  return { steps, refusals }
}

/** What about a column is not as it was, and what to do; undefined when nothing is. */
function changeOf(
  column: DatabaseColumn,
  before: ExistingColumn,
  { dialect }: DdlOptions,
): string | undefined {
  const type = columnType(column, dialect)
  const advice = 'a column cannot change; add a new one under another name and copy the values'
  if (type !== before.type) return `is ${before.type} in the database and ${type} here: ${advice}`
  if (dialect === 'sqlite' && column.lengthMax !== before.lengthMax) {
    const [was, is] = [before.lengthMax ?? 'none', column.lengthMax ?? 'none']
    return `has max ${was} in the database and ${is} here: ${advice}`
  }
  if (column.optional !== before.optional) {
    const [was, is] = before.optional ? ['may', 'may not'] : ['may not', 'may']
    return `${was} be nil in the database and ${is} be nil here: ${advice}`
  }
  if (column.default !== undefined && !before.hasDefault) {
    return `has no default in the database and one here: ${advice}`
  }
  return undefined
}
