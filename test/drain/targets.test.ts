// The three targets alike: a batch is all or nothing, its row is the fence, errors are of three kinds.

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTarget } from '../../core/drain/open-target.ts'
import { type Batch, noProgress, type Progress, type Target } from '../../core/drain/target.ts'
import {
  dialectsHere,
  dropDatabases,
  makeDatabase,
  type TestDatabase,
} from '../support/databases.ts'

const here = await dialectsHere()
afterAll(dropDatabases)

const at = (sequence: number, chain = sequence * 7): Progress => ({
  spool: sequence === 0 ? '' : '0123456789abcdef',
  sequence,
  chain: sequence === 0 ? 0 : chain,
})
const batch = (from: number, to: number, ...statements: string[]): Batch => ({
  from: at(from),
  to: at(to),
  sql: statements.map((statement) => `${statement};\n`).join(''),
  timeMs: 1,
})

describe.each(here)('a target of %s', (dialect) => {
  let database: TestDatabase
  let target: Target

  beforeEach(async () => {
    database = await makeDatabase(dialect)
    target = openTarget(database.address)
    await target.connect()
    await target.prepare('n1')
    await database.run('CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(99))')
  })
  afterEach(async () => {
    await target.close()
    await dropDatabases()
  })

  const rows = () => database.rows('SELECT a, b FROM t ORDER BY a')

  it('starts at nothing, and keeps what it was told', async () => {
    expect(await target.progress('n1')).toEqual(noProgress)
    await target.apply('n1', batch(0, 3, "INSERT INTO t VALUES (1, 'x')", "UPDATE t SET b = 'y'"))
    await target.prepare('n1')
    expect(await target.progress('n1')).toEqual(at(3))
    expect(await rows()).toEqual([['1', 'y']])
  })

  it('keeps a row for each node', async () => {
    await target.prepare('n2')
    await target.apply('n1', batch(0, 3, "INSERT INTO t VALUES (1, 'x')"))
    expect(await target.progress('n2')).toEqual(noProgress)
  })

  it('takes back a whole batch when one statement is refused, and goes on', async () => {
    const bad = batch(0, 2, "INSERT INTO t VALUES (1, 'x')", "INSERT INTO t VALUES (1, 'y')")
    await expect(target.apply('n1', bad)).rejects.toMatchObject({ code: 'DATABASE_REJECTED' })
    expect(await rows()).toEqual([])
    expect(await target.progress('n1')).toEqual(noProgress)
    await target.apply('n1', batch(0, 1, "INSERT INTO t VALUES (1, 'z')"))
    expect(await rows()).toEqual([['1', 'z']])
  })

  it.each([
    ['a table that is not there', 'INSERT INTO nix VALUES (1)'],
    ['a mistake in its grammar', 'INSERT INTO t VALUES ('],
    ['a NULL in a key', 'UPDATE t SET a = NULL'],
  ])('refuses %s in words', async (_, sql) => {
    await database.run("INSERT INTO t VALUES (1, 'x')")
    const isLax = dialect === 'sqlite' && sql.includes('NULL')
    const applied = target.apply('n1', batch(0, 1, sql))
    if (isLax) await applied
    else await expect(applied).rejects.toMatchObject({ code: 'DATABASE_REJECTED' })
  })

  it('is fenced when the row is elsewhere: nothing is applied', async () => {
    await target.apply('n1', batch(0, 3))
    const insert = "INSERT INTO t VALUES (1, 'x')"
    for (const stale of [batch(0, 4, insert), { ...batch(3, 4, insert), from: at(3, 99) }]) {
      await expect(target.apply('n1', stale)).rejects.toMatchObject({ code: 'DRAIN_FENCED' })
      expect(await rows()).toEqual([])
      expect(await target.progress('n1')).toEqual(at(3))
    }
    await target.apply('n1', batch(3, 4, insert))
    expect(await rows()).toEqual([['1', 'x']])
  })

  it('is fenced when the row is gone', async () => {
    await database.run('DELETE FROM moon_progress')
    await expect(target.progress('n1')).rejects.toMatchObject({ code: 'DRAIN_FENCED' })
    await expect(
      target.apply('n1', batch(0, 1, "INSERT INTO t VALUES (1, 'x')")),
    ).rejects.toMatchObject({ code: 'DRAIN_FENCED' })
    expect(await rows()).toEqual([])
  })

  it('of two that apply the same batch at once, one is fenced', async () => {
    const other = openTarget(database.address)
    await other.connect()
    const insert = batch(0, 1, "INSERT INTO t VALUES (1, 'x')")
    const both = await Promise.allSettled([target.apply('n1', insert), other.apply('n1', insert)])
    await other.close()
    const codes = both.map((one) => (one.status === 'fulfilled' ? 'ok' : one.reason.code))
    expect(codes.sort()).toEqual(['DRAIN_FENCED', 'ok'])
    expect(await rows()).toEqual([['1', 'x']])
  })

  it('carries every character', async () => {
    const text = 'Mei 月轮 🌕 äöü'
    await target.apply('n1', batch(0, 1, `INSERT INTO t VALUES (1, '${text}')`))
    expect(await rows()).toEqual([['1', text]])
  })

  it('reports what is not there, or not reachable, as down', async () => {
    const nowhere =
      database.address.dialect === 'sqlite'
        ? { ...database.address, file: mkdtempSync(join(tmpdir(), 'moon-no-db-')) }
        : { ...database.address, port: 1 }
    const bad = openTarget(nowhere)
    await expect(bad.connect()).rejects.toMatchObject({ code: 'DATABASE_DOWN' })
    expect(bad.connected).toBe(false)
    if (nowhere.dialect === 'sqlite') rmSync(nowhere.file, { recursive: true })
  })

  it('lists the tables that are not its own', async () => {
    expect(await target.tableNames()).toEqual(['t'])
  })
})

