// `npm run drain` as an operator runs it: what it prints, and its exit codes.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { query } from '../support/databases.ts'
import { SpoolWriter } from '../support/spool-writer.ts'
import { cleanUp, tempFolder } from './drain-fixture.ts'

let root = ''
let writer: SpoolWriter

beforeEach(() => {
  root = tempFolder()
  write('config/host.lua', 'return {}')
  write(
    'config/schema/score.lua',
    'return db_table { key = "id", columns = { id = int, points = int { default = 5 } } }',
  )
  writer = new SpoolWriter(join(root, 'sql-spool'), 'sqlite')
})
afterEach(async () => {
  writer.close()
  await cleanUp()
})

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

function drain(...args: string[]): { status: number | null; out: string; err: string } {
  const argv = ['tools/run.mjs', 'tools/drain.ts', ...args, '--root', root]
  const ran = spawnSync(process.execPath, argv, { encoding: 'utf8' })
  return { status: ran.status, out: ran.stdout, err: ran.stderr }
}

const insert = (id: number, table = 'score') =>
  writer.write([`INSERT INTO ${table}(id) VALUES (?)`, id])

it('plans, migrates, drains, stops before a refusal, skips, archives and rebuilds', async () => {
  insert(1)
  const planned = drain('migrate', '--plan')
  expect(planned).toMatchObject({ status: 0, err: '' })
  expect(planned.out).toContain('create table score\n')
  expect(drain('migrate').out).toContain('create table score\n')
  const once = drain()
  expect(once).toMatchObject({ status: 0, err: '' })
  expect(once.out).toMatch(/^1 transactions of node1 in \d+\.\d s; the database is at 1\n$/)
  insert(2, 'scores')
  insert(3)
  const stopped = drain('--once')
  expect(stopped.status).toBe(3)
  expect(stopped.err).toContain('transaction 2 is refused: SQLite: no such table: scores')
  expect(stopped.err).toContain('npm run drain -- skip 2 --reason "..."')
  const status = JSON.parse(drain('--status', '--json').out)
  expect(status).toMatchObject({ durable: 3, applied: 1, behind: 2 })
  expect(status.deadLetters).toMatchObject([{ sequence: 2, state: 'stopped', statement: 1 }])
  expect(drain('skip', '3', '--reason', 'x')).toMatchObject({ status: 2 })
  expect(drain('retry').out).toBe('transaction 2: retry; npm run drain does it\n')
  expect(drain('skip', '2', '--reason', 'misspelt').status).toBe(0)
  expect(JSON.parse(drain('--json').out)).toMatchObject({ end: 'done', applied: 3 })
  expect(drain('--status').out).toContain('applied    3, 0 to go\n')
  expect(drain('archive').out).toBe('0 segments packed, 0 old ones dropped\n')
  const rebuilt = drain('rebuild', '--until', '2100-01-01', '--into', 'sqlite:data/then.db')
  expect(rebuilt).toMatchObject({ status: 0, err: '' })
  const file = join(root, 'data/then.db')
  expect(await query({ dialect: 'sqlite', file }, 'SELECT id FROM score')).toEqual([['1'], ['3']])
}, 90_000)

it('a spool that was begun anew is taken up when the operator says so', async () => {
  drain('migrate')
  insert(1)
  insert(2)
  expect(drain().status).toBe(0)
  writer.close()
  const spoolFolder = join(root, 'elsewhere')
  write('config/host.lua', 'return { spool = { folder = "elsewhere" } }')
  writer = new SpoolWriter(spoolFolder, 'sqlite')
  insert(3)
  const refused = drain()
  expect(refused.status).toBe(2)
  expect(refused.err).toMatch(/not the spool that was drained before.*\n?.*adopt --reason/)
  expect(drain('adopt', '--reason', 'the disk was lost').status).toBe(0)
  expect(drain().status).toBe(0)
  expect(drain('adopt', '--reason', 'again').status).toBe(2)
  expect(existsSync(join(spoolFolder, 'node1/adopted.log'))).toBe(true)
}, 60_000)

it('says what is wrong with its words', () => {
  for (const words of [
    ['--batch', '0'],
    ['skip', 'x'],
  ]) {
    expect(drain(...words)).toMatchObject({ status: 2, out: '' })
  }
  const said = (...words: string[]) => {
    const { status, err } = drain(...words)
    expect(status).toBe(2)
    return err
  }
  expect(said('frobnicate')).toContain("unknown command 'frobnicate'; --help lists them")
  expect(said('--once', '--follow')).toContain('only one of --once, --follow and --status')
  expect(said('skip', '1', '--reason', 'x')).toContain('--status says before which')
  expect(said('retry')).toContain('there is nothing to decide')
  // No row is made for a name that is misspelt.
  expect(said('--node', 'nobody')).toMatch(/there is no spool in .*nobody: .*--node/)
  expect(said('--status', '--node', 'nobody')).toMatch(/there is no spool in .*nobody/)
  const into = drain('rebuild', '--until', '2100-01-01', '--into', 'nowhere')
  expect(into).toMatchObject({ status: 2 })
  expect(into.err).toContain('--into: expected "sqlite:FILE"')
})
