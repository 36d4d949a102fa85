// Lua values as protobuf, on both engines, against what protobufjs makes of config/proto/rpc.proto.

import { join } from 'node:path'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { describe, expect, it } from 'vitest'
import { type LuaEngine, LuaFloat, type LuaTable, type LuaValue } from '../../core/lua/engine.ts'
import { openEngine } from '../../core/lua/open-engine.ts'
import { WireValueReader, WireValueWriter } from '../../core/lua/wire-value.ts'
import { projectFolder } from '../support/host-process.ts'

const root = protobuf.loadSync(join(projectFolder, 'config/proto/rpc.proto'))
const LuaValues = root.lookupType('moonwheel.LuaValues')
const seed = Number(process.env.MOONWHEEL_SEED ?? 20_260_102)

/** A value with its kind said, so that two can be compared whatever engine made them. */
type Tree =
  | { readonly kind: 'nil' | 'null' }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'table'; readonly items: readonly Tree[]; readonly pairs: [Tree, Tree][] }

const integerOf = (bits: bigint) =>
  fc
    .oneof(
      fc.bigInt({ min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n }),
      fc.bigInt({ min: -(2n ** 31n), max: 2n ** 31n - 1n }),
      fc.bigInt({ min: -300n, max: 300n }),
    )
    .map((value): Tree => ({ kind: 'integer', value }))
const float = fc
  .oneof(fc.double(), fc.constantFrom(0, -0, 1, 2 ** 53, Number.NaN, -1e308, 1e-320))
  .map((value): Tree => ({ kind: 'float', value }))
const text = fc
  .uint8Array({ maxLength: 200 })
  .map((value): Tree => ({ kind: 'string', value: Buffer.from(value).toString('latin1') }))
const flag = fc.boolean().map((value): Tree => ({ kind: 'boolean', value }))
const none = fc.constantFrom<Tree>({ kind: 'null' })

/** Lists of values whose integers have so many bits. */
function listOf(bits: bigint) {
  const integer = integerOf(bits)
  const tree = fc.letrec<{ value: Tree; table: Tree }>((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, integer, float, text, flag, none, tie('table')),
    table: fc.record({
      kind: fc.constant('table' as const),
      items: fc.array(tie('value'), { maxLength: 4 }),
      pairs: fc.uniqueArray(fc.tuple(text, tie('value')), { maxLength: 4, selector: keyOf }),
    }) as fc.Arbitrary<Tree>,
  }))
  return fc.array(fc.oneof(tree.value, fc.constant<Tree>({ kind: 'nil' })), { maxLength: 5 })
}

function toLua(engine: LuaEngine, from: Tree): LuaValue {
  switch (from.kind) {
    case 'nil':
      return undefined
    case 'null':
      return engine.jsonNull
    case 'boolean':
    case 'string':
      return from.value
    case 'integer': {
      const near = Number(from.value)
      return Number.isSafeInteger(near) ? near : from.value
    }
    case 'float':
      return Number.isInteger(from.value) ? new LuaFloat(from.value) : from.value
    case 'table': {
      const table = engine.newTable()
      for (const [i, item] of from.items.entries()) engine.rawSet(table, i + 1, toLua(engine, item))
      for (const [k, v] of from.pairs) engine.rawSet(table, toLua(engine, k), toLua(engine, v))
      return table
    }
  }
}

function fromLua(engine: LuaEngine, value: LuaValue): Tree {
  if (value === undefined) return { kind: 'nil' }
  if (value === engine.jsonNull) return { kind: 'null' }
  if (typeof value === 'boolean') return { kind: 'boolean', value }
  if (typeof value === 'string') return { kind: 'string', value }
  if (typeof value === 'bigint') return { kind: 'integer', value }
  if (value instanceof LuaFloat) return { kind: 'float', value: value.n }
  if (typeof value === 'number') {
    return Number.isInteger(value)
      ? { kind: 'integer', value: BigInt(value) }
      : { kind: 'float', value }
  }
  const table = value as LuaTable
  const length = engine.rawLength(table)
  const items = Array.from({ length }, (_, i) => fromLua(engine, engine.rawGet(table, i + 1)))
  const pairs: [Tree, Tree][] = []
  engine.forEach(table, (k, v) => {
    if (typeof k !== 'number') pairs.push([fromLua(engine, k), fromLua(engine, v)])
    return true
  })
  return { kind: 'table', items, pairs }
}

function keyOf([k]: [Tree, Tree]): string {
  return (k as { value: string }).value
}

/** With pairs in one order: tables have none. */
function sorted(from: Tree): Tree {
  if (from.kind !== 'table') return from
  const pairs = from.pairs.map(([k, v]): [Tree, Tree] => [k, sorted(v)])
  pairs.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  return { kind: 'table', items: from.items.map(sorted), pairs }
}

/** The message as protobufjs takes and gives it. */
function toMessage(from: Tree): object {
  switch (from.kind) {
    case 'nil':
      return { nil: true }
    case 'null':
      return { jsonNull: true }
    case 'boolean':
      return { boolean: from.value }
    case 'integer':
      return { integer: from.value.toString() }
    case 'float':
      return { float: from.value }
    case 'string':
      return { string: Buffer.from(from.value, 'latin1') }
    case 'table':
      return {
        table: {
          items: from.items.map(toMessage),
          pairs: from.pairs.map(([k, v]) => ({ key: toMessage(k), value: toMessage(v) })),
        },
      }
  }
}

