// SQLite's own troubles: a full disk, a file that somebody else has locked, a folder that is not there.

import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, expect, it } from 'vitest'
import { databaseAddress } from '../../core/config/database-url.ts'
import { openTarget } from '../../core/drain/open-target.ts'
import { query, type TestDatabase } from '../support/databases.ts'
import {
  cleanUp,
  drainerOf,
  expectTransfers,
  neverAborted,
  tablesSql,
  tempFolder,
  writerFor,
  writeTransfers,
} from './drain-fixture.ts'

const mounted: string[] = []
afterEach(async () => {
  for (const folder of mounted.splice(0)) spawnSync('umount', ['--lazy', folder])
  await cleanUp()
})

function databaseIn(folder: string): TestDatabase {
  const url = `sqlite:${join(folder, 'game.db')}`
  const address = databaseAddress(url, '/')
  return {
    dialect: 'sqlite',
    url,
    address,
    run: async (sql) => void (await query(address, sql)),
    rows: (sql) => query(address, sql),
  }
}

it('a full disk: waits, loses nothing, and goes on when there is room', async () => {
  const folder = tempFolder()
  const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', folder])
  if (mount.status !== 0) {
    console.log('skipped: a full disk under SQLite, this machine lets us mount no tmpfs')
    expect(process.env.MOONWHEEL_REQUIRE_SERVICES).not.toBe('1')
    return
  }
  mounted.push(folder)
  const database = databaseIn(folder)
  await database.run(tablesSql)
  writeFileSync(join(folder, 'ballast'), Buffer.alloc(150 * 1024))
  const writer = writerFor('sqlite')
  for (let n = 1; n <= 400; n += 50) writeTransfers(writer, n, n + 49)
  writer.close()
  const drainer = drainerOf(database, writer.folder)
  const draining = drainer.drain(false, neverAborted())
  await expect.poll(() => drainer.status.failures, { timeout: 20_000 }).toBeGreaterThan(1)
  expect(drainer.status).toMatchObject({ state: 'down' })
  expect(drainer.status.message).toMatch(/full|SQLITE_(FULL|IOERR)/)
  rmSync(join(folder, 'ballast'))
  expect(await draining).toBe('done')
  await expectTransfers(database, 400)
}, 60_000)

it('a lock of somebody else is waited for', async () => {
  const folder = tempFolder()
  const database = databaseIn(folder)
  await database.run(tablesSql)
  const target = openTarget(database.address)
  await target.connect()
  const other = new Database(join(folder, 'game.db'))
  other.exec('BEGIN IMMEDIATE')
  const writer = writerFor('sqlite')
  writeTransfers(writer, 1, 3)
  writer.close()
  const drainer = drainerOf(database, writer.folder, {
    target,
    onStatus: ({ state }) => {
      if (state === 'down' && other.inTransaction) other.exec('ROLLBACK')
    },
  })
  await target.close()
  expect(await drainer.drain(false, neverAborted())).toBe('done')
  other.close()
  await expectTransfers(database, 3)
}, 60_000)
