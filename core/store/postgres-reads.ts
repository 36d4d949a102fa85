// Queries on PostgreSQL: a pool of connections that can only read.
//
// Core thread. Rows are taken one by one, so a result that is too large ends its connection instead
// of filling the memory; a query that takes too long is cancelled by the server, and its connection
// is ended when the server does not. Connections are made when needed; one that fails is dropped.

import pg from 'pg'
import { HostError, messageOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { ServerAddress } from '../config/database-url.ts'
import { type Cell, RowWriter } from '../lua/row-writer.ts'
import type { ReadLimits, ReadSource } from './read-source.ts'
import { cellOfDecimal } from './server-cells.ts'

/** Type numbers of pg_type. */
const oid = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  float4: 700,
  float8: 701,
  numeric: 1700,
}

const parsers: Readonly<Record<number, (text: string) => Cell>> = {
  [oid.bool]: (text) => text === 't',
  [oid.bytea]: (text) => Buffer.from(text.slice(2), 'hex'),
  [oid.int2]: (text) => BigInt(text),
  [oid.int4]: (text) => BigInt(text),
  [oid.int8]: (text) => BigInt(text),
  [oid.float4]: Number,
  [oid.float8]: Number,
  [oid.numeric]: cellOfDecimal,
}
const asText = (text: string): Cell => text

export function openPostgresReads(address: ServerAddress, bounds: ReadLimits): ReadSource {
  const pool = new pg.Pool({
    host: address.host,
    port: address.port,
    user: address.user,
    password: address.password,
    database: address.database,
    max: bounds.connectionsMax,
    connectionTimeoutMillis: limits.connectTimeoutMs,
    application_name: 'moonwheel reads',
    // extra_float_digits: the shortest text that is the same double, whatever the server is set to.
    options:
      '-c default_transaction_read_only=on -c bytea_output=hex -c client_encoding=UTF8 -c extra_float_digits=1',
    types: { getTypeParser: (type: number) => parsers[type] ?? asText } as pg.CustomTypesConfig,
  })
  // An idle connection that breaks has nobody to tell; the next query makes a new one.
  pool.on('error', () => {})
  return {
    query: async (sql, timeoutMs) => {
      const beganMs = performance.now()
      const client = await pool.connect().catch((error: unknown) => {
        throw new HostError('DATABASE_DOWN', `the database cannot be reached: ${messageOf(error)}`)
      })
      const leftMs = Math.max(1, Math.floor(timeoutMs - (performance.now() - beganMs)))
      return run(client, sql, leftMs, bounds)
    },
    close: () => pool.end(),
  }
}

function run(
  client: pg.PoolClient,
  sql: string,
  timeoutMs: number,
  bounds: ReadLimits,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let rows: RowWriter | undefined
    const end = (error: HostError | undefined, isBroken: boolean): void => {
      clearTimeout(late)
      client.removeListener('error', broken)
      client.release(isBroken)
      if (error !== undefined) reject(error)
      else resolve((rows ?? new RowWriter([], bounds)).finish())
    }
    const once = onlyOnce(end)
    const late = setTimeout(() => {
      once(new HostError('TIMEOUT', `the query took more than ${timeoutMs} ms`), true)
    }, timeoutMs + 250)
    const broken = (error: Error) => once(new HostError('DATABASE_DOWN', messageOf(error)), true)
    client.on('error', broken)
    const text = `SET statement_timeout = ${timeoutMs}; ${sql}`
    const query = new pg.Query({ text, rowMode: 'array' } as pg.QueryConfig)
    query.on('row', (cells: unknown, result?: pg.ResultBuilder) => {
      try {
        rows ??= new RowWriter(result?.fields.map((field) => field.name) ?? [], bounds)
        rows.add(cells as Cell[])
      } catch (error) {
        once(error as HostError, true)
      }
    })
    query.on('error', (error) => once(refusal(error, timeoutMs), false))
    query.on('end', () => once(undefined, false))
    client.query(query)
  })
}

function refusal(error: Error & { code?: string }, timeoutMs: number): HostError {
  if (error.code === '57014') {
    return new HostError('TIMEOUT', `the query took more than ${timeoutMs} ms`)
  }
  if (error.code === undefined || /^(08|57P)/.test(error.code)) {
    return new HostError('DATABASE_DOWN', `the database has gone: ${error.message}`)
  }
  return new HostError('SQL', error.message)
}

function onlyOnce<A extends unknown[]>(fn: (...args: A) => void): (...args: A) => void {
  let isDone = false
  return (...args) => {
    if (isDone) return
    isDone = true
    fn(...args)
  }
}
