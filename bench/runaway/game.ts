// The game of the runaway benchmark: handlers that do what a service must never do, and a good one.

const wild = `
local wild = service "wild"
function wild.handler.loop() while true do end end
function wild.handler.bomb()
  local s = "x"
  while true do s = s .. string.rep("y", 1000000) if #s > 8000000 then s = "x" end end
end
function wild.handler.pattern()
  return { found = string.find(string.rep("a", 40) .. "b", ("a*"):rep(40) .. "c") }
end
function wild.handler.memory()
  local all = {}
  for i = 1, 1e12 do all[i] = { i, tostring(i), { i } } end
end
function wild.handler.stuck()
  -- The compiler is a library call that looks at no flag.
  load(string.rep("x=1 ", 4000000))
  while true do end
end
function wild.handler.good() return { code = 200 } end
return wild`

const login = `
local login = service "login"
function login.handler.as(session, msg)
  session:bind(msg.uid)
  return { code = 200 }
end
return login`

/** What a service can do to its lane; each is a handler of `wild`. */
export const runaways = ['loop', 'bomb', 'pattern', 'memory', 'stuck'] as const

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
    'lua/services/login.lua': login,
    'lua/services/wild.lua': wild,
  }
}
