// The drainer's door to PostgreSQL: pg. The drain process; see target.ts.
//
// A batch is one text in the simple query protocol: one round trip for thousands of statements, and
// the server stops at the first that fails. Its second statement moves the progress row, and divides
// by the number of rows that it moved: so another drainer's row ends the text with error 22012 before
// anything else has run. (The row stays locked until the end, so drainers take turns.)

import type pg from 'pg'
import { HostError, messageOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { ServerAddress } from '../config/database-url.ts'
import { quoted } from './ddl.ts'
import type { ExistingColumn, ExistingTable } from './migration.ts'
import { type Batch, isRejected, isSameProgress, type Progress, type Target } from './target.ts'
import { withDeadline } from './with-deadline.ts'

/** SQLSTATE classes and codes that say nothing about the SQL. */
const downCodes = /^(08|53|57|58|25006$|40001$|40P01$|55P03$|28|3D000$|XX)/
const divisionByZero = '22012'
/** Serialises migrations of several hosts: "moon". */
const migrationLock = 0x6d6f6f6e

interface ColumnRow {
  readonly name: string
  readonly type: string
  readonly optional: boolean
  readonly has_default: boolean
  readonly key_position: number | null
}

export class PostgresTarget implements Target {
  readonly dialect = 'postgres'
  readonly ddl = { dialect: 'postgres' } as const
  readonly batchBytesMax = limits.batchBytesMax
  readonly #address: ServerAddress
  readonly #replyMs: number
  #client: pg.Client | undefined

  /** @param replyMs after which an answer is given up */
  constructor(address: ServerAddress, replyMs: number = limits.databaseReplyMs) {
    this.#address = address
    this.#replyMs = replyMs
  }

  get connected(): boolean {
    return this.#client !== undefined
  }

  async connect(): Promise<void> {
    const { host, port, user, password, database } = this.#address
    // Here, not at the top: a host with another database shall not wait for this driver to load.
    const { default: driver } = await import('pg')
    const client = new driver.Client({
      host,
      port,
      user,
      database,
      password,
      connectionTimeoutMillis: limits.databaseConnectMs,
      keepAlive: true,
      application_name: 'moonwheel drain',
    })
    // Without a listener, an error between two queries would end the process.
    client.on('error', () => this.#forget(client))
    client.on('end', () => this.#forget(client))
    this.#client = client
    await this.#guarded(limits.databaseConnectMs, () => client.connect())
    await this.#text(`SET client_encoding = 'UTF8'; SET client_min_messages = warning;
      SET standard_conforming_strings = on; SET backslash_quote = safe_encoding;
      SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = off;
      SET lock_timeout = ${limits.databaseLockMs}; SET statement_timeout = 0;
      SET idle_in_transaction_session_timeout = ${limits.databaseReplyMs}`)
    await this.#check('server_encoding', ['UTF8'])
    await this.#check('standard_conforming_strings', ['on'])
    // `off` would report as applied what a crash of the server can take back.
    await this.#check('synchronous_commit', ['on', 'local', 'remote_write', 'remote_apply'])
  }

  async #check(name: string, allowed: readonly string[]): Promise<void> {
    const [row] = await this.#rows<Record<string, string>>(`SHOW ${name}`)
    const value = row?.[name] ?? ''
    if (allowed.includes(value)) return
    const words = `PostgreSQL: ${name} is '${value}', expected '${allowed[0]}'`
    await this.close()
    throw new HostError('DATABASE_DOWN', words)
  }

  async prepare(node: string): Promise<void> {
    const [there] = await this.#rows(`SELECT to_regclass('moon_progress') AS name`)
    // IF NOT EXISTS alone is no lock: two hosts that start at once would collide.
    const create = `BEGIN; SELECT pg_advisory_xact_lock(${migrationLock});
      CREATE TABLE IF NOT EXISTS moon_progress (node VARCHAR(32) PRIMARY KEY,
        spool VARCHAR(16) NOT NULL, sequence BIGINT NOT NULL, chain BIGINT NOT NULL, applied_at BIGINT NOT NULL); COMMIT`
    if ((there as { name: string | null }).name === null) await this.#text(create)
    await this.#text(
      `INSERT INTO moon_progress VALUES ('${node}', '', 0, 0, 0) ON CONFLICT (node) DO NOTHING`,
    )
  }

  async progress(node: string): Promise<Progress> {
    const [row] = await this.#rows<{ spool: string; sequence: string; chain: string }>(
      `SELECT spool, sequence, chain FROM moon_progress WHERE node = '${node}'`,
    )
    if (row === undefined) throw new HostError('DRAIN_FENCED', `${node} has no progress row`)
    return { spool: row.spool, sequence: Number(row.sequence), chain: Number(row.chain) }
  }

  async apply(node: string, { from, to, sql, timeMs }: Batch): Promise<void> {
    const text = `BEGIN; WITH moved AS (UPDATE moon_progress SET spool = '${to.spool}', sequence = ${to.sequence},
      chain = ${to.chain}, applied_at = ${timeMs} WHERE node = '${node}'
      AND spool = '${from.spool}' AND sequence = ${from.sequence} AND chain = ${from.chain} RETURNING 1)
      SELECT 1 / count(*) FROM moved;\n${sql}COMMIT`
    try {
      await this.#text(text)
    } catch (thrown) {
      if (thrown instanceof HostError && thrown.data?.code === divisionByZero) {
        const row = await this.progress(node)
        // A division by zero of the game's own SQL leaves the row where it was.
        if (!isSameProgress(row, from)) {
          throw new HostError(
            'DRAIN_FENCED',
            `${node} is at ${row.sequence}, not at ${from.sequence}`,
          )
        }
      }
      throw thrown
    }
  }

  async probe(statements: readonly string[]): Promise<number | undefined> {
    let at = 0
    try {
      await this.#text('BEGIN')
      for (; at < statements.length; at++) await this.#text(statements[at] as string)
      await this.#text('ROLLBACK')
      return undefined
    } catch (thrown) {
      if (isRejected(thrown)) return at
      throw thrown
    }
  }

  async setProgress(node: string, { spool, sequence, chain }: Progress): Promise<void> {
    await this.#text(`INSERT INTO moon_progress
      VALUES ('${node}', '${spool}', ${sequence}, ${chain}, 0) ON CONFLICT (node)
      DO UPDATE SET spool = excluded.spool, sequence = excluded.sequence, chain = excluded.chain`)
  }

  async describe(tables: readonly string[]): Promise<ReadonlyMap<string, ExistingTable>> {
    const found = new Map<string, ExistingTable>()
    for (const name of tables) {
      const table = await this.#describe(name)
      if (table !== undefined) found.set(name, table)
    }
    return found
  }

  async #describe(name: string): Promise<ExistingTable | undefined> {
    const rows = await this.#rows<ColumnRow>(`
      SELECT a.attname AS name, upper(format_type(a.atttypid, a.atttypmod)) AS type,
        NOT a.attnotnull AS optional, a.atthasdef AS has_default,
        array_position(i.indkey::int2[], a.attnum) AS key_position
      FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
      WHERE a.attrelid = to_regclass('${name}') AND a.attnum > 0 AND NOT a.attisdropped
      ORDER BY a.attnum`)
    if (rows.length === 0) return undefined
    const indexes = await this.#rows<{ name: string }>(
      `SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
       WHERE i.indrelid = to_regclass('${name}')`,
    )
    const columns = rows.map(
      (row): ExistingColumn => ({
        name: row.name,
        type: row.type.replace('CHARACTER VARYING', 'VARCHAR'),
        optional: row.optional,
        hasDefault: row.has_default,
        lengthMax: undefined,
      }),
    )
    const key = rows
      .filter((row) => row.key_position !== null)
      .sort((a, b) => Number(a.key_position) - Number(b.key_position))
      .map((row) => row.name)
    const hasRows = await this.#hasRows(name)
    return { columns, key, indexes: new Set(indexes.map((index) => index.name)), hasRows }
  }

  async #hasRows(table: string): Promise<boolean> {
    return (await this.#rows(`SELECT 1 FROM ${quoted(table, 'postgres')} LIMIT 1`)).length > 0
  }

  async tableNames(): Promise<readonly string[]> {
    const rows = await this.#rows<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()
       AND tablename <> 'moon_progress'`,
    )
    return rows.map(({ name }) => name)
  }

  async migrate(statements: readonly string[]): Promise<void> {
    const lock = `SELECT pg_advisory_xact_lock(${migrationLock})`
    await this.#text(['BEGIN', lock, ...statements, 'COMMIT'].join(';\n'), limits.databaseMigrateMs)
  }

  /** Commits are synchronous: there is nothing to wait for. */
  async settle(): Promise<void> {}

  async close(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    if (client === undefined) return
    await withDeadline(client.end(), limits.databaseConnectMs, 'PostgreSQL').catch(() => {
      destroy(client)
    })
  }

  async #text(sql: string, ms = this.#replyMs): Promise<void> {
    await this.#guarded(ms, (client) => client.query(sql))
  }

  async #rows<T>(sql: string): Promise<readonly T[]> {
    const result = await this.#guarded(this.#replyMs, (client) => client.query(sql))
    return result.rows as T[]
  }

  async #guarded<T>(ms: number, act: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = this.#client
    if (client === undefined) throw new HostError('DATABASE_DOWN', 'PostgreSQL: not connected')
    try {
      return await withDeadline(act(client), ms, 'PostgreSQL')
    } catch (thrown) {
      throw await this.#failure(client, thrown)
    }
  }

  async #failure(client: pg.Client, thrown: unknown): Promise<HostError> {
    const { code, position } = serverError(thrown)
    const isDown = code === '' || downCodes.test(code)
    if (isDown) {
      this.#forget(client)
      destroy(client)
    } else {
      await withDeadline(client.query('ROLLBACK'), this.#replyMs, 'PostgreSQL').catch(() => {
        this.#forget(client)
        destroy(client)
      })
    }
    const words = `PostgreSQL: ${messageOf(thrown)}${code === '' ? '' : ` (${code})`}`
    return new HostError(isDown ? 'DATABASE_DOWN' : 'DATABASE_REJECTED', words, {
      cause: thrown,
      data: { code, position },
    })
  }

  #forget(client: pg.Client): void {
    if (this.#client === client) this.#client = undefined
  }
}

/** What the server said of an error; '' for what did not come from it. */
function serverError(thrown: unknown): { code: string; position: string | undefined } {
  const { severity, code, position } = thrown as Partial<pg.DatabaseError>
  return { code: severity === undefined ? '' : (code ?? ''), position }
}

/** Ends a connection that may hang: no farewell, no waiting. */
function destroy(client: pg.Client): void {
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } }
  connection?.stream?.destroy()
}
