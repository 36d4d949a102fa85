// Hosts that find each other by Redis alone: no routes are written down anywhere.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runAdmin } from '../support/admin-cli.ts'
import { type HostProcess, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient, type PomeloClient } from '../support/pomelo-client.ts'
import { hasRedis, redisPrefix, redisUrl, removeRedisKeys } from '../support/redis.ts'
import { makeTempGame, removeTempGames } from '../support/temp-game.ts'

const withRedis = await hasRedis()
const prefix = redisPrefix()
const hostLua = `return {
  lanes = { count = 1 },
  lua = { engine = env("MOONWHEEL_TEST_ENGINE", env("MOONWHEEL_LUA_ENGINE", "v8")) },
  redis = { url = "${redisUrl}", prefix = "${prefix}" },
  rpc = { port = 0, lease_ms = 600 },
  gate = { public_routes = { "ask.*" } },
  log = { level = "info", pretty = false },
}\n`
const bag = `local bag = service "bag"
function bag.remote.where()
  return cluster.node
end
return bag
`
const ask = `local ask = service "ask"
function ask.handler.where(session, msg)
  local ok, node = rpc.pcall("bag", "where")
  return { code = 200, ok = ok, node = node }
end
return ask
`

describe.skipIf(!withRedis)('hosts with a registry', () => {
  const hosts = new Map<string, HostProcess>()
  let client: PomeloClient
  const game = { 'config/host.lua': hostLua }
  let bagGame: string
  const start = async (name: string, root: string) => {
    hosts.set(name, await startHostProcess({ root, args: ['--node', name] }))
  }
  /** The nodes that have answered a number of calls. */
  const answering = async () => {
    const nodes = new Set<unknown>()
    for (let i = 0; i < 6; i++) {
      nodes.add(((await client.request('ask.handler.where')) as { node: unknown }).node)
    }
    return [...nodes].sort()
  }
  const eventually = (nodes: unknown[]) =>
    expect.poll(answering, { timeout: 10_000, interval: 50 }).toEqual(nodes)

  beforeAll(async () => {
    bagGame = makeTempGame({ bag }, game)
    await Promise.all([
      start('front', makeTempGame({ ask }, game)),
      start('bag1', bagGame),
      start('bag2', bagGame),
    ])
    client = await connectClient({ transport: 'tcp', port: hosts.get('front')?.tcpPort ?? 0 })
  }, 30_000)
  afterAll(async () => {
    await client.close()
    for (const host of hosts.values()) expect(await host.stop()).toMatchObject({ code: 0 })
    await stopAllHosts()
    removeTempGames()
    await removeRedisKeys(prefix)
  })

  it('call a service on every node that has it', () => eventually(['bag1', 'bag2']))

  it('call a node no more that is killed, and again when it is back', async () => {
    hosts.get('bag1')?.signal('SIGKILL')
    await hosts.get('bag1')?.exited
    await eventually(['bag2'])
    await start('bag1', bagGame)
    await eventually(['bag1', 'bag2'])
  }, 30_000)

  it('call a node no more that drains', async () => {
    const said = await runAdmin(['drain-node', '--socket', hosts.get('bag2')?.adminSocket ?? ''])
    expect(said).toMatchObject({
      code: 0,
      stdout: 'bag2 is draining: 0 sessions and 0 calls are still there\n',
    })
    await eventually(['bag1'])
  })
})
