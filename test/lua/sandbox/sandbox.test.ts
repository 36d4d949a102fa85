// The sandbox on both engines: every escape attempt of escapes.ts, and what the host does with values
// that Lua made to hurt it.

import { describe, expect, it } from 'vitest'
import {
  type EngineOptions,
  type LuaEngine,
  LuaError,
  LuaKilled,
  resumed,
} from '../../../core/lua/engine.ts'
import { createFengariEngine } from '../../../core/lua/fengari/engine.ts'
import { createV8Engine } from '../../../core/lua/v8/engine.ts'
import {
  type Attempt,
  allowedNames,
  hostile,
  loading,
  overflows,
  protectedTables,
  reachOutside,
  sizes,
  unkillable,
} from './escapes.ts'

const engines: Record<string, (options: EngineOptions) => LuaEngine> = {
  v8: createV8Engine,
  'v8, generators': (options) => createV8Engine({ ...options, backend: 'generator' }),
  fengari: createFengariEngine,
}

const groups: Record<string, readonly Attempt[]> = {
  'reaching outside': reachOutside,
  'loading code': loading,
  'protected tables': protectedTables,
  'hostile values': hostile,
  sizes,
  'stack overflow is an error': overflows,
}

function failureOf(work: () => unknown): unknown {
  try {
    work()
  } catch (thrown) {
    return thrown
  }
  return undefined
}

describe.each(Object.entries(engines))('the sandbox of %s', (name, factory) => {
  const make = (over: Partial<EngineOptions> = {}): LuaEngine =>
    factory({
      print: () => {},
      wallMs: () => Date.UTC(2026, 1, 3, 4, 5, 6),
      seed: [1n, 2n],
      stringBytesMax: 1 << 20,
      stepsMax: 20_000_000,
      ...over,
    })
  const shared = make()
  const run = (engine: LuaEngine, source: string) =>
    engine.call(engine.load(Buffer.from(source), 'lua/t.lua'))
  const fitting = (list: readonly Attempt[]) =>
    list.filter((attempt) => name !== 'fengari' || attempt.v8Only !== true)

  for (const [group, attempts] of Object.entries(groups)) {
    describe(group, () => {
      it.each(fitting(attempts))('$what', ({ source }) => {
        expect(run(shared, source)).toEqual([true])
        // It did not break the engine for those who come next.
        expect(run(shared, 'return ("x"):rep(3) .. #{ 1, 2 } .. math.max(1, 2)')).toEqual(['xxx22'])
      })
    })
  }

  describe('inside a coroutine', () => {
    it.each(fitting([...protectedTables, ...hostile]))('$what', ({ source }) => {
      const co = shared.createCoroutine(shared.load(Buffer.from(source), 'lua/t.lua'))
      expect(shared.resume(co)).toBe(resumed.returned)
      expect(shared.results).toEqual([true])
    })
  })

  describe('a kill cannot be caught', () => {
    it.each(fitting(unkillable))('$what', ({ source }) => {
      const engine = make({ stepsMax: 20_000 })
      expect(failureOf(() => run(engine, source))).toBeInstanceOf(LuaKilled)
      const co = engine.createCoroutine(engine.load(Buffer.from(source), 'lua/t.lua'))
      expect(engine.resume(co)).toBe(resumed.failed)
      expect(engine.failure).toBeInstanceOf(LuaKilled)
      expect(run(engine, 'return 1')).toEqual([1])
    })
  })

  it.each(Object.entries(allowedNames))('%s has no name that is not allowed', (library, names) => {
    const found = run(
      shared,
      `local n = {} for k in pairs(${library}) do n[#n + 1] = k end return table.unpack(n)`,
    )
    const allowed = new Set(names.split(/\s+/))
    expect(found.filter((key) => !allowed.has(String(key)))).toEqual([])
  })

  it('reaches nothing but strings, numbers, tables of the library and its functions', () => {
    const kinds = run(
      shared,
      `local seen, kinds = {}, {}
      local function walk(v)
        if seen[v] then return end
        seen[v] = true
        kinds[type(v)] = true
        if type(v) == "table" then for k, x in next, v do walk(k) walk(x) end end
        local meta = getmetatable(v)
        if meta ~= nil then walk(meta) end
      end
      walk(_G)
      local list = {}
      for k in pairs(kinds) do list[#list + 1] = k end
      table.sort(list)
      return table.concat(list, " ")`,
    )
    expect(kinds[0]).toMatch(/^(boolean )?function number string table$/)
  })

  it('sealed globals cannot be unsealed', () => {
    const engine = make()
    engine.sealGlobals()
    for (const source of [
      'newName = 1',
      '_G.newName = 1',
      '_ENV.newName = 1',
      'setmetatable(_G, nil)',
      'setmetatable(_G, {})',
      'getmetatable(_G).__newindex = nil',
      'rawset(getmetatable(_G), "__newindex", nil)',
    ]) {
      failureOf(() => run(engine, source))
      expect(failureOf(() => run(engine, 'other = 1'))).toBeInstanceOf(LuaError)
    }
  })

  describe('what the host is given', () => {
    const hostileTable = `setmetatable({}, {
      __index = function() error("index") end, __newindex = function() error("newindex") end,
      __tostring = function() error("tostring") end, __len = function() error("len") end,
      __pairs = function() error("pairs") end, __name = {}, __metatable = "no" })`

    it('an error value that fights back is still an error', () => {
      for (const value of [hostileTable, '{}', 'nil', 'print', 'coroutine.create(print)', '0/0']) {
        const failure = failureOf(() => run(shared, `error(${value})`))
        expect(failure).toBeInstanceOf(LuaError)
        expect(typeof (failure as LuaError).message).toBe('string')
      }
    })

    it('a table is read and written without its metamethods', () => {
      const [table] = run(shared, `return ${hostileTable}`)
      expect(shared.typeOf(table)).toBe('table')
      const handle = table as Parameters<LuaEngine['rawGet']>[0]
      expect(shared.rawGet(handle, 'x')).toBeUndefined()
      shared.rawSet(handle, 'x', 1)
      expect(shared.rawGet(handle, 'x')).toBe(1)
      expect(shared.rawLength(handle)).toBe(0)
    })

    it('JSON refuses what is endless or too deep, and no metamethod runs', () => {
      for (const source of [
        'local t = {} t.t = t return t',
        'local t = {} for i = 1, 100 do t = { t } end return t',
        'return { f = print }',
        'return { 0/0 }',
        'return { "\\xff" }',
      ]) {
        const [value] = run(shared, source)
        expect(failureOf(() => shared.stringifyJson(value))).toBeInstanceOf(LuaError)
      }
      const [table] = run(shared, `return ${hostileTable}`)
      const failure = failureOf(() => shared.stringifyJson(table))
      expect(failure === undefined || failure instanceof LuaError).toBe(true)
    })

    it('JSON from outside cannot reach a prototype', () => {
      const value = shared.parseJson(Buffer.from('{"__proto__":{"x":1},"constructor":{"y":2}}'))
      shared.rawSet(shared.globals, 'given', value)
      expect(run(shared, 'return given.x, given.__proto__.x, given.constructor.y')).toEqual([
        undefined,
        1,
        2,
      ])
      expect(({} as { x?: number }).x).toBeUndefined()
    })
  })
})
