// Programs that are no Moonwheel host: over HTTP, and over TCP from the .proto files alone.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../support/free-ports.ts'
import { projectFolder, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient } from '../support/pomelo-client.ts'
import { makeTempGame, removeTempGames } from '../support/temp-game.ts'

const bagProto = `syntax = "proto3";

enum Quality { COMMON = 0; RARE = 1; }
message Grant { string uid = 1; int32 item = 2; int64 count = 3; Quality quality = 4; repeated string tags = 5; }
message Granted { int64 count = 1; Quality quality = 2; repeated string tags = 3; optional string note = 4; double weight = 5; }
message Where { string uid = 1; bool exact = 2; int32 floor = 3; }
message Place { double x = 1; map<string, int32> near = 2; string who = 3; }

service Bag {
  rpc GrantItem(Grant) returns (Granted);
  rpc Find(Where) returns (Place) {
    option (lua) = "where";
    option idempotency_level = NO_SIDE_EFFECTS;
  }
}
`
const bag = `local bag = service "bag"
local S = state "bag"
S.runs = S.runs or 0
bag.safe.count = true
function bag.remote.grant_item(grant)
  if grant.item == 13 then
    return { count = grant.count, wieght = 1.5 }
  end
  return { count = grant.count + 1, quality = grant.quality, tags = grant.tags, weight = 2 }
end
function bag.remote.where(w)
  return { x = w.exact and w.floor + 0.5 or 0.0, near = { ["Mei✓"] = w.floor }, who = w.uid }
end
function bag.remote.echo(...)
  return ...
end
function bag.remote.count(query)
  return query and query.uid or "nobody"
end
function bag.remote.run()
  S.runs = S.runs + 1
  return S.runs
end
function bag.remote.fail(code)
  return error(fail(code, "as you like"))
end
function bag.remote.sleepy()
  sleep(5000)
end
function bag.handler.here(session, msg)
  return { rpc.pcall("bag", msg.method, msg.arg) }
end
return bag
`

