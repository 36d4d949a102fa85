// The drainer's door to MySQL and MariaDB: mysql2. The drain process; see target.ts.
//
// A batch is one text of many statements: one round trip, and the server stops at the first that
// fails. MariaDB gets it as one block, which it answers once instead of for each statement
// (npm run bench:drain shows the difference). The statement after the one that moves the progress row
// fails (error 1242) unless exactly one row was moved. sql_mode is set, not hoped for: the spool's
// literals and the meaning of the game's SQL depend on it. Tables without transactions (MyISAM) are
// refused at connect.

import type { Connection, RowDataPacket } from 'mysql2/promise'
import { HostError, messageOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { ServerAddress } from '../config/database-url.ts'
import { type DdlOptions, quoted } from './ddl.ts'
import type { ExistingColumn, ExistingTable } from './migration.ts'
import { type Batch, isRejected, isSameProgress, type Progress, type Target } from './target.ts'
import { withDeadline } from './with-deadline.ts'

const sqlMode =
  'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION'
const moreThanOneRow = 1242
/** Error numbers that say nothing about the SQL: full, locked, busy, read-only, denied, going down. */
const downNumbers = new Set([
  3, 5, 12, 23, 1021, 1030, 1037, 1040, 1041, 1044, 1045, 1049, 1053, 1077, 1079, 1105, 1114, 1129,
  1130, 1135, 1152, 1153, 1154, 1158, 1159, 1160, 1161, 1180, 1181, 1184, 1203, 1205, 1206, 1213,
  1226, 1290, 1317, 1613, 1792, 1836, 1927, 3024, 3032, 3100, 4031,
])
/** The protocol's own header and our two statements fit in what is left. */
const packetReserve = 64 * 1024

interface ColumnRow extends RowDataPacket {
  readonly name: string
  readonly type: string
  readonly optional: number
  readonly has_default: number
}

export class MysqlTarget implements Target {
  readonly dialect = 'mysql'
  readonly #address: ServerAddress
  readonly #replyMs: number
  #connection: Connection | undefined
  #isMaria = false
  #batchBytesMax: number = limits.batchBytesMax
  /** What tables are created with: it compares bytes and does not pad. */
  #collation = ''

  /** @param replyMs after which an answer is given up */
  constructor(address: ServerAddress, replyMs: number = limits.databaseReplyMs) {
    this.#address = address
    this.#replyMs = replyMs
  }

  get connected(): boolean {
    return this.#connection !== undefined
  }

  get batchBytesMax(): number {
    return this.#batchBytesMax
  }

  get ddl(): DdlOptions {
    return { dialect: 'mysql', collation: this.#collation }
  }

  async connect(): Promise<void> {
    const { host, port, user, password, database } = this.#address
    // Here, not at the top: a host with another database shall not wait for this driver to load.
    const { createConnection } = await import('mysql2/promise')
    const opening = createConnection({
      host,
      port,
      user,
      password,
      database,
      charset: 'utf8mb4',
      multipleStatements: true,
      supportBigNumbers: true,
      connectTimeout: limits.databaseConnectMs,
      enableKeepAlive: true,
      // ROW_COUNT() counts rows that were found.
      flags: ['FOUND_ROWS'],
    })
    try {
      const connection = await withDeadline(opening, limits.databaseConnectMs, 'MySQL')
      this.#connection = connection
      connection.on('error', () => this.#forget(connection))
      connection.on('end', () => this.#forget(connection))
    } catch (thrown) {
      opening.then((late) => late.destroy()).catch(() => {})
      throw new HostError('DATABASE_DOWN', `MySQL: ${wordsOf(thrown)}`, { cause: thrown })
    }
    await this.#text(`SET NAMES utf8mb4; SET SESSION sql_mode = '${sqlMode}';
      SET SESSION time_zone = '+00:00'; SET SESSION autocommit = 1;
      SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;
      SET SESSION innodb_lock_wait_timeout = ${Math.ceil(limits.databaseLockMs / 1000)};
      SET SESSION lock_wait_timeout = ${Math.ceil(limits.databaseLockMs / 1000)}`)
    await this.#check()
  }

  /** @throws HostError DATABASE_DOWN when the session is not what the spool's SQL is written for */
  async #check(): Promise<void> {
    const [row] = await this.#rows(`SELECT @@character_set_client AS client,
      @@character_set_connection AS connection, @@sql_mode AS mode, version() AS version,
      @@max_allowed_packet AS packet`)
    const modes = new Set(String(row?.mode).split(','))
    const fail = async (words: string): Promise<never> => {
      await this.close()
      throw new HostError('DATABASE_DOWN', `MySQL: ${words}`)
    }
    if (row?.client !== 'utf8mb4' || row.connection !== 'utf8mb4') {
      await fail(`the connection speaks ${row?.client}, not utf8mb4`)
    }
    if (!sqlMode.split(',').every((mode) => modes.has(mode))) await fail(`sql_mode is ${row?.mode}`)
    for (const mode of ['NO_BACKSLASH_ESCAPES', 'ANSI_QUOTES', 'PIPES_AS_CONCAT']) {
      if (modes.has(mode)) await fail(`sql_mode has ${mode}`)
    }
    const packet = Number(row?.packet)
    const needed = limits.spoolTransactionBytesMax + packetReserve
    if (packet < needed) await fail(`max_allowed_packet is ${packet}, at least ${needed} is needed`)
    this.#batchBytesMax = Math.min(limits.batchBytesMax, packet - packetReserve)
    this.#isMaria = /mariadb/i.test(String(row?.version))
    this.#collation = this.#isMaria ? 'utf8mb4_nopad_bin' : 'utf8mb4_0900_bin'
    const [unsafe] = await this.#rows(`SELECT table_name AS name, engine AS engine
      FROM information_schema.tables WHERE table_schema = database()
      AND table_type = 'BASE TABLE' AND engine <> 'InnoDB' LIMIT 1`)
    if (unsafe !== undefined) {
      const words = 'which has no transactions: ALTER TABLE ... ENGINE=InnoDB'
      await fail(`table ${unsafe.name} is of engine ${unsafe.engine}, ${words}`)
    }
  }

  async prepare(node: string): Promise<void> {
    await this.#text(`CREATE TABLE IF NOT EXISTS moon_progress (
      node VARCHAR(32) NOT NULL PRIMARY KEY, spool VARCHAR(16) NOT NULL, sequence BIGINT NOT NULL, chain BIGINT NOT NULL,
      applied_at BIGINT NOT NULL) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE ${this.#collation}`)
    // Not IGNORE before a look: it would wait for the row's lock, which another drainer may hold.
    const found = await this.#rows(`SELECT 1 FROM moon_progress WHERE node = '${node}'`)
    if (found.length > 0) return
    await this.#text(`INSERT IGNORE INTO moon_progress VALUES ('${node}', '', 0, 0, 0)`)
  }

  async progress(node: string): Promise<Progress> {
    const [row] = await this.#rows(
      `SELECT spool, sequence, chain FROM moon_progress WHERE node = '${node}'`,
    )
    if (row === undefined) throw new HostError('DRAIN_FENCED', `${node} has no progress row`)
    return { spool: String(row.spool), sequence: Number(row.sequence), chain: Number(row.chain) }
  }

  async apply(node: string, { from, to, sql, timeMs }: Batch): Promise<void> {
    const text = `START TRANSACTION; UPDATE moon_progress SET spool = '${to.spool}',
      sequence = ${to.sequence}, chain = ${to.chain}, applied_at = ${timeMs}
      WHERE node = '${node}' AND spool = '${from.spool}' AND sequence = ${from.sequence}
      AND chain = ${from.chain};
      SET @moon = IF(ROW_COUNT() = 1, 1, (SELECT 1 UNION SELECT 2));\n${sql}COMMIT`
    try {
      await this.#text(this.#isMaria ? `BEGIN NOT ATOMIC ${text}; END` : text)
    } catch (thrown) {
      if (thrown instanceof HostError && thrown.data?.number === moreThanOneRow) {
        const row = await this.progress(node)
        // The same error of the game's own SQL leaves the row where it was.
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
      await this.#text('START TRANSACTION')
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
      VALUES ('${node}', '${spool}', ${sequence}, ${chain}, 0) ON DUPLICATE KEY UPDATE
      spool = VALUES(spool), sequence = VALUES(sequence), chain = VALUES(chain)`)
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
    const of = `table_schema = database() AND table_name = '${name}'`
    const rows = await this.#rows<ColumnRow>(`SELECT column_name AS name,
      upper(column_type) AS type, is_nullable = 'YES' AS optional,
      column_default IS NOT NULL AND column_default <> 'NULL' AS has_default
      FROM information_schema.columns WHERE ${of} ORDER BY ordinal_position`)
    if (rows.length === 0) return undefined
    const indexed = await this.#rows(`SELECT index_name AS name, column_name AS col
      FROM information_schema.statistics WHERE ${of} ORDER BY index_name, seq_in_index`)
    const columns = rows.map(
      (row): ExistingColumn => ({
        name: row.name,
        // Display widths of integers are MariaDB's, and mean nothing.
        type: row.type.replace(/^BIGINT\(\d+\)/, 'BIGINT'),
        optional: row.optional === 1,
        hasDefault: row.has_default === 1,
        lengthMax: undefined,
      }),
    )
    return {
      columns,
      key: indexed.filter((row) => row.name === 'PRIMARY').map((row) => String(row.col)),
      indexes: new Set(indexed.map((row) => String(row.name))),
      hasRows: await this.#hasRows(name),
    }
  }

  async #hasRows(table: string): Promise<boolean> {
    return (await this.#rows(`SELECT 1 FROM ${quoted(table, 'mysql')} LIMIT 1`)).length > 0
  }

  async tableNames(): Promise<readonly string[]> {
    const rows = await this.#rows(`SELECT table_name AS name FROM information_schema.tables
      WHERE table_schema = database() AND table_name <> 'moon_progress'`)
    return rows.map((row) => String(row.name))
  }

  /** Each statement commits by itself; one that fails leaves those before it, and can be run again. */
  async migrate(statements: readonly string[]): Promise<void> {
    const seconds = Math.ceil(limits.databaseReplyMs / 2000)
    const [row] = await this.#rows(`SELECT GET_LOCK('moon_migrate', ${seconds}) AS got`)
    if (Number(row?.got) !== 1) {
      throw new HostError('DATABASE_DOWN', 'MySQL: another migration is under way')
    }
    try {
      for (const sql of statements) await this.#query(sql, limits.databaseMigrateMs)
    } finally {
      if (this.connected) await this.#text(`DO RELEASE_LOCK('moon_migrate')`)
    }
  }

  /** Commits are as durable as innodb_flush_log_at_trx_commit says, at once. */
  async settle(): Promise<void> {}

  async close(): Promise<void> {
    const connection = this.#connection
    this.#connection = undefined
    if (connection === undefined) return
    await withDeadline(connection.end(), limits.databaseConnectMs, 'MySQL').catch(() => {
      connection.destroy()
    })
  }

  async #text(sql: string): Promise<void> {
    await this.#query(sql)
  }

  async #rows<T extends RowDataPacket>(sql: string): Promise<readonly T[]> {
    return (await this.#query(sql)) as T[]
  }

  async #query(sql: string, ms = this.#replyMs): Promise<unknown> {
    const connection = this.#connection
    if (connection === undefined) throw new HostError('DATABASE_DOWN', 'MySQL: not connected')
    try {
      const [result] = await withDeadline(connection.query(sql), ms, 'MySQL')
      return result
    } catch (thrown) {
      throw await this.#failure(connection, thrown)
    }
  }

  async #failure(connection: Connection, thrown: unknown): Promise<HostError> {
    const number = numberOf(thrown)
    const isDown = number === undefined || downNumbers.has(number)
    if (isDown) {
      this.#forget(connection)
      connection.destroy()
    } else {
      await withDeadline(connection.query('ROLLBACK'), this.#replyMs, 'MySQL').catch(() => {
        this.#forget(connection)
        connection.destroy()
      })
    }
    return new HostError(
      isDown ? 'DATABASE_DOWN' : 'DATABASE_REJECTED',
      `MySQL: ${wordsOf(thrown)}`,
      { cause: thrown, data: { number } },
    )
  }

  #forget(connection: Connection): void {
    if (this.#connection === connection) this.#connection = undefined
  }
}

/** The server's error number; undefined for what the server did not say. */
function numberOf(thrown: unknown): number | undefined {
  const { errno, sqlState } = thrown as { errno?: number; sqlState?: string }
  return sqlState === undefined || errno === undefined ? undefined : errno
}

function wordsOf(thrown: unknown): string {
  const { code } = thrown as { code?: string }
  const message = messageOf(thrown)
  return code === undefined || message.includes(code) ? message : `${message} (${code})`
}
