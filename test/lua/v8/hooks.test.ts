// Debug hooks of the interpreter: what lua5.4 tells its hooks, ours are told; on both back ends.

import { describe, expect, it } from 'vitest'
import { createV8Engine } from '../../../core/lua/v8/engine.ts'
import { openDebug } from '../../../tools/lua-debug.ts'

function printed(text: string, backend: 'capture' | 'generator', debugHooks = true): string {
  const lines: string[] = []
  const engine = createV8Engine({
    backend,
    debugHooks,
    writableLibrary: true,
    print: (line) => lines.push(line),
    wallMs: () => 0,
    seed: [1n, 2n],
    stringBytesMax: 1 << 20,
  })
  openDebug(engine, debugHooks)
  engine.call(engine.load(Buffer.from(text), 'hooks.lua'))
  return lines.join('\n')
}

const tracer = `
local function trace(mask, f)
  local t = {}
  debug.sethook(function(e, l) t[#t + 1] = e:sub(1, 1) .. (l or "") end, mask)
  f()
  debug.sethook()
  print(table.concat(t, " ", 2, #t - 1))
end
`

/** Chunks, and the lines that lua5.4 tells a hook between the two calls of sethook. */
const lineTraces: readonly (readonly [string, string])[] = [
  ['local a\\na=1\\nwhile a<=3 do\\n  a=a+1\\nend\\n', 'l1 l2 l3 l4 l3 l4 l3 l4 l3 l5'],
  ['for i=1,3 do\\n  a=i\\nend\\n', 'l1 l2 l1 l2 l1 l2 l1 l3'],
  ["for i,v in pairs{'a','b'} do\\n  a=i\\nend\\n", 'l1 l2 l1 l2 l1 l3'],
  ['for i=1,4 do a=1 end', 'l1 l1 l1 l1'],
  ['a=1\\nrepeat\\n  a=a+1\\nuntil a==3\\n', 'l1 l3 l4 l3 l4'],
  ['local function foo()\\nend\\nfoo()\\nA = 1\\n', 'l2 l3 l2 l4'],
  ['--\\nif nil then\\n  a=1\\nelse\\n  a=2\\nend\\n', 'l2 l5 l6'],
  [' do\\n  return\\nend\\n', 'l2'],
  ['goto x\\ndo local y = 1 end\\n::x:: b = 2\\n', 'l1 l3'],
]

describe.each(['capture', 'generator'] as const)('hooks on %s', (backend) => {
  it.each(lineTraces)('lines of %s', (chunk, trace) => {
    // The line of the trace function stands before and behind.
    const [line] = printed(`${tracer} trace("l", load("${chunk}"))`, backend).split('\n')
    expect(line).toBe(trace)
  })

  it('calls, tail calls and returns, of library functions too', () => {
    const text = `${tracer}
      local function f(x) return x end
      local function g(x) return f(x) end
      trace("cr", function() local a = g(2) string.rep("x", 2) return string.rep("y", 2) end)`
    expect(printed(text, backend)).toBe('c c t r c r c r r')
  })

  it('what waits returns when it goes on', () => {
    const text = `
      local co = coroutine.create(function()
        coroutine.yield(10)
        return 20
      end)
      local t = {}
      debug.sethook(co, function(e, l) t[#t + 1] = e end, "clr")
      coroutine.resume(co)
      print(table.concat(t, " "), debug.gethook(), (select(2, debug.gethook(co))))
      coroutine.resume(co)
      print(table.concat(t, " "))`
    expect(printed(text, backend)).toBe(
      'call line call\tnil\tcrl\ncall line call return line return',
    )
  })

  it('counts steps', () => {
    const text = `
      local n = 0
      debug.sethook(function() n = n + 1 end, "", 10)
      for i = 1, 1000 do end
      debug.sethook()
      print(n)`
    expect(printed(text, backend)).toBe('100')
  })

  it('cannot wait, and an error in it is an error where it was called', () => {
    const text = `
      local function set(f) debug.sethook(f, "l") end
      print(coroutine.resume(coroutine.create(function()
        set(function() debug.sethook() coroutine.yield() end)
        local x = 1
      end)))
      print(pcall(function()
        debug.sethook(function(e, l) debug.sethook() error("line " .. l, 0) end, "l")
        local x = 1
      end))
      print(pcall(coroutine.wrap(coroutine.yield)))`
    expect(printed(text, backend)).toBe(
      'false\tattempt to yield across a C-call boundary\nfalse\tline 9\ntrue',
    )
  })
})

it('a hook finds the name of who returns', () => {
  const text = `
    local names = {}
    debug.sethook(function(e) names[#names + 1] = debug.getinfo(2).name end, "r")
    local function named() string.len("") end
    named()
    debug.sethook()
    print(table.concat(names, " "))`
  expect(printed(text, 'capture')).toBe('sethook len named')
})

it('a hook that nothing would call is refused', () => {
  const text = 'print(select(2, pcall(debug.sethook, print, "l")))'
  expect(printed(text, 'capture', false)).toBe('debug.sethook needs the option --debug')
})