describe.each(['v8', 'fengari'])('foreign programs and a host on %s', (engine) => {
  let [tcp, http] = [0, 0]
  let gamePort = 0
  let protoFile = ''

  beforeAll(async () => {
    ;[tcp, http] = (await freePorts(2)) as [number, number]
    const root = makeTempGame(
      { bag },
      {
        'config/proto/bag.proto': bagProto,
        'config/services.lua': 'return { { name = "bag" } }\n',
        'config/host.lua': `return {
  node = { name = "world" },
  lanes = { count = 1 },
  lua = { engine = "${engine}" },
  rpc = { port = ${tcp}, http_port = ${http}, token = "sesame" },
  gate = { public_routes = { "bag.*" } },
  log = { level = "warn", pretty = false },
}\n`,
      },
    )
    protoFile = join(root, 'config/proto/bag.proto')
    gamePort = (await startHostProcess({ root })).tcpPort
  })
  afterAll(async () => {
    await stopAllHosts()
    removeTempGames()
  })

  const ask = async (path: string, options: RequestInit & { type?: string } = {}) => {
    const response = await fetch(`http://127.0.0.1:${http}${path}`, {
      ...options,
      headers: {
        authorization: 'Bearer sesame',
        ...(options.type === undefined ? {} : { 'content-type': options.type }),
        ...options.headers,
      },
    })
    const bytes = Buffer.from(await response.arrayBuffer())
    const isJson = response.headers.get('content-type') === 'application/json'
    return {
      status: response.status,
      bytes,
      json: isJson ? JSON.parse(bytes.toString()) : undefined,
    }
  }
  const post = (method: string, value: unknown, headers: Record<string, string> = {}) =>
    ask(`/rpc/bag/${method}`, {
      method: 'POST',
      body: typeof value === 'string' ? value : JSON.stringify(value),
      type: 'application/json',
      headers,
    })

  it('a bare script calls Lua over TCP from the .proto files alone', () => {
    const script = fileURLToPath(new URL('foreign-client.mjs', import.meta.url))
    const rpcProto = join(projectFolder, 'config/proto/rpc.proto')
    const run = spawnSync(process.execPath, [script, `${tcp}`, rpcProto, protoFile, 'sesame'], {
      encoding: 'utf8',
      timeout: 20_000,
    })
    expect(run.stderr).toBe('')
    expect(JSON.parse(run.stdout)).toEqual({
      declared: { count: 4, weight: 2 },
      generic: [{ integer: 5 }, { string: Buffer.from('five').toString('base64') }],
      failed: 404,
    })
  })

  it('JSON over HTTP: arguments and results are lists, or the message of a declared method', async () => {
    expect(await post('echo', [1, 'two', { three: [null, 3.5] }, null, true])).toMatchObject({
      status: 200,
      json: [1, 'two', { three: [null, 3.5] }, null, true],
    })
    expect((await post('echo', { one: 'table' })).json).toEqual([{ one: 'table' }])
    expect((await post('echo', '')).json).toEqual([])
    const granted = await post('grant_item', { uid: 'a', count: 41, quality: 'RARE', tags: ['x'] })
    expect(granted.json).toEqual({ count: 42, quality: 'RARE', tags: ['x'], weight: 2 })
  })

  it('protobuf over HTTP', async () => {
    const types = protobuf.parse(bagProto, { keepCase: true }).root
    const [Grant, Granted] = [types.lookupType('Grant'), types.lookupType('Granted')]
    const body = Buffer.from(Grant.encode(Grant.create({ uid: 'a', count: 9 })).finish())
    const type = 'application/x-protobuf'
    const { status, bytes } = await ask('/rpc/bag/grant_item', { method: 'POST', body, type })
    expect(status).toBe(200)
    const message = Granted.toObject(Granted.decode(bytes), { longs: Number })
    expect(message).toEqual({ count: 10, weight: 2 })
    const broken = Buffer.from([0x0a, 0xff])
    expect(await ask('/rpc/bag/grant_item', { method: 'POST', body: broken, type })).toMatchObject({
      status: 400,
    })
  })

  it('GET is for safe methods, with texts as parameters, which a .proto turns into its types', async () => {
    expect((await ask('/rpc/bag/count?uid=7')).json).toEqual(['7'])
    expect((await ask('/rpc/bag/count')).json).toEqual(['nobody'])
    const place = await ask('/rpc/bag/where?uid=7&exact=true&floor=3')
    expect(place.json).toEqual({ x: 3.5, near: { 'Mei✓': 3 }, who: '7' })
    expect(await ask('/rpc/bag/run')).toMatchObject({ status: 405 })
    expect((await post('run', [])).json).toEqual([1])
  })

  it('codes become statuses; what HTTP has no status for is a 500 with its code', async () => {
    expect(await post('fail', [402])).toMatchObject({
      status: 402,
      json: { code: 402, message: 'as you like' },
    })
    expect(await post('fail', [777])).toMatchObject({ status: 500, json: { code: 777 } })
    expect(await post('nothing', [])).toMatchObject({ status: 404 })
    expect(await ask('/rpc/nobody/x', { method: 'POST' })).toMatchObject({ status: 404 })
    expect(await ask('/elsewhere')).toMatchObject({ status: 404 })
    expect(await post('sleepy', [], { 'x-timeout-ms': '60' })).toMatchObject({ status: 504 })
    expect(await post('echo', [], { 'x-timeout-ms': 'soon' })).toMatchObject({ status: 400 })
    expect(await post('echo', '[1,')).toMatchObject({ status: 400 })
    const put = await ask('/rpc/bag/echo', { method: 'PUT', body: '[]' })
    expect(put).toMatchObject({ status: 405 })
    const xml = await ask('/rpc/bag/echo', { method: 'POST', body: '<a/>', type: 'text/xml' })
    expect(xml).toMatchObject({ status: 415 })
  })

  it('keys, token and size', async () => {
    const key = { 'idempotency-key': 'once' }
    const first = (await post('run', [], key)).json
    expect((await post('run', [], key)).json).toEqual(first)
    expect(await post('run', [1], key)).toMatchObject({ status: 409 })
    const stranger = { headers: { authorization: 'Bearer sesamE' } }
    expect(await ask('/rpc/bag/count', stranger)).toMatchObject({ status: 401 })
    const atLimit = JSON.stringify(['x'.repeat(2 ** 20 - 4)])
    expect(await post('count', atLimit)).toMatchObject({ status: 200 })
    expect(await post('count', `${atLimit} `)).toMatchObject({ status: 413 })
  })

  it('a declared method gets and gives what its messages carry, also without leaving the lane', async () => {
    const client = await connectClient({ transport: 'tcp', port: gamePort })
    const here = (method: string, arg: unknown) =>
      client.request('bag.handler.here', { method, arg }) as Promise<unknown[]>
    expect(await here('grant_item', { uid: 'a' })).toEqual([
      true,
      { count: 1, quality: 'COMMON', tags: {}, weight: 2 },
    ])
    const wrong: [unknown, string][] = [
      [{ uid: 5 }, 'uid: expected string, got 5'],
      [{ item: 2 ** 31 }, 'item: expected int32'],
      [{ item: 1.5 }, 'item: expected int32, got 1.5'],
      [{ tags: 'x' }, 'tags: expected a table'],
      [{ quality: 'EPIC' }, 'quality: expected one of COMMON, RARE'],
      [{ itm: 1 }, 'message Grant has no such field'],
    ]
    for (const [grant, words] of wrong) {
      const [ok, code, text] = await here('grant_item', grant)
      expect([ok, code]).toEqual([false, 500])
      expect(text).toContain(words)
    }
    const [, , ours] = await here('grant_item', { item: 13 })
    expect(ours).toContain('wieght')
    await client.close()
  })
})