describe('SQLite', () => {
  it('makes the folders of its file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'moon-db-'))
    const target = openTarget({ dialect: 'sqlite', file: join(folder, 'a/b/game.db') })
    await target.connect()
    await target.close()
    expect(existsSync(join(folder, 'a/b/game.db'))).toBe(true)
    rmSync(folder, { recursive: true })
  })
})

describe.runIf(here.includes('mysql'))('MySQL', () => {
  it('refuses tables that have no transactions', async () => {
    const database = await makeDatabase('mysql')
    await database.run('CREATE TABLE old (a INT) ENGINE=MyISAM')
    await expect(openTarget(database.address).connect()).rejects.toThrow(
      'table old is of engine MyISAM, which has no transactions',
    )
  })

  it('sets sql_mode for itself, whatever the server has', async () => {
    const database = await makeDatabase('mysql')
    const target = openTarget(database.address)
    await target.connect()
    await target.prepare('n1')
    await database.run('CREATE TABLE t (a TINYINT NOT NULL)')
    await expect(
      target.apply('n1', batch(0, 1, 'INSERT INTO t VALUES (1000)')),
    ).rejects.toMatchObject({ code: 'DATABASE_REJECTED' })
    await target.close()
  })
})

describe.runIf(here.includes('postgres'))('PostgreSQL', () => {
  it('refuses a server that would report what a crash takes back', async () => {
    const database = await makeDatabase('postgres')
    const name = (database.address as { database: string }).database
    await database.run(`ALTER DATABASE ${name} SET synchronous_commit = off`)
    await expect(openTarget(database.address).connect()).rejects.toThrow(
      "synchronous_commit is 'off', expected 'on'",
    )
  })

  it('tells its own fence from a division by zero of the game', async () => {
    const database = await makeDatabase('postgres')
    const target = openTarget(database.address)
    await target.connect()
    await target.prepare('n1')
    await database.run('CREATE TABLE t (a INT)')
    await expect(
      target.apply('n1', batch(0, 1, 'INSERT INTO t VALUES (1 / 0)')),
    ).rejects.toMatchObject({ code: 'DATABASE_REJECTED' })
    await target.close()
  })
})
