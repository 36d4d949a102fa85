// What a service can do to its lane, as handlers of a service `wild`: for the benchmark, and for the
// tests of what it measures.

/** Lua: the functions of `runaways`. */
export const runawayHandlers = `function wild.handler.loop() while true do end end
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
end`

/** Their names. */
export const runaways = ['loop', 'bomb', 'pattern', 'memory', 'stuck'] as const
