// Conversion between the forms of numbers, for operators and the library. Pure; any thread.
//
// See value.ts for the forms. `toNumber` also reads strings, as arithmetic does.

import { LuaFloat } from '../../engine.ts'
import { type LuaNumber, parseNumber } from './number-text.ts'
import { makeInteger, type Value } from './value.ts'

export type Num = LuaNumber

/** Is this a Lua number of either kind? */
export function isNumber(v: Value): v is Num {
  return typeof v === 'number' || typeof v === 'bigint' || v instanceof LuaFloat
}

/** Is this a Lua integer (math.type)? */
export function isInteger(v: Value): v is number | bigint {
  return typeof v === 'number' ? Number.isInteger(v) : typeof v === 'bigint'
}

/** The number that a number or a numeral in a string stands for; undefined for anything else. */
export function toNumber(v: Value): Num | undefined {
  if (typeof v === 'string') return parseNumber(v)
  return isNumber(v) ? v : undefined
}

/** The double nearest to a Lua number. */
export function toDouble(v: Num): number {
  if (typeof v === 'number') return v
  return typeof v === 'bigint' ? Number(v) : v.n
}

/** The value as JavaScript's exact comparison wants it: LuaFloats become doubles. */
export function comparable(v: Num): number | bigint {
  return v instanceof LuaFloat ? v.n : v
}

/** The integer of an integer or of a float with an integer's value; undefined for others. */
export function toInteger(v: Value): number | bigint | undefined {
  if (typeof v === 'number') return Number.isInteger(v) ? v : undefined
  if (typeof v === 'bigint') return v
  if (v instanceof LuaFloat) return doubleToInteger(v.n)
  return undefined
}

/** As toInteger, but numerals in strings count too (arguments). */
export function toIntegerCoerced(v: Value): number | bigint | undefined {
  return typeof v === 'string' ? toInteger(parseNumber(v)) : toInteger(v)
}

/** The integer of an integral double, undefined when it has none in the 64-bit range. */
export function doubleToInteger(n: number): number | bigint | undefined {
  if (Number.isSafeInteger(n)) return n + 0
  if (!Number.isInteger(n) || n < -(2 ** 63) || n >= 2 ** 63) return undefined
  return makeInteger(BigInt(n))
}
