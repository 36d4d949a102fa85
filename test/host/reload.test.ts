// Promise G4: a reload is all or nothing, at a message boundary, keeps state; a bad one changes nothing.
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type GameFolder, gameFolder, removeGameFolders } from '../support/game-folder.ts'
import { type HostInside, startHostInside, stopHostsInside } from '../support/host-thread.ts'
import { connectClient, type PomeloClient } from '../support/pomelo-client.ts'

const services = `return {
  { name = "login" }, { name = "probe" }, { name = "bag" }, { name = "shop" },
  { name = "counter", lanes = "one" },
}`

/** A service with one number that shows which code runs, and state that must survive. */
const bag = (version: number, more = '') => `
local bag = service "bag"
local S = state "bag"
local rules = require "shared.rules"
S.calls = S.calls or 0
local version = ${version}
function bag.handler.look(session, msg)
  S.calls = S.calls + 1
  local before = version
  local rules_before = rules.version
  if msg.ms then sleep(msg.ms) end
  return { before = before, after = version, rules = rules_before, rules_after = rules.version, calls = S.calls }
end
${more}
return bag`

const rules = (version: number) => `return { version = ${version} }`

const shop = `
local shop = service "shop"
local rules = require "shared.rules"
local items = config.tables.things
function shop.handler.look()
  return { rules = rules.version, price = items and items.sword and items.sword.price }
end
return shop`

let game: GameFolder
let inside: HostInside
let client: PomeloClient

beforeEach(async () => {
  game = gameFolder({
    'config/services.lua': services,
    'config/tables/things.lua': 'return { sword = { price = 5 } }',
    'lua/services/bag.lua': bag(1),
    'lua/services/shop.lua': shop,
    'lua/shared/rules.lua': rules(1),
  })
  inside = await startHostInside(game.root)
  client = await connectClient({ transport: 'tcp', port: inside.tcpPort })
  await client.request('login.handler.as', { uid: 'reloader' })
})

afterEach(async () => {
  await client.close()
  await inside.stop()
})

afterAll(async () => {
  await stopHostsInside()
  removeGameFolders()
})

const look = (ms?: number) =>
  client.request('bag.handler.look', ms === undefined ? {} : { ms }) as Promise<{
    before: number
    after: number
    rules: number
    rules_after: number
    calls: number
  }>

/** The version that each lane runs, seen by clients of each of them. */
async function versionsSeen(): Promise<number[]> {
  const seen: number[] = []
  for (let i = 0; i < 12; i++) {
    const other = await connectClient({ transport: 'tcp', port: inside.tcpPort })
    await other.request('login.handler.as', { uid: `user${i}` })
    const reply = (await other.request('bag.handler.look', {})) as { before: number }
    seen.push(reply.before)
    await other.close()
  }
  return seen
}

