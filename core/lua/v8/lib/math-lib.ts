// The math library, random numbers apart (random-lib.ts). Lanes; hot: floor, max, min, abs.
//
// Integers stay integers where Lua 5.4 says so; every float result gets its one representation
// (makeFloat). An integral raw number must never become -0: `+ 0` sees to that.

import { LuaFloat } from '../../engine.ts'
import { ret2 } from '../run/answer.ts'
import { doubleToInteger, toIntegerCoerced } from '../run/number.ts'
import type { LuaNumber } from '../run/number-text.ts'
import { makeFloat, makeInteger, type Ret, type Value } from '../run/value.ts'
import { checkDouble, checkInteger, checkNumber, doubleFrom } from './args.ts'
import { argError } from './failure.ts'
import { isLess } from './order.ts'

function isFloat(v: LuaNumber): boolean {
  return v instanceof LuaFloat || (typeof v === 'number' && !Number.isInteger(v))
}

/** The integer of a rounded double, or the float itself when no integer holds it. */
function rounded(n: number): Value {
  return doubleToInteger(n) ?? makeFloat(n)
}

/** As checkNumber, but the number in a string is always a float here: PUC asks for the type first. */
function checkFloatText(x: Value, index: number, fn: string): LuaNumber {
  const v = checkNumber(x, index, fn)
  return typeof x === 'string' ? makeFloat(doubleFrom(v)) : v
}

function abs(x: Value): Ret {
  const v = checkFloatText(x, 1, 'abs')
  if (typeof v === 'number') return Math.abs(v)
  return typeof v === 'bigint' ? makeInteger(v < 0n ? -v : v) : new LuaFloat(Math.abs(v.n))
}

function ceil(x: Value): Ret {
  const v = checkFloatText(x, 1, 'ceil')
  return isFloat(v) ? rounded(Math.ceil(doubleFrom(v))) : (v as Value)
}

function floor(x: Value): Ret {
  if (typeof x === 'number' && x < 9007199254740992 && x > -9007199254740992) {
    return Math.floor(x)
  }
  const v = checkFloatText(x, 1, 'floor')
  return isFloat(v) ? rounded(Math.floor(doubleFrom(v))) : (v as Value)
}

function fmod(x: Value, y: Value): Ret {
  // The second first: so does PUC as it is compiled.
  const b = checkFloatText(y, 2, 'fmod')
  const a = checkFloatText(x, 1, 'fmod')
  if (isFloat(a) || isFloat(b)) return makeFloat(doubleFrom(a) % doubleFrom(b))
  if (b === 0) argError(2, 'fmod', 'zero')
  if (typeof a === 'number' && typeof b === 'number') return (a % b) + 0
  return makeInteger(BigInt(a as number | bigint) % BigInt(b as number | bigint))
}

function modf(x: Value): Ret {
  const v = checkFloatText(x, 1, 'modf')
  if (!isFloat(v)) return ret2(v, new LuaFloat(0))
  const n = doubleFrom(v)
  const whole = Math.trunc(n)
  return ret2(rounded(whole), makeFloat(n === whole ? 0 : n - whole))
}

function log(x: Value, base: Value): Ret {
  const n = checkDouble(x, 1, 'log')
  if (base === undefined) return makeFloat(Math.log(n))
  const b = checkDouble(base, 2, 'log')
  if (b === 2) return makeFloat(Math.log2(n))
  if (b === 10) return makeFloat(Math.log10(n))
  return makeFloat(Math.log(n) / Math.log(b))
}

function max(...values: Value[]): Ret {
  if (values.length === 0) argError(1, 'max', 'value expected')
  let best = values[0]
  for (let i = 1; i < values.length; i++) if (isLess(best, values[i])) best = values[i]
  return best
}

function min(...values: Value[]): Ret {
  if (values.length === 0) argError(1, 'min', 'value expected')
  let best = values[0]
  for (let i = 1; i < values.length; i++) if (isLess(values[i], best)) best = values[i]
  return best
}

function tointeger(v: Value): Ret {
  return toIntegerCoerced(v)
}

function type(...args: Value[]): Ret {
  const v = args[0]
  if (args.length === 0) argError(1, 'type', 'value expected')
  if (typeof v === 'number') return Number.isInteger(v) ? 'integer' : 'float'
  if (typeof v === 'bigint') return 'integer'
  return v instanceof LuaFloat ? 'float' : undefined
}

function ult(a: Value, b: Value): Ret {
  const x = checkInteger(a, 1, 'ult')
  const y = checkInteger(b, 2, 'ult')
  // Both negative or both not: the order is the signed one; else the negative is the larger.
  return x < 0 === y < 0 ? x < y : y < 0
}

/** A function of one double; `name` is for its error message. */
function ofDouble(name: string, compute: (n: number) => number): (x: Value) => Ret {
  return (x) => {
    if (typeof x === 'number') return makeFloat(compute(x))
    return makeFloat(compute(checkDouble(x, 1, name)))
  }
}

function atan(y: Value, x: Value): Ret {
  const over = x === undefined ? 1 : checkDouble(x, 2, 'atan')
  return makeFloat(Math.atan2(checkDouble(y, 1, 'atan'), over))
}

function sqrt(x: Value): Ret {
  return makeFloat(Math.sqrt(typeof x === 'number' ? x : checkDouble(x, 1, 'sqrt')))
}

export const mathFunctions = {
  abs,
  acos: ofDouble('acos', Math.acos),
  asin: ofDouble('asin', Math.asin),
  atan,
  ceil,
  cos: ofDouble('cos', Math.cos),
  deg: ofDouble('deg', (n) => n * (180 / Math.PI)),
  exp: ofDouble('exp', Math.exp),
  floor,
  fmod,
  log,
  max,
  min,
  modf,
  rad: ofDouble('rad', (n) => n * (Math.PI / 180)),
  sin: ofDouble('sin', Math.sin),
  sqrt,
  tan: ofDouble('tan', Math.tan),
  tointeger,
  type,
  ult,
}

export const mathConstants: Record<string, Value> = {
  pi: Math.PI,
  huge: Number.POSITIVE_INFINITY,
  maxinteger: 0x7fffffffffffffffn,
  mininteger: -0x8000000000000000n,
}
