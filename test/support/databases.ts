// Databases of a test: a SQLite file, and a database each on MariaDB and PostgreSQL where they run.
//
// Test process. The servers are those of MOONWHEEL_TEST_MYSQL and MOONWHEEL_TEST_POSTGRES (addresses as
// in db.url; their database is only connected to, to create others), or root and postgres without a
// password on 127.0.0.1. One that is not there is skipped with one line; with
// MOONWHEEL_REQUIRE_SERVICES=1 it is a failure. `dropDatabases`, in afterAll, removes what was made.

import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import type { Dialect } from '../../core/base/dialect.ts'
import {
  type DatabaseAddress,
  databaseAddress,
  type ServerAddress,
} from '../../core/config/database-url.ts'

export interface TestDatabase {
  readonly dialect: Dialect
  /** As in db.url. */
  readonly url: string
  readonly address: DatabaseAddress
  /** Runs SQL, of several statements too. */
  run(sql: string): Promise<void>
  /** The rows of a query, each as its cells; integers as text, bytes as hex. */
  rows(sql: string): Promise<(string | null)[][]>
}

const serverUrls = {
  mysql: process.env.MOONWHEEL_TEST_MYSQL ?? 'mysql://root@127.0.0.1:3306/mysql',
  postgres: process.env.MOONWHEEL_TEST_POSTGRES ?? 'postgres://postgres@127.0.0.1:5432/postgres',
}
const serverOf = (dialect: 'mysql' | 'postgres'): ServerAddress =>
  databaseAddress(serverUrls[dialect], '/') as ServerAddress

/** The databases that tests can use here; says which are missing. */
export async function dialectsHere(): Promise<readonly Dialect[]> {
  const here: Dialect[] = ['sqlite']
  for (const dialect of ['mysql', 'postgres'] as const) {
    try {
      await query(serverOf(dialect), 'SELECT 1')
      here.push(dialect)
    } catch (thrown) {
      if (process.env.MOONWHEEL_REQUIRE_SERVICES === '1') throw thrown
      const where = serverUrls[dialect].replace(/:[^:@/]*@/, '@')
      console.log(`skipped: tests of ${dialect}, no server at ${where}`)
    }
  }
  return here
}

const dropping: (() => Promise<void>)[] = []

/** Makes an empty database. */
export async function makeDatabase(dialect: Dialect): Promise<TestDatabase> {
  if (dialect === 'sqlite') {
    const folder = mkdtempSync(join(tmpdir(), 'moon-db-'))
    dropping.push(async () => rmSync(folder, { recursive: true, force: true }))
    return testDatabase(`sqlite:${join(folder, 'game.db')}`)
  }
  const name = `moon_test_${randomBytes(6).toString('hex')}`
  const url = new URL(serverUrls[dialect])
  url.pathname = `/${name}`
  const create = dialect === 'postgres' ? ` ENCODING 'UTF8' TEMPLATE template0` : ''
  await query(serverOf(dialect), `CREATE DATABASE ${name}${create}`)
  const force = dialect === 'postgres' ? ' WITH (FORCE)' : ''
  dropping.push(async () => {
    await query(serverOf(dialect), `DROP DATABASE IF EXISTS ${name}${force}`)
  })
  return testDatabase(url.toString())
}

function testDatabase(url: string): TestDatabase {
  const address = databaseAddress(url, '/')
  return {
    dialect: address.dialect,
    url,
    address,
    run: async (sql) => void (await query(address, sql)),
    rows: (sql) => query(address, sql),
  }
}

export async function dropDatabases(): Promise<void> {
  for (const drop of dropping.splice(0)) await drop()
}

/** Runs SQL on a connection of its own. @returns the cells of the last statement's rows */
export async function query(address: DatabaseAddress, sql: string): Promise<(string | null)[][]> {
  if (address.dialect === 'sqlite') return querySqlite(address.file, sql)
  const { dialect: _, ...where } = address
  if (address.dialect === 'mysql') {
    const options = {
      ...where,
      charset: 'utf8mb4',
      supportBigNumbers: true,
      bigNumberStrings: true,
    }
    const connection = await createConnection({
      ...options,
      multipleStatements: true,
      rowsAsArray: true,
    })
    try {
      const [result] = await connection.query(sql)
      return cells(result)
    } finally {
      await connection.end()
    }
  }
  const client = new pg.Client(where)
  await client.connect()
  try {
    const result = await client.query({ text: sql, rowMode: 'array' })
    return cells((Array.isArray(result) ? result.at(-1) : result).rows)
  } finally {
    await client.end()
  }
}

function querySqlite(file: string, sql: string): (string | null)[][] {
  const database = new Database(file, { timeout: 10_000 })
  try {
    database.defaultSafeIntegers(true)
    if (!/^\s*(select|pragma)/i.test(sql)) {
      database.exec(sql)
      return []
    }
    return cells(database.prepare(sql).raw().all())
  } finally {
    database.close()
  }
}

function cells(rows: unknown): (string | null)[][] {
  if (!Array.isArray(rows)) return []
  return rows.filter(Array.isArray).map((row) =>
    row.map((cell: unknown) => {
      if (cell === null || cell === undefined) return null
      if (cell === true) return '1'
      if (cell === false) return '0'
      return cell instanceof Uint8Array ? Buffer.from(cell).toString('hex') : String(cell)
    }),
  )
}
