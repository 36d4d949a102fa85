// How each database declares the tables of config/schema. Any thread; pure.
//
//            SQLite (STRICT)        MySQL, MariaDB             PostgreSQL
//   int      INTEGER                BIGINT                     BIGINT
//   float    REAL                   DOUBLE                     DOUBLE PRECISION
//   text     TEXT                   LONGTEXT                   TEXT COLLATE "C"
//   text n   TEXT, CHECK (length)   VARCHAR(n)                 VARCHAR(n) COLLATE "C"
//   blob     BLOB                   LONGBLOB                   BYTEA
//   json     TEXT                   LONGTEXT                   TEXT COLLATE "C"
//   bool     INTEGER                TINYINT(1)                 BOOLEAN
//   time     INTEGER                BIGINT                     BIGINT
//
// Text is compared byte by byte everywhere, so a key, an ORDER BY and a unique index mean the same in
// all three. json is text to PostgreSQL, too: a spooled text literal is no jsonb without a cast.

import type { Dialect } from '../base/dialect.ts'
import type { DatabaseColumn, DatabaseIndex, DatabaseTable } from '../config/types.ts'

/** What differs between servers of one dialect. */
export interface DdlOptions {
  readonly dialect: Dialect
  /** MySQL: the collation that compares bytes and does not pad. */
  readonly collation?: string
}

const types: Readonly<Record<Dialect, Readonly<Record<DatabaseColumn['kind'], string>>>> = {
  sqlite: {
    int: 'INTEGER',
    float: 'REAL',
    text: 'TEXT',
    blob: 'BLOB',
    json: 'TEXT',
    bool: 'INTEGER',
    time: 'INTEGER',
  },
  mysql: {
    int: 'BIGINT',
    float: 'DOUBLE',
    text: 'LONGTEXT',
    blob: 'LONGBLOB',
    json: 'LONGTEXT',
    bool: 'TINYINT(1)',
    time: 'BIGINT',
  },
  postgres: {
    int: 'BIGINT',
    float: 'DOUBLE PRECISION',
    text: 'TEXT',
    blob: 'BYTEA',
    json: 'TEXT',
    bool: 'BOOLEAN',
    time: 'BIGINT',
  },
}

/** A name in the dialect's quotes; names of the schema hold no quotes. */
export function quoted(name: string, dialect: Dialect): string {
  return dialect === 'mysql' ? `\`${name}\`` : `"${name}"`
}

/** The type of a column, as `describe` of the targets tells it, too: `BIGINT`, `VARCHAR(32)`. */
export function columnType(column: DatabaseColumn, dialect: Dialect): string {
  const { kind, lengthMax } = column
  if (kind !== 'text' || lengthMax === undefined || dialect === 'sqlite')
    return types[dialect][kind]
  return `VARCHAR(${lengthMax})`
}

function defaultLiteral(column: DatabaseColumn, dialect: Dialect): string {
  const value = column.default
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'boolean') {
    if (dialect === 'postgres') return value ? 'TRUE' : 'FALSE'
    return value ? '1' : '0'
  }
  return `(${value})`
}

function columnClause(column: DatabaseColumn, { dialect }: DdlOptions): string {
  const { kind, lengthMax, optional } = column
  const parts = [quoted(column.name, dialect), columnType(column, dialect)]
  if (dialect === 'postgres' && (kind === 'text' || kind === 'json')) parts.push('COLLATE "C"')
  if (!optional) parts.push('NOT NULL')
  if (column.default !== undefined) parts.push(`DEFAULT ${defaultLiteral(column, dialect)}`)
  if (dialect === 'sqlite' && lengthMax !== undefined) {
    parts.push(`CHECK (length(${quoted(column.name, dialect)}) <= ${lengthMax})`)
  }
  return parts.join(' ')
}

/** CREATE TABLE, without its indexes. */
export function createTable(table: DatabaseTable, options: DdlOptions): string {
  const { dialect } = options
  const columns = table.columns.map((column) => columnClause(column, options))
  const key = table.key.map((name) => quoted(name, dialect)).join(', ')
  const body = [...columns, `PRIMARY KEY (${key})`].map((line) => `  ${line}`).join(',\n')
  const head = `CREATE TABLE ${quoted(table.name, dialect)} (\n${body}\n)`
  if (dialect === 'postgres') return head
  if (dialect === 'sqlite') return `${head} STRICT${isRowid(table) ? '' : ', WITHOUT ROWID'}`
  return `${head} ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE ${options.collation}`
}

/** A single integer key is SQLite's own row number. */
function isRowid(table: DatabaseTable): boolean {
  const key = table.columns.find((column) => column.name === table.key[0])
  return table.key.length === 1 && key?.kind === 'int'
}

export function addColumn(table: string, column: DatabaseColumn, options: DdlOptions): string {
  const name = quoted(table, options.dialect)
  return `ALTER TABLE ${name} ADD COLUMN ${columnClause(column, options)}`
}

export function createIndex(table: string, index: DatabaseIndex, { dialect }: DdlOptions): string {
  const columns = index.columns.map((name) => quoted(name, dialect)).join(', ')
  const unique = index.unique ? 'UNIQUE ' : ''
  const name = quoted(index.name, dialect)
  return `CREATE ${unique}INDEX ${name} ON ${quoted(table, dialect)} (${columns})`
}
