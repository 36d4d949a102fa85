// The drainer's door to SQLite: better-sqlite3, in WAL mode. The drain process; see target.ts.
//
// synchronous=NORMAL: a commit survives the end of any process at once, and a power failure after
// `settle` or the next checkpoint. What a power failure takes back, it takes back with the progress
// row, and the spool, which is synced, brings it again. That is why the archive settles first.

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { must } from '../base/assert.ts'
import { HostError, messageOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { quoted } from './ddl.ts'
import type { ExistingTable } from './migration.ts'
import { type Batch, isRejected, type Progress, type Target } from './target.ts'

const busyMs = 1000
const walPagesMax = 4000

/** Codes that say nothing about the SQL: the file is busy, full, unreadable, gone. */
const downCodes =
  /^SQLITE_(BUSY|LOCKED|FULL|IOERR|CANTOPEN|READONLY|CORRUPT|NOTADB|NOMEM|PERM|PROTOCOL|INTERRUPT)/

interface ColumnInfo {
  readonly name: string
  readonly type: string
  readonly notnull: number
  readonly dflt_value: string | null
  readonly pk: number
}

export class SqliteTarget implements Target {
  readonly dialect = 'sqlite'
  readonly ddl = { dialect: 'sqlite' } as const
  readonly batchBytesMax = limits.batchBytesMax
  readonly #file: string
  #database: Database.Database | undefined

  constructor(file: string) {
    this.#file = file
  }

  get connected(): boolean {
    return this.#database !== undefined
  }

  async connect(): Promise<void> {
    this.#guarded(() => {
      mkdirSync(dirname(this.#file), { recursive: true })
      const database = new Database(this.#file, { timeout: busyMs })
      this.#database = database
      database.pragma('journal_mode = WAL')
      database.pragma('synchronous = NORMAL')
      database.pragma(`wal_autocheckpoint = ${walPagesMax}`)
      const encoding = database.pragma('encoding', { simple: true })
      if (encoding !== 'UTF-8') {
        throw new HostError('DATABASE_DOWN', `${this.#file} is in ${encoding}, not in UTF-8`)
      }
    })
  }

  async prepare(node: string): Promise<void> {
    this.#guarded((database) => {
      database.exec(`CREATE TABLE IF NOT EXISTS moon_progress (
        node TEXT PRIMARY KEY, spool TEXT NOT NULL, sequence INTEGER NOT NULL, chain INTEGER NOT NULL,
        applied_at INTEGER NOT NULL) STRICT, WITHOUT ROWID`)
      database.prepare("INSERT OR IGNORE INTO moon_progress VALUES (?, '', 0, 0, 0)").run(node)
    })
  }

  async progress(node: string): Promise<Progress> {
    return this.#guarded((database) => {
      const row = database
        .prepare<string, Progress>(
          'SELECT spool, sequence, chain FROM moon_progress WHERE node = ?',
        )
        .get(node)
      if (row === undefined) throw new HostError('DRAIN_FENCED', `${node} has no progress row`)
      return row
    })
  }

  async apply(node: string, batch: Batch): Promise<void> {
    this.#guarded((database) => {
      database.exec('BEGIN IMMEDIATE')
      const { from, to } = batch
      const moved = database
        .prepare(`UPDATE moon_progress SET spool = ?, sequence = ?, chain = ?, applied_at = ?
          WHERE node = ? AND spool = ? AND sequence = ? AND chain = ?`)
        .run(
          to.spool,
          to.sequence,
          to.chain,
          batch.timeMs,
          node,
          from.spool,
          from.sequence,
          from.chain,
        )
      if (moved.changes !== 1) {
        throw new HostError('DRAIN_FENCED', `${node} is not at ${from.sequence}`)
      }
      database.exec(batch.sql)
      database.exec('COMMIT')
    })
  }

  async probe(statements: readonly string[]): Promise<number | undefined> {
    let at = 0
    try {
      this.#guarded((database) => {
        database.exec('BEGIN IMMEDIATE')
        for (; at < statements.length; at++) database.exec(statements[at] as string)
        database.exec('ROLLBACK')
      })
      return undefined
    } catch (thrown) {
      if (isRejected(thrown)) return at
      throw thrown
    }
  }

  async setProgress(node: string, { spool, sequence, chain }: Progress): Promise<void> {
    this.#guarded((database) => {
      database
        .prepare('REPLACE INTO moon_progress VALUES (?, ?, ?, ?, 0)')
        .run(node, spool, sequence, chain)
    })
  }

  async describe(tables: readonly string[]): Promise<ReadonlyMap<string, ExistingTable>> {
    return this.#guarded((database) => {
      const found = new Map<string, ExistingTable>()
      for (const name of tables) {
        const table = describeTable(database, name)
        if (table !== undefined) found.set(name, table)
      }
      return found
    })
  }

  async tableNames(): Promise<readonly string[]> {
    return this.#guarded((database) =>
      database
        .prepare<[], { name: string }>(
          "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> 'moon_progress'",
        )
        .all()
        .map(({ name }) => name),
    )
  }

  async migrate(statements: readonly string[]): Promise<void> {
    this.#guarded((database) => {
      database.exec('BEGIN IMMEDIATE')
      for (const statement of statements) database.exec(statement)
      database.exec('COMMIT')
    })
  }

  async settle(): Promise<void> {
    this.#guarded((database) => {
      const [result] = database.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]
      if (result?.busy !== 0) throw new HostError('DATABASE_DOWN', `${this.#file} is being read`)
    })
  }

  async close(): Promise<void> {
    const database = this.#database
    this.#database = undefined
    database?.close()
  }

  /** Runs one act; what it raises leaves no transaction open and has one of the three codes. */
  #guarded<T>(act: (database: Database.Database) => T): T {
    try {
      // `connect` is the one act that finds no database, and looks at its argument no more.
      return act(this.#database as Database.Database)
    } catch (thrown) {
      throw this.#failure(thrown)
    }
  }

  #failure(thrown: unknown): HostError {
    const database = this.#database
    const code = thrown instanceof Database.SqliteError ? thrown.code : ''
    const isDown =
      downCodes.test(code) ||
      (thrown instanceof HostError && thrown.code === 'DATABASE_DOWN') ||
      // mkdir, or a folder that is not there: no SQL was looked at.
      !(thrown instanceof Database.SqliteError || thrown instanceof HostError)
    if (database?.inTransaction === true) {
      try {
        database.exec('ROLLBACK')
      } catch {
        // A full disk can have rolled it back already; closing ends whatever is left of it.
      }
    }
    if (isDown) {
      this.#database = undefined
      database?.close()
    }
    if (thrown instanceof HostError) return thrown
    const words = `SQLite: ${messageOf(thrown)}${code === '' ? '' : ` (${code})`}`
    return new HostError(isDown ? 'DATABASE_DOWN' : 'DATABASE_REJECTED', words, { cause: thrown })
  }
}

