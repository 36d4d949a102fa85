// Archive and rebuild: what is packed away can be replayed, to any moment, without what was skipped.

import { existsSync, readdirSync, rmSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, expect, it } from 'vitest'
import type { DatabaseTable } from '../../core/config/types.ts'
import { archiveSegments } from '../../core/drain/archive.ts'
import { DeadLetters } from '../../core/drain/dead-letters.ts'
import { carryOut, lookAndPlan } from '../../core/drain/migrate.ts'
import { openTarget } from '../../core/drain/open-target.ts'
import { rebuild } from '../../core/drain/rebuild.ts'
import {
  dialectsHere,
  dropDatabases,
  makeDatabase,
  type TestDatabase,
} from '../support/databases.ts'
import { cleanUp, drainerOf, neverAborted, writerFor } from './drain-fixture.ts'

const here = await dialectsHere()
afterEach(cleanUp)
afterAll(dropDatabases)

const int = { kind: 'int', optional: false, lengthMax: undefined, default: undefined } as const
const schema: readonly DatabaseTable[] = [
  {
    name: 'score',
    file: 'config/schema/score.lua',
    key: ['id'],
    columns: [
      { ...int, name: 'id' },
      { ...int, name: 'points' },
    ],
    indexes: [],
  },
]

async function migrated(database: TestDatabase): Promise<void> {
  const target = openTarget(database.address)
  await target.connect()
  await carryOut(target, await lookAndPlan(target, schema))
  await target.close()
}

async function rebuilt(
  nodes: ReadonlyMap<string, string>,
  untilMs: number,
  like: TestDatabase,
): Promise<(string | null)[][]> {
  const empty = await makeDatabase(like.dialect)
  const target = openTarget(empty.address)
  await target.connect()
  await rebuild({ nodes, target, schema, untilMs, batchTransactionsMax: 20 })
  await target.close()
  return await empty.rows('SELECT id, points FROM score ORDER BY id')
}

it.each(here)(
  'a rebuild from spool and archive equals what was drained: %s',
  async (dialect) => {
    const database = await makeDatabase(dialect)
    await migrated(database)
    const writer = writerFor(dialect, 4096)
    const startMs = writer.nowMs
    for (let n = 1; n <= 100; n++) {
      writer.nowMs = startMs + n * 1000
      // A refused one in the middle, which an operator skips.
      if (n === 40) writer.write(['INSERT INTO score VALUES (?, ?)', 1, 1])
      else if (n <= 10) writer.write(['INSERT INTO score VALUES (?, ?)', n, 0])
      else writer.write(['UPDATE score SET points = points + ? WHERE id = ?', n, (n % 10) + 1])
    }
    const drained = () => drainerOf(database, writer.folder).drain(false, neverAborted())
    expect(await drained()).toBe('stopped')
    new DeadLetters(writer.folder).decide(40, 'skip', new Date(), 'twice')
    expect(await drained()).toBe('done')
    const segments = readdirSync(writer.folder).filter((name) => name.endsWith('.sql'))
    const half = await archiveSegments({
      folder: writer.folder,
      applied: 50,
      keepDays: 0,
      nowMs: 0,
    })
    expect(half.packed.length).toBeGreaterThan(0)
    expect(half.packed.length).toBeLessThan(segments.length - 1)
    const nodes = new Map([['node1', writer.folder]])
    const now = await database.rows('SELECT id, points FROM score ORDER BY id')
    expect(await rebuilt(nodes, Number.MAX_SAFE_INTEGER, database)).toEqual(now)
    const all = await archiveSegments({
      folder: writer.folder,
      applied: 100,
      keepDays: 0,
      nowMs: 0,
    })
    expect([...half.packed, ...all.packed]).toEqual(segments.slice(0, -1))
    expect(await rebuilt(nodes, Number.MAX_SAFE_INTEGER, database)).toEqual(now)
    // The state of a moment: 60 of them, without the skipped one.
    const sums = Array.from({ length: 10 }, () => 0)
    for (let n = 11; n <= 60; n++) if (n !== 40) sums[n % 10] = (sums[n % 10] as number) + n
    expect(await rebuilt(nodes, startMs + 60_999, database)).toEqual(
      sums.map((points, i) => [String(i + 1), String(points)]),
    )
    // The spool goes on behind the archive.
    writer.write(['UPDATE score SET points = ?', 7])
    writer.close()
    expect(await drained()).toBe('done')
    expect(await database.rows('SELECT DISTINCT points FROM score')).toEqual([['7']])
  },
  60_000,
)

it('of two hosts, in the order of their times', async () => {
  const like = await makeDatabase('sqlite')
  const [a, b] = [writerFor('sqlite'), writerFor('sqlite')]
  const startMs = a.nowMs
  for (let n = 0; n < 10; n++) {
    const writer = n % 2 === 0 ? a : b
    writer.nowMs = startMs + n
    if (n === 0) writer.write(['INSERT INTO score VALUES (?, ?)', 1, 1])
    else writer.write(['UPDATE score SET points = points * ? + ?', 3, n])
  }
  a.close()
  b.close()
  let points = 1
  for (let n = 1; n < 10; n++) points = points * 3 + n
  const nodes = new Map([
    ['node2', b.folder],
    ['node1', a.folder],
  ])
  expect(await rebuilt(nodes, Number.MAX_SAFE_INTEGER, like)).toEqual([['1', String(points)]])
})

it('needs an empty database, and the spool from its first transaction', async () => {
  const database = await makeDatabase('sqlite')
  await migrated(database)
  const target = openTarget(database.address)
  await target.connect()
  const options = { target, schema, untilMs: Number.MAX_SAFE_INTEGER, batchTransactionsMax: 20 }
  await expect(rebuild({ ...options, nodes: new Map() })).rejects.toThrow(
    'a rebuild needs an empty database, a new one: it has 1 tables, such as score',
  )
  await target.close()
  const writer = writerFor('sqlite', 4096)
  for (let n = 1; n <= 60; n++) writer.write(['INSERT INTO score VALUES (?, ?)', n, 0])
  writer.close()
  const first = readdirSync(writer.folder).find((name) => name.endsWith('.sql')) as string
  rmSync(join(writer.folder, first))
  await expect(
    rebuilt(new Map([['node1', writer.folder]]), Number.MAX_SAFE_INTEGER, database),
  ).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

it('the archive keeps the last segment and what is not applied, and drops what is too old', async () => {
  const writer = writerFor('sqlite', 4096)
  const { folder } = writer
  for (let n = 1; n <= 60; n++) writer.write(['INSERT INTO score VALUES (?, ?)', n, 0])
  const options = { folder, keepDays: 30, nowMs: Date.now() }
  expect((await archiveSegments({ ...options, applied: 0 })).packed).toEqual([])
  const { packed } = await archiveSegments({ ...options, applied: 60 })
  expect(packed.length).toBeGreaterThan(1)
  expect(readdirSync(folder).filter((name) => name.endsWith('.sql'))).toHaveLength(1)
  const old = join(folder, 'archive', `${packed[0]}.gz`)
  const thirtyOneDaysAgo = Date.now() / 1000 - 31 * 24 * 3600
  utimesSync(old, thirtyOneDaysAgo, thirtyOneDaysAgo)
  const { dropped } = await archiveSegments({ ...options, applied: 60 })
  expect(dropped).toEqual([`${packed[0]}.gz`])
  expect(existsSync(old)).toBe(false)
  writer.close()
})
