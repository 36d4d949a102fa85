// What every LuaEngine must do, as core/lua/engine.ts says it; each engine's test file runs this.
//
// Not a test file by itself. Nothing here may depend on one engine: integers stay within 2^53, and
// where engines word a message differently the expectation is a pattern that names the common part.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AssertionError } from '../../core/base/assert.ts'
import { bytesToText, textToBytes } from '../../core/lua/bytes.ts'
import {
  type EngineOptions,
  type LuaEngine,
  LuaError,
  LuaFloat,
  type LuaFunction,
  LuaKilled,
  LuaMulti,
  type LuaTable,
  type LuaValue,
  resumed,
} from '../../core/lua/engine.ts'

const bytesMax = 1 << 20

export function describeEngine(name: string, factory: (options: EngineOptions) => LuaEngine): void {
  const printed: string[] = []
  const make = (over: Partial<EngineOptions> = {}): LuaEngine =>
    factory({
      print: (line) => printed.push(line),
      wallMs: () => Date.UTC(2026, 1, 3, 4, 5, 6, 789),
      seed: [7n, 9n],
      stringBytesMax: bytesMax,
      stepsMax: 2_000_000,
      ...over,
    })
  const shared = make()

  const compile = (engine: LuaEngine, source: string, chunk = 'lua/t.lua'): LuaFunction =>
    engine.load(Buffer.from(source), chunk)
  const run = (source: string, ...args: LuaValue[]): LuaValue[] =>
    shared.call(compile(shared, source), ...args)
  const failureOf = (work: () => unknown): LuaError | LuaKilled => {
    try {
      work()
    } catch (thrown) {
      if (thrown instanceof LuaError || thrown instanceof LuaKilled) return thrown
      throw thrown
    }
    throw new Error('it did not fail')
  }
  const errorOf = (source: string, ...args: LuaValue[]): LuaError => {
    const failure = failureOf(() => run(source, ...args))
    expect(failure).toBeInstanceOf(LuaError)
    return failure as LuaError
  }
  const killOf = (engine: LuaEngine, source: string): LuaKilled => {
    const failure = failureOf(() => engine.call(compile(engine, source)))
    expect(failure).toBeInstanceOf(LuaKilled)
    return failure as LuaKilled
  }

  describe(`${name}: values at the border`, () => {
    const same: [string, LuaValue][] = [
      ['nil', undefined],
      ['true', true],
      ['false', false],
      ['zero', 0],
      ['an integer', 42],
      ['the largest 32-bit integer', 2 ** 31 - 1],
      ['the smallest 32-bit integer', -(2 ** 31)],
      ['beyond 32 bits', 2 ** 31],
      ['milliseconds since 1970', 1_770_000_000_123],
      ['the largest safe integer', Number.MAX_SAFE_INTEGER],
      ['the smallest safe integer', Number.MIN_SAFE_INTEGER],
      ['a fraction', 0.1],
      ['infinity', Number.POSITIVE_INFINITY],
      ['minus infinity', Number.NEGATIVE_INFINITY],
      ['nan', Number.NaN],
      ['the empty string', ''],
      ['all bytes', String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i))],
    ]
    it.each(same)('%s enters and leaves unchanged', (_what, value) => {
      expect(run('return ...', value)).toEqual([value])
    })

    it('keeps integral floats apart from integers', () => {
      const [five] = run('return 5.0')
      expect(five).toBeInstanceOf(LuaFloat)
      expect((five as LuaFloat).n).toBe(5)
      expect(run('return tostring(...)', new LuaFloat(5))).toEqual(['5.0'])
      expect(run('return tostring(...)', 5)).toEqual(['5'])
      expect(
        run('local a, b = ... return a == b, math.type(a), math.type(b)', 5, new LuaFloat(5)),
      ).toEqual([true, 'integer', 'float'])
      expect(run('return 10 / 2, 7 // 2, 7.5 // 2, 2^2')).toEqual([
        new LuaFloat(5),
        3,
        new LuaFloat(3),
        new LuaFloat(4),
      ])
    })

    it('prints integers beyond 32 bits as integers', () => {
      expect(run('return tostring(...), ... .. ""', 1_770_000_000_123)).toEqual([
        '1770000000123',
        '1770000000123',
      ])
      expect(run('return string.format("%d", ...)', 1_770_000_000_123)).toEqual(['1770000000123'])
    })

    it('makes a negative zero the integer 0 at the border and keeps it as a LuaFloat', () => {
      expect(Object.is(run('return ...', -0)[0], 0)).toBe(true)
      const [zero] = run('return -0.0')
      expect(zero).toBeInstanceOf(LuaFloat)
      expect(Object.is((zero as LuaFloat).n, -0)).toBe(true)
    })

    it('hands out handles that are equal for the same object only', () => {
      const [a, b, c] = run('local t = {} return t, t, {}')
      expect(a).toBe(b)
      expect(a).not.toBe(c)
      expect(run('local t, u = ... return t == u', a, b)).toEqual([true])
      const [f, g] = run('local f = function() end return f, f')
      expect(f).toBe(g)
      const [co, again] = run('local co = coroutine.create(print) return co, co')
      expect(co).toBe(again)
    })

    it('tells the type of every value', () => {
      const [t, f, co, s] = run('return {}, print, coroutine.create(print), string.rep')
      expect(
        [t, f, co, s, undefined, 1, 1n, new LuaFloat(1), 'x', true].map((v) => shared.typeOf(v)),
      ).toEqual([
        'table',
        'function',
        'thread',
        'function',
        'nil',
        'number',
        'number',
        'number',
        'string',
        'boolean',
      ])
    })

    it('returns no result, one and many', () => {
      expect(run('return')).toEqual([])
      expect(run('return nil')).toEqual([undefined])
      expect(run('return 1, nil, 3, nil')).toEqual([1, undefined, 3, undefined])
      expect(run('return select("#", ...)', undefined, 1, undefined)).toEqual([3])
      const many = Array.from({ length: 150 }, (_, i) => i)
      expect(run('return ...', ...many)).toEqual(many)
    })

    it('refuses JavaScript objects with an assertion', () => {
      for (const alien of [{}, [], null, () => 1, Symbol('x'), new Map()]) {
        expect(() => run('return ...', alien as unknown as LuaValue)).toThrow(AssertionError)
        expect(run('return 1')).toEqual([1])
      }
    })
  })

  describe(`${name}: tables`, () => {
    it('reads, writes, measures and visits without metamethods', () => {
      const t = shared.newTable()
      shared.rawSet(t, 1, 'one')
      shared.rawSet(t, 2, 'two')
      shared.rawSet(t, 'name', 'moon')
      shared.rawSet(t, new LuaFloat(3), 'three')
      shared.rawSet(t, 1.5, true)
      expect(shared.rawLength(t)).toBe(3)
      expect(shared.rawGet(t, 3)).toBe('three')
      expect(shared.rawGet(t, 'nothing')).toBeUndefined()
      expect(run('local t = ... return t[1], t[3.0], t.name, t[1.5], #t', t)).toEqual([
        'one',
        'three',
        'moon',
        true,
        3,
      ])
      const seen: [LuaValue, LuaValue][] = []
      shared.forEach(t, (k, v) => {
        seen.push([k, v])
        return undefined
      })
      expect(seen.sort()).toEqual(
        [
          [1, 'one'],
          [2, 'two'],
          [3, 'three'],
          [1.5, true],
          ['name', 'moon'],
        ].sort(),
      )
      let visits = 0
      shared.forEach(t, () => ++visits < 2)
      expect(visits).toBe(2)
      const [guarded] = run(
        'return setmetatable({}, {__index = function() error "i" end, __newindex = function() error "n" end})',
      )
      shared.rawSet(guarded as LuaTable, 'x', 1)
      expect(shared.rawGet(guarded as LuaTable, 'x')).toBe(1)
      expect(shared.rawGet(guarded as LuaTable, 'y')).toBeUndefined()
    })

    it('takes tables and functions as keys', () => {
      const [t, k] = run('local k = {} return {[k] = "found", [print] = 1}, k')
      expect(shared.rawGet(t as LuaTable, k)).toBe('found')
      expect(shared.rawGet(t as LuaTable, shared.rawGet(shared.globals, 'print'))).toBe(1)
    })

    it('keeps byte strings apart that share hexadecimal digits', () => {
      expect(
        run(
          'local t = {} t["\\x01\\x11"] = 1 t["\\x11\\x01"] = 2 return t["\\x01\\x11"], t["\\x11\\x01"]',
        ),
      ).toEqual([1, 2])
    })

    it('lets a traversal remove what it visits', () => {
      expect(
        run(`
          local t, n = {}, 0
          for i = 1, 100 do t[i] = i t["k" .. i] = i end
          for k in pairs(t) do t[k] = nil n = n + 1 end
          return n, next(t)`),
      ).toEqual([200, undefined])
    })
  })

  describe(`${name}: chunks and errors`, () => {
    it('names file and line in syntax errors', () => {
      const failure = failureOf(() =>
        compile(shared, 'local x = 1\nlocal = 2', 'lua/services/bag.lua'),
      )
      expect(failure).toBeInstanceOf(LuaError)
      expect(failure.message).toMatch(/^lua\/services\/bag\.lua:2: .*near '='/)
    })

    it('shows long paths whole', () => {
      const path = `lua/services/${'deep/'.repeat(20)}bag.lua`
      expect(failureOf(() => compile(shared, 'x =', path)).message).toContain(`${path}:1:`)
    })

    it('skips a first line for the shell, and counts it', () => {
      expect(run('#!/usr/bin/env lua\nreturn 1')).toEqual([1])
      expect(run('#')).toEqual([])
      expect(errorOf('# x\nerror("here")').message).toBe('lua/t.lua:2: here')
    })

    it('refuses bytecode, from the host and from load', () => {
      expect(() => shared.load(Buffer.from('\x1bLua'), 'x')).toThrow(LuaError)
      expect(run('return load("\\27Lua", "x", "b")')[0]).toBeUndefined()
      expect(run('return load("return 1", "x", "b")')[0]).toBeUndefined()
      expect(run('return load("return 1")()')).toEqual([1])
      expect(
        run(
          'local n = 0 return load(function() n = n + 1 return ({"return ", "4", "2"})[n] end)()',
        ),
      ).toEqual([42])
      expect(run('return load("return x", "c", "t", {x = 5})()')).toEqual([5])
    })

    it('skips a byte order mark', () => {
      expect(shared.call(shared.load(Buffer.from('\ufeffreturn 1'), 'x'))).toEqual([1])
    })

    it('gives position and traceback of an error', () => {
      const e = errorOf('local function f() error("boom") end\nlocal function g() f() end\ng()')
      expect(e.message).toBe('lua/t.lua:1: boom')
      expect(e.value).toBe('lua/t.lua:1: boom')
      expect(e.traceback).toMatch(/lua\/t\.lua:1:.*\n[\s\S]*lua\/t\.lua:2:[\s\S]*lua\/t\.lua:3:/)
    })

    it.each([
      ['local t = {} t.x.y = 1', /^lua\/t\.lua:1: attempt to index a nil value \(field 'x'\)$/],
      ['nofunction()', /^lua\/t\.lua:1: attempt to call a nil value \(global 'nofunction'\)$/],
      ['local s = {} return s + 1', /attempt to perform arithmetic on a table value \(local 's'\)/],
      ['return 1 < "2"', /attempt to compare number with string/],
      ['return {} .. "x"', /attempt to concatenate a table value/],
      ['return #nil', /attempt to get length of a nil value/],
      ['("x"):rep({})', /bad argument #1 to 'rep' \(number expected, got table\)/],
      ['string.rep()', /bad argument #1 to 'rep' \(string expected, got (?:no value|nil)\)/],
      ['setmetatable(1, {})', /bad argument #1 to 'setmetatable' \(table expected, got number\)/],
      ['local t = {} t[nil] = 1', /index is nil/],
      ['local t = {} t[0/0] = 1', /index is NaN/],
      ['error("plain", 0)', /^plain$/],
      ['return 1 // 0', /attempt to (perform 'n\/\/0'|divide by zero)/],
      ['return 1 % 0', /attempt to perform 'n%%?0'/],
    ])('%s', (source, message) => {
      expect(errorOf(source).message).toMatch(message)
    })

    it('carries error values that are tables, and their __tostring', () => {
      const e = errorOf('error({code = 402})')
      expect(shared.rawGet(e.value as LuaTable, 'code')).toBe(402)
      expect(e.message).toBe('(error object is a table value)')
      expect(
        errorOf('error(setmetatable({}, {__tostring = function() return "mine" end}))').message,
      ).toBe('mine')
      expect(errorOf('error(nil)').value).toBeUndefined()
      expect(
        errorOf('error(setmetatable({}, {__tostring = function() error "bad" end}))').message,
      ).toBe('(error object is a table value)')
    })

    it('words errors as text for people, and keeps the bytes as the value', () => {
      const f = compile(shared, 'error("金币不足")', 'lua/services/背包.lua')
      const e = failureOf(() => shared.call(f)) as LuaError
      expect(e.message).toBe('lua/services/背包.lua:1: 金币不足')
      expect(e.value).toBe(textToBytes('lua/services/背包.lua:1: 金币不足'))
      expect(e.traceback).toContain('lua/services/背包.lua:1:')
    })

    it('catches errors with pcall and xpcall', () => {
      expect(run('return pcall(error, "x", 0)')).toEqual([false, 'x'])
      expect(run('return pcall(function(...) return ... end, 1, nil)')).toEqual([
        true,
        1,
        undefined,
      ])
      expect(
        run('return xpcall(function() error("x", 0) end, function(m) return m .. "!" end)'),
      ).toEqual([false, 'x!'])
      expect(run('return select("#", pcall(error))')).toEqual([2])
    })

    it('makes endless recursion an error that pcall catches', () => {
      const [ok, message] = run('local function f() return 1 + f() end return pcall(f)')
      expect(ok).toBe(false)
      expect(message).toMatch(/stack overflow/)
      const [ok2, message2] = run(
        'local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k] end return pcall(function() return t.x end)',
      )
      expect(ok2).toBe(false)
      expect(message2).toMatch(/overflow/)
      expect(run('local function f() return pcall(f) end return f()').at(-1)).toMatch(/overflow/)
      expect(run('return 1')).toEqual([1])
    })
  })

  describe(`${name}: host functions`, () => {
    const define = (key: string, fn: (...args: LuaValue[]) => LuaValue | LuaMulti): void => {
      shared.rawSet(shared.globals, key, shared.hostFunction(key, fn))
    }

    it('take arguments and return none, one and several values', () => {
      const seen: LuaValue[][] = []
      define('note', (...args) => {
        seen.push(args)
        return new LuaMulti([])
      })
      define('two', () => new LuaMulti([1, 'b']))
      define('nothing', () => undefined)
      expect(run('note() note(1, nil, "x") note(1, 2, 3, 4, 5) return two()')).toEqual([1, 'b'])
      expect(seen).toEqual([[], [1, undefined, 'x'], [1, 2, 3, 4, 5]])
      expect(run('return select("#", nothing()), select("#", note())')).toEqual([1, 0])
    })

    it('turn what they throw into Lua errors with a position', () => {
      define('thrower', () => {
        throw new Error('disk full')
      })
      const [ok, message] = run('return pcall(function()\n thrower()\n end)')
      expect(ok).toBe(false)
      expect(message).toMatch(/^lua\/t\.lua:2: disk full$/)
      expect(errorOf('thrower()').message).toBe('lua/t.lua:1: disk full')
    })

    it('say their message in bytes to Lua', () => {
      define('chinese', () => {
        throw new Error('磁盘已满')
      })
      expect(run('return select(2, pcall(chinese))')).toEqual([textToBytes('磁盘已满')])
    })

    it('pass a thrown LuaError on with its own value', () => {
      const t = shared.newTable()
      define('raiser', () => {
        throw new LuaError('m', t, '')
      })
      expect(run('return select(2, pcall(raiser))')).toEqual([t])
    })

    it('let no Lua code catch an assertion', () => {
      define('broken', () => {
        throw new AssertionError('bug')
      })
      expect(() => run('pcall(broken)')).toThrow(AssertionError)
      expect(() => run('coroutine.wrap(function() pcall(broken) end)()')).toThrow(AssertionError)
      const co = shared.createCoroutine(compile(shared, 'pcall(broken)'))
      expect(() => shared.resume(co)).toThrow(AssertionError)
      expect(run('return 2')).toEqual([2])
    })

    it('may call back into Lua', () => {
      define('apply', (f, ...args) => new LuaMulti(shared.call(f as LuaFunction, ...args)))
      expect(run('return apply(function(a, b) return b, a end, 1, 2)')).toEqual([2, 1])
      const [ok, message] = run('return pcall(apply, function() error("inner", 0) end)')
      expect([ok, message]).toEqual([false, 'inner'])
      const co = shared.createCoroutine(
        compile(shared, 'local x = apply(function() return 5 end) coroutine.yield(x) return x + 1'),
      )
      expect(shared.resume(co)).toBe(resumed.yielded)
      expect(shared.results).toEqual([5])
      expect(shared.resume(co)).toBe(resumed.returned)
      expect(shared.results).toEqual([6])
    })
  })

  describe(`${name}: coroutines`, () => {
    const coroutine = (source: string) =>
      shared.createCoroutine(run(`return function(...) ${source} end`)[0] as LuaFunction)

    it('start, yield, continue and return', () => {
      const co = coroutine('local a, b = ... local c = coroutine.yield(a + b) return c, nil, "end"')
      expect(shared.resume(co, 1, 2)).toBe(resumed.yielded)
      expect(shared.results).toEqual([3])
      expect(shared.resume(co, 'c')).toBe(resumed.returned)
      expect(shared.results).toEqual(['c', undefined, 'end'])
      expect(shared.resume(co)).toBe(resumed.failed)
      expect(shared.failure?.message).toMatch(/cannot resume dead coroutine/)
    })

    it('pass no values and many', () => {
      const co = coroutine('coroutine.yield() return select("#", coroutine.yield(...))')
      shared.resume(co, ...Array.from({ length: 60 }, (_, i) => i))
      expect(shared.results).toEqual([])
      shared.resume(co)
      expect(shared.results.length).toBe(60)
      shared.resume(co, ...Array.from({ length: 100 }, () => undefined))
      expect(shared.results).toEqual([100])
    })

    it('yield through pcall, and through iterators and metamethods', () => {
      const co = coroutine(`
        local ok, m = pcall(function() coroutine.yield("in pcall") error("after", 0) end)
        local t = setmetatable({}, {__index = function(_, k) return coroutine.yield(k) end})
        local got = t.field
        for v in function() return coroutine.yield("next") end do got = got .. v end
        return ok, m, got`)
      const yields: LuaValue[] = []
      let back: LuaValue
      while (shared.resume(co, back) === resumed.yielded) {
        const [value] = shared.results
        yields.push(value)
        back = value === 'field' ? 'f' : yields.length === 3 ? 'n' : undefined
      }
      expect(yields).toEqual(['in pcall', 'field', 'next', 'next'])
      expect(shared.results).toEqual([false, 'after', 'fn'])
    })

    it('fail with a traceback and stay dead', () => {
      const co = coroutine('local function deep() error("lost") end coroutine.yield() deep()')
      shared.resume(co)
      expect(shared.resume(co)).toBe(resumed.failed)
      const failure = shared.failure as LuaError
      expect(failure).toBeInstanceOf(LuaError)
      expect(failure.message).toBe('lua/t.lua:1: lost')
      expect(failure.traceback).toMatch(/lua\/t\.lua:1:.*deep/)
      expect(shared.resume(co)).toBe(resumed.failed)
      expect(shared.failure?.message).toMatch(/dead/)
    })

    it('can be closed while suspended', () => {
      const co = coroutine('coroutine.yield()')
      shared.resume(co)
      shared.close(co)
      expect(shared.resume(co)).toBe(resumed.failed)
      const fresh = coroutine('return 1')
      shared.close(fresh)
      expect(shared.resume(fresh)).toBe(resumed.failed)
    })

    it('made in Lua behave as the manual says', () => {
      expect(
        run(`
        local co = coroutine.create(function(a) local b = coroutine.yield(a) return b end)
        local r = { coroutine.status(co) }
        r[#r+1] = select(2, coroutine.resume(co, 1))
        r[#r+1] = coroutine.status(co)
        r[#r+1] = select(2, coroutine.resume(co, 2))
        r[#r+1] = coroutine.status(co)
        r[#r+1] = select(2, coroutine.resume(co))
        r[#r+1] = coroutine.close(co)
        return table.unpack(r)`),
      ).toEqual(['suspended', 1, 'suspended', 2, 'dead', 'cannot resume dead coroutine', true])
      expect(run('local f = coroutine.wrap(function() error("w", 0) end) return pcall(f)')[0]).toBe(
        false,
      )
      expect(run('return coroutine.isyieldable(), select(2, coroutine.running())')).toEqual([
        false,
        true,
      ])
    })

    it('cannot be yielded from a plain call', () => {
      expect(errorOf('coroutine.yield()').message).toMatch(/yield/)
    })

    it('keep apart: thousands parked at once', () => {
      const [f] = run('return function(n) while true do n = n + coroutine.yield(n) end end')
      const all = Array.from({ length: 2000 }, () => shared.createCoroutine(f as LuaFunction))
      all.forEach((co, i) => {
        shared.resume(co, i)
      })
      all.forEach((co, i) => {
        expect(shared.resume(co, 1)).toBe(resumed.yielded)
        expect(shared.results[0]).toBe(i + 1)
      })
    })
  })

  describe(`${name}: ending a run`, () => {
    const runaways: [string, string][] = [
      ['a loop', 'while true do end'],
      ['a numeric loop', 'for i = 1, math.huge do end'],
      ['a repeat loop', 'repeat until false'],
      ['a goto loop', '::top:: goto top'],
      ['pcall around a loop', 'pcall(function() while true do end end) while true do end'],
      ['pcall in a loop', 'while true do pcall(function() while true do end end) end'],
      [
        'xpcall with a handler',
        'xpcall(function() while true do end end, function() return 1 end)',
      ],
      ['a handler that loops', 'xpcall(error, function() while true do end end)'],
      ['coroutine.wrap', 'pcall(coroutine.wrap(function() while true do end end))'],
      ['coroutine.resume', 'coroutine.resume(coroutine.create(function() while true do end end))'],
      [
        'pcall inside a coroutine',
        'coroutine.wrap(function() pcall(function() while true do end end) end)()',
      ],
      ['endless recursion under pcall', 'local function f() pcall(f) return f() end f()'],
      [
        'a metamethod',
        'local t = setmetatable({}, {__index = function() while true do end end}) return t.x',
      ],
      ['a sort comparator', 'table.sort({3, 2, 1}, function() while true do end end)'],
      ['a gsub callback', '("x"):gsub("x", function() while true do end end)'],
      ['a load reader', 'load(function() while true do end end)'],
      [
        'a tostring metamethod',
        'tostring(setmetatable({}, {__tostring = function() while true do end end}))',
      ],
      ['a backtracking pattern', 'return ("a"):rep(2000):find(("a*"):rep(20) .. "b")'],
      ['a huge range of table.concat', 'return table.move({}, 1, 2^31 - 2, 2)'],
    ]
    it.each(runaways)('the step limit ends %s', (_what, source) => {
      const engine = make({ stepsMax: 50_000 })
      const killed = killOf(engine, source)
      expect(killed.message).toMatch(/steps/)
      expect(engine.call(compile(engine, 'return 1'))).toEqual([1])
    })

    it('the limit is for one run, not for all', () => {
      const engine = make({ stepsMax: 100_000 })
      const f = compile(engine, 'for i = 1, 5000 do end return 1')
      for (let i = 0; i < 200; i++) expect(engine.call(f)).toEqual([1])
    })

    it('the flag ends a run, also inside a resumed coroutine, and names where', () => {
      const flag = new Int32Array(new SharedArrayBuffer(4))
      const engine = make({ interrupt: flag })
      engine.rawSet(
        engine.globals,
        'raise_flag',
        engine.hostFunction('raise_flag', () => {
          Atomics.store(flag, 0, 1)
          return undefined
        }),
      )
      const killed = killOf(engine, 'raise_flag()\npcall(function()\nwhile true do end end)')
      expect(killed.traceback).toMatch(/lua\/t\.lua:3/)
      Atomics.store(flag, 0, 0)
      const co = engine.createCoroutine(
        compile(engine, 'coroutine.yield(1) raise_flag() pcall(function() while true do end end)'),
      )
      expect(engine.resume(co)).toBe(resumed.yielded)
      expect(engine.resume(co)).toBe(resumed.failed)
      expect(engine.failure).toBeInstanceOf(LuaKilled)
      Atomics.store(flag, 0, 0)
      expect(engine.resume(co)).toBe(resumed.failed)
      expect(engine.failure).toBeInstanceOf(LuaError)
      expect(engine.call(compile(engine, 'return 1'))).toEqual([1])
    })
  })

  describe(`${name}: the sandbox`, () => {
    it('has the allowed globals and no others', () => {
      const names: string[] = []
      const fresh = make()
      fresh.forEach(fresh.globals, (key) => {
        names.push(key as string)
        return undefined
      })
      expect(names.sort()).toEqual(
        (
          '_G _VERSION assert collectgarbage coroutine error getmetatable ipairs load math next os ' +
          'pairs pcall print rawequal rawget rawlen rawset select setmetatable string table tonumber ' +
          'tostring type utf8 xpcall'
        ).split(' '),
      )
      const [os, str] = fresh.call(
        compile(
          fresh,
          'local n = {} for k in pairs(os) do n[#n+1] = k end table.sort(n) return table.concat(n, " "), string.dump',
        ),
      )
      expect(os).toBe('clock date difftime time')
      expect(str).toBeUndefined()
    })

    it.each(['string', 'table', 'math', 'utf8', 'os', 'coroutine'])(
      '%s is read-only',
      (library) => {
        expect(run(`return pcall(function() ${library}.mine = 1 end)`)[0]).toBe(false)
        expect(run(`return pcall(rawset, ${library}, "mine", 1)`)[0]).toBe(false)
        expect(run(`return pcall(setmetatable, ${library}, {})`)[0]).toBe(false)
        expect(
          run(
            `return pcall(function() for k in pairs(${library}) do ${library}[k] = nil end end)`,
          )[0],
        ).toBe(false)
        expect(run(`return ${library}.mine, next(${library}) ~= nil`)).toEqual([undefined, true])
      },
    )

    it('keeps the metatable of strings out of reach', () => {
      expect(run('return pcall(function() getmetatable("").__index = nil end)')[0]).toBe(false)
      expect(run('return pcall(rawset, getmetatable(""), "__index", nil)')[0]).toBe(false)
      expect(run('return ("x"):rep(3)')).toEqual(['xxx'])
    })

    const atLimit: [string, string, string][] = [
      ['rep', `#("x"):rep(${bytesMax})`, `("x"):rep(${bytesMax + 1})`],
      [
        'rep with a separator',
        `#("x"):rep(${bytesMax / 2}, "y")`,
        `("x"):rep(${bytesMax / 2 + 1}, "y")`,
      ],
      ['concatenation', `#(("x"):rep(${bytesMax - 1}) .. "y")`, `("x"):rep(${bytesMax}) .. "y"`],
      [
        'table.concat',
        `#table.concat({("x"):rep(${bytesMax / 2}), ("x"):rep(${bytesMax / 2})})`,
        `table.concat({("x"):rep(${bytesMax / 2}), ("x"):rep(${bytesMax / 2}), "y"})`,
      ],
      [
        'gsub',
        `#("xx"):gsub("x", ("y"):rep(${bytesMax / 2}))`,
        `("xxx"):gsub("x", ("y"):rep(${bytesMax / 2}))`,
      ],
      [
        'format',
        `#string.format("%s%s", ("x"):rep(${bytesMax / 2}), ("x"):rep(${bytesMax / 2}))`,
        `string.format("%s%s!", ("x"):rep(${bytesMax / 2}), ("x"):rep(${bytesMax / 2}))`,
      ],
    ]
    it.each(atLimit)(
      '%s builds a string of the limit and refuses one byte more',
      (_w, good, bad) => {
        expect(run(`return (${good})`)[0]).toBeLessThanOrEqual(bytesMax)
        expect(errorOf(`return ${bad}`).message).toMatch(/string.*(too long|too large|length)/)
      },
    )

    it('refuses absurd sizes at once', () => {
      expect(errorOf('return ("x"):rep(1e15)').message).toMatch(/too long|too large/)
      expect(run('return #("x"):rep(0), #("x"):rep(-1), #(""):rep(1e9)')).toEqual([0, 0, 0])
    })

    it('prints through the option, with tabs', () => {
      printed.length = 0
      run('print(1, nil, "x", 2.0) print()')
      expect(printed).toEqual(['1\tnil\tx\t2.0', ''])
    })

    it('reads the clock that it was given', () => {
      expect(run('return os.time()')).toEqual([Math.floor(Date.UTC(2026, 1, 3, 4, 5, 6) / 1000)])
      expect(run('return os.date("!%Y-%m-%d %H:%M:%S %a %j")')).toEqual([
        '2026-02-03 04:05:06 Tue 034',
      ])
      expect(
        run(
          'local t = os.date("!*t", 0) return t.year, t.month, t.day, t.hour, t.wday, t.yday, t.isdst',
        ),
      ).toEqual([1970, 1, 1, 0, 5, 1, false])
      expect(run('local n = 1700000000 return os.time(os.date("*t", n)) == n')).toEqual([true])
      expect(errorOf('os.date("%Ez")').message).toMatch(/invalid conversion|bad argument/)
    })

    it('draws the same random numbers from the same seed, in range', () => {
      const draw =
        'local r = {} for i = 1, 200 do r[i] = math.random(6) end return table.concat(r), math.random()'
      const drawn = (over: Partial<EngineOptions>): LuaValue[] => {
        const engine = make(over)
        return engine.call(compile(engine, draw))
      }
      const [dice, float] = drawn({ seed: [1n, 2n] })
      expect(drawn({ seed: [1n, 2n] })).toEqual([dice, float])
      expect(drawn({ seed: [1n, 3n] })).not.toEqual([dice, float])
      expect(dice).toMatch(/^[1-6]{200}$/)
      for (const face of '123456') expect(dice).toContain(face)
      expect(float).toBeGreaterThanOrEqual(0)
      expect(float).toBeLessThan(1)
      expect(run('return math.random(5, 5), pcall(math.random, 2, 1)').slice(0, 2)).toEqual([
        5,
        false,
      ])
    })
  })

  describe(`${name}: strings`, () => {
    it.each<[string, LuaValue[]]>([
      ['("hello world"):find("o w")', [5, 7]],
      ['("hello"):find("l+")', [3, 4]],
      ['("hello"):find("xyz")', [undefined]],
      ['("a.b"):find(".", 1, true)', [2, 2]],
      ['("key = value"):match("^(%w+)%s*=%s*(%w+)$")', ['key', 'value']],
      ['("  x "):match("()x()")', [3, 4]],
      ['("THE (quick) fox"):find("%((%a+)%)")', [5, 11, 'quick']],
      ['("f(a(b)c)d"):match("%b()")', ['(a(b)c)']],
      ['("THE fox"):gsub("%f[%a]%a+", string.lower)', ['the fox', 2]],
      ['("hello"):gsub("", "-")', ['-h-e-l-l-o-', 6]],
      ['("abc"):gsub("%w", "%0%0")', ['aabbcc', 3]],
      ['("abc"):gsub("%w", {a = "1", b = true and "2"})', ['12c', 3]],
      ['("abc"):gsub("b", "%%")', ['a%c', 1]],
      ['("aaa"):gsub("a", "b", 2)', ['bba', 2]],
      ['("x-y"):gsub("[%-x]", "")', ['y', 2]],
      ['("]x"):match("[]]")', [']']],
      ['("a^b"):match("[%^]")', ['^']],
      ['("abcabc"):match("(abc)%1")', ['abc']],
      ['("abc"):sub(-2), ("abc"):sub(2, 10), ("abc"):sub(3, 1)', ['bc', 'bc', '']],
      ['("abc"):byte(1, -1)', [97, 98, 99]],
      ['string.char(104, 105)', ['hi']],
      ['("aXb"):upper(), ("aXb"):lower(), ("abc"):reverse()', ['AXB', 'axb', 'cba']],
      ['("%5d|%-5d|%05d|%+d"):format(42, 42, 42, 42)', ['   42|42   |00042|+42']],
      [
        '("%.3f|%e|%g|%g|%g"):format(2/3, 12345.678, 0.0001, 1e20, 100)',
        ['0.667|1.234568e+04|0.0001|1e+20|100'],
      ],
      ['("%.0f %.0f %.0f %.1f"):format(0.5, 1.5, 2.5, 0.25)', ['0 2 2 0.2']],
      ['("%x|%X|%#x|%o|%c"):format(255, 255, 255, 8, 65)', ['ff|FF|0xff|10|A']],
      ['("%5s|%-5s|%.2s"):format("ab", "ab", "abc")', ['   ab|ab   |ab']],
      ['("%s %s %s"):format(nil, true, 1.0)', ['nil true 1.0']],
      ['("%q"):format("a\\n\\"\\0b")', ['"a\\\n\\"\\0b"']],
      ['("%d"):format(3.0)', ['3']],
      [
        'tostring(1e15), tostring(0.1), tostring(1e100), tostring(-1.5)',
        [expect.stringMatching(/^1(e\+15|0{15})$/) as unknown as string, '0.1', '1e+100', '-1.5'],
      ],
      ['tostring(1/3), tostring(100000000000000.5)', ['0.33333333333333', '1e+14']],
      [
        'tonumber("0x10"), tonumber("  12  "), tonumber("1e1"), tonumber("z", 36), tonumber("12a")',
        [16, 12, new LuaFloat(10), 35, undefined],
      ],
      [
        'table.concat({1, 2.5, "x"}, ", "), table.concat({}, "x"), table.concat({1, 2, 3}, "", 2, 3)',
        ['1, 2.5, x', '', '23'],
      ],
      ['table.unpack({1, 2, 3}, 2)', [2, 3]],
      ['table.pack(1, nil, 3).n', [3]],
      ['utf8.char(228, 8364, 128512), utf8.len("\u{e4}x")', [textToBytes('ä€😀'), 2]],
      [
        'math.floor(-1.5), math.ceil(-1.5), math.tointeger(3.0), math.max(1, 2.5), math.type("1")',
        [-2, -1, 3, 2.5, undefined],
      ],
      ['string.unpack("<I2", string.pack("<I2", 513))', [513, 3]],
    ])('%s', (expression, expected) => {
      expect(run(`return ${expression}`)).toEqual(expected)
    })

    it('inserts, removes, moves and sorts', () => {
      expect(
        run(`
        local t = {3, 1, 2}
        table.insert(t, 9) table.insert(t, 1, 0) table.sort(t)
        local removed, last = table.remove(t, 1), table.remove(t)
        table.sort(t, function(a, b) return a > b end)
        table.move(t, 1, 3, 2)
        return removed, last, table.concat(t, " "), table.remove({})`),
      ).toEqual([0, 9, '3 3 2 1', undefined])
    })

    it.each([
      ['("x"):find("[a")', /malformed pattern/],
      ['("x"):find("%")', /malformed pattern/],
      ['("x"):find("(x")', /unfinished capture/],
      ['("x"):match("x)")', /invalid pattern capture/],
      ['("x"):gsub("x", "%2")', /invalid capture index/],
      ['("x"):gsub("x", "%a")', /invalid use of '%' in replacement/],
      ['("x"):gsub("x", function() return {} end)', /invalid replacement value/],
      ['string.format("%d", 1.5)', /no integer representation/],
      ['string.format("%y", 1)', /invalid conversion/],
      ['string.format("%d")', /bad argument #2 to 'format'/],
      ['table.concat({{}})', /invalid value/],
      ['table.insert({}, 5, 1)', /out of bounds/],
      ['table.sort({1, "x"})', /attempt to compare/],
      ['utf8.char(-1)', /out of range/],
    ])('%s is refused', (source, message) => {
      expect(errorOf(`return ${source}`).message).toMatch(message)
    })
  })

  describe(`${name}: sealed globals`, () => {
    const sealed = make()
    sealed.call(compile(sealed, 'declared = 1'))
    sealed.sealGlobals()
    const sealedError = (source: string): string =>
      failureOf(() => sealed.call(compile(sealed, source))).message

    it('name the global that is written or read undeclared, and the place', () => {
      const words = (key: string) =>
        `lua/t.lua:2: global '${key}' is not defined (did you forget 'local'?)`
      expect(sealedError('\ncounter = 1')).toBe(words('counter'))
      expect(sealedError('\nreturn counter')).toBe(words('counter'))
      expect(sealedError('\nlocal function f() typo() end f()')).toBe(words('typo'))
    })

    it('leave declared ones usable', () => {
      expect(sealed.call(compile(sealed, 'declared = declared + 1 return declared'))).toEqual([2])
      expect(sealed.call(compile(sealed, 'return rawget(_G, "nothing")'))).toEqual([undefined])
      expect(sealed.call(compile(sealed, 'return pcall(setmetatable, _G, nil)'))[0]).toBe(false)
    })
  })

  describe(`${name}: JSON`, () => {
    const parse = (text: string): LuaValue => shared.parseJson(Buffer.from(text))
    const rewrite = (text: string): string => bytesToText(shared.stringifyJson(parse(text)))
    const written = (source: string): string => shared.stringifyJson(run(`return ${source}`)[0])
    const refused = (source: string): string => failureOf(() => written(source)).message

    it('reads every kind of value', () => {
      const [a, b, c] = run(
        'local j = ... return math.type(j.int), math.type(j.float), j.none == nil and #j.list',
        parse('{"int":3,"float":2.5,"none":null,"list":[1,null,"x"]}'),
      )
      expect([a, b, c]).toEqual(['integer', 'float', 3])
      expect(parse('5')).toBe(5)
      expect(parse('1.0')).toBe(1)
      expect(parse('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER)
      expect(parse('1.5e300')).toEqual(new LuaFloat(1.5e300))
      expect(parse('true')).toBe(true)
      expect(parse('"\\u00e9\\ud83d\\ude00 é"')).toBe(textToBytes('é😀 é'))
      expect(parse('null')).toBe(shared.jsonNull)
      expect(shared.rawGet(parse('[null]') as LuaTable, 1)).toBe(shared.jsonNull)
      expect(
        run(
          'return tostring(...)',
          shared.rawGet(parse('{"__proto__": 1}') as LuaTable, '__proto__'),
        ),
      ).toEqual(['1'])
    })

    it.each([
      '{}',
      '[]',
      '[[],{},[{}]]',
      '{"a":[1,2,{"b":null}]}'.replace('null', 'true'),
      '[null,1,null]',
      '"line\\nquote\\"back\\\\slash"',
      '"\\u0001"',
      '"é€"',
      '[0,-1,1.5,1e+300,123456789012]',
      'false',
    ])('%s comes back the same', (text) => {
      expect(rewrite(text)).toBe(text)
    })

    it('escapes characters beyond the BMP, and nothing else needlessly', () => {
      expect(shared.stringifyJson(textToBytes('é😀/\u2028'))).toBe(
        textToBytes('"é\\ud83d\\ude00/\u2028"'),
      )
    })

    it('tells arrays from objects', () => {
      expect(written('{1, 2, 3}')).toBe('[1,2,3]')
      expect(written('{}')).toBe('{}')
      expect(JSON.parse(written('{[1] = "a", [3] = "c"}'))).toEqual({ 1: 'a', 3: 'c' })
      expect(JSON.parse(written('{"a", x = 1}'))).toEqual({ 1: 'a', x: 1 })
      expect(JSON.parse(written('{[-5] = 1}'))).toEqual({ '-5': 1 })
      const t = shared.newTable()
      run('setmetatable(...)', t, shared.jsonArray)
      expect(shared.stringifyJson(t)).toBe('[]')
    })

    it('notices removed values', () => {
      expect(written('(function() local t = {1, 2, 3} t[3] = nil return t end)()')).toBe('[1,2]')
      expect(written('(function() local t = {a = 1, b = 2} t.a = nil return t end)()')).toBe(
        '{"b":2}',
      )
      expect(written('(function() local t = {a = 1} t.a = nil return t end)()')).toBe('{}')
    })

    it.each([
      ['{items = {1, 2, {cb = print}}}', /items\[3\]\.cb: a function/],
      ['{x = coroutine.create(print)}', /x: a coroutine/],
      ['{x = 0/0}', /x: .*nan/],
      ['{x = {1/0}}', /x\[1\]: .*inf/],
      ['{x = "\\xff"}', /x: .*UTF-8/],
      ['{x = "\\xed\\xa0\\x80"}', /x: .*UTF-8/],
      ['(function() local t = {} t.me = t return t end)()', /me: .*cycle/],
      ['{[{}] = 1}', /key/],
      ['{[true] = 1}', /key/],
      ['print', /function/],
    ])('refuses %s with its path', (source, message) => {
      expect(refused(source)).toMatch(message)
    })

    it('nests 64 deep and no deeper, both ways', () => {
      const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
      expect(rewrite(nested(64))).toBe(nested(64))
      expect(() => parse(nested(65))).toThrow(LuaError)
      expect(() => parse(nested(20_000))).toThrow(LuaError)
      const deep = (depth: number) =>
        `(function() local t = {} for i = 2, ${depth} do t = {t} end return t end)()`
      expect(written(deep(64))).toContain('{}')
      expect(refused(deep(65))).toMatch(/64/)
    })

    it.each(['', '{', '[1,]', '{"a":}', 'nul', "{'a':1}", '01', '"\n"', '[1] 2', '"\\ud800"'])(
      'refuses %j as a text',
      (text) => {
        expect(() => parse(text)).toThrow(LuaError)
      },
    )

    it('refuses bytes that are not UTF-8', () => {
      expect(() => shared.parseJson(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(LuaError)
    })

    it('round-trips any JSON value (property)', () => {
      const clean = (v: unknown): unknown => {
        if (Array.isArray(v)) return v.map(clean)
        if (typeof v !== 'object' || v === null) return Object.is(v, -0) ? 0 : v
        const kept = Object.entries(v).filter(([, item]) => item !== null)
        return Object.fromEntries(kept.map(([key, item]) => [key, clean(item)]))
      }
      // Objects that look like lists ({"1": ...}) keep their text keys: only integer keys make lists.
      fc.assert(
        fc.property(fc.jsonValue({ maxDepth: 5, stringUnit: 'grapheme' }), (value) => {
          const text = JSON.stringify(value)
          expect(JSON.parse(rewrite(text))).toEqual(clean(JSON.parse(text)))
        }),
        { numRuns: 300 },
      )
    })
  })
}