interface Message {
  readonly nil?: boolean
  readonly jsonNull?: boolean
  readonly boolean?: boolean
  readonly integer?: string
  readonly float?: number
  readonly string?: Buffer
  readonly table?: {
    readonly items?: Message[]
    readonly pairs?: { key: Message; value: Message }[]
  }
}

function fromMessage(message: Message): Tree {
  if (message.nil !== undefined) return { kind: 'nil' }
  if (message.jsonNull !== undefined) return { kind: 'null' }
  if (message.boolean !== undefined) return { kind: 'boolean', value: message.boolean }
  if (message.integer !== undefined) return { kind: 'integer', value: BigInt(message.integer) }
  if (message.float !== undefined) return { kind: 'float', value: message.float }
  if (message.string !== undefined) {
    return { kind: 'string', value: Buffer.from(message.string).toString('latin1') }
  }
  const { items = [], pairs = [] } = message.table ?? {}
  return {
    kind: 'table',
    items: items.map(fromMessage),
    pairs: pairs.map(({ key: k, value: v }): [Tree, Tree] => [fromMessage(k), fromMessage(v)]),
  }
}

function open(name: 'v8' | 'fengari') {
  const print = (): void => {}
  const engine = openEngine(name, { print, wallMs: () => 0, seed: [1n, 2n], stringBytesMax: 1e6 })
  const reader = new WireValueReader(engine)
  const decode = (bytes: Uint8Array) => {
    const buffer = Buffer.from(bytes)
    return reader.decode(buffer, 0, buffer.length)
  }
  return { engine, writer: new WireValueWriter(engine), decode }
}

describe.each(['v8', 'fengari'] as const)('Lua values as protobuf, on %s', (name) => {
  const { engine, writer, decode } = open(name)
  const numRuns = 500
  // fengari's integers have 32 bits.
  const values = listOf(name === 'v8' ? 64n : 32n)

  it(`come back as they went (seed ${seed})`, () => {
    fc.assert(
      fc.property(values, (list) => {
        const bytes = writer.encode(list.map((each) => toLua(engine, each)))
        const back = decode(bytes)?.map((each) => sorted(fromLua(engine, each)))
        expect(back).toEqual(list.map(sorted))
      }),
      { numRuns, seed },
    )
  })

  it('are read by protobufjs, and protobufjs is read by them', () => {
    fc.assert(
      fc.property(values, (list) => {
        const written = LuaValues.decode(writer.encode(list.map((each) => toLua(engine, each))))
        const plain = LuaValues.toObject(written, { longs: String, arrays: true }) as {
          values: Message[]
        }
        expect(plain.values.map((each) => sorted(fromMessage(each)))).toEqual(list.map(sorted))
        const theirs = LuaValues.encode(
          LuaValues.fromObject({ values: list.map(toMessage) }),
        ).finish()
        const back = decode(theirs)?.map((each) => sorted(fromLua(engine, each)))
        expect(back).toEqual(list.map(sorted))
      }),
      { numRuns, seed },
    )
  })

  it('any bytes are values or undefined, never an exception', () => {
    const whole = writer.encode([toLua(engine, { kind: 'table', items: [], pairs: [] }), 5, 'abc'])
    const start = Buffer.from(whole)
    let good = 0
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(start.length), (noise, at) => {
        for (const bytes of [noise, Buffer.concat([start.subarray(0, at), noise])]) {
          if (decode(bytes) !== undefined) good++
        }
      }),
      { numRuns: 3000, seed },
    )
    expect(good).toBeGreaterThan(0)
  })

  it('depth is limited, both ways, at the same place', () => {
    const nested = (depth: number): LuaValue => {
      let table = engine.newTable()
      for (let i = 1; i < depth; i++) {
        const outer = engine.newTable()
        engine.rawSet(outer, 1, table)
        table = outer
      }
      return table
    }
    expect(decode(writer.encode([nested(64)]))).toHaveLength(1)
    expect(() => writer.encode([nested(65)])).toThrow('nested deeper than 64')
    // One level more than that, by hand: protobufjs itself gives up before.
    const within = (tag: number, inner: Buffer): Buffer => {
      const writer = protobuf.Writer.create()
      return Buffer.from(writer.uint32(tag).bytes(inner).finish())
    }
    const levels = (count: number): Buffer => {
      let value = within(0x32, Buffer.alloc(0))
      for (let i = 1; i < count; i++) value = within(0x32, within(0x0a, value))
      return within(0x0a, value)
    }
    expect(Buffer.compare(levels(64), writer.encode([nested(64)]))).toBe(0)
    const deep = levels(65)
    expect(decode(deep)).toBeUndefined()
  })

  it('what cannot travel is refused with its path', () => {
    const table = engine.newTable()
    engine.rawSet(
      table,
      'callback',
      engine.hostFunction('f', () => undefined),
    )
    expect(() => writer.encode([1, table])).toThrow(
      'argument 2.callback: a function cannot be sent',
    )
    expect(() => writer.encode(['x'.repeat(1024 * 1024)])).toThrow('longer than')
  })

  it('a key that Lua cannot have is refused', () => {
    const pair = (k: Message) => ({
      values: [{ table: { pairs: [{ key: k, value: { nil: false } }] } }],
    })
    const encode = (message: object) => LuaValues.encode(LuaValues.fromObject(message)).finish()
    expect(decode(encode(pair({ float: Number.NaN })))).toBeUndefined()
    expect(decode(encode(pair({ nil: true })))).toBeUndefined()
    expect(decode(encode(pair({ float: 2 })))).toHaveLength(1)
  })
})
