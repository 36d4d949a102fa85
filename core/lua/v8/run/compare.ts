// Comparison, equality, concatenation and length: the paths that are not inline. Lanes.
//
// JavaScript compares a number with a bigint exactly, and latin1 strings by byte, which is what Lua
// wants. Answers may be YIELD where a metamethod waits.

import { LuaFloat } from '../../engine.ts'
import { metamethodOf, metatableOf, typeNameOf } from './metatable.ts'
import { comparable, isNumber } from './number.ts'
import { numberText } from './number-text.ts'
import { throwCompareError, throwConcatError } from './operand-error.ts'
import { binaryMetamethod, callNamed, one, truth, untruth } from './operator-metamethod.ts'
import { throwAtSite } from './site-error.ts'
import { noSite, operandA, type Site, someSite } from './sites.ts'
import { vm } from './state.ts'
import { Table } from './table.ts'
import { MULTI, type Ret, type Value } from './value.ts'

/** Is the integral float `a` the number `b`? `>=` and `<=` compare a double with a bigint exactly. */
function floatEquals(a: number, b: Value): boolean {
  if (b instanceof LuaFloat) return a === b.n
  return (typeof b === 'number' || typeof b === 'bigint') && a >= b && a <= b
}

/** Equality without metamethods. */
export function rawEquals(a: Value, b: Value): boolean {
  if (a === b) return true
  if (a instanceof LuaFloat) return floatEquals(a.n, b)
  return b instanceof LuaFloat && floatEquals(b.n, a)
}

/** `a == b`; true, false or YIELD. */
export function eq(a: Value, b: Value): Ret {
  if (a === b) return true
  if (a instanceof Table && b instanceof Table) {
    if (a.meta === undefined && b.meta === undefined) return false
    let method = metamethodOf(a, '__eq')
    if (method === undefined) method = metamethodOf(b, '__eq')
    return method === undefined ? false : truth(callNamed('eq', method, a, b, someSite))
  }
  return rawEquals(a, b)
}

function compareMetamethod(event: string, a: Value, b: Value, site: Site): Ret {
  let method = metamethodOf(a, event)
  if (method === undefined) method = metamethodOf(b, event)
  if (method === undefined) throwCompareError(a, b, site)
  return truth(callNamed(event.slice(2), method, a, b, site))
}

/** `a < b`; true, false or YIELD. */
export function lt(a: Value, b: Value, site = noSite): Ret {
  if (isNumber(a) && isNumber(b)) return comparable(a) < comparable(b)
  if (typeof a === 'string' && typeof b === 'string') return a < b
  return compareMetamethod('__lt', a, b, site)
}

/** `a <= b`; true, false or YIELD. */
export function le(a: Value, b: Value, site = noSite): Ret {
  if (isNumber(a) && isNumber(b)) return comparable(a) <= comparable(b)
  if (typeof a === 'string' && typeof b === 'string') return a <= b
  if (metamethodOf(a, '__le') !== undefined || metamethodOf(b, '__le') !== undefined) {
    return compareMetamethod('__le', a, b, site)
  }
  // As in 5.3, and in 5.4 as it is usually built (LUA_COMPAT_LT_LE): `not (b < a)`.
  let method = metamethodOf(b, '__lt')
  if (method === undefined) method = metamethodOf(a, '__lt')
  if (method === undefined) throwCompareError(a, b, site)
  return untruth(callNamed('le', method, b, a, site))
}

/** The text of a string or number; undefined for others. */
function concatText(v: Value): string | undefined {
  if (typeof v === 'string') return v
  return isNumber(v) ? numberText(v) : undefined
}

/** `a .. b`; a value or YIELD. */
export function concat(a: Value, b: Value, site = noSite): Ret {
  const x = concatText(a)
  const y = concatText(b)
  if (x !== undefined && y !== undefined) {
    if (x.length + y.length > vm.realm.stringBytesMax) throwAtSite('string length overflow', site)
    return x + y
  }
  const r = binaryMetamethod('__concat', a, b, site)
  return r === MULTI ? throwConcatError(a, b, site) : r
}

/** `#a`; a value or YIELD. */
export function len(a: Value, site = noSite): Ret {
  if (typeof a === 'string') return a.length
  if (a instanceof Table && a.meta === undefined) return a.length()
  const method = metatableOf(a) === undefined ? undefined : metamethodOf(a, '__len')
  if (method !== undefined) return one(callNamed('len', method, a, a, site))
  if (a instanceof Table) return a.length()
  throwAtSite(`attempt to get length of a ${typeNameOf(a)} value${operandA(site)}`, site)
}
