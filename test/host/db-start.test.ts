// Starts that the data path must refuse, each with one clear message and nothing harmed.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, expect, it } from 'vitest'
import { demoGame, removeDemoGames } from '../support/demo-game.ts'
import { runHostToEnd, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient } from '../support/pomelo-client.ts'

afterEach(async () => {
  await stopAllHosts()
  removeDemoGames()
})

const run = (root: string) => runHostToEnd(['--root', root, '--port-base', '0'])

it('locks a second host out of the same spool, and the first goes on', async () => {
  const root = demoGame({ lanes: 1 })
  const first = await startHostProcess({ root })
  const second = await run(root)
  expect(second).toMatchObject({ code: 2 })
  expect(second.stderr).toMatch(/moonwheel: .*sql-spool\/node1.*another/s)
  const client = await connectClient({ transport: 'tcp', port: first.tcpPort })
  const guest = await client.request('login.handler.guest', { name: 'Mei' })
  expect(guest).toMatchObject({ code: 200 })
  await client.close()
  expect(await first.stop()).toMatchObject({ code: 0 })
}, 30_000)

it('says that the folder of the spool cannot be written', async () => {
  const root = demoGame({ lanes: 1 })
  rmSync(join(root, 'sql-spool'), { recursive: true, force: true })
  writeFileSync(join(root, 'sql-spool'), 'a file is in the way')
  const exit = await run(root)
  expect(exit).toMatchObject({ code: 2 })
  expect(exit.stderr).toMatch(/moonwheel: .*sql-spool/)
}, 30_000)

it('refuses a schema that would lose data, saying what to do, and changes nothing', async () => {
  const root = demoGame({ lanes: 1 })
  const host = await startHostProcess({ root })
  const client = await connectClient({ transport: 'tcp', port: host.tcpPort })
  await client.request('login.handler.guest', { name: 'Mei' })
  await client.close()
  expect(await host.stop()).toMatchObject({ code: 0 })
  const file = join(root, 'config/schema/role.lua')
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace('gold = int { default = 0 }', 'gold = blob'),
  )
  const exit = await run(root)
  expect(exit).toMatchObject({ code: 2 })
  expect(exit.stderr).toMatch(/moonwheel: .*does not fit config\/schema.*role.*gold/s)
  const database = new Database(join(root, 'data/game.db'), { readonly: true })
  expect(database.prepare('SELECT name, gold FROM role').all()).toEqual([
    { name: 'Mei', gold: 1000 },
  ])
  database.close()
}, 30_000)

it('a game without tables has no spool, and db says so', async () => {
  const root = demoGame({ lanes: 1 })
  rmSync(join(root, 'config/schema'), { recursive: true })
  const host = await startHostProcess({ root })
  const client = await connectClient({ transport: 'tcp', port: host.tcpPort })
  const guest = await client.request('login.handler.guest', { name: 'Mei' })
  expect(guest).toMatchObject({ code: 500 })
  await host.waitLog(
    ({ msg }) => /login\.lua:\d+: db\.exec: this game has no database/.test(msg),
    'db.exec names the reason and the place',
  )
  await client.close()
  expect(await host.stop()).toMatchObject({ code: 0 })
}, 30_000)
