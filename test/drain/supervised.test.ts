// The drainer as the host's child: starts, tells how far it is, is started again, finishes.

import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest'
import { readStatus } from '../../core/drain/status.ts'
import { SupervisedDrainer } from '../../core/drain/supervised.ts'
import { dropDatabases, query } from '../support/databases.ts'
import { SpoolWriter } from '../support/spool-writer.ts'
import { cleanUp, tempFolder } from './drain-fixture.ts'

const waitMs = 20_000
let root = ''
let says: string[] = []
let writer: SpoolWriter
let drainer: SupervisedDrainer

beforeEach(() => {
  root = tempFolder()
  says = []
  write('config/host.lua', 'return { node = { name = "n7" }, log = { level = "error" } }')
  write(
    'config/schema/score.lua',
    'return db_table { key = "id", columns = { id = int, points = int { default = 5 } } }',
  )
  writer = new SpoolWriter(join(root, 'sql-spool'), 'sqlite', { node: 'n7' })
  drainer = new SupervisedDrainer({
    root,
    node: 'n7',
    random: () => 0,
    say: (words) => void says.push(words),
  })
})
afterEach(async () => {
  await drainer.stop(false)
  writer.close()
  await cleanUp()
})
afterAll(dropDatabases)

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

const insert = (id: number) => writer.write(['INSERT INTO score(id) VALUES (?)', id])
const rows = () =>
  query({ dialect: 'sqlite', file: join(root, 'data/game.db') }, 'SELECT id, points FROM score')

it('migrates, drains, and says when a transaction is in the database', async () => {
  insert(1)
  await drainer.start()
  expect(says).toContain('database: create table score')
  expect(await drainer.waitApplied(1, waitMs)).toBe(true)
  insert(2)
  expect(await drainer.waitApplied(2, waitMs)).toBe(true)
  expect(await rows()).toEqual([
    ['1', '5'],
    ['2', '5'],
  ])
  expect(await drainer.waitApplied(3, 20)).toBe(false)
  expect(drainer.applied).toBe(2)
})

it('a second one by hand ends at once, and says who is at work', async () => {
  await drainer.start()
  insert(1)
  expect(await drainer.waitApplied(1, waitMs)).toBe(true)
  const argv = ['tools/run.mjs', 'tools/drain.ts', '--root', root, '--node', 'n7']
  const byHand = spawnSync(process.execPath, argv, { encoding: 'utf8' })
  expect(byHand.status).toBe(2)
  expect(byHand.stderr).toMatch(
    new RegExp(`^drain: process ${drainer.status?.pid} drains n7 already: (idle|draining), at `),
  )
})

it('is started again when it dies, and goes on where it was', async () => {
  await drainer.start()
  insert(1)
  expect(await drainer.waitApplied(1, waitMs)).toBe(true)
  process.kill(drainer.status?.pid as number, 'SIGKILL')
  insert(2)
  expect(await drainer.waitApplied(2, waitMs)).toBe(true)
  expect(says.some((words) => words.startsWith('the drainer ended (SIGKILL)'))).toBe(true)
  expect(await rows()).toHaveLength(2)
})

it('finishes what is on disk when the host stops', async () => {
  await drainer.start()
  for (let id = 1; id <= 300; id++) {
    writer.add(['INSERT INTO score(id) VALUES (?)', id])
  }
  writer.flush()
  await drainer.stop(true)
  expect(await rows()).toHaveLength(300)
  expect(readStatus(writer.folder)).toMatchObject({ state: 'ended', applied: 300 })
})

it('finishes what is on disk when the host has died', async () => {
  const argv = ['--root', root, '--config', 'config', '--node', 'n7']
  const orphan = fork('dist/core/drain/drain-process.js', argv, { execArgv: [] })
  const exited = once(orphan, 'exit')
  try {
    await vi.waitFor(() => expect(readStatus(writer.folder)?.state).toBe('idle'), waitMs)
    // It sees the end of its host before it sees the last transactions.
    orphan.kill('SIGSTOP')
    for (let id = 1; id <= 300; id++) insert(id)
    orphan.disconnect()
    orphan.kill('SIGCONT')
    expect(await exited).toEqual([0, null])
  } finally {
    orphan.kill('SIGKILL')
  }
  expect(await rows()).toHaveLength(300)
  expect(readStatus(writer.folder)).toMatchObject({ state: 'ended', applied: 300 })
})

it('two at once, a dead host’s and its successor’s: neither harms the other, both come to the end', async () => {
  const successor = new SupervisedDrainer({ root, node: 'n7', random: () => 0, say: () => {} })
  try {
    await drainer.start()
    for (let id = 1; id <= 200; id++) insert(id)
    await successor.start()
    for (let id = 201; id <= 400; id++) insert(id)
    expect(await drainer.waitApplied(400, waitMs)).toBe(true)
    expect(await successor.waitApplied(400, waitMs)).toBe(true)
  } finally {
    await successor.stop(false)
  }
  expect(await rows()).toHaveLength(400)
}, 60_000)

it('a host does not start on a database that it would have to change', async () => {
  await drainer.start()
  await drainer.stop(true)
  write(
    'config/schema/score.lua',
    'return db_table { key = "id", columns = { id = int, points = text } }',
  )
  const again = new SupervisedDrainer({ root, node: 'n7', random: () => 0, say: () => {} })
  await expect(again.start()).rejects.toThrow(
    'config/schema/score.lua: score.points: is INTEGER in the database and TEXT here',
  )
})

it('starts with a database that is down: it is tried again, and the host can say why', async () => {
  write('config/host.lua', 'return { db = { url = "sqlite:blocked/game.db" } }')
  write('blocked', 'a file where a folder should be')
  await drainer.start()
  expect(drainer.status).toMatchObject({ state: 'down' })
  expect(drainer.status?.message).toMatch(/EEXIST|ENOTDIR/)
  expect(readFileSync(join(root, 'blocked'), 'utf8')).toContain('a file')
})
