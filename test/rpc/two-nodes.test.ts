// Lua calls Lua on another node: two hosts as their users start them.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RpcStatus } from '../../core/admin/status.ts'
import { runAdmin } from '../support/admin-cli.ts'
import { freePorts } from '../support/free-ports.ts'
import { type HostProcess, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient, type PomeloClient } from '../support/pomelo-client.ts'
import { makeTempGame, removeTempGames } from '../support/temp-game.ts'

const bag = `local bag = service "bag"
local S = state "bag"
S.runs = S.runs or 0
function bag.remote.echo(...)
  return ...
end
function bag.remote.where()
  return "bag-node"
end
function bag.remote.kinds(v)
  return math.type(v.int), math.type(v.float), v.bytes, v.list[3], v.flag, v[1.5], v.null == json.null
end
function bag.remote.fail()
  return fail(402, "not enough gold")
end
function bag.remote.raise()
  error({ code = 409, message = "raised" })
end
function bag.remote.bug()
  local t = nil
  return t.x
end
function bag.remote.slow(ms)
  sleep(ms)
  return "slept"
end
function bag.remote.unsendable()
  return print
end
function bag.remote.back(text)
  return rpc.call("front", "answer", text)
end
function bag.remote.nested(ms)
  return rpc.pcall("front", "slow", ms)
end
return bag
`
const ledger = `local ledger = service "ledger"
local S = state "ledger"
S.gold = S.gold or 0
S.order = S.order or {}
function ledger.remote.add(n)
  S.gold = S.gold + n
  return S.gold
end
function ledger.remote.gold()
  return S.gold
end
function ledger.remote.note(i)
  S.order[#S.order + 1] = i
end
function ledger.remote.notes()
  return S.order
end
return ledger
`
const front = `local front = service "front"
function front.handler.call(session, msg)
  local target = rpc
  if msg.to then target = target.to(msg.to) end
  if msg.key then target = target.key(msg.key) end
  if msg.with then target = target.with(msg.with) end
  return { target.pcall(msg.service, msg.method, table.unpack(msg.args or {})) }
end
function front.handler.raises(session, msg)
  return { rpc.call(msg.service, msg.method) }
end
function front.handler.kinds()
  local value = { int = 1 << 20, float = 5.0, bytes = "\\0\\255", list = { 1, 2, 3 }, flag = false, null = json.null }
  value[1.5] = "half"
  local int, float, bytes, third, flag, half, null = rpc.call("bag", "kinds", value)
  return { int, float, #bytes, third, flag, half, null }
end
function front.handler.nils()
  return { select("#", rpc.call("bag", "echo", nil, 1, nil)) }
end
function front.handler.sends(session, msg)
  for i = 1, msg.count do
    rpc.send("ledger", "note", i)
  end
  return { code = 200 }
end
function front.remote.answer(text)
  return "front says " .. text
end
function front.remote.slow(ms)
  sleep(ms)
  return "slept"
end
return front
`

