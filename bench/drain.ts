// The drain benchmark: `npm run bench:drain [-- TRANSACTIONS]`. Guards the drainer and its targets.
//
// Writes a spool of trades (two updates and an insert each), and brings the same files into a database:
// by the drainer; by the database's own client reading the file (SQLite); statement by statement, each
// awaited, as a program without a spool would (MariaDB, PostgreSQL). Rounds alternate in one run.
// Servers are those on 127.0.0.1, as the tests use them; without one its rows are left out, in words.
// Exits 1 when the best round misses a target: as fast as `sqlite3 new.db < spool.sql`; 5 times
// one statement per round trip.

import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import { systemClock } from '../core/base/clock.ts'
import type { Dialect } from '../core/base/dialect.ts'
import { SystemFiles } from '../core/base/files.ts'
import { limits } from '../core/base/limits.ts'
import {
  type DatabaseAddress,
  databaseAddress,
  type ServerAddress,
} from '../core/config/database-url.ts'
import { Drainer } from '../core/drain/drainer.ts'
import { openTarget } from '../core/drain/open-target.ts'
import type { SpoolTransaction } from '../core/spool/format.ts'
import { statementsOf } from '../core/spool/format.ts'
import { SpoolReader } from '../core/spool/reader.ts'
import { newSpoolId } from '../core/spool/settle-spool.ts'
import { SpoolLog } from '../core/spool/spool-log.ts'
import { compileStatement } from '../core/spool/statement.ts'
import { printTable } from './table.ts'

const transactions = Number(process.argv[2] ?? 4000)
const rounds = 3
const roles = 1000
const groupTransactions = 100
const target = { sqlite: 1, mysql: 5, postgres: 5 } as const
const root = mkdtempSync(join(tmpdir(), 'moonwheel-bench-drain-'))
const databaseName = `moon_bench_${process.pid}`
const urls: Readonly<Record<Dialect, string>> = {
  sqlite: `sqlite:${join(root, 'game.db')}`,
  mysql: process.env.MOONWHEEL_TEST_MYSQL ?? 'mysql://root@127.0.0.1:3306/mysql',
  postgres: process.env.MOONWHEEL_TEST_POSTGRES ?? 'postgres://postgres@127.0.0.1:5432/postgres',
}

/** One way into a database: seconds for all transactions. */
type Way = () => Promise<number>

function writeSpool(dialect: Dialect): string {
  const folder = join(root, dialect, 'bench')
  mkdirSync(folder, { recursive: true })
  const files = new SystemFiles()
  const clock = systemClock
  const log = new SpoolLog({
    ...{ folder, node: 'bench', dialect, policy: 'write', files, clock, newSpoolId },
    segmentBytesMax: 1024 * 1024 * 1024,
  })
  const take = compileStatement('UPDATE role SET gold = gold - ? WHERE id = ?', dialect)
  const give = compileStatement('UPDATE role SET gold = gold + ? WHERE id = ?', dialect)
  const note = compileStatement(
    'INSERT INTO trade(id, from_id, to_id, gold, at, note) VALUES (?, ?, ?, ?, ?, ?)',
    dialect,
  )
  for (let n = 1; n <= transactions; n++) {
    const [from, to, gold] = [n % roles, (n * 7 + 3) % roles, n % 50]
    const at = 1_767_225_600_000 + n
    const values = [n, from, to, gold, at, 'for the moon bow']
    const text = take.render([gold, from]) + give.render([gold, to]) + note.render(values)
    const bytes = Buffer.from(text, 'latin1')
    const origin = `node=bench lane=0 uid=${from} route=trade.handler.give`
    log.add(3, origin, bytes, 0, bytes.length)
    if (n % groupTransactions === 0) log.flush()
  }
  log.flush()
  log.close()
  return folder
}

const tablesSql = (int: string, more = ''): string => `
DROP TABLE IF EXISTS role; DROP TABLE IF EXISTS trade; DROP TABLE IF EXISTS moon_progress;
CREATE TABLE role (id ${int} NOT NULL PRIMARY KEY, gold ${int} NOT NULL)${more};
CREATE TABLE trade (id ${int} NOT NULL PRIMARY KEY, from_id ${int} NOT NULL, to_id ${int} NOT NULL,
  gold ${int} NOT NULL, at ${int} NOT NULL, note VARCHAR(100))${more};
CREATE INDEX trade_from_id_idx ON trade(from_id);
INSERT INTO role VALUES ${Array.from({ length: roles }, (_, id) => `(${id}, 1000)`).join(', ')};`

async function drained(address: DatabaseAddress, folder: string): Promise<number> {
  const opened = openTarget(address)
  const drainer = new Drainer({
    node: 'bench',
    folder,
    target: opened,
    batchTransactionsMax: limits.batchTransactionsMax,
    clock: systemClock,
    random: Math.random,
  })
  const startMs = performance.now()
  const end = await drainer.drain(false, new AbortController().signal)
  await opened.settle()
  const seconds = (performance.now() - startMs) / 1000
  await opened.close()
  if (end !== 'done' || drainer.status.applied !== transactions) throw new Error(`it ${end}`)
  return seconds
}

// --- SQLite and its own client

const sqliteFile = join(root, 'game.db')

function newSqlite(): void {
  for (const ending of ['', '-wal', '-shm']) rmSync(`${sqliteFile}${ending}`, { force: true })
  const database = new Database(sqliteFile)
  database.exec(tablesSql('INTEGER'))
  database.close()
}

