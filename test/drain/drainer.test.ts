// The drainer by itself, on each database: in order and once, refusals, decisions, other spools.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DeadLetters } from '../../core/drain/dead-letters.ts'
import { openTarget } from '../../core/drain/open-target.ts'
import type { DrainStatus } from '../../core/drain/status.ts'
import {
  dialectsHere,
  dropDatabases,
  makeDatabase,
  type TestDatabase,
} from '../support/databases.ts'
import type { SpoolWriter } from '../support/spool-writer.ts'
import {
  cleanUp,
  drainerOf,
  expectTransfers,
  neverAborted,
  tablesSql,
  writerFor,
  writeTransfers,
} from './drain-fixture.ts'

const here = await dialectsHere()
afterAll(dropDatabases)

describe.each(here)('draining into %s', (dialect) => {
  let database: TestDatabase
  let writer: SpoolWriter

  beforeEach(async () => {
    database = await makeDatabase(dialect)
    await database.run(tablesSql)
    writer = writerFor(dialect, 16 * 1024)
  })
  afterEach(async () => {
    writer.close()
    await cleanUp()
    await dropDatabases()
  })

  const once = () => drainerOf(database, writer.folder).drain(false, neverAborted())

  it('applies what is there, across segments and batches, and nothing twice', async () => {
    expect(await once()).toBe('done')
    writeTransfers(writer, 1, 60)
    writeTransfers(writer, 61, 120)
    const drainer = drainerOf(database, writer.folder)
    expect(await drainer.drain(false, neverAborted())).toBe('done')
    expect(drainer.status).toMatchObject({ state: 'ended', applied: 120, transactions: 120 })
    await expectTransfers(database, 120)
    expect(await once()).toBe('done')
    writeTransfers(writer, 121, 121)
    expect(await once()).toBe('done')
    await expectTransfers(database, 121)
  })

  it('follows a spool that grows, and ends when it is told to', async () => {
    const stop = new AbortController()
    let wake = (): void => {}
    const statuses: DrainStatus[] = []
    const drainer = drainerOf(database, writer.folder, {
      onStatus: (status) => {
        statuses.push(status)
        wake()
      },
    })
    const reached = (n: number) =>
      new Promise<void>((resolve) => {
        wake = () => {
          const { state, applied } = drainer.status
          if (state === 'idle' && applied === n) resolve()
        }
        wake()
      })
    const end = drainer.drain(true, stop.signal)
    for (let n = 1; n <= 5; n++) {
      writeTransfers(writer, n, n)
      await reached(n)
    }
    stop.abort()
    expect(await end).toBe('aborted')
    await expectTransfers(database, 5)
    expect(new Set(statuses.map(({ state }) => state))).toEqual(
      new Set(['draining', 'idle', 'ended']),
    )
  })

  it('hears in the middle of a backlog that it shall stop, and goes on from there', async () => {
    writeTransfers(writer, 1, 200)
    const stop = new AbortController()
    const drainer = drainerOf(database, writer.folder, {
      batchTransactionsMax: 1,
      onStatus: ({ applied }) => {
        // As a signal comes: from outside, by the event loop.
        if (applied === 3) setImmediate(() => stop.abort())
      },
    })
    expect(await drainer.drain(true, stop.signal)).toBe('aborted')
    expect(drainer.status.applied).toBeLessThan(20)
    // The same one, over the same connection: so the host's drainer finishes when the host stops.
    expect(await drainer.drain(false, neverAborted())).toBe('done')
    await expectTransfers(database, 200)
  })

  it('stands still before a transaction that is refused, and says which statement', async () => {
    writeTransfers(writer, 1, 70)
    writer.write(['UPDATE place SET last = last'], ['INSERT INTO nix(a) VALUES (?)', 'x'])
    writeTransfers(writer, 71, 80)
    const drainer = drainerOf(database, writer.folder)
    expect(await drainer.drain(false, neverAborted())).toBe('stopped')
    await expectTransfers(database, 70)
    expect(drainer.status).toMatchObject({ applied: 70, stoppedAt: 71 })
    const [letter, ...others] = new DeadLetters(writer.folder).list()
    expect(others).toEqual([])
    expect(letter).toMatchObject({
      sequence: 71,
      state: 'stopped',
      statement: 2,
      sql: "INSERT INTO nix(a) VALUES ('x');",
      origin: { node: 'node1', lane: '0', uid: '7' },
    })
    expect(letter?.error).toMatch(/nix/)
    const text = readFileSync(join(writer.folder, 'dead-letter/0000000000000071.sql'), 'utf8')
    expect(text).toMatch(/^-- tx [\s\S]*BEGIN;\nUPDATE[\s\S]*nix[\s\S]*COMMIT;\n$/)
    // It is tried again at each start, and stands still again.
    expect(await once()).toBe('stopped')
    await expectTransfers(database, 70)
  })

  it('goes on when the database was mended, and when told to skip', async () => {
    writeTransfers(writer, 1, 3)
    writer.write(['INSERT INTO nix(a) VALUES (?)', 'x'])
    writer.write(['INSERT INTO nax(a) VALUES (?)', 'x'])
    writeTransfers(writer, 4, 6)
    const letters = new DeadLetters(writer.folder)
    expect(await once()).toBe('stopped')
    await database.run('CREATE TABLE nix (a VARCHAR(9))')
    letters.decide(4, 'retry', new Date())
    expect(await once()).toBe('stopped')
    expect(letters.get(4)?.state).toBe('applied')
    expect(() => letters.decide(4, 'skip', new Date(), 'x')).toThrow(/does not stand before/)
    letters.decide(5, 'skip', new Date(), 'a table of last year')
    expect(await once()).toBe('done')
    expect(letters.get(5)).toMatchObject({ state: 'skip', reason: 'a table of last year' })
    expect(await database.rows('SELECT a FROM nix')).toEqual([['x']])
    await expectTransfers(database, 6)
  })

  it('hears a decision while it follows', async () => {
    writer.write(['INSERT INTO nix(a) VALUES (?)', 'x'])
    writeTransfers(writer, 1, 3)
    const stop = new AbortController()
    const drainer = drainerOf(database, writer.folder, {
      onStatus: ({ state, applied }) => {
        if (state === 'stopped') {
          new DeadLetters(writer.folder).decide(1, 'skip', new Date(), 'x')
        }
        if (applied === 4) stop.abort()
      },
    })
    expect(await drainer.drain(true, stop.signal)).toBe('aborted')
    await expectTransfers(database, 3)
  })

  it('of two at once, one is fenced, and nothing is applied twice', async () => {
    writeTransfers(writer, 1, 120)
    const small = { batchTransactionsMax: 1 }
    const both = await Promise.allSettled([
      drainerOf(database, writer.folder, small).drain(false, neverAborted()),
      drainerOf(database, writer.folder, small).drain(false, neverAborted()),
    ])
    const ends = both.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.code))
    expect(ends.sort()).toEqual(['DRAIN_FENCED', 'done'])
    await expectTransfers(database, 120)
  })

  it('several hosts drain into one database, each with its own place', async () => {
    writeTransfers(writer, 1, 5)
    const other = writerFor(dialect)
    other.write(['INSERT INTO ledger VALUES (?, ?, ?)', 1000, 0, 'other'])
    await Promise.all([
      once(),
      drainerOf(database, other.folder, { node: 'node2' }).drain(false, neverAborted()),
    ])
    other.close()
    expect(await database.rows('SELECT id FROM ledger ORDER BY id DESC LIMIT 1')).toEqual([
      ['1000'],
    ])
    expect(await database.rows('SELECT node, sequence FROM moon_progress ORDER BY node')).toEqual([
      ['node1', '5'],
      ['node2', '1'],
    ])
  })

  it('does not take another spool for the one that it has drained', async () => {
    writeTransfers(writer, 1, 5)
    await once()
    const other = writerFor(dialect)
    const drained = () => drainerOf(database, other.folder).drain(false, neverAborted())
    writeTransfers(other, 1, 3)
    await expect(drained()).rejects.toMatchObject({ code: 'CONFLICT' })
    writeTransfers(other, 4, 9)
    await expect(drained()).rejects.toThrow(/not the spool that was drained before/)
    other.close()
    await expectTransfers(database, 5)
  })

  it('drains again what a restored database has lost', async () => {
    writeTransfers(writer, 1, 5)
    await once()
    const says: string[] = []
    const target = openTarget(database.address)
    const stop = new AbortController()
    let isBack = false
    const drainer = drainerOf(database, writer.folder, {
      target,
      say: (words) => says.push(words),
      onStatus: ({ state, applied }) => {
        if (state === 'idle' && !isBack) {
          isBack = true
          void restore()
        } else if (state === 'idle' && isBack && applied === 5) stop.abort()
      },
    })
    // As a backup does: rows and progress of an earlier moment.
    const restore = async (): Promise<void> => {
      await target.close()
      await database.run(
        'DELETE FROM ledger; DELETE FROM account; DELETE FROM place; DELETE FROM moon_progress',
      )
      await database.run(tablesSql.replace(/CREATE TABLE.*/g, ''))
    }
    await drainer.drain(true, stop.signal)
    expect(says).toEqual(['the database went back from 5 to 0: drained again'])
    await expectTransfers(database, 5)
  })

  it('has nothing to do where no spool is', async () => {
    const drainer = drainerOf(database, join(writer.folder, 'nowhere'))
    expect(await drainer.drain(false, neverAborted())).toBe('done')
    expect(existsSync(join(writer.folder, 'nowhere'))).toBe(false)
  })
})

it('refuses a spool that is written for another database', async () => {
  const database = await makeDatabase('sqlite')
  await database.run(tablesSql)
  const writer = writerFor('postgres')
  writeTransfers(writer, 1, 2)
  writer.close()
  await expect(drainerOf(database, writer.folder).drain(false, neverAborted())).rejects.toThrow(
    'written for postgres, and the database is sqlite',
  )
  await cleanUp()
})
