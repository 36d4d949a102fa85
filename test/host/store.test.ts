// redis, cache and topics as Lua sees them: all lanes see one cache, all hosts one topic.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type HostProcess, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient, type PomeloClient } from '../support/pomelo-client.ts'
import { hasRedis, redisPrefix, redisUrl, removeRedisKeys } from '../support/redis.ts'
import { makeTempGame, removeTempGames } from '../support/temp-game.ts'

const prefix = redisPrefix()
const service = `local try = service "try"
local S = state "try"
S.heard = S.heard or {}

local function told(ok, ...)
  if ok then
    return { code = 200, values = json.array({ ... }), n = select("#", ...) }
  end
  local err = ...
  return { code = 200, error = type(err) == "table" and err.code or 0, text = type(err) == "table" and err.message or err }
end

local function text_keys(t)
  return json.decode(json.encode(t))
end

function try.handler.redis(session, msg)
  return told(pcall(redis.call, table.unpack(msg.args)))
end
function try.handler.kinds(session, msg)
  local key = msg.key
  redis.call("SET", key, 5.0)
  local float = redis.call("GET", key)
  local binary = "\\0\\255\\r\\n"
  redis.call("SET", key, binary)
  local list = redis.call("MGET", key, key .. "none")
  return {
    code = 200, float = float, same = redis.call("GET", key) == binary, missing = list[2] == false,
    none = redis.call("GET", key .. "none") == nil, removed = redis.call("DEL", key),
    set = redis.call("HSET", key, "a", 1, "b", 2), all = redis.call("HGETALL", key), gone = redis.call("DEL", key),
  }
end
function try.handler.table_argument()
  return told(pcall(redis.call, "SET", "x", {}))
end
function try.handler.raise(session, msg)
  redis.call("NOSUCHCOMMAND")
end
function try.handler.many(session, msg)
  local left = msg.count
  for _ = 1, msg.count do
    fork(function()
      redis.call("INCR", msg.key)
      left = left - 1
    end)
  end
  while left > 0 do sleep(1) end
  return { code = 200, total = redis.call("GET", msg.key), removed = redis.call("DEL", msg.key) }
end
function try.handler.cache(session, msg)
  local out = table.pack(cache[msg.op](table.unpack(msg.args, 1, msg.n)))
  return { code = 200, value = out[1], none = out[1] == nil, lane = S.lane }
end
function try.handler.cache_error(session, msg)
  return told(pcall(cache[msg.op], table.unpack(msg.args, 1, msg.n)))
end
function try.handler.cache_table(session, msg)
  local t = { 1, 2.0, { deep = "x" } }
  cache.set("table", t)
  t[3].deep = "changed"
  local back = cache.get("table")
  return { code = 200, deep = back[3].deep, float = math.type(back[2]) }
end
function try.handler.publish(session, msg)
  channel.publish(msg.topic, msg.value)
  return { code = 200 }
end
function try.handler.heard(session, msg)
  return { code = 200, heard = json.array(S.heard) }
end
function try.handler.stop_hearing()
  return { code = 200, first = S.subscription:cancel(), second = S.subscription:cancel() }
end
function try.init()
  S.subscription = channel.subscribe("news", function(value)
    if value == "bad" then error("no") end
    sleep(1)
    S.heard[#S.heard + 1] = value
  end)
end
return try
`

const hostLua = (redis: string) => `return {
  lanes = { count = 2, request_timeout_ms = 5000 },
  lua = { engine = env("MOONWHEEL_TEST_ENGINE", env("MOONWHEEL_LUA_ENGINE", "v8")) },
  gate = { public_routes = { "try.*" } },
  redis = { ${redis} },
  cache = { bytes_max = 65536 },
  log = { level = "debug", pretty = false },
}\n`

const clients: PomeloClient[] = []

/** One client in each lane: sids count up, and a connection's lane is its sid modulo the lanes. */
async function inBothLanes(host: HostProcess): Promise<[PomeloClient, PomeloClient]> {
  const first = await connectClient({ transport: 'tcp', port: host.tcpPort })
  const second = await connectClient({ transport: 'tcp', port: host.tcpPort })
  clients.push(first, second)
  return [first, second]
}

afterAll(async () => {
  for (const client of clients) await client.close()
  await stopAllHosts()
  removeTempGames()
})

