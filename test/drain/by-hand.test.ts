// A spool drained by us, and its files fed to sqlite3, mysql and psql by hand, give the same tables:
// with transfers between accounts, and with every value of nasty-values.ts.

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, expect, it } from 'vitest'
import type { Dialect } from '../../core/base/dialect.ts'
import type { DatabaseAddress } from '../../core/config/database-url.ts'
import { bytesToText } from '../../core/lua/bytes.ts'
import { type Kind, nasties } from '../spool/nasty-values.ts'
import {
  dialectsHere,
  dropDatabases,
  makeDatabase,
  type TestDatabase,
} from '../support/databases.ts'
import {
  cleanUp,
  drainerOf,
  neverAborted,
  tablesSql,
  writerFor,
  writeTransfers,
} from './drain-fixture.ts'

const here = await dialectsHere()
afterEach(cleanUp)
afterAll(dropDatabases)

const thingsSql: Readonly<Record<Dialect, string>> = {
  sqlite:
    'CREATE TABLE thing (id INTEGER PRIMARY KEY, t TEXT, n INTEGER, f REAL, b BLOB, y INTEGER);',
  mysql:
    'CREATE TABLE thing (id BIGINT PRIMARY KEY, t LONGTEXT, n BIGINT, f DOUBLE, b LONGBLOB, y TINYINT(1)) DEFAULT CHARSET utf8mb4;',
  postgres:
    'CREATE TABLE thing (id BIGINT PRIMARY KEY, t TEXT, n BIGINT, f DOUBLE PRECISION, b BYTEA, y BOOLEAN);',
}

const columns: Readonly<Record<Kind, string>> = {
  integer: 'n',
  float: 'f',
  text: 't',
  blob: 'b',
  boolean: 'y',
}

/** The database's own client, reading a file from stdin. */
function clientOf(address: DatabaseAddress): { command: string; args: string[] } {
  if (address.dialect === 'sqlite') return { command: 'sqlite3', args: ['-bail', address.file] }
  const { host, port, user, password, database } = address
  if (address.dialect === 'postgres') {
    const url = `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}`
    return { command: 'psql', args: ['-q', '-v', 'ON_ERROR_STOP=1', '-d', url] }
  }
  const where = ['-h', host, '-P', String(port), '-u', user]
  const secret = password === '' ? [] : [`--password=${password}`]
  return { command: 'mysql', args: [...where, ...secret, database] }
}

async function dump(database: TestDatabase): Promise<unknown> {
  const tables = ['account', 'ledger', 'place']
  const rows = await Promise.all(
    tables.map((table) => database.rows(`SELECT * FROM ${table} ORDER BY 1`)),
  )
  return [...rows, await database.rows('SELECT id, t, n, f, b, y FROM thing ORDER BY id')]
}

it.each(here)('%s', async (dialect) => {
  const ours = await makeDatabase(dialect)
  const theirs = await makeDatabase(dialect)
  const client = clientOf(theirs.address)
  if (spawnSync(client.command, ['--version']).status !== 0) {
    console.log(`skipped: the files of a spool by hand, there is no ${client.command} here`)
    expect(process.env.MOONWHEEL_REQUIRE_SERVICES).not.toBe('1')
    return
  }
  for (const database of [ours, theirs]) await database.run(tablesSql + thingsSql[dialect])
  const writer = writerFor(dialect, 32 * 1024)
  writeTransfers(writer, 1, 60)
  for (const [id, { kind, value }] of nasties.entries()) {
    writer.write([`INSERT INTO thing (id, ${columns[kind]}) VALUES (?, ?)`, id, asText(value)])
  }
  writer.close()
  expect(await drainerOf(ours, writer.folder).drain(false, neverAborted())).toBe('done')
  const segments = readdirSync(writer.folder).filter((name) => name.endsWith('.sql'))
  expect(segments.length).toBeGreaterThan(1)
  for (const name of segments.sort()) {
    const input = readFileSync(join(writer.folder, name))
    const ran = spawnSync(client.command, client.args, { input, encoding: 'utf8' })
    expect(ran.stderr).toBe('')
    expect(ran.status).toBe(0)
  }
  const drained = await dump(ours)
  expect(await dump(theirs)).toEqual(drained)
  // And what is there is what was written.
  const rows = await ours.rows('SELECT id, t FROM thing ORDER BY id')
  expect(rows).toEqual(
    nasties.map(({ kind, value }, id) => [
      String(id),
      kind === 'text' && value !== undefined ? asText(value) : null,
    ]),
  )
})

/** The writer takes text as it is; the nasty values have it as bytes, as Lua does. */
function asText(value: unknown): unknown {
  return typeof value === 'string' ? bytesToText(value) : value
}