describe.each(['v8', 'fengari'])('two nodes on %s', (engine) => {
  let a: HostProcess
  let client: PomeloClient
  let rootA = ''

  beforeAll(async () => {
    const [portA, portB] = await freePorts(2)
    const routes = `return {
  nodes = {
    a = { port = ${portA} },
    b = { port = ${portB} },
  },
  services = { bag = { nodes = { "b" } }, ledger = { nodes = { "b" } }, front = { nodes = { "a" } } },
}\n`
    const host = (name: string, port: number | undefined) => `return {
  node = { name = "${name}" },
  lanes = { count = 2, request_timeout_ms = 2000 },
  lua = { engine = "${engine}" },
  rpc = { port = ${port}, token = "between us" },
  gate = { public_routes = { "front.*" } },
  log = { level = "debug", pretty = false },
}\n`
    rootA = makeTempGame(
      { front },
      { 'config/routes.lua': routes, 'config/host.lua': host('a', portA) },
    )
    const rootB = makeTempGame(
      { bag, ledger },
      {
        'config/routes.lua': routes,
        'config/host.lua': host('b', portB),
        'config/services.lua': `return { { name = "bag" }, { name = "ledger", lanes = "one" } }\n`,
      },
    )
    ;[a] = await Promise.all([startHostProcess({ root: rootA }), startHostProcess({ root: rootB })])
    client = await connectClient({ transport: 'tcp', port: a.tcpPort })
  })
  afterAll(async () => {
    await stopAllHosts()
    removeTempGames()
  })

  /** Of rpc.pcall: true and the results, or false, the code and the message. */
  const call = (service: string, method: string, args: unknown[] = [], more: object = {}) =>
    client.request('front.handler.call', { service, method, args, ...more }) as Promise<unknown[]>

  it('a call is answered by the other node', async () => {
    expect(await call('bag', 'echo', [1, 'two', { three: [4] }])).toEqual([
      true,
      1,
      'two',
      { three: [4] },
    ])
  })

  it('values keep their kinds, and nils their places', async () => {
    const kinds = (await client.request('front.handler.kinds')) as unknown[]
    expect(kinds).toEqual(['integer', 'float', 2, 3, false, 'half', true])
    expect(await client.request('front.handler.nils')).toEqual([3])
  })

  it('errors arrive as they do from a service of the same host', async () => {
    expect(await call('bag', 'fail')).toEqual([true, { code: 402, message: 'not enough gold' }])
    expect(await call('bag', 'raise')).toEqual([false, 409, 'raised'])
    const bug = await call('bag', 'bug')
    expect(bug.slice(0, 2)).toEqual([false, 500])
    expect(bug[2]).toContain('bag.lua')
    expect(
      await client.request('front.handler.raises', { service: 'bag', method: 'bug' }),
    ).toMatchObject({ code: 500, message: 'internal error' })
    expect((await call('bag', 'nothing')).slice(0, 2)).toEqual([false, 404])
    expect((await call('nosuch', 'x')).slice(0, 2)).toEqual([false, 404])
    const unsendable = await call('bag', 'unsendable')
    expect(unsendable[2]).toContain('a function cannot be sent')
  })

  it('a call takes no longer than it was given, here and over there', async () => {
    const started = Date.now()
    const late = await call('bag', 'slow', [5000], { with: { timeout_ms: 100 } })
    expect(late.slice(0, 2)).toEqual([false, 504])
    expect(Date.now() - started).toBeLessThan(1500)
    // The deadline travels: what it calls in turn has no more time than is left.
    const [ok, inner, code] = await call('bag', 'nested', [5000], { with: { timeout_ms: 300 } })
    expect(ok === false ? inner : code).toBe(504)
  })

  it('a service may call back', async () => {
    expect(await call('bag', 'back', ['hi'])).toEqual([true, 'front says hi'])
  })

  it('with an idempotency key it runs once', async () => {
    const once = { with: { idempotency_key: `pay-${engine}` } }
    const [first, second] = [
      await call('ledger', 'add', [5], once),
      await call('ledger', 'add', [5], once),
    ]
    expect(first).toEqual([true, 5])
    expect(second).toEqual([true, 5])
    expect(await call('ledger', 'gold')).toEqual([true, 5])
    const other = await call('ledger', 'add', [6], once)
    expect(other.slice(0, 2)).toEqual([false, 409])
  })

  it('rpc.to names a node, this one too; a local service honours options as well', async () => {
    expect(await call('bag', 'where', [], { to: 'b' })).toEqual([true, 'bag-node'])
    expect(await call('front', 'answer', ['x'], { to: 'a' })).toEqual([true, 'front says x'])
    expect((await call('front', 'answer', ['x'], { to: 'b' })).slice(0, 2)).toEqual([false, 404])
    expect((await call('bag', 'where', [], { to: 'nowhere' })).slice(0, 2)).toEqual([false, 404])
    const slow = await call('front', 'slow', [5000], { with: { timeout_ms: 50 } })
    expect(slow.slice(0, 2)).toEqual([false, 504])
    expect(await call('front', 'answer', ['k'], { key: 'player7' })).toEqual([true, 'front says k'])
  })

  it('what is sent runs in the order in which it was sent', async () => {
    await client.request('front.handler.sends', { count: 200 })
    let notes: number[] = []
    for (let tries = 0; notes.length < 200 && tries < 500; tries++) {
      notes = (await call('ledger', 'notes'))[1] as number[]
    }
    expect(notes).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
  })

  it('wrong options are told by name', async () => {
    const wrong = await call('bag', 'where', [], { with: { timeout: 5 } })
    expect(wrong).toMatchObject({ code: 500 })
    const line = await a.waitLog(({ msg }) => msg.includes('rpc.with'), 'the mistake')
    expect(line.msg).toContain("there is no option 'timeout'")
  })

  it('the numbers of all that are in the status, by service and method', async () => {
    await call('bag', 'fail')
    const socket = a.adminSocket
    const { stdout } = await runAdmin(['rpc', '--json', '--socket', socket])
    const status = JSON.parse(stdout) as RpcStatus
    expect(status.nodes.find(({ node }) => node === 'b')).toMatchObject({
      state: 'open',
      circuit: 'closed',
      inFlight: 0,
      connects: 1,
    })
    const of = (all: RpcStatus['calls'], service: string, method: string) =>
      all.find((each) => each.service === service && each.method === method)
    const echo = of(status.calls, 'bag', 'echo')
    expect(echo?.calls).toBeGreaterThan(0)
    expect([echo?.inFlight, echo?.latency.count]).toEqual([0, echo?.calls])
    expect(echo?.latency.p99Us).toBeGreaterThan(0)
    expect(of(status.calls, 'bag', 'bug')?.errors).toEqual({ 500: 2 })
    expect(of(status.calls, 'bag', 'slow')?.errors).toEqual({ 504: 1 })
    expect(of(status.served, 'front', 'answer')?.calls).toBeGreaterThan(0)
    const text = (await runAdmin(['rpc', '--socket', socket])).stdout
    expect(text).toMatch(/bag\.echo +\d+/)
  })

  it('routes are reloaded: what they no longer name cannot be called', async () => {
    const file = join(rootA, 'config/routes.lua')
    const before = readFileSync(file, 'utf8')
    const reload = async (text: string) => {
      writeFileSync(file, text)
      return runAdmin(['reload', 'settings', '--socket', a.adminSocket])
    }
    expect((await reload(before.replace('services = { bag', 'services = { sack'))).code).toBe(0)
    expect((await call('bag', 'where')).slice(0, 2)).toEqual([false, 404])
    expect((await call('sack', 'where')).slice(0, 2)).toEqual([false, 404])
    const bad = await reload(before.replace('{ "b" }', '{ "c" }'))
    expect(bad.code).not.toBe(0)
    expect(`${bad.stdout}${bad.stderr}`).toContain('config/routes.lua:6')
    expect((await reload(before)).code).toBe(0)
    expect(await call('bag', 'where')).toEqual([true, 'bag-node'])
  })
})
