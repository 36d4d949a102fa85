// A lane that cannot be started again: told with file and line each time, and at last the process ends.
import { afterAll, afterEach, expect, it } from 'vitest'
import { limits } from '../../core/base/limits.ts'
import { runAdmin } from '../support/admin-cli.ts'
import { gameFolder, removeGameFolders } from '../support/game-folder.ts'
import { startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient, type PomeloClient } from '../support/pomelo-client.ts'

const wild = `
local wild = service "wild"
function wild.init()
  if config.tables.weather.storm then error("no luck in a storm") end
end
function wild.handler.stuck()
  load(string.rep("x=1 ", 4000000))
  while true do end
end
return wild`

const isLong = process.env.MOONWHEEL_LONG === '1'
if (!isLong) console.log('skipped: a lane that cannot be started again (MOONWHEEL_LONG=1 runs it)')

afterEach(stopAllHosts)
afterAll(removeGameFolders)

/** A host whose lane 0 or 1 has just been lost and cannot start again. */
async function hostWithLaneDown() {
  const game = gameFolder({
    'config/services.lua':
      'return { { name = "login" }, { name = "wild" }, { name = "probe" }, { name = "counter", lanes = "one" } }',
    'config/host.lua': `return {
      node = { name = "test" },
      lanes = { count = 2, memory_mb = 128, run_budget_ms = 100 },
      gate = { public_routes = { "login.*", "wild.*", "probe.*" } },
      log = { pretty = false },
    }`,
    'config/tables/weather.lua': 'return { storm = false }',
    'lua/services/wild.lua': wild,
  })
  const host = await startHostProcess({ root: game.root })
  game.write('config/tables/weather.lua', 'return { storm = true }')
  const reloaded = await runAdmin(['reload', 'tables', '--socket', host.adminSocket])
  expect(reloaded).toMatchObject({ code: 0 })
  // Two connections in a row are of two lanes.
  const clients = [0, 1].map(() =>
    connectClient({ transport: 'tcp', port: host.tcpPort, timeoutMs: 30_000 }),
  )
  const [lost, other] = (await Promise.all(clients)) as [PomeloClient, PomeloClient]
  expect(await lost.request('wild.handler.stuck')).toMatchObject({ code: 503 })
  const line = await host.waitLog((each) => /cannot be started again/.test(each.msg), 'a try')
  expect(line.msg).toMatch(
    /lane \d cannot be started again \(1\): .*lua\/services\/wild\.lua:4: no luck/s,
  )
  expect(await other.request('probe.handler.text')).toBeDefined()
  return { game, host, lost }
}

it('a reload mends what keeps a lane from starting', async () => {
  const { game, host, lost } = await hostWithLaneDown()
  game.write('config/tables/weather.lua', 'return { storm = false }')
  const waiting = lost.request('probe.handler.text')
  for (;;) {
    const tried = await runAdmin(['reload', 'tables', '--socket', host.adminSocket])
    if (tried.code === 0) break
    expect(tried.stderr).toMatch(/lane \d is being replaced; try again in a moment/)
  }
  await host.waitLog((each) => /runs again/.test(each.msg), 'the lane')
  expect(await waiting).toBeDefined()
  expect(lost.isClosed).toBe(false)
  expect(await host.stop()).toMatchObject({ code: 0 })
}, 60_000)

it.runIf(isLong)(
  'ends with code 1 after so many tries, and every other lane works until then',
  async () => {
    const { host } = await hostWithLaneDown()
    const lanes = await runAdmin(['lanes', '--json', '--socket', host.adminSocket])
    const states = (JSON.parse(lanes.stdout) as { state: string }[]).map(({ state }) => state)
    expect(states.sort()).toEqual(['down', 'running'])
    const exit = await host.exited
    expect(exit).toMatchObject({ code: 1 })
    const tries = host.log.filter((each) => /cannot be started again/.test(each.msg))
    expect(tries.length).toBeGreaterThanOrEqual(limits.laneStartFailuresMax)
  },
  60_000,
)
