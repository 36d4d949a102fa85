// Lua values to plain data and back: how what a config file returned leaves its sandbox, and how a
// lane builds the same table in its own engine.
//
// Any thread that owns the engine. Numbers lose Lua's float mark (5.0 becomes 5). Refused, each
// with its path: functions, coroutines, nan, inf, text that is not UTF-8, nesting over the limit
// (cycles too), keys that are neither text nor integers.

import { limits } from '../base/limits.ts'
import { bytesToTextStrict, textToBytes } from '../lua/bytes.ts'
import { type LuaEngine, LuaFloat, type LuaTable, type LuaValue } from '../lua/engine.ts'
import type { PlainValue } from './types.ts'

export type Path = readonly (string | number)[]
export type Refuse = (path: Path, message: string) => void

/** The plain form of `value`, or undefined for nil; refused parts are reported and left out. */
export function luaToPlain(
  engine: LuaEngine,
  value: LuaValue,
  path: Path,
  refuse: Refuse,
): PlainValue | undefined {
  if (value === undefined || typeof value === 'boolean') return value
  if (value instanceof LuaFloat) return value.n
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value
    refuse(path, 'a number that is not finite')
    return undefined
  }
  if (typeof value === 'string') {
    const text = bytesToTextStrict(value)
    if (text === undefined) refuse(path, 'the text is not UTF-8')
    return text
  }
  if (engine.typeOf(value) !== 'table') {
    refuse(path, `a ${engine.typeOf(value)} cannot be data`)
    return undefined
  }
  if (path.length >= limits.jsonDepthMax) {
    refuse(path.slice(0, 3), `nested deeper than ${limits.jsonDepthMax} tables (a cycle?)`)
    return undefined
  }
  return tableToPlain(engine, value as LuaTable, path, refuse)
}

function tableToPlain(engine: LuaEngine, table: LuaTable, path: Path, refuse: Refuse): PlainValue {
  const pairs: [string | number, PlainValue][] = []
  let broken = false
  engine.forEach(table, (luaKey, luaValue) => {
    const key = plainKey(luaKey)
    if (key === undefined) {
      refuse(path, 'a key that is neither text nor an integer')
      return undefined
    }
    const found = luaToPlain(engine, luaValue, [...path, key], (at, message) => {
      // In a cycle each level would report the same thing.
      if (!broken) refuse(at, message)
      broken = true
    })
    if (found !== undefined) pairs.push([key, found])
    return broken && path.length > 3 ? false : undefined
  })
  return pairsToPlain(pairs)
}

function plainKey(key: LuaValue): string | number | undefined {
  if (typeof key === 'string') return bytesToTextStrict(key)
  return typeof key === 'number' && Number.isSafeInteger(key) ? key : undefined
}

/** An array, an object or `$pairs`, as the keys allow. */
export function pairsToPlain(
  pairs: readonly (readonly [string | number, PlainValue])[],
): PlainValue {
  if (pairs.every(([key]) => typeof key === 'string') && pairs[0]?.[0] !== '$pairs') {
    return Object.fromEntries(pairs)
  }
  const sorted = [...pairs].sort(([a], [b]) => Number(a) - Number(b))
  if (sorted.every(([key], i) => key === i + 1)) return sorted.map(([, value]) => value)
  return { $pairs: pairs.map(([key, value]) => [key, value]) }
}

/** The pairs of a plain table, whichever of its three forms it has; undefined for a scalar. */
export function plainPairs(value: PlainValue): [string | number, PlainValue][] | undefined {
  if (typeof value !== 'object') return undefined
  if (isList(value)) return value.map((item, i) => [i + 1, item])
  const pairs = value.$pairs
  if (pairs !== undefined && typeof pairs === 'object' && isList(pairs)) {
    return pairs as unknown as [string | number, PlainValue][]
  }
  return Object.entries(value)
}

function isList(value: PlainValue): value is readonly PlainValue[] {
  return Array.isArray(value)
}

/** Builds plain data as Lua values in `engine`; the inverse of luaToPlain. */
export function plainToLua(engine: LuaEngine, value: PlainValue): LuaValue {
  const pairs = plainPairs(value)
  if (pairs === undefined)
    return typeof value === 'string' ? textToBytes(value) : (value as LuaValue)
  const table = engine.newTable()
  for (const [key, item] of pairs) {
    const luaKey = typeof key === 'string' ? textToBytes(key) : key
    engine.rawSet(table, luaKey, plainToLua(engine, item))
  }
  return table
}
