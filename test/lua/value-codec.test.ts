// Lua values as bytes: whatever one engine sends, either engine gets the same, exact in type and value.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../core/base/limits.ts'
import { type LuaEngine, LuaError, LuaFloat, type LuaValue } from '../../core/lua/engine.ts'
import { openEngine } from '../../core/lua/open-engine.ts'
import { ValueReader, ValueWriter } from '../../core/lua/value-codec.ts'

function open(name: 'fengari' | 'v8'): LuaEngine {
  return openEngine(name, {
    print: () => {},
    wallMs: () => 0,
    seed: [1n, 2n],
    stringBytesMax: 1 << 22,
    stepsMax: 10_000_000,
  })
}
const engines = { fengari: open('fengari'), v8: open('v8') }

type Plain =
  | undefined
  | boolean
  | number
  | string
  | { float: number }
  | { list: Plain[]; map: [string, Plain][] }

const plain = fc.letrec<{ value: Plain }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.boolean(),
    fc.integer(),
    fc
      .double({ noNaN: true })
      // fengari has no integers beyond 32 bits and takes integral floats out there for integers.
      .filter((float) => !Number.isInteger(float) || Math.abs(float) < 2 ** 31)
      .map((float) => ({ float })),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    fc.record({
      list: fc.array(tie('value'), { maxLength: 5 }),
      map: fc.array(
        fc.tuple(fc.string({ minLength: 1, maxLength: 5, unit: 'grapheme-ascii' }), tie('value')),
        {
          maxLength: 5,
        },
      ),
    }),
  ),
})).value

function toLua(engine: LuaEngine, value: Plain): LuaValue {
  if (typeof value !== 'object') return value
  if ('float' in value) return new LuaFloat(value.float)
  const table = engine.newTable()
  for (const [i, each] of value.list.entries()) engine.rawSet(table, i + 1, toLua(engine, each))
  for (const [key, each] of value.map) engine.rawSet(table, key, toLua(engine, each))
  return table
}

const show = (engine: LuaEngine) => {
  const source = `
    local function show(v)
      if type(v) == "table" then
        local keys = {}
        for k in pairs(v) do keys[#keys + 1] = k end
        table.sort(keys, function(a, b) return tostring(a) .. type(a) < tostring(b) .. type(b) end)
        local out = {}
        for _, k in ipairs(keys) do out[#out + 1] = type(k) .. tostring(k) .. "=" .. show(v[k]) end
        return "{" .. table.concat(out, ",") .. "}"
      end
      if math.type(v) == "float" then return "f" .. string.format("%.17g", v) end
      return type(v) .. ":" .. tostring(v)
    end
    return show(...)`
  const f = engine.load(Buffer.from(source), 'show')
  return (value: LuaValue) => engine.call(f, value)[0]
}

describe.each([
  ['fengari', 'fengari'],
  ['v8', 'v8'],
  ['v8', 'fengari'],
  ['fengari', 'v8'],
] as const)('from %s to %s', (from, to) => {
  const [source, target] = [engines[from], engines[to]]
  const writer = new ValueWriter(source)
  const reader = new ValueReader(target)
  const [showSource, showTarget] = [show(source), show(target)]

  it('nothing changes on the way', () => {
    fc.assert(
      fc.property(fc.array(plain, { maxLength: 4 }), (values) => {
        const sent = values.map((value) => toLua(source, value))
        const got = reader.decode(Buffer.from(writer.encode(sent)), 0)
        expect(got.map(showTarget)).toEqual(sent.map(showSource))
      }),
      { numRuns: 150 },
    )
  })

  it('JSON null stays what it is', () => {
    const [got] = reader.decode(Buffer.from(writer.encode([source.jsonNull])), 0)
    expect(got).toBe(target.jsonNull)
  })
})

it('integers of 64 bits are whole on the engine that has them', () => {
  const writer = new ValueWriter(engines.v8)
  const reader = new ValueReader(engines.v8)
  const far = new LuaFloat(2 ** 60)
  expect(reader.decode(Buffer.from(writer.encode([far])), 0)).toEqual([far])
  const all: LuaValue[] = [
    2n ** 63n - 1n,
    -(2n ** 63n),
    2 ** 53 - 1,
    -(2 ** 53) + 1,
    2 ** 31,
    -(2 ** 31) - 1,
  ]
  expect(reader.decode(Buffer.from(writer.encode(all)), 0)).toEqual(all)
})

describe.each(['fengari', 'v8'] as const)('what %s may not send', (name) => {
  const engine = engines[name]
  const writer = new ValueWriter(engine)
  const evaluate = (text: string) => engine.call(engine.load(Buffer.from(text), 't'))
  it.each([
    ['a function', 'return print', 'argument 1: a function cannot be sent'],
    ['a coroutine', 'return 1, coroutine.create(print)', 'argument 2: a thread cannot be sent'],
    [
      'deep inside',
      'return { items = { 1, 2, print } }',
      'argument 1.items[3]: a function cannot be sent',
    ],
    [
      'a cycle',
      'local t = {} t.t = t return t',
      `nested deeper than ${limits.jsonDepthMax} (a cycle?)`,
    ],
    ['a function as key', 'return { [print] = 1 }', 'a function cannot be sent'],
  ])('%s', (_, source, message) => {
    const values = evaluate(source)
    expect(() => writer.encode(values)).toThrow(LuaError)
    expect(() => writer.encode(values)).toThrow(message)
  })
  it('255 values go, one more does not', () => {
    const list = (count: number) => new Array<LuaValue>(count).fill(true)
    const got = new ValueReader(engine).decode(Buffer.from(writer.encode(list(255))), 0)
    expect(got).toEqual(list(255))
    expect(() => writer.encode(list(256))).toThrow('256 values (255 at most) cannot be sent')
  })
  it('a value at the limit of bytes goes, one byte more does not', () => {
    // One byte of count, five of string head.
    const room = limits.valueBytesMax - 6
    const fits = evaluate(`return ("x"):rep(${room - 9})`)
    expect(writer.encode(fits).length).toBeGreaterThan(room - 9)
    expect(() => writer.encode(evaluate(`return ("x"):rep(${room + 1})`))).toThrow('longer than')
  })
})