describe('a reload', () => {
  it('swaps the code in every lane, keeps state, and counts versions', async () => {
    expect(await look()).toMatchObject({ before: 1, calls: 1 })
    game.write('lua/services/bag.lua', bag(2))
    const report = await inside.host.reload.reload(['bag'])
    expect(report).toMatchObject({
      ok: true,
      problems: [],
      services: [{ name: 'bag', version: 2 }],
    })
    expect(await look()).toMatchObject({ before: 2, calls: 2 })
    expect(new Set(await versionsSeen())).toEqual(new Set([2]))
    expect(inside.host.reload.versions().get('bag')).toBe(2)
    expect(inside.host.reload.versions().get('shop')).toBe(1)
  })

  it('lets a handler that waits finish on the code that it began with', async () => {
    const waiting = look(150)
    expect(await client.request('probe.handler.nothing').then(() => true)).toBe(true)
    game.write('lua/services/bag.lua', bag(2))
    game.write('lua/shared/rules.lua', rules(2))
    expect(await inside.host.reload.reload(['bag'])).toMatchObject({ ok: true })
    // Data is no code: with an engine that replaces it in place, the waiting handler sees the new one.
    expect(await waiting).toMatchObject({ before: 1, after: 1, rules: 1 })
    expect(await look()).toMatchObject({ before: 2, after: 2, rules: 2, rules_after: 2 })
  })

  it('takes every service along that uses a module which has changed', async () => {
    game.write('lua/shared/rules.lua', rules(2))
    const report = await inside.host.reload.reload(['bag'])
    expect(report.services).toEqual([
      { name: 'bag', version: 2 },
      { name: 'shop', version: 2 },
    ])
    expect(await client.request('shop.handler.look')).toMatchObject({ rules: 2 })
  })

  it('reloads only what differs when asked for what has changed', async () => {
    expect(await inside.host.reload.reload('changed')).toMatchObject({ ok: true, services: [] })
    game.write('lua/services/bag.lua', bag(2))
    const report = await inside.host.reload.reload('changed')
    expect(report.services).toEqual([{ name: 'bag', version: 2 }])
  })

  it('goes back one step, and no further', async () => {
    game.write('lua/services/bag.lua', bag(2))
    game.write('lua/shared/rules.lua', rules(2))
    await inside.host.reload.reload(['bag'])
    expect(await look()).toMatchObject({ before: 2, rules: 2 })
    const back = await inside.host.reload.rollback('bag')
    expect(back.services).toContainEqual({ name: 'bag', version: 1 })
    expect(await look()).toMatchObject({ before: 1, rules: 1 })
    const again = await inside.host.reload.rollback('bag')
    expect(again.ok).toBe(false)
    expect(again.problems).toEqual(["service 'bag' has no version to go back to"])
    const forward = await inside.host.reload.reload(['bag'])
    expect(forward.services).toContainEqual({ name: 'bag', version: 3 })
  })

  it('hands the old service to __reload', async () => {
    game.write('lua/services/bag.lua', bag(1, 'bag.secret = 41'))
    await inside.host.reload.reload(['bag'])
    const more = `
      function bag.__reload(old) S.kept = old.secret + 1 end
      function bag.handler.kept() return { kept = S.kept } end`
    game.write('lua/services/bag.lua', bag(2, more))
    expect(await inside.host.reload.reload(['bag'])).toMatchObject({ ok: true })
    expect(await client.request('bag.handler.kept')).toEqual({ kept: 42 })
  })

  it('makes new routes callable and removed ones 404, and old codes keep their meaning', async () => {
    const early = client
    game.write(
      'lua/services/bag.lua',
      bag(2, 'function bag.handler.aaa() return { text = "new" } end').replaceAll(
        'bag.handler.look',
        'bag.handler.look2',
      ),
    )
    expect(await inside.host.reload.reload(['bag'])).toMatchObject({ ok: true })
    // This client shook hands before: it sends codes of the old dictionary, and new routes as text.
    expect(await early.request('bag.handler.look')).toMatchObject({ code: 404 })
    expect(await early.request('bag.handler.aaa')).toEqual({ text: 'new' })
    expect(await early.request('shop.handler.look')).toMatchObject({ rules: 1 })
    const late = await connectClient({ transport: 'tcp', port: inside.tcpPort })
    await late.request('login.handler.as', { uid: 'late' })
    expect(late.handshakeReply.sys.dict).toHaveProperty(['bag.handler.aaa'])
    expect(late.handshakeReply.sys.dict).not.toHaveProperty(['bag.handler.look'])
    expect(await late.request('bag.handler.aaa')).toEqual({ text: 'new' })
    expect(await late.request('shop.handler.look')).toMatchObject({ rules: 1 })
    await late.close()
    await inside.host.reload.rollback('bag')
    expect(await early.request('bag.handler.look')).toMatchObject({ before: 1 })
  })

  it('swaps config tables whole, also for code that took one at its start', async () => {
    expect(await client.request('shop.handler.look')).toMatchObject({ price: 5 })
    game.write('config/tables/things.lua', 'return { sword = { price = 7 } }')
    expect(await inside.host.reload.reload(['tables'])).toMatchObject({
      ok: true,
      tables: ['things'],
    })
    expect(await client.request('shop.handler.look')).toMatchObject({ price: 7 })
    game.write('config/tables/things.lua', 'return { sword = { price = } }')
    const bad = await inside.host.reload.reload(['tables'])
    expect(bad.ok).toBe(false)
    expect(bad.problems.join()).toContain('config/tables/things.lua:1')
    expect(await client.request('shop.handler.look')).toMatchObject({ price: 7 })
  })

  it('changes settings that can change live, and names those that cannot', async () => {
    const host = (rest: string) => `return {
      node = { name = "test", id = 7 },
      gate = { heartbeat_s = 1, public_routes = { ${rest} } }, lanes = { memory_mb = 128 },
    }`
    game.write('config/host.lua', host('"probe.*", "login.*", "bag.*"'))
    const report = await inside.host.reload.reload('all')
    expect(report.ok).toBe(true)
    expect(report.settings).toContain('gate.public_routes')
    expect(report.warnings.join('\n')).toContain('lanes.memory_mb has changed: restart the host')
    const guest = await connectClient({ transport: 'tcp', port: inside.tcpPort })
    expect(await guest.request('bag.handler.look')).toMatchObject({ before: 1 })
    await guest.close()
  })
})

