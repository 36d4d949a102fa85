// The demo game in a cluster, played with the JavaScript client: a login goes where the master sends it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { connect, type MoonwheelClient } from '../../sdk/js/moonwheel-client.js'
import { freePorts } from '../support/free-ports.ts'
import {
  type HostProcess,
  projectFolder,
  startHostProcess,
  stopAllHosts,
} from '../support/host-process.ts'
import { hasRedis, redisPrefix, redisUrl, removeRedisKeys } from '../support/redis.ts'
import { makeTempGame, removeTempGames } from '../support/temp-game.ts'

const withRedis = await hasRedis()
const prefix = redisPrefix()
const file = (path: string) => readFileSync(join(projectFolder, path), 'utf8')

describe.skipIf(!withRedis)('the demo game in a cluster', () => {
  const hosts: HostProcess[] = []
  let client: MoonwheelClient
  let masterUrl: string
  beforeAll(async () => {
    const ports = await freePorts(4)
    const [masterRpc, masterWs, slaveRpc, slaveWs] = ports
    const services = Object.fromEntries(
      ['login', 'chat', 'hello'].map((name) => [name, file(`lua/services/${name}.lua`)] as const),
    )
    const root = makeTempGame(services, {
      'config/schema/role.lua': file('config/schema/role.lua'),
      'config/cluster.lua': `return {
  secret = "a secret of this test alone",
  nodes = {
    hub = { role = "master", id = 1, rpc = ${masterRpc}, tcp = false, ws = ${masterWs} },
    isle = { role = "slave", id = 2, rpc = ${slaveRpc}, tcp = false, ws = ${slaveWs} },
  },
}\n`,
      'config/host.lua': `return {
  lanes = { count = 1 },
  lua = { engine = env("MOONWHEEL_TEST_ENGINE", env("MOONWHEEL_LUA_ENGINE", "v8")) },
  redis = { url = "${redisUrl}", prefix = "${prefix}" },
  log = { level = "info", pretty = false },
}\n`,
    })
    for (const name of ['hub', 'isle']) {
      hosts.push(await startHostProcess({ root, args: ['--node', name], ownPorts: true }))
    }
    masterUrl = `ws://127.0.0.1:${masterWs}`
    client = await connect(masterUrl, { WebSocket, reconnect: { initialMs: 50 } })
  }, 60_000)
  afterAll(async () => {
    client.close()
    for (const host of hosts) expect(await host.stop()).toMatchObject({ code: 0 })
    await stopAllHosts()
    removeTempGames()
    await removeRedisKeys(prefix)
  })

  it('a login arrives on the slave, and is asked for again when the slave stops', async () => {
    const login = () => client.request('login.handler.guest', { name: 'Luna' })
    expect(await login()).toMatchObject({ code: 200, name: 'Luna', uid: expect.any(String) })
    expect(new URL(client.url).port).toBe(String(hosts[1]?.wsPort))
    expect(await client.request('chat.handler.join', {})).toMatchObject({ members: 1 })
    const back = new Promise<void>((resolve) => client.onReconnect(resolve))
    await hosts[1]?.stop()
    await back
    expect(client.url).toBe(masterUrl)
    await expect(login()).rejects.toMatchObject({ kind: 'reply', code: 503 })
    hosts.pop()
  })
})