describe('a host without Redis', () => {
  let host: HostProcess
  let a: PomeloClient
  let b: PomeloClient
  beforeAll(async () => {
    host = await startHostProcess({
      root: makeTempGame({ try: service }, { 'config/host.lua': hostLua('') }),
    })
    ;[a, b] = await inBothLanes(host)
  })

  const cache = (client: PomeloClient, op: string, ...args: unknown[]) =>
    client.request('try.handler.cache', { op, args, n: args.length })

  it('has one cache for all lanes', async () => {
    await cache(a, 'set', 'k', { gold: 5 })
    expect(await cache(b, 'get', 'k')).toMatchObject({ value: { gold: 5 } })
    expect(await cache(b, 'incr', 'n')).toMatchObject({ value: 1 })
    expect(await cache(a, 'incr', 'n', 4)).toMatchObject({ value: 5 })
    expect(await cache(b, 'del', 'k')).toMatchObject({ value: true })
    expect(await cache(a, 'get', 'k')).toMatchObject({ none: true })
    expect(await cache(a, 'del', 'k')).toMatchObject({ value: false })
  })

  it('keeps copies, which keep their types', async () => {
    expect(await a.request('try.handler.cache_table')).toEqual({
      code: 200,
      deep: 'x',
      float: 'float',
    })
  })

  it('says what is wrong with a call of the cache', async () => {
    const error = async (op: string, ...args: unknown[]) =>
      (
        (await a.request('try.handler.cache_error', { op, args, n: args.length })) as {
          text: string
        }
      ).text
    expect(await error('get', '')).toContain('a key of 1 to 255 bytes')
    expect(await error('get', 'x'.repeat(256))).toContain('a key of 1 to 255 bytes')
    expect(await error('set', 'x', 1, 0)).toContain('milliseconds from 1 on')
    expect(await error('incr', 'x', 0.5)).toContain('whole number')
    await cache(a, 'set', 'text', 'x')
    expect(await error('incr', 'text')).toContain('no whole number')
  })

  it('tells how to switch Redis on, and a client no more than a 500', async () => {
    expect(await a.request('try.handler.redis', { args: ['GET', 'x'] })).toMatchObject({
      error: 503,
      text: expect.stringContaining('set redis.url in config/host.lua'),
    })
    expect(await a.request('try.handler.raise')).toMatchObject({
      code: 500,
      message: 'internal error',
    })
  })

  it('brings a topic to every lane that listens, until it stops', async () => {
    for (const value of [1, 'bad', { n: 2 }])
      await a.request('try.handler.publish', { topic: 'news', value })
    await a.request('try.handler.publish', { topic: 'other', value: 3 })
    for (const client of [a, b]) {
      await expect
        .poll(() => client.request('try.handler.heard'))
        .toEqual({ code: 200, heard: [1, { n: 2 }] })
    }
    expect(await b.request('try.handler.stop_hearing')).toEqual({
      code: 200,
      first: true,
      second: false,
    })
    await a.request('try.handler.publish', { topic: 'news', value: 4 })
    await expect
      .poll(() => a.request('try.handler.heard'))
      .toMatchObject({ heard: [1, { n: 2 }, 4] })
    expect(await b.request('try.handler.heard')).toMatchObject({ heard: [1, { n: 2 }] })
  })
})

const withRedis = await hasRedis()
describe.skipIf(!withRedis)('hosts with Redis', () => {
  let first: HostProcess
  let second: HostProcess
  let a: PomeloClient
  let b: PomeloClient
  beforeAll(async () => {
    const redis = `url = "${redisUrl}", prefix = "${prefix}"`
    const root = makeTempGame({ try: service }, { 'config/host.lua': hostLua(redis) })
    first = await startHostProcess({ root, args: ['--node', 'first'] })
    second = await startHostProcess({ root, args: ['--node', 'second'] })
    ;[a] = await inBothLanes(first)
    ;[b] = await inBothLanes(second)
  })
  afterAll(() => removeRedisKeys(prefix))

  it('gives each kind of reply as Lua has it', async () => {
    expect(await a.request('try.handler.kinds', { key: `${prefix}k` })).toEqual({
      code: 200,
      float: '5.0',
      same: true,
      missing: true,
      none: true,
      removed: 1,
      set: 2,
      all: ['a', '1', 'b', '2'],
      gone: 1,
    })
  })

  it('refuses what would hold up or change the connection, and what is no text', async () => {
    const ask = (...args: unknown[]) => a.request('try.handler.redis', { args })
    expect(await ask('BLPOP', 'x', 0)).toMatchObject({ error: 400 })
    expect(await ask('multi')).toMatchObject({ error: 400, text: expect.stringContaining('EVAL') })
    expect(await ask('no such')).toMatchObject({ error: 0 })
    expect(await a.request('try.handler.table_argument')).toMatchObject({
      text: expect.stringContaining('argument 3 must be text or a number'),
    })
    expect(await ask('INCR')).toMatchObject({ error: 500, text: expect.stringContaining('ERR') })
  })

  it('carries out each of many commands at once, once', async () => {
    const asked = { key: `${prefix}n`, count: 2000 }
    expect(await a.request('try.handler.many', asked)).toMatchObject({ total: '2000', removed: 1 })
  })

  it('brings a topic to the other host, once, in order', async () => {
    const values = Array.from({ length: 50 }, (_, i) => i)
    for (const value of values) await a.request('try.handler.publish', { topic: 'news', value })
    for (const client of [a, b]) {
      await expect
        .poll(() => client.request('try.handler.heard'))
        .toEqual({ code: 200, heard: values })
    }
  })
})