function describeTable(database: Database.Database, name: string): ExistingTable | undefined {
  const table = database
    .prepare<string, { sql: string }>(
      "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?",
    )
    .get(name)
  if (table === undefined) return undefined
  const columns = database.pragma(`table_info(${quoted(name, 'sqlite')})`) as ColumnInfo[]
  const indexes = database.pragma(`index_list(${quoted(name, 'sqlite')})`) as { name: string }[]
  const lengths = new Map(
    [...table.sql.matchAll(/CHECK \(length\("(\w+)"\) <= (\d+)\)/g)].map(
      ([, column, most]) => [must(column, 'a column'), Number(most)] as const,
    ),
  )
  const first = database.prepare(`SELECT 1 FROM ${quoted(name, 'sqlite')} LIMIT 1`).get()
  return {
    columns: columns.map((column) => ({
      name: column.name,
      type: column.type.toUpperCase(),
      optional: column.notnull === 0,
      hasDefault: column.dflt_value !== null,
      lengthMax: lengths.get(column.name),
    })),
    key: columns
      .filter((column) => column.pk > 0)
      .sort((a, b) => a.pk - b.pk)
      .map((column) => column.name),
    indexes: new Set(indexes.map((index) => index.name)),
    hasRows: first !== undefined,
  }
}
