// kill -9 of the drainer at random points: every transfer is in the database once, and in order.
//
// Starting a process costs more than all that a drainer does before it is killed, so each process runs
// several drainers, each from a spool of its own into a database of its own: one SIGKILL cuts all of
// them short, each somewhere else. In CI at least 50 drains are cut short, over the databases that are
// here; with MOONWHEEL_LONG=1 ten thousand (or MOONWHEEL_KILLS). A kill falls a random number of
// batches and a random moment after the process has begun to drain, now and then while it starts.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, expect, it } from 'vitest'
import {
  dialectsHere,
  dropDatabases,
  makeDatabase,
  type TestDatabase,
} from '../support/databases.ts'
import type { SpoolWriter } from '../support/spool-writer.ts'
import {
  accounts,
  cleanUp,
  drainerOf,
  expectTransfers,
  goldEach,
  neverAborted,
  seededRandom,
  tablesSql,
  writerFor,
  writeTransfers,
} from './drain-fixture.ts'

const isLong = process.env.MOONWHEEL_LONG === '1'
const cutShortMin = isLong ? Number(process.env.MOONWHEEL_KILLS ?? 10_000) : 50
const drainersAtOnce = isLong ? 8 : 4
const batch = 2
const here = await dialectsHere()
const child = fileURLToPath(new URL('../fixtures/drain-child.mjs', import.meta.url))
const seed = Number(process.env.MOONWHEEL_SEED ?? Date.now() % 1_000_000)
afterEach(cleanUp)
afterAll(dropDatabases)

/** One spool and its database. */
interface Place {
  readonly database: TestDatabase
  readonly writer: SpoolWriter
  written: number
  applied: number
}

/** Runs the drainers, and kills them. @returns how many of them had not ended by themselves */
function runAndKill(places: readonly Place[], random: () => number): Promise<number> {
  const args = places.flatMap(({ database, writer }) => [database.url, writer.folder])
  const process_ = spawn(process.execPath, [child, String(batch), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const kill = (ms: number) => setTimeout(() => process_.kill('SIGKILL'), ms)
  let left = 1 + Math.floor(random() * 5 * places.length)
  const delayMs = random() * 6
  if (random() < 0.05) {
    left = Number.POSITIVE_INFINITY
    kill(random() * 400)
  }
  let ended = 0
  process_.stdout.on('data', (bytes: Buffer) => {
    left -= bytes.length
    ended += bytes.filter((byte) => byte < 97).length
    if (left > 0) return
    left = Number.POSITIVE_INFINITY
    kill(delayMs)
  })
  return new Promise((resolve) => {
    process_.once('close', (_, signal) => resolve(signal === 'SIGKILL' ? places.length - ended : 0))
  })
}

/** A server goes on for a moment with what a dead client has sent it. */
async function serverIsDone(places: readonly Place[]): Promise<void> {
  const { dialect, rows } = (places[0] as Place).database
  if (dialect === 'sqlite') return
  const names = places.map(({ database: { address } }) =>
    address.dialect === 'sqlite' ? '' : `'${address.database}'`,
  )
  const sessions =
    dialect === 'mysql'
      ? `SELECT id FROM information_schema.processlist
         WHERE db IN (${names}) AND id <> connection_id()`
      : `SELECT pid FROM pg_stat_activity
         WHERE datname IN (${names}) AND pid <> pg_backend_pid()`
  await expect.poll(() => rows(sessions), { timeout: 30_000, interval: 5 }).toEqual([])
}

/** What is there is whole at any moment: the ledger is 1..last in order, and the gold is all there. */
const wholeSql = `SELECT (SELECT SUM(gold) FROM account), (SELECT COUNT(*) FROM ledger),
  (SELECT COALESCE(MIN(id), 1) FROM ledger), (SELECT COALESCE(MAX(id), 0) FROM ledger),
  (SELECT COUNT(*) FROM ledger WHERE id <> at_before), (SELECT last FROM place)`

async function look(place: Place): Promise<void> {
  const [row] = await place.database.rows(wholeSql)
  const [gold, count, first, last, misplaced, applied] = (row ?? []).map(Number)
  expect({ gold, count, first, last, misplaced }).toEqual({
    gold: accounts * goldEach,
    count: applied,
    first: 1,
    last: applied,
    misplaced: 0,
  })
  expect(applied).toBeGreaterThanOrEqual(place.applied)
  expect(applied).toBeLessThanOrEqual(place.written)
  place.applied = applied as number
}

it.each(here)(
  'killed again and again: %s',
  async (dialect) => {
    const random = seededRandom(seed)
    const wanted = Math.ceil(cutShortMin / here.length)
    const places: Place[] = []
    for (let i = 0; i < drainersAtOnce; i++) {
      const database = await makeDatabase(dialect)
      await database.run(tablesSql)
      places.push({ database, writer: writerFor(dialect, 64 * 1024), written: 0, applied: 0 })
    }
    let cutShort = 0
    let kills = 0
    for (; cutShort < wanted; kills++) {
      for (const place of places) {
        // More than a drainer can do before it is killed, by the rule above.
        const to = place.applied + 32 * drainersAtOnce
        if (to > place.written) writeTransfers(place.writer, place.written + 1, to)
        place.written = Math.max(place.written, to)
      }
      cutShort += await runAndKill(places, random)
      await serverIsDone(places)
      await Promise.all(places.map(look))
      expect(kills, 'most are cut short').toBeLessThan((2 * wanted) / drainersAtOnce + 10)
    }
    const applied = places.reduce((sum, place) => sum + place.applied, 0)
    console.log(
      `${dialect}: ${kills} SIGKILLs cut ${cutShort} drains short, ${applied} transactions applied, seed ${seed}`,
    )
    expect(applied).toBeGreaterThan(cutShort)
    for (const { database, writer, written } of places) {
      expect(await drainerOf(database, writer.folder).drain(false, neverAborted())).toBe('done')
      await expectTransfers(database, written)
      writer.close()
    }
  },
  isLong ? 4 * 3600 * 1000 : 120_000,
)

it('canary: a transfer that is missing, doubled or out of order is found', async () => {
  const database = await makeDatabase('sqlite')
  await database.run(tablesSql)
  const writer = writerFor('sqlite')
  writeTransfers(writer, 1, 9)
  await drainerOf(database, writer.folder).drain(false, neverAborted())
  const place: Place = { database, writer, written: 9, applied: 0 }
  await look(place)
  for (const [damage, undo] of [
    ['DELETE FROM ledger WHERE id = 4', 'INSERT INTO ledger VALUES (4, 4, NULL)'],
    [
      'UPDATE account SET gold = gold + 1 WHERE id = 3',
      'UPDATE account SET gold = gold - 1 WHERE id = 3',
    ],
    [
      'UPDATE ledger SET at_before = 6 WHERE id = 7',
      'UPDATE ledger SET at_before = 7 WHERE id = 7',
    ],
    ['UPDATE place SET last = 8', 'UPDATE place SET last = 9'],
  ] as const) {
    await database.run(damage)
    await expect(look(place)).rejects.toThrow()
    await database.run(undo)
    await look(place)
  }
  writer.close()
})
