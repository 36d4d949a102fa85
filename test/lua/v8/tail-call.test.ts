// A chain of tail calls takes no stack: in the main run, in coroutines, through pcall and metamethods.

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resumed } from '../../../core/lua/engine.ts'
import { createV8Engine } from '../../../core/lua/v8/engine.ts'
import { tailCalls } from '../../../core/lua/v8/run/tail-call.ts'

function makeEngine(backend: 'capture' | 'generator') {
  return createV8Engine({
    backend,
    print: () => {},
    wallMs: () => 0,
    seed: [1n, 2n],
    stringBytesMax: 1 << 20,
  })
}

function run(text: string, backend: 'capture' | 'generator'): unknown[] {
  const engine = makeEngine(backend)
  return engine.call(engine.load(Buffer.from(text), 'tail.lua'))
}

/** More than any stack of these tests could hold. */
const count = 30_000

const machine = `
  local s = {}
  function s.a(n, log) if n == 0 then return log, "done" end return s.b(n - 1, log + 1) end
  function s.b(n, log) return s.c(n, log) end
  function s.c(n, log) return s:d(n, log) end
  function s:d(n, log) return self.a(n, log) end
`

const before = tailCalls.max
beforeEach(() => {
  tailCalls.max = 100
})
afterEach(() => {
  tailCalls.max = before
})

describe.each(['capture', 'generator'] as const)('tail calls on %s', (backend) => {
  const answers = (text: string) => run(text, backend)

  it('of functions that call each other', () => {
    expect(answers(`${machine} return s.a(${count}, 0)`)).toEqual([count, 'done'])
    expect(answers(`${machine} local n = s.a(${count}, 0) return n + 1`)).toEqual([count + 1])
  })

  it('below pcall, in a metamethod, with varargs and with an error at the end', () => {
    expect(answers(`${machine} return pcall(s.a, ${count}, 0)`)).toEqual([true, count, 'done'])
    const text = `
      local function loop(n, ...) if n > 0 then return loop(n - 1, ...) end return ... end
      local function fails(n) if n == 0 then error("deep") end return fails(n - 1) end
      local t = setmetatable({}, { __index = function(_, k) return loop(${count}, k) end })
      return t.foo, select("#", loop(${count}, nil, nil)), pcall(fails, ${count})`
    expect(answers(text)).toEqual(['foo', 2, false, 'tail.lua:3: deep'])
  })

  it('in a coroutine that waits in between', () => {
    const text = `${machine}
      local co = coroutine.wrap(function(x)
        local n = s.a(${count}, x)
        local y = coroutine.yield(n)
        return s.a(${count}, y)
      end)
      return co(1), (co(2))`
    expect(answers(text)).toEqual([count + 1, count + 2])
  })

  it('keeps what callers have still to do: variables to close, sums, positions', () => {
    const text = `
      local log = {}
      local function down(n)
        if n == 0 then error({ "end" }) end
        if n % 500 == 0 then
          local x <close> = setmetatable({}, { __close = function() log[#log + 1] = n end })
          return down(n - 1)
        end
        return down(n - 1)
      end
      local function sum(n, acc)
        if n == 0 then return acc end
        if n % 700 == 0 then return 1 + sum(n - 1, acc) end
        return sum(n - 1, acc)
      end
      local ok, e = pcall(down, 2000)
      return ok, e[1], table.concat(log, " "), sum(5000, 0)`
    expect(answers(text)).toEqual([false, 'end', '500 1000 1500 2000', 7])
  })

  it('of library functions see their caller, however often', () => {
    const text = `
      local function bad(x) return x:rep(1, 2, {}, error) end
      local function tail(x) return ("x").rep(x) end
      for i = 1, 1000 do
        local ok, message = pcall(tail, "y" .. i)
        if message ~= "tail.lua:3: bad argument #2 to 'rep' (number expected, got nil)" then
          return message
        end
      end`
    expect(answers(text)).toEqual([])
  })

  it('where nothing can be parked they are ordinary calls', () => {
    const text = `
      local function loop(n, v) if n > 0 then return loop(n - 1, v) end return v end
      local t = { 3, 1, 2 }
      table.sort(t, function(a, b) return loop(300, a < b) end)
      return table.concat(t), (("abc"):gsub(".", function(c) return loop(300, c .. c) end))`
    expect(answers(text)).toEqual(['123', 'aabbcc'])
  })

  it('in a coroutine of the host', () => {
    const engine = makeEngine(backend)
    const text = `${machine} return function(x) local n = s.a(${count}, x) return n end`
    const fn = engine.call(engine.load(Buffer.from(text), 'tail.lua'))[0]
    const coroutine = engine.createCoroutine(fn as never)
    expect(engine.resume(coroutine, 5)).toBe(resumed.returned)
    expect(engine.results).toEqual([count + 5])
  })
})
