// kill -9 of the drainer at random points: every transfer is in the database once, and in order.
//
// In CI 50 kills, spread over the databases that are here; with MOONWHEEL_LONG=1 ten thousand. A kill
// falls a random number of batches and a random moment after the process has begun to drain.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, expect, it } from 'vitest'
import {
  dialectsHere,
  dropDatabases,
  makeDatabase,
  type TestDatabase,
} from '../support/databases.ts'
import {
  cleanUp,
  drainerOf,
  expectTransfers,
  neverAborted,
  seededRandom,
  tablesSql,
  writerFor,
  writeTransfers,
} from './drain-fixture.ts'

const isLong = process.env.MOONWHEEL_LONG === '1'
const killsMin = isLong ? 10_000 : 50
const transfersPerKill = 16
const here = await dialectsHere()
const child = fileURLToPath(new URL('../fixtures/drain-child.mjs', import.meta.url))
const seed = Date.now() % 1_000_000
afterEach(cleanUp)
afterAll(dropDatabases)

/** Runs a drainer, and kills it. @returns whether it was killed before it had ended */
function runAndKill(url: string, folder: string, random: () => number): Promise<boolean> {
  const process_ = spawn(process.execPath, [child, url, folder, '2'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let left = 1 + Math.floor(random() * 5)
  const delayMs = random() * 6
  process_.stdout.on('data', (bytes: Buffer) => {
    left -= bytes.length
    if (left > 0) return
    left = Number.POSITIVE_INFINITY
    setTimeout(() => process_.kill('SIGKILL'), delayMs)
  })
  return new Promise((resolve) => {
    process_.once('exit', (_, signal) => resolve(signal === 'SIGKILL'))
  })
}

/** A server goes on for a moment with what a dead client has sent it. */
async function serverIsDone(database: TestDatabase): Promise<void> {
  if (database.dialect === 'sqlite') return
  const sessions =
    database.dialect === 'mysql'
      ? 'SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()'
      : `SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`
  await expect.poll(() => database.rows(sessions), { timeout: 10_000, interval: 5 }).toEqual([])
}

it.each(here)(
  'killed again and again: %s',
  async (dialect) => {
    console.log(`kills of a drainer into ${dialect}: seed ${seed}`)
    const random = seededRandom(seed)
    const kills = Math.ceil(killsMin / here.length)
    const database = await makeDatabase(dialect)
    await database.run(tablesSql)
    const writer = writerFor(dialect, 64 * 1024)
    let written = 0
    let killed = 0
    let appliedBefore = 0
    for (let i = 0; i < kills; i++) {
      writeTransfers(writer, written + 1, written + transfersPerKill)
      written += transfersPerKill
      if (await runAndKill(database.url, writer.folder, random)) killed++
      await serverIsDone(database)
      const [row] = await database.rows('SELECT last FROM place')
      const applied = Number(row?.[0])
      expect(applied).toBeGreaterThanOrEqual(appliedBefore)
      appliedBefore = applied
      // What is there is whole at any moment: the ledger is 1..applied, and the gold is all there.
      await expectTransfers(database, applied)
    }
    expect(killed).toBeGreaterThan(kills * 0.8)
    expect(await drainerOf(database, writer.folder).drain(false, neverAborted())).toBe('done')
    await expectTransfers(database, written)
    writer.close()
  },
  isLong ? 4 * 3600 * 1000 : 120_000,
)
