// Checking and converting the arguments of library functions, as luaL_check* does. Lanes; hot.
//
// Each takes the value, its position and the function's name for the message. Integers are checked
// in two ways: `checkInteger` keeps all 64 bits; `checkIndex` answers a double, exact as long as the
// integer is safe and good enough for positions and counts, where what is larger means "beyond".

import { LuaFloat } from '../../engine.ts'
import { type LuaNumber, numberText, parseNumber } from '../run/number-text.ts'
import { Table } from '../run/table.ts'
import type { LuaFn, Value } from '../run/value.ts'
import { argError, typeError } from './failure.ts'

/** The number that a value is or that its text spells; undefined when it is neither. */
export function toNumber(v: Value): LuaNumber | undefined {
  if (typeof v === 'number' || typeof v === 'bigint' || v instanceof LuaFloat) return v
  return typeof v === 'string' ? parseNumber(v) : undefined
}

/** The integer with a number's value; undefined when it has none. */
export function integerFrom(v: LuaNumber): number | bigint | undefined {
  if (typeof v === 'number') return Number.isInteger(v) ? v : undefined
  if (typeof v === 'bigint') return v
  const { n } = v
  if (Number.isSafeInteger(n)) return n === 0 ? 0 : n
  return n >= -0x8000000000000000 && n < 0x8000000000000000 ? BigInt(n) : undefined
}

/** A number as a double. */
export function doubleFrom(v: LuaNumber): number {
  return typeof v === 'number' ? v : typeof v === 'bigint' ? Number(v) : v.n
}

/** @throws "number expected, got X" or "number has no integer representation" */
export function checkInteger(v: Value, index: number, fn: string): number | bigint {
  if (typeof v === 'number' && Number.isInteger(v)) return v
  const number = toNumber(v)
  if (number === undefined) typeError(index, fn, 'number', v)
  const integer = integerFrom(number)
  if (integer === undefined) argError(index, fn, 'number has no integer representation')
  return integer
}

/** An integer as a double: see the header. */
export function checkIndex(v: Value, index: number, fn: string): number {
  if (typeof v === 'number' && Number.isInteger(v)) return v
  return Number(checkInteger(v, index, fn))
}

/** As checkIndex; nil is `otherwise`. */
export function optIndex(v: Value, otherwise: number, index: number, fn: string): number {
  return v === undefined ? otherwise : checkIndex(v, index, fn)
}

/** A number as a double. @throws "number expected, got X" */
export function checkDouble(v: Value, index: number, fn: string): number {
  if (typeof v === 'number') return v
  return doubleFrom(checkNumber(v, index, fn))
}

/** A number as it is; text that spells one is converted. @throws "number expected, got X" */
export function checkNumber(v: Value, index: number, fn: string): LuaNumber {
  if (typeof v === 'number') return v
  const number = toNumber(v)
  if (number === undefined) typeError(index, fn, 'number', v)
  return number
}

/** A string, or a number as its text. @throws "string expected, got X" */
export function checkString(v: Value, index: number, fn: string): string {
  if (typeof v === 'string') return v
  if (typeof v === 'number' || typeof v === 'bigint' || v instanceof LuaFloat) {
    return numberText(v)
  }
  typeError(index, fn, 'string', v)
}

/** @throws "table expected, got X" */
export function checkTable(v: Value, index: number, fn: string): Table {
  if (v instanceof Table) return v
  typeError(index, fn, 'table', v)
}

/** @throws "function expected, got X" */
export function checkFunction(v: Value, index: number, fn: string): LuaFn {
  if (typeof v === 'function') return v
  typeError(index, fn, 'function', v)
}
