// config/cluster.lua: what a good file means for each node, and the words for what is wrong with one.
import { afterAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../core/config/load.ts'
import { makeTempGame, removeTempGames } from '../support/temp-game.ts'

afterAll(removeTempGames)

const good = `secret = "sixteen letters!", nodes = {
  hub = { role = "master", id = 1, host = "10.0.0.1", rpc = 7400, tcp = 7300, ws = false },
  isle = { role = "slave", id = 2, host = "10.0.0.2", rpc = 7401, tcp = false },
}`
const load = (fields: string, node: string, redis = 'redis = { url = "redis://h" }') =>
  loadConfig({
    root: makeTempGame(
      {},
      {
        'config/cluster.lua': `return { ${fields} }\n`,
        'config/host.lua': `return { ${redis} }\n`,
      },
    ),
    node,
    env: {},
  })

describe('config/cluster.lua', () => {
  it('gives each node its ports, its id and the way to the others', () => {
    const config = load(good, 'isle')
    expect(config.cluster).toMatchObject({
      leaseMs: 3000,
      route: 'login.handler.enter',
      self: { name: 'isle', role: 'slave' },
      master: { name: 'hub' },
    })
    expect(config.listen).toMatchObject({ tcp: false, ws: 7301, http: false })
    expect([config.node.id, config.rpc.host, config.rpc.port]).toEqual([2, '10.0.0.2', 7401])
    expect(config.routes.nodes.map(({ name, port }) => `${name}:${port}`)).toEqual([
      'hub:7400',
      'isle:7401',
    ])
    expect(config.rpc.token).toBe(load(good, 'hub').rpc.token)
    expect(config.rpc.token).not.toBe('')
  })

  it.each([
    ['a node that is not listed', good, 'node1', "there is no node 'node1'"],
    ['no secret', good.replace(/secret = "[^"]*", /, ''), 'hub', 'a secret of 16 to 256'],
    ['a short secret', good.replace('sixteen letters!', 'fifteen letters'), 'hub', '16 to 256'],
    ['two masters', good.replace('"slave"', '"master"'), 'hub', 'expected one master, got 2'],
    ['one id twice', good.replace('id = 2', 'id = 1'), 'hub', 'an id of its own'],
    ['a field that is not known', good.replace('tcp = 7300', 'tpc = 7300'), 'hub', 'unknown field'],
    ['a lease that is too short', `lease_ms = 299, ${good}`, 'hub', 'from 300 to 60000'],
    ['a token that lives too long', `token_ms = 60001, ${good}`, 'hub', 'from 1000 to 60000'],
  ])('says what is wrong: %s', (_, fields, node, words) => {
    expect(() => load(fields, node)).toThrow(words)
  })

  it('needs Redis', () => {
    expect(() => load(good, 'hub', '')).toThrow('set redis.url in config/host.lua')
  })
})
