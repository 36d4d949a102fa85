// Reload by function identity: every closure runs the new code with its own upvalues; all or nothing.
import { beforeEach, describe, expect, it } from 'vitest'
import {
  LuaError,
  type LuaFunction,
  type LuaPatch,
  type LuaTable,
} from '../../../core/lua/engine.ts'
import { createV8Engine, type V8Engine } from '../../../core/lua/v8/engine.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))
const path = 'lua/services/bag.lua'

describe.each(['capture', 'generator'] as const)('patching a module (%s)', (backend) => {
  let engine: V8Engine

  beforeEach(() => {
    engine = createV8Engine({
      backend,
      print: () => {},
      wallMs: () => 0,
      seed: [1n, 2n],
      stringBytesMax: 1 << 20,
    })
  })

  function load(text: string): LuaTable {
    const value = engine.call(engine.modules.load(bytes(text), path))[0]
    engine.rawSet(engine.globals, 'M', value)
    return value as LuaTable
  }
  const patch = (text: string): LuaPatch => engine.modules.patch(bytes(text), path)
  const run = (text: string) => engine.call(engine.load(bytes(text), 'probe'))

  it('reaches copies, tables, and closures that were made before', () => {
    load(`local M = {}
      function M.f() return 1 end
      function M.make(n) return function(x) n = n + x return n, "old" end end
      return M`)
    run('copy = M.f; kept = { deep = { M.f } }; a, b = M.make(10), M.make(20); a(1)')
    patch(`local M = {}
      function M.f() return 2 end
      function M.make(n) return function(x) n = n + x return n, "new" end end
      return M`).apply()
    expect(run('return copy(), kept.deep[1](), M.f(), copy == M.f')).toEqual([2, 2, 2, true])
    expect(run('local n, v = a(1) return n, v')).toEqual([12, 'new'])
    expect(run('a(1) local n = a(1) local m = b(1) return n, m')).toEqual([14, 21])
  })

  it('keeps module-level locals and tables, evaluates new ones, runs no other statement', () => {
    load(`local M, hits = {}, 0
      local seen = {}
      effects = (effects or 0) + 1
      function M.hit(k) hits = hits + 1 seen[k] = true return hits end
      return M`)
    run('copy = M.hit; copy("a") copy("b")')
    patch(`local M, hits = {}, 100
      local seen = { fresh = true }
      local extra = { "x" }
      local again = 5
      effects = (effects or 0) + 1
      function M.hit(k) hits = hits + 1 again = again + 1 return hits, seen.a, extra[1], again end
      function M.new() return hits end
      return M`).apply()
    expect(run('local h, a, x, n = copy("c") return h, x, n')).toEqual([3, 'x', 6])
    expect(run('return (select(4, M.hit())), M.new(), effects')).toEqual([7, 4, 1])
  })

  it('updates a literal that nothing assigns to, in place when it is a table', () => {
    load(`local rate, name <const>, prices = 5, "old", { sword = 1, axe = 2 }
      local M = { prices = prices }
      M.limit = 10
      function M.look() return rate, name, prices.sword, prices.axe end
      return M`)
    run('copy, table_copy = M.look, M.prices')
    expect(run('return copy()')).toEqual([5, 'old', 1, 2])
    load(`local rate = 5
      local prices = { sword = 1, axe = 2 }
      local M = { prices = prices }
      M.limit = 10
      function M.look() return rate, prices.sword, prices.axe end
      return M`)
    run('copy, table_copy = M.look, M.prices')
    patch(`local rate = 6
      local prices = { sword = 9 }
      local M = { prices = prices }
      M.limit = 11
      function M.look() return rate, prices.sword, prices.axe end
      return M`).apply()
    expect(run('return copy()')).toEqual([6, 9, undefined])
    expect(run('return table_copy.sword, M.limit')).toEqual([9, 11])
  })

  it('takes a removed function out of its table; who still holds it runs the old code', () => {
    load('local M = {} function M.a() return "a" end function M.b() return "b" end return M')
    run('copy = M.b')
    patch('local M = {} function M.a() return "A" end return M').apply()
    expect(run('return M.a(), M.b, copy()')).toEqual(['A', undefined, 'b'])
  })

  it('gives a function upvalues that it did not have', () => {
    load(`local count = 7
      local M = {}
      function M.f(k) return k end
      function M.bump() count = count + 1 return count end
      return M`)
    run('copy = M.f; M.bump()')
    patch(`local count = 7
      local M = {}
      local suffix = "!"
      local function twice(x) return x * 2 end
      function M.f(k) count = count + 1 return twice(k) .. suffix, count end
      function M.bump() count = count + 1 return count end
      return M`).apply()
    expect(run('return copy(4)')).toEqual(['8!', 9])
    expect(run('return M.bump()')).toEqual([10])
  })

  it('a local that the new code begins to assign to keeps its value', () => {
    load(`local n = 3
      local M = {}
      function M.get() return n end
      return M`)
    patch(`local n = 3
      local M = {}
      function M.get() return n end
      function M.set(v) n = v end
      return M`).apply()
    expect(run('M.set(8) return M.get()')).toEqual([8])
  })

  it('patches functions whose creation is not run again: callbacks, table fields, loops', () => {
    load(`handlers = {}
      local function on(f) handlers[#handlers + 1] = f end
      on(function() return "one" end)
      for i = 1, 2 do on(function() return i end) end
      local t = { go = function(self) return "go" end }
      return t`)
    patch(`handlers = {}
      local function on(f) handlers[#handlers + 1] = f end
      on(function() return "ONE" end)
      for i = 1, 2 do on(function() return i * 10 end) end
      local t = { go = function(self) return "GO" end }
      return t`).apply()
    expect(run('return #handlers, handlers[1](), handlers[2](), handlers[3](), M:go()')).toEqual([
      3,
      'ONE',
      10,
      20,
      'GO',
    ])
  })

  it('runs a statement that is new, and tells which functions are left behind', () => {
    load(`local M = {}
      local function tick() return 1 end
      local function tock() return 1 end
      ran = (ran or 0) + 1
      held, other = tick, tock
      return M`)
    patch(`local M = {}
      local function tock() return 2 end
      ran = (ran or 0) + 1
      if M then added = tock() end
      return M`).apply()
    expect(run('return ran, added, held(), other()')).toEqual([1, 2, 1, 2])
    const isLatest = (name: string) =>
      engine.modules.runsLatest(engine.rawGet(engine.globals, name) as LuaFunction)
    expect([isLatest('held'), isLatest('other'), isLatest('print')]).toEqual([false, true, true])
  })

  it('lets what waits finish the old code, with its own locals', () => {
    load(`local M = {}
      local step = 1
      local function inner() return coroutine.yield("waiting") end
      function M.work(x) local got = inner() return x, got, step, "old" end
      return M`)
    run('co = coroutine.create(M.work) coroutine.resume(co, 5)')
    patch(`local M = {}
      local step = 2
      local function inner() return coroutine.yield("waiting too") end
      function M.work(x) local got = inner() return x, got, step, "new" end
      return M`).apply()
    expect(run('return coroutine.resume(co, 6)')).toEqual([true, 5, 6, 1, 'old'])
    run('co = coroutine.create(M.work) coroutine.resume(co, 5)')
    expect(run('return coroutine.resume(co, 6)')).toEqual([true, 5, 6, 2, 'new'])
  })

  it('lets a coroutine of the host finish the old code, also in what it calls', () => {
    const text = (n: number) => `local M = {}
      local version = ${n}
      local function now() return version end
      local function maker(k) return function() return k + version end end
      local add = maker(100)
      function M.work(x)
        local before = version
        local got = coroutine.yield(before)
        return before, got, now(), add(), M.other()
      end
      function M.other() return version end
      return M`
    const table = load(text(1))
    const work = engine.rawGet(table, 'work') as LuaFunction
    const waiting = engine.createCoroutine(work)
    engine.resume(waiting, 1)
    const later = engine.createCoroutine(work)
    patch(text(2)).apply()
    patch(text(3)).apply()
    engine.resume(waiting, 'a')
    expect([...engine.results]).toEqual([1, 'a', 1, 101, 1])
    engine.modules.begin(later)
    engine.resume(later, 1)
    patch(text(4)).apply()
    engine.resume(later, 'b')
    expect([...engine.results]).toEqual([3, 'b', 3, 103, 3])
    expect(run('local co = coroutine.wrap(M.work) co() return co("c")')).toEqual([
      4,
      'c',
      4,
      104,
      4,
    ])
  })

  it('replaces data in place', () => {
    load('return { version = 1, old = true, 10, 20 }')
    run('data = M')
    const change = patch('return { version = 2, fresh = true, 30 }')
    change.apply()
    expect(run('return data.version, data.old, data.fresh, data[1], #data')).toEqual([
      2,
      undefined,
      true,
      30,
      1,
    ])
    expect(change.value).toBe(engine.rawGet(engine.globals, 'data'))
  })

  it.each([
    ['a literal', 'return { f = function() return 2 end, k = "new" }'],
    ['another local', 'local N = { k = "new" } function N.f() return #N.k - 1 end return N'],
  ])('a module that answers with %s now: who has its table sees what is in that', (_, text) => {
    load('local M = {} M.k = "old" function M.f() return 1 end function M.gone() end return M')
    run('held, copy = M, M.f')
    const undo = patch(text).apply()
    expect(run('return held.f(), held.k, held.gone')).toEqual([2, 'new', undefined])
    undo()
    expect(run('return held.f(), held.k, type(held.gone), copy()')).toEqual([
      1,
      'old',
      'function',
      1,
    ])
    patch(text).apply()
    expect(run('return held.f(), held.k')).toEqual([2, 'new'])
  })

  it('data that becomes code, and code that becomes data, reach who has the table', () => {
    load('return { k = 1 }')
    run('held = M')
    patch('local M = { k = 2 } function M.f() return M.k end return M').apply()
    expect(run('return held.k, held.f()')).toEqual([2, 2])
    patch('return { k = 3 }').apply()
    expect(run('return held.k, held.f')).toEqual([3, undefined])
  })

  it('a text that does not compile, and one whose new statements fail, change nothing', () => {
    const text = (n: number, more = '') => `local M = {}
      local rates = { ${n} }
      function M.f() return ${n}, rates[1] end
      ${more}
      return M`
    load(text(1))
    run('copy = M.f')
    expect(() => patch('local M = {')).toThrow(LuaError)
    const failing = patch(text(2, 'function M.g() end\nlocal new = error("no luck")'))
    expect(() => failing.apply()).toThrow(/lua\/services\/bag.lua:\d+: no luck/)
    expect(run('return copy(), M.g')).toEqual([1, undefined])
    expect(run('return select(2, copy())')).toEqual([1])
    patch(text(3)).apply()
    expect(run('return copy()')).toEqual([3, 3])
  })

  it('undoes one patch, and goes through many', () => {
    const text = (n: number, more = '') => `local M = {}
      local n = ${n}
      function M.f() return n, ${n} end
      ${more}
      return M`
    load(text(1, 'function M.gone() return "gone" end'))
    run('copy, gone = M.f, M.gone')
    for (let n = 2; n < 6; n++) {
      const undo = patch(text(n, 'function M.extra() return n end')).apply()
      expect(run('return copy()')).toEqual([n, n])
      if (n !== 2) continue
      undo()
      expect(run('return copy()')).toEqual([1, 1])
      expect(run('return M.extra, M.gone == gone')).toEqual([undefined, true])
    }
    expect(run('return M.extra(), M.gone')).toEqual([5, undefined])
  })

  it('positions in errors are those of the new text', () => {
    load('local M = {}\nfunction M.f() return 1 end\nreturn M')
    patch('local M = {}\n\n\nfunction M.f()\n  local x = nil\n  return x.y\nend\nreturn M').apply()
    const f = engine.rawGet(engine.rawGet(engine.globals, 'M') as LuaTable, 'f') as LuaFunction
    expect(() => engine.call(f)).toThrow(`${path}:6: attempt to index a nil value (local 'x')`)
  })
})
