// What the tests of the drainer share: a spool of transfers between accounts, and a drainer for it.
//
// Each transaction moves gold and notes itself in the ledger under its own number, so tables tell
// whether each was applied once (the sum, the ledger's key) and in order (`last` counts up by one).

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Clock, systemClock } from '../../core/base/clock.ts'
import type { Dialect } from '../../core/base/dialect.ts'
import { Drainer, type DrainerOptions } from '../../core/drain/drainer.ts'
import { openTarget } from '../../core/drain/open-target.ts'
import type { Target } from '../../core/drain/target.ts'
import type { TestDatabase } from '../support/databases.ts'
import { SpoolWriter, type Sql } from '../support/spool-writer.ts'

export const accounts = 10
export const goldEach = 1000
const folders: string[] = []
const targets: Target[] = []

export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'moon-drain-'))
  folders.push(folder)
  return folder
}

/** Closes what drainerOf opened, and removes the folders. */
export async function cleanUp(): Promise<void> {
  for (const target of targets.splice(0)) await target.close()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
}

/** The tables; one text, for a file too. */
export const tablesSql = `CREATE TABLE account (id INT PRIMARY KEY, gold INT NOT NULL);
CREATE TABLE ledger (id INT PRIMARY KEY, at_before INT NOT NULL, note VARCHAR(200));
CREATE TABLE place (id INT PRIMARY KEY, last INT NOT NULL);
INSERT INTO place VALUES (1, 0);
${Array.from({ length: accounts }, (_, i) => `INSERT INTO account VALUES (${i}, ${goldEach});`).join('\n')}
`

/** The statements of transfer number `n`. */
export function transfer(n: number): Sql[] {
  const [from, to] = [n % accounts, (n * 7 + 1) % accounts]
  return [
    ['UPDATE account SET gold = gold - ? WHERE id = ?', n % 13, from],
    ['UPDATE account SET gold = gold + ? WHERE id = ?', n % 13, to],
    ['UPDATE place SET last = ? WHERE last = ?', n, n - 1],
    ['INSERT INTO ledger SELECT ?, last, ? FROM place', n, `transfer's "${n}"; -- 月\\`],
  ]
}

export function writeTransfers(writer: SpoolWriter, from: number, to: number): void {
  for (let n = from; n <= to; n++) writer.add(...transfer(n))
  writer.flush()
}

export function drainerOf(
  database: TestDatabase,
  folder: string,
  options: Partial<DrainerOptions> = {},
): Drainer {
  const target = options.target ?? openTarget(database.address)
  targets.push(target)
  return new Drainer({
    node: 'node1',
    folder,
    target,
    batchTransactionsMax: 50,
    clock: systemClock as Clock,
    random: () => 0,
    ...options,
  })
}

/** The same numbers for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export const neverAborted = (): AbortSignal => new AbortController().signal

/** Checks that transfers 1..n are in the database, each once and in order. */
export async function expectTransfers(database: TestDatabase, n: number): Promise<void> {
  const [sum] = await database.rows('SELECT SUM(gold) FROM account')
  expect(Number(sum?.[0])).toBe(accounts * goldEach)
  const ledger = await database.rows('SELECT id, at_before FROM ledger ORDER BY id')
  expect(ledger).toEqual(Array.from({ length: n }, (_, i) => [String(i + 1), String(i + 1)]))
  expect(await database.rows('SELECT last FROM place')).toEqual([[String(n)]])
}

export function writerFor(dialect: Dialect, segmentBytesMax?: number): SpoolWriter {
  return new SpoolWriter(
    tempFolder(),
    dialect,
    segmentBytesMax === undefined ? {} : { segmentBytesMax },
  )
}
