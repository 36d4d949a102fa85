// Queries on MySQL and MariaDB: a pool of connections that can only read.
//
// Core thread. Rows are taken one by one, so a result that is too large ends its connection instead
// of filling the memory; so does a query that takes too long, since the two servers know no common
// time limit. Connections are made when needed; one that fails is dropped.
//
// Queries are prepared, for the sake of the binary protocol: as text MariaDB cuts long doubles short.
// A statement has its values in place, so it is rarely asked twice: few are kept.

import { createPool, type FieldPacket, type PoolConnection } from 'mysql2'
import { HostError, messageOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { ServerAddress } from '../config/database-url.ts'
import { type Cell, RowWriter } from '../lua/row-writer.ts'
import { mysqlCell, wholeTimes } from './mysql-cells.ts'
import type { ReadLimits, ReadSource } from './read-source.ts'

export function openMysqlReads(address: ServerAddress, bounds: ReadLimits): ReadSource {
  const pool = createPool({
    host: address.host,
    port: address.port,
    user: address.user,
    password: address.password,
    database: address.database,
    connectionLimit: bounds.connectionsMax,
    connectTimeout: limits.connectTimeoutMs,
    charset: 'utf8mb4',
    supportBigNumbers: true,
    bigNumberStrings: true,
    maxPreparedStatements: limits.mysqlStatementsPreparedMax,
    typeCast: mysqlCell,
  })
  pool.on('connection', (connection) => {
    connection.query('SET SESSION TRANSACTION READ ONLY')
  })
  return {
    query: (sql, timeoutMs) =>
      new Promise((resolve, reject) => {
        const deadline = new Deadline(timeoutMs, reject)
        pool.getConnection((error, connection) => {
          if (deadline.isOver) return connection?.release()
          if (error !== null) {
            const text = `the database cannot be reached: ${messageOf(error)}`
            return deadline.fail(new HostError('DATABASE_DOWN', text))
          }
          deadline.onOver = () => connection.destroy()
          run(connection, sql, bounds, deadline, resolve)
        })
      }),
    close: () => new Promise((resolve) => pool.end(() => resolve())),
  }
}

/** One query's time: who waits is answered once, whatever comes first. */
class Deadline {
  isOver = false
  /** Runs when the time is up. */
  onOver: () => void = () => {}
  readonly #reject: (error: HostError) => void
  readonly #timer: NodeJS.Timeout

  constructor(ms: number, reject: (error: HostError) => void) {
    this.#reject = reject
    this.#timer = setTimeout(() => {
      this.onOver()
      this.fail(new HostError('TIMEOUT', `the query took more than ${ms} ms`))
    }, ms)
  }

  /** @returns whether it was the first end */
  end(): boolean {
    if (this.isOver) return false
    this.isOver = true
    clearTimeout(this.#timer)
    return true
  }

  fail(error: HostError): void {
    if (this.end()) this.#reject(error)
  }
}

function run(
  connection: PoolConnection,
  sql: string,
  bounds: ReadLimits,
  deadline: Deadline,
  resolve: (rows: Uint8Array) => void,
): void {
  let rows = new RowWriter([], bounds)
  let wholeRow = (cells: Cell[]): Cell[] => cells
  connection
    .execute({ sql, rowsAsArray: true })
    .on('fields', (fields: FieldPacket[]) => {
      rows = new RowWriter(
        fields.map((field) => field.name),
        bounds,
      )
      wholeRow = wholeTimes(fields)
    })
    .on('result', (cells: unknown) => {
      if (deadline.isOver) return
      try {
        rows.add(wholeRow(cells as Cell[]))
      } catch (error) {
        connection.destroy()
        deadline.fail(error as HostError)
      }
    })
    .on('error', (error: Error & { fatal?: boolean }) => {
      if (deadline.isOver) return
      if (error.fatal === true) connection.destroy()
      else connection.release()
      const code = error.fatal === true ? 'DATABASE_DOWN' : 'SQL'
      deadline.fail(new HostError(code, error.message))
    })
    .on('end', () => {
      if (!deadline.end()) return
      connection.release()
      resolve(rows.finish())
    })
}
