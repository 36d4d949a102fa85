// The demo keeps its players: gold is given, things are bought, and a new start finds all of it.
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, describe, expect, it } from 'vitest'
import { demoGame, removeDemoGames } from '../support/demo-game.ts'
import { type HostProcess, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient } from '../support/pomelo-client.ts'

afterAll(async () => {
  await stopAllHosts()
  removeDemoGames()
})

async function login(host: HostProcess, name: string) {
  const client = await connectClient({ transport: 'tcp', port: host.tcpPort })
  const { uid } = (await client.request('login.handler.guest', { name })) as { uid: string }
  return { client, uid, ask: (route: string, body: object) => client.request(route, body) }
}

describe.each([
  ['v8', 2],
  ['fengari', 3],
] as const)('the demo on %s with %i lanes', (engine, lanes) => {
  it('gives gold, sells, and remembers over an orderly stop and over kill -9', async () => {
    const root = demoGame({ engine, lanes })
    let host = await startHostProcess({ root })
    const [mei, ada] = [await login(host, 'Mei'), await login(host, "Ada O'Hara \u{1f319}")]
    const given = await mei.ask('trade.handler.give', { to: ada.uid, gold: 100 })
    expect(given).toEqual({ code: 200, id: expect.stringMatching(/^\d+$/), gold: 900 })
    expect(await ada.ask('bag.handler.buy', { item: 'healing_potion' })).toEqual({
      code: 200,
      gold: 1075,
    })
    expect(await ada.ask('bag.handler.list', {})).toEqual({
      code: 200,
      items: [{ item: 'healing_potion', count: 1 }],
    })
    expect(await mei.ask('trade.handler.give', { to: ada.uid, gold: 901 })).toMatchObject({
      code: 402,
    })
    expect(await mei.ask('trade.handler.give', { to: 'nobody', gold: 1 })).toMatchObject({
      code: 404,
    })
    for (const gold of [0, -5, 1.5, '7', null]) {
      const reply = await mei.ask('trade.handler.give', { to: ada.uid, gold })
      expect(reply).toMatchObject({ code: 400 })
    }
    expect(await mei.ask('trade.handler.give', { to: mei.uid, gold: 1 })).toMatchObject({
      code: 400,
    })
    expect(await mei.ask('bag.handler.buy', { item: 'moon' })).toMatchObject({ code: 404 })
    await mei.client.close()
    await ada.client.close()
    expect(await host.stop()).toMatchObject({ code: 0 })
    const rows = () => {
      const database = new Database(join(root, 'data/game.db'), { readonly: true })
      const roles = database.prepare('SELECT name, gold FROM role ORDER BY gold').all()
      const trades = database.prepare('SELECT from_id, to_id, gold FROM trade').all()
      database.close()
      return { roles, trades }
    }
    const after = {
      roles: [
        { name: 'Mei', gold: 900 },
        { name: "Ada O'Hara \u{1f319}", gold: 1075 },
      ],
      trades: [{ from_id: mei.uid, to_id: ada.uid, gold: 100 }],
    }
    expect(rows()).toEqual(after)

    host = await startHostProcess({ root })
    const eva = await login(host, 'Eva')
    expect(await eva.ask('trade.handler.give', { to: ada.uid, gold: 1 })).toMatchObject({
      gold: 999,
    })
    host.signal('SIGKILL')
    await host.exited
    host = await startHostProcess({ root })
    const bob = await login(host, 'Bob')
    // It waits for what is before it, and so all that was acknowledged is there.
    expect(await bob.ask('trade.handler.give', { to: eva.uid, gold: 1 })).toMatchObject({
      code: 200,
    })
    await bob.client.close()
    expect(await host.stop()).toMatchObject({ code: 0 })
    expect(rows().roles).toEqual([
      after.roles[0],
      { name: 'Bob', gold: 999 },
      { name: 'Eva', gold: 1000 },
      { name: "Ada O'Hara \u{1f319}", gold: 1076 },
    ])
    expect(host.log.filter(({ level }) => level >= 50)).toEqual([])
  }, 60_000)
})
