// A lane that cannot be started again: told with file and line each time, and at last the process ends.
import { afterAll, afterEach, expect, it } from 'vitest'
import { limits } from '../../core/base/limits.ts'
import { runAdmin } from '../support/admin-cli.ts'
import { gameFolder, removeGameFolders } from '../support/game-folder.ts'
import { startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient } from '../support/pomelo-client.ts'

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

it.runIf(isLong)(
  'ends with code 1 after so many tries, and every other lane works until then',
  async () => {
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

    const clients = [0, 1].map(() => connectClient({ transport: 'tcp', port: host.tcpPort }))
    const [first, second] = await Promise.all(clients)
    // Two connections in a row are of two lanes.
    expect(await first?.request('wild.handler.stuck')).toMatchObject({ code: 503 })
    const line = await host.waitLog(
      (each) => /cannot be started again \(2\)/.test(each.msg),
      'tries',
    )
    expect(line.msg).toMatch(
      /lane \d cannot be started again \(2\): .*lua\/services\/wild\.lua:4: no luck/s,
    )
    expect(await second?.request('probe.handler.text')).toBeDefined()
    const lanes = await runAdmin(['lanes', '--json', '--socket', host.adminSocket])
    const states = (JSON.parse(lanes.stdout) as { state: string }[]).map(({ state }) => state)
    expect(states.sort()).toEqual(['down', 'running'])
    const refused = await runAdmin(['reload', 'wild', '--socket', host.adminSocket])
    expect(refused).toMatchObject({ code: 1 })
    expect(refused.stderr).toMatch(/lane \d is being replaced; try again in a moment/)

    const exit = await host.exited
    expect(exit).toMatchObject({ code: 1 })
    const tries = host.log.filter((each) => /cannot be started again/.test(each.msg))
    expect(tries.length).toBeGreaterThanOrEqual(limits.laneStartFailuresMax)
  },
  60_000,
)