describe('a reload that fails changes nothing and names file and line', () => {
  const undo = `
    S.calls = 1000
    S.fresh = true
    timer.after(1, function() S.calls = 2000 end)
    fork(function() S.calls = 3000 end)`

  it.each([
    ['broken syntax', bag(2, 'function bag.handler.x( end'), /^lua\/services\/bag\.lua:14:/],
    [
      'a top level that fails',
      bag(2, `${undo}\nerror("no luck")`),
      /^lua\/services\/bag\.lua:19: no luck/,
    ],
    [
      'a __reload that fails',
      bag(2, `${undo}\nfunction bag.__reload() S.calls = 7 error("not today") end`),
      /^lua\/services\/bag\.lua:19: not today/,
    ],
    [
      'a top level that never ends',
      bag(2, 'while true do end'),
      /^lua\/services\/bag\.lua:14: .*ended/,
    ],
    [
      'a module that is not there',
      bag(2, 'require "no.such"'),
      /^lua\/services\/bag\.lua:14: require/,
    ],
    [
      'a __reload that waits',
      bag(2, 'function bag.__reload() sleep(1) end'),
      /lua\/services\/bag\.lua:14/,
    ],
    ['a file that is no service', 'return 5', /^lua\/services\/bag\.lua: a service file must/],
  ])('%s', async (_what, source, expected) => {
    await look()
    game.write('lua/services/bag.lua', source)
    const report = await inside.host.reload.reload(['bag'])
    expect(report).toMatchObject({ ok: false, services: [] })
    expect(report.problems).toHaveLength(1)
    expect(report.problems[0]).toMatch(expected)
    expect(await look()).toMatchObject({ before: 1, calls: 2 })
    expect(inside.host.reload.versions().get('bag')).toBe(1)
    game.write('lua/services/bag.lua', bag(2))
    expect(await inside.host.reload.reload(['bag'])).toMatchObject({
      ok: true,
      services: [{ name: 'bag', version: 2 }],
    })
    expect(await look()).toMatchObject({ before: 2, calls: 3 })
  })

  it('a service that does not exist, and a second reload at once', async () => {
    const none = await inside.host.reload.reload(['nosuch'])
    expect(none.problems).toEqual(["there is no service 'nosuch' (see config/services.lua)"])
    const [first, second] = await Promise.all([
      inside.host.reload.reload(['bag']),
      inside.host.reload.reload(['bag']),
    ])
    expect(first.ok).toBe(true)
    expect(second.problems).toEqual(['another reload is under way'])
  })
})

describe('timers over a reload', () => {
  const ticking = (version: number, more = '') =>
    bag(
      version,
      `S.ticks = S.ticks or {}
local function tick() S.ticks[#S.ticks + 1] = version end
function bag.handler.start() bag.clock = timer.every(5, tick) return {} end
function bag.handler.ticks() local t = S.ticks S.ticks = {} return { ticks = json.array(t) } end
${more}`,
    )
  const ticks = async () =>
    ((await client.request('bag.handler.ticks')) as { ticks: number[] }).ticks
  const waitTick = async (): Promise<number> => {
    for (;;) {
      const seen = await ticks()
      const last = seen.at(-1)
      if (last !== undefined) return last
      await client.request('probe.handler.sleep', { ms: 5 })
    }
  }

  it('keep running the function that they hold, and that is told once, with its place', async () => {
    game.write('lua/services/bag.lua', ticking(1))
    await inside.host.reload.reload(['bag'])
    await client.request('bag.handler.start')
    expect(await waitTick()).toBe(1)
    // The function that the timer holds is gone from the new file.
    game.write(
      'lua/services/bag.lua',
      bag(
        2,
        'function bag.handler.ticks() local t = S.ticks S.ticks = {} return { ticks = json.array(t) } end',
      ),
    )
    const report = await inside.host.reload.reload(['bag'])
    // An engine that cannot tell where a function is written names where the timer was started.
    expect(report.warnings).toEqual([
      expect.stringMatching(
        /^lua\/services\/bag\.lua:1[56]: a timer \(every 5 ms\) still runs old code; cancel it/,
      ),
    ])
    await ticks()
    expect(await waitTick()).toBe(1)
    expect((await inside.host.reload.reload(['bag'])).warnings).toEqual([])
  })

  it('are replaced by __reload', async () => {
    game.write('lua/services/bag.lua', ticking(1))
    await inside.host.reload.reload(['bag'])
    await client.request('bag.handler.start')
    expect(await waitTick()).toBe(1)
    const replace = `function bag.__reload(old)
      if old.clock then old.clock:cancel() bag.clock = timer.every(5, tick) end
    end`
    game.write('lua/services/bag.lua', ticking(2, replace))
    expect(await inside.host.reload.reload(['bag'])).toMatchObject({ ok: true, warnings: [] })
    await ticks()
    expect(await waitTick()).toBe(2)
    // And one whose __reload cancels and then fails leaves it running.
    game.write(
      'lua/services/bag.lua',
      ticking(3, 'function bag.__reload(old) old.clock:cancel() error("no") end'),
    )
    expect(await inside.host.reload.reload(['bag'])).toMatchObject({ ok: false })
    await ticks()
    expect(await waitTick()).toBe(2)
  })
})
