// Reload by function identity through the host: what holds a function runs the new code (v8 engine).
import { afterAll, expect, it } from 'vitest'
import { gameFolder, removeGameFolders } from '../support/game-folder.ts'
import { startHostInside, stopHostsInside } from '../support/host-thread.ts'
import { connectClient } from '../support/pomelo-client.ts'

afterAll(async () => {
  await stopHostsInside()
  removeGameFolders()
})

const isV8 = (process.env.MOONWHEEL_TEST_ENGINE ?? 'v8') === 'v8'
if (!isV8) console.log('skipped: the engine under test reloads whole modules')

const damage = (n: number) => `local damage = {}
local calls = 0
function damage.of(x) calls = calls + 1 return x * ${n}, calls end
return damage`

const rules = (n: number) => `return { version = ${n} }`

const bag = (n: number) => `local bag = service "bag"
local of = require("shared.damage").of
local rules = require "shared.rules"
local S = state "bag"
S.rules = S.rules or rules
local visits = 0
local function tick() S.tick = ${n} end
function bag.handler.start() bag.timer = timer.every(5, tick) return {} end
function bag.handler.look()
  visits = visits + 1
  local value, calls = of(10)
  return { value = value, calls = calls, visits = visits, version = ${n}, tick = S.tick,
    rules = S.rules.version, same = S.rules == rules }
end
return bag`

it.skipIf(!isV8)(
  'copies, timers, locals and data follow a reload; rollback goes back',
  async () => {
    const game = gameFolder({
      'config/services.lua': 'return { { name = "login" }, { name = "probe" }, { name = "bag" } }',
      'lua/services/bag.lua': bag(1),
      'lua/shared/damage.lua': damage(1),
      'lua/shared/rules.lua': rules(1),
    })
    const inside = await startHostInside(game.root)
    const client = await connectClient({ transport: 'tcp', port: inside.tcpPort })
    await client.request('login.handler.as', { uid: 'reloader' })
    const look = () => client.request('bag.handler.look', {}) as Promise<Record<string, unknown>>
    /** Looks until the timer has ticked with this version's code. */
    const ticked = async (version: number): Promise<Record<string, unknown>> => {
      for (;;) {
        const seen = await look()
        if (seen.tick === version) return seen
        await client.request('probe.handler.sleep', { ms: 5 })
      }
    }
    await client.request('bag.handler.start')
    const first = await ticked(1)
    expect(first).toMatchObject({ value: 10, version: 1, rules: 1, same: true })

    game.write('lua/services/bag.lua', bag(2))
    game.write('lua/shared/damage.lua', damage(2))
    game.write('lua/shared/rules.lua', rules(2))
    const report = await inside.host.reload.reload(['bag'])
    expect(report).toMatchObject({ ok: true, problems: [], warnings: [] })
    const second = await ticked(2)
    expect(second).toMatchObject({ value: 20, version: 2, rules: 2, same: true })
    expect(second.visits).toBeGreaterThan(first.visits as number)
    expect(second.calls).toBe(second.visits)

    // Syntax is right, but it fails when it is tried: not one closure has changed.
    game.write('lua/services/bag.lua', `${bag(3).replace('return bag', 'error "no"')}\nreturn bag`)
    game.write('lua/shared/damage.lua', damage(3))
    expect(await inside.host.reload.reload(['bag'])).toMatchObject({ ok: false })
    expect(await look()).toMatchObject({ value: 20, version: 2, rules: 2, same: true })

    expect(await inside.host.reload.rollback('bag')).toMatchObject({ ok: true })
    const last = await ticked(1)
    expect(last).toMatchObject({ value: 10, version: 1, rules: 1, same: true })
    expect(last.calls).toBe(last.visits)
    await client.close()
    await inside.stop()
  },
)
