// The game of the runaway benchmark: handlers that do what a service must never do, and a good one.

import { loginService } from '../host/login-service.ts'
import { runawayHandlers } from './handlers.ts'

const wild = `
local wild = service "wild"
${runawayHandlers}
function wild.handler.good() return { code = 200 } end
return wild`

export const runBudgetMs = 500

export function gameFiles(engine: string): Readonly<Record<string, string>> {
  return {
    'config/host.lua': `return {
  node = { name = "runaway" },
  lanes = { count = 2, memory_mb = 256, run_budget_ms = ${runBudgetMs} },
  lua = { engine = "${engine}" },
  listen = { ws = false, http = false },
  gate = { public_routes = { "login.*" } },
  log = { level = "warn", pretty = false },
}
`,
    'config/services.lua': 'return { { name = "login" }, { name = "wild" } }\n',
    'lua/services/login.lua': loginService,
    'lua/services/wild.lua': wild,
  }
}