function fedToSqlite3(folder: string, ...pragmas: string[]): number {
  newSqlite()
  const [segment] = readdirSync(folder).filter((name) => name.endsWith('.sql'))
  const input = openSync(join(folder, segment as string), 'r')
  const commands = pragmas.flatMap((pragma) => ['-cmd', `PRAGMA ${pragma}`])
  const startMs = performance.now()
  const ran = spawnSync('sqlite3', ['-bail', ...commands, sqliteFile], {
    stdio: [input, 'ignore', 'inherit'],
  })
  const seconds = (performance.now() - startMs) / 1000
  closeSync(input)
  if (ran.status !== 0) throw new Error('sqlite3 failed')
  return seconds
}

function sqliteWays(folder: string): [string, Way][] {
  const address = databaseAddress(urls.sqlite, '/')
  return [
    [
      'the drainer',
      () => {
        newSqlite()
        return drained(address, folder)
      },
    ],
    ['sqlite3 new.db < spool.sql', async () => fedToSqlite3(folder)],
    [
      'the same, WAL, synchronous=OFF',
      async () => fedToSqlite3(folder, 'journal_mode=WAL', 'synchronous=OFF'),
    ],
  ]
}

// --- servers, statement by statement

/** Runs SQL on one connection, a statement at a time. */
interface Client {
  run(sql: string): Promise<unknown>
  end(): Promise<void>
}

async function clientOf(address: ServerAddress): Promise<Client> {
  const { dialect, ...where } = address
  if (dialect === 'mysql') {
    const connection = await createConnection({ ...where, multipleStatements: true })
    return { run: (sql) => connection.query(sql), end: () => connection.end() }
  }
  const client = new pg.Client(where)
  await client.connect()
  return { run: (sql) => client.query(sql), end: () => client.end() }
}

function readAll(folder: string): SpoolTransaction[] {
  const reader = new SpoolReader({ folder })
  const all: SpoolTransaction[] = []
  for (let next = reader.next(); next !== undefined; next = reader.next()) all.push(next)
  reader.close()
  return all
}

async function oneByOne(
  address: ServerAddress,
  all: readonly SpoolTransaction[],
  eachCommits: boolean,
): Promise<number> {
  const client = await clientOf(address)
  const startMs = performance.now()
  if (!eachCommits) await client.run('BEGIN')
  for (const transaction of all) {
    if (eachCommits) await client.run('BEGIN')
    for (const statement of statementsOf(transaction)) await client.run(statement.toString('utf8'))
    if (eachCommits) await client.run('COMMIT')
  }
  if (!eachCommits) await client.run('COMMIT')
  const seconds = (performance.now() - startMs) / 1000
  await client.end()
  return seconds
}

async function serverWays(
  dialect: 'mysql' | 'postgres',
  folder: string,
): Promise<{ ways: [string, Way][]; drop: () => Promise<void> }> {
  const server = databaseAddress(urls[dialect], '/') as ServerAddress
  const address = { ...server, database: databaseName }
  const admin = await clientOf(server)
  await admin.run(`CREATE DATABASE ${databaseName}`)
  const all = readAll(folder)
  const afresh = async (run: Way): Promise<number> => {
    const client = await clientOf(address)
    await client.run(tablesSql('BIGINT'))
    await client.end()
    return await run()
  }
  return {
    ways: [
      ['the drainer', () => afresh(() => drained(address, folder))],
      ['one statement per round trip', () => afresh(() => oneByOne(address, all, true))],
      ['the same in one transaction', () => afresh(() => oneByOne(address, all, false))],
    ],
    drop: async () => {
      await admin.run(`DROP DATABASE ${databaseName}`)
      await admin.end()
    },
  }
}

// --- the run

async function measure(dialect: Dialect, ways: readonly [string, Way][]): Promise<boolean> {
  const best = ways.map(() => Number.POSITIVE_INFINITY)
  for (let round = 0; round < rounds; round++) {
    for (const [i, [, run]] of ways.entries()) best[i] = Math.min(best[i] as number, await run())
  }
  const [ours = 1, theirs = 1] = best
  printTable(
    [`${dialect}, ${transactions} transactions`, 'seconds', 'transactions/s', 'the drainer is'],
    ways.map(([name], i) => {
      const seconds = best[i] as number
      const ratio = i === 0 ? '' : `${(seconds / ours).toFixed(1)} x as fast`
      return [name, seconds.toFixed(3), Math.round(transactions / seconds).toString(), ratio]
    }),
  )
  const reached = theirs / ours >= target[dialect]
  if (!reached) console.info(`missed: at least ${target[dialect]} x is wanted`)
  console.info('')
  return reached
}

async function main(): Promise<void> {
  const folders = { sqlite: writeSpool('sqlite') }
  let fine = await measure('sqlite', sqliteWays(folders.sqlite))
  for (const dialect of ['mysql', 'postgres'] as const) {
    let server: Awaited<ReturnType<typeof serverWays>>
    try {
      server = await serverWays(dialect, writeSpool(dialect))
    } catch (thrown) {
      console.info(`${dialect}: left out, no server: ${(thrown as Error).message}`)
      continue
    }
    try {
      fine = (await measure(dialect, server.ways)) && fine
    } finally {
      await server.drop()
    }
  }
  process.exitCode = fine ? 0 : 1
}

try {
  await main()
} finally {
  rmSync(root, { recursive: true })
}
