// string.dump and the loading of what it wrote: the interpreter's engine, on both back ends.

import { describe, expect, it } from 'vitest'
import { createV8Engine } from '../../../core/lua/v8/engine.ts'
import { decodeDump, encodeDump } from '../../../core/lua/v8/lib/dump-format.ts'

function run(text: string, backend: 'capture' | 'generator' = 'capture', dumpable = true): unknown {
  const engine = createV8Engine({
    backend,
    dumpable,
    writableLibrary: true,
    print: () => {},
    wallMs: () => 0,
    seed: [1n, 2n],
    stringBytesMax: 1 << 20,
  })
  return engine.call(engine.load(Buffer.from(text), 'dump.lua'))[0]
}

describe.each(['capture', 'generator'] as const)('on %s, a function from a dump', (backend) => {
  const answers = (text: string) => run(text, backend)

  it('runs as it did, its nested functions too', () => {
    const text = `local function f(a, ...) local n = select("#", ...)
      return function(b) return a + b + n end end
      return load(string.dump(f))(1, 2, 3)(10)`
    expect(answers(text)).toBe(13)
  })

  it('has new upvalues, of which the first is what load was given', () => {
    const text = `local a, b = 1, 2
      local function f(set) if set then a, b = set, set end return a, b end
      local g = load(string.dump(f))
      local first, second = g()
      local h = load(string.dump(f), "h", "b", "given")
      f(3) h(4)
      return first == _G and second == nil and (load(string.dump(f), "h", "b", "given")()) == "given"
        and a == 3 and b == 3 and select("#", g()) == 2`
    expect(answers(text)).toBe(true)
    const env = `x = 5 local function f() return x end return load(string.dump(f), "f", "b", { x = 7 })()`
    expect(answers(env)).toBe(7)
    expect(answers('x = 5 local function f() return x end return load(string.dump(f))()')).toBe(5)
  })

  it('keeps constants of outer functions', () => {
    const text = `local k <const>, s <const> = 7, "x"
      local big <const> = math.maxinteger
      local n <const> = -0x7fffffffffffffff
      local h <const> = 2.0
      local t <const> = "a\\0b"
      local function f() return function() return n, h, t end end
      local n2, h2, t2 = load(string.dump(f))()()
      return n2 == n and math.type(h2) == "float" and t2 == t`
    expect(answers(text)).toBe(true)
  })

  it('keeps its lines, its chunk name and its method self', () => {
    const text = `local t = {}
      function t:
        m(x)
        return self.y + nil
      end
      return select(2, pcall(load(string.dump(t.m), "other"), { y = 1 }))`
    expect(answers(text)).toBe('dump.lua:4: attempt to perform arithmetic on a nil value')
  })

  it('has neither lines nor names of variables when it is stripped', () => {
    const text = `local up
      local f = load(string.dump(function(a) return a.b.c, up end, true))
      local _, of_local = pcall(f, {})
      local _, of_up = pcall(load(string.dump(function() return up.x end, true)))
      local _, of_error = pcall(load(string.dump(function() error("plain") end, true)))
      return of_local .. "|" .. of_error`
    expect(answers(text)).toBe("?:-1: attempt to index a nil value (field 'b')|plain")
  })

  it('can be dumped again, also when it is a main function', () => {
    const text = `local f = load("local a = ... return function() local b = a return 42 end")
      f = load(string.dump(load(string.dump(f))))
      return load(string.dump(f()))()`
    expect(answers(text)).toBe(42)
  })
})

describe('a dump', () => {
  const dumped = String(run('local u = 1 return string.dump(function(x) return u + x end)'))

  it('is refused when any of its bytes is gone or other', () => {
    for (let n = 1; n < dumped.length; n++) {
      expect(decodeDump(dumped.slice(0, n))).toEqual({ fault: 'truncated chunk' })
    }
    for (let at = 0; at < dumped.length; at++) {
      const byte = String.fromCharCode(dumped.charCodeAt(at) ^ 0x20)
      expect(decodeDump(dumped.slice(0, at) + byte + dumped.slice(at + 1))).toHaveProperty('fault')
    }
  })

  it('that was forged compiles no more than a function and its names', () => {
    const fn = {
      text: '() return x end',
      isMain: false,
      isMethod: false,
      line: 1,
      bodyLine: 1,
      name: 'f',
      upvalues: ['x'],
      constants: new Map(),
    }
    const forged = (change: object) =>
      encodeDump({ fn: { ...fn, ...change }, chunkName: '=f', isStripped: false })
    expect(decodeDump(forged({ upvalues: ['x){process.exit()}'] }))).toEqual({
      fault: 'corrupted chunk',
    })
    const tries = [
      { text: '() return y end' },
      { text: '() end evil()' },
      { text: 'not a function' },
    ]
    for (const change of tries) {
      const literal = [...forged(change)].map(
        (c) => `\\${c.charCodeAt(0).toString().padStart(3, '0')}`,
      )
      expect(run(`return select("#", load("${literal.join('')}")) == 2`)).toBe(true)
    }
  })

  it('exists only in an engine that was asked for it', () => {
    expect(run('return string.dump', 'capture', false)).toBeUndefined()
    const literal = [...dumped].map((c) => `\\${c.charCodeAt(0).toString().padStart(3, '0')}`)
    const load = `return select(2, load("${literal.join('')}"))`
    expect(run(load, 'capture', false)).toBe("attempt to load a binary chunk (mode is 't')")
  })

  it('of a function of the library does not exist', () => {
    expect(run('return select(2, pcall(string.dump, print))')).toBe('unable to dump given function')
  })
})
