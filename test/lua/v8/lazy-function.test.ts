// Long functions of a module are compiled when first called, and nobody can tell.
import { describe, expect, it } from 'vitest'
import { LuaError, resumed } from '../../../core/lua/engine.ts'
import { createV8Engine } from '../../../core/lua/v8/engine.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))
const path = 'lua/services/bag.lua'
/** Enough lines to make a function long. */
const lines = '\n'.repeat(8)

function fixture(backend: 'capture' | 'generator' = 'capture') {
  const scripts: string[] = []
  const engine = createV8Engine({
    backend,
    print: () => {},
    wallMs: () => 0,
    seed: [1n, 2n],
    stringBytesMax: 1 << 20,
    dump: (_, text) => scripts.push(text),
  })
  const load = (text: string) => {
    const value = engine.call(engine.modules.load(bytes(text), path))[0]
    engine.rawSet(engine.globals, 'M', value)
  }
  const run = (text: string) => engine.call(engine.load(bytes(text), 'probe'))
  return { engine, scripts, load, run }
}

function failure(work: () => unknown): LuaError {
  try {
    work()
  } catch (error) {
    if (error instanceof LuaError) return error
    throw error
  }
  throw new Error('it did not fail')
}

describe.each(['capture', 'generator'] as const)(
  'functions compiled when first called (%s)',
  (backend) => {
    it('compiles at load what is short, and the rest at its first call, once', () => {
      const { scripts, load, run } = fixture(backend)
      load(`local M = {}
      function M.short() return "short one" end
      function M.long(x) ${lines} return "long one" .. x end
      return M`)
      expect(scripts).toHaveLength(1)
      expect(scripts[0]).toContain('short one')
      expect(scripts[0]).not.toContain('long one')
      expect(run('return M.long(1), M.long(2)')).toEqual(['long one1', 'long one2'])
      const compiled = scripts.filter((text) => text.includes('long one'))
      expect(compiled).toHaveLength(1)
    })

    it('finds every error of syntax and scope when the module loads', () => {
      const { load } = fixture(backend)
      const inLong = (text: string) =>
        `local M = {}\nfunction M.f(a)\n${lines}${text}\nend\nreturn M`
      const messageOf = (text: string) => failure(() => load(inLong(text))).message
      expect(messageOf('local x = = 1')).toBe(`${path}:11: unexpected symbol near '='`)
      expect(messageOf('goto nowhere')).toContain("no visible label 'nowhere'")
      expect(messageOf('local c <const> = 1 c = 2')).toContain("assign to const variable 'c'")
      expect(messageOf('break')).toContain('break outside a loop')
      expect(messageOf('return ...')).toContain("cannot use '...' outside a vararg function")
    })

    it('has its own identity, to itself and to others, before and after its first call', () => {
      const { load, run } = fixture(backend)
      load(`local M = {}
      local function self(n) ${lines} if n == 0 then return self end return self(n - 1) end
      function M.self() return self end
      function M.call(n) return self(n) end
      for i = 1, 2 do M[i] = function(x) ${lines} i = i + x return i end end
      return M`)
      expect(run('local f = M.self() return f == M.call(0), f == M.call(3), f == f(2)')).toEqual([
        true,
        true,
        true,
      ])
      expect(run('return M[1](10), M[1](10), M[2](10), M[1] == M[2]')).toEqual([11, 21, 12, false])
    })

    it('shares upvalues with the functions around it', () => {
      const { load, run } = fixture(backend)
      load(`local M, count = {}, 0
      local later
      function M.bump(by) ${lines} count = count + by return later(count) end
      function M.count() return count end
      later = function(n) return n * 2 end
      function M.nested(start) ${lines}
        local n = start
        return function() n = n + 1 count = count + 1 return n end
      end
      return M`)
      expect(run('return M.bump(2), M.count(), M.bump(3), M.count()')).toEqual([4, 2, 10, 5])
      expect(
        run('local a, b = M.nested(10), M.nested(20) return a(), a(), b(), M.count()'),
      ).toEqual([11, 12, 21, 8])
    })

    it('takes and gives as many values as its text says', () => {
      const { load, run } = fixture(backend)
      load(`local M = { obj = { n = 5 } }
      function M.three(a, b, c) ${lines} return c, b, a end
      function M.none() ${lines} end
      function M.obj:add(x) ${lines} self.n = self.n + x return self.n end
      function M.tail(a) ${lines} return M.three(a, "t") end
      return M`)
      expect(run('return M.three(1), M.three(1, 2, 3, 4)')).toEqual([undefined, 3, 2, 1])
      expect(run('return select("#", M.none()), select("#", M.three())')).toEqual([0, 3])
      expect(run('return M.obj:add(1), M.obj:add(2), M.tail(9)')).toEqual([6, 8, undefined, 't', 9])
    })

    it('stands once in tracebacks, and messages and levels name its own line', () => {
      const { load, run } = fixture(backend)
      load(`local M = {}
      function M.outer(t)
        M.inner(t)
        ${lines}
      end
      function M.inner(t)
        ${lines}
        local x = t.a.b
        error("not here", 2)
      end
      return M`)
      const indexing = failure(() => run('M.outer({})'))
      expect(indexing.message).toBe(`${path}:24: attempt to index a nil value (field 'a')`)
      expect(indexing.traceback.match(/M\.inner|M\.outer/g)).toEqual(['M.inner', 'M.outer'])
      const raised = failure(() => run('M.outer({ a = {} })'))
      expect(raised.message).toBe(`${path}:3: not here`)
    })

    it('waits and goes on, also in its first call', () => {
      const { engine, load, run } = fixture(backend)
      load(`local M, up = {}, "up"
      function M.wait(a) ${lines}
        local b = coroutine.yield(a)
        for i = 1, 2 do b = b + coroutine.yield(i) end
        return b, up
      end
      return M`)
      const [fn] = run('return M.wait')
      for (let round = 0; round < 2; round++) {
        const co = engine.createCoroutine(fn as never)
        expect(engine.resume(co, 'first')).toBe(resumed.yielded)
        expect(engine.results).toEqual(['first'])
        expect(engine.resume(co, 100)).toBe(resumed.yielded)
        expect(engine.resume(co, 10)).toBe(resumed.yielded)
        expect(engine.resume(co, 1)).toBe(resumed.returned)
        expect(engine.results).toEqual([111, 'up'])
      }
    })

    it('is replaced by a reload, called or not, and what has never been called can be old code', () => {
      const { load, run, engine } = fixture(backend)
      const text = (word: string) => `local M, seen = {}, 0
      local function helper(x) ${lines} return x .. "${word}" end
      function M.called() ${lines} seen = seen + 1 return helper("a"), seen end
      function M.fresh() ${lines} seen = seen + 1
        return (function() return helper("b"), seen end)()
      end
      return M`
      load(text('1'))
      run('copies = { M.called, M.fresh }')
      expect(run('return M.called()')).toEqual(['a1', 1])
      const undo = engine.modules.patch(bytes(text('2')), path).apply()
      expect(run('return copies[1]()')).toEqual(['a2', 2])
      undo()
      expect(run('return copies[2]()')).toEqual(['b1', 3])
      engine.modules.patch(bytes(text('3')), path).apply()
      expect(run('local a, n = copies[1]() return a, n, copies[2]()')).toEqual(['a3', 4, 'b3', 5])
    })

    it('a stack that overflows in first calls is a Lua error, and later calls work', () => {
      const { load, run } = fixture(backend)
      const count = 40
      const chain = Array.from(
        { length: count },
        (_, i) => `M[${i}] = function(n) ${lines} return M[(n + 1) % ${count}](n + 1) + 1 end`,
      )
      load(`local M = {}\n${chain.join('\n')}\nreturn M`)
      expect(run('local ok, message = pcall(M[0], 0) return ok, message')[1]).toContain(
        'stack overflow',
      )
      run(`M[${count - 1}] = function() return 0 end`)
      expect(run('return M[0](0)')).toEqual([count - 1])
    })
  },
)
