// What a Lua value is inside the compiling engine. Lanes and tools; pure definitions.
//
//   nil        undefined            boolean  boolean
//   integer    a number while it is safe (|n| < 2^53), else a bigint of the 64-bit range
//   float      a raw number when it is not integral (and inf, nan); else a LuaFloat (5.0, -0.0, 1e300)
//   string     a JavaScript string with one character for each byte: see ../../bytes.ts
//   table      Table (table.ts)     coroutine  Coroutine (coroutine.ts)
//   function   a plain JavaScript function: positional parameters, result as call.ts says
//
// Invariants: a raw number that is integral is a Lua integer and never -0; a bigint is never safe.
// Every arithmetic result goes through `makeFloat` or `makeInteger` unless both are known to hold.

import { LuaFloat, type LuaValue } from '../../engine.ts'

/**
 * A table, coroutine or userdata: the classes are above this file, and claim to be one by their
 * type alone.
 */
export interface LuaObject {
  readonly luaObject: true
}

/**
 * A table, coroutine or userdata: the classes are above this file, and claim to be one by their
 * type alone.
 */
export interface LuaObject {
  readonly luaObject: true
}

/** What a Lua function answers instead of one value: see call.ts. There are two: MULTI and YIELD. */
export class Marker {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/**
 * None, two or more values; they are in the side registers of answer.ts. A symbol, because V8 tests
 * `typeof r === 'symbol'` in place; hot code asks that way.
 */
export const MULTI: unique symbol = Symbol('multi')
/**
 * The running coroutine is being parked; nobody may touch the side registers. It is null, which is
 * no Lua value and which V8 tests faster than anything; hot code writes `=== null`.
 */
export const YIELD = null

export type Value = undefined | boolean | number | bigint | string | LuaFloat | LuaObject | LuaFn

/** What comes back from calling a Lua function. */
export type Ret = Value | typeof MULTI | null

export type LuaFn = (...args: Value[]) => Ret

/** The same values with the engine's brands, for the border. */
export function toBorder(value: Value): LuaValue {
  return value as unknown as LuaValue
}

/** A value that came over the border; only engine values are let in (engine.ts checks). */
export function fromBorder(value: LuaValue): Value {
  return value as unknown as Value
}

/** The float of a double, in its one representation. */
export function makeFloat(n: number): number | LuaFloat {
  return Number.isInteger(n) ? new LuaFloat(n) : n
}

/** The integer of any bigint, wrapped to 64 bits, in its one representation. */
export function makeInteger(value: bigint): number | bigint {
  const wrapped = BigInt.asIntN(64, value)
  return wrapped >= -9007199254740991n && wrapped <= 9007199254740991n ? Number(wrapped) : wrapped
}
