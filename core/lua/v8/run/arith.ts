// Arithmetic: what generated code calls when its inline path does not hold. Lanes.
//
// `a + b` is inline while both are small integers or the result is a float with a fraction; here is
// all the rest: large integers (bigint, wrapped to 64 bits), integral floats, numerals in strings,
// metamethods. The last argument is the site for error messages. An answer may be YIELD (a
// metamethod that waits); it is never MULTI. Order of metamethods and words of errors are PUC's.

import { LuaFloat } from '../../engine.ts'
import { isInteger, isNumber, type Num, toDouble, toNumber } from './number.ts'
import { throwOperandError } from './operand-error.ts'
import { binaryMetamethod } from './operator-metamethod.ts'
import { throwAtSite } from './site-error.ts'
import { noSite, type Site } from './sites.ts'
import { MULTI, makeFloat, makeInteger, type Ret, type Value } from './value.ts'

const safe = Number.isSafeInteger

/** Both operands as numbers, strings read as numerals; else the metamethod. */
function slow(
  event: string,
  compute: (a: Num, b: Num, site: Site) => Ret,
  a: Value,
  b: Value,
  site: Site,
): Ret {
  const x = toNumber(a)
  const y = toNumber(b)
  // With a string the string metatable computes in PUC: a library function.
  const by = typeof a === 'string' || typeof b === 'string' ? noSite : site
  if (x !== undefined && y !== undefined) return compute(x, y, by)
  const r = binaryMetamethod(event, a, b, site)
  return r === MULTI ? throwOperandError('perform arithmetic on', a, b, site) : r
}

export function add(a: Value, b: Value, site = noSite): Ret {
  return isNumber(a) && isNumber(b) ? addNumbers(a, b) : slow('__add', addNumbers, a, b, site)
}

function addNumbers(a: Num, b: Num): Num {
  if (isInteger(a) && isInteger(b)) {
    const sum = Number(a) + Number(b)
    return safe(sum) && typeof a === 'number' && typeof b === 'number'
      ? sum
      : makeInteger(BigInt(a) + BigInt(b))
  }
  return makeFloat(toDouble(a) + toDouble(b))
}

export function sub(a: Value, b: Value, site = noSite): Ret {
  return isNumber(a) && isNumber(b) ? subNumbers(a, b) : slow('__sub', subNumbers, a, b, site)
}

function subNumbers(a: Num, b: Num): Num {
  if (isInteger(a) && isInteger(b)) {
    const difference = Number(a) - Number(b)
    return safe(difference) && typeof a === 'number' && typeof b === 'number'
      ? difference
      : makeInteger(BigInt(a) - BigInt(b))
  }
  return makeFloat(toDouble(a) - toDouble(b))
}

export function mul(a: Value, b: Value, site = noSite): Ret {
  return isNumber(a) && isNumber(b) ? mulNumbers(a, b) : slow('__mul', mulNumbers, a, b, site)
}

function mulNumbers(a: Num, b: Num): Num {
  if (isInteger(a) && isInteger(b)) {
    const product = Number(a) * Number(b)
    // + 0 turns -0 into 0: an integer has no negative zero.
    return safe(product) && typeof a === 'number' && typeof b === 'number'
      ? product + 0
      : makeInteger(BigInt(a) * BigInt(b))
  }
  return makeFloat(toDouble(a) * toDouble(b))
}

export function div(a: Value, b: Value, site = noSite): Ret {
  return isNumber(a) && isNumber(b) ? divNumbers(a, b) : slow('__div', divNumbers, a, b, site)
}

function divNumbers(a: Num, b: Num): Num {
  return makeFloat(toDouble(a) / toDouble(b))
}

export function pow(a: Value, b: Value, site = noSite): Ret {
  return isNumber(a) && isNumber(b) ? powNumbers(a, b) : slow('__pow', powNumbers, a, b, site)
}

function powNumbers(a: Num, b: Num): Num {
  return makeFloat(power(toDouble(a), toDouble(b)))
}

/** `x ^ y` of doubles. */
export function power(x: number, y: number): number {
  if (y === 2) return x * x
  // C says 1 for these; JavaScript says NaN.
  return x === 1 || (x === -1 && (y === Infinity || y === -Infinity)) ? 1 : x ** y
}

export function mod(a: Value, b: Value, site = noSite): Ret {
  return isNumber(a) && isNumber(b) ? modNumbers(a, b, site) : slow('__mod', modNumbers, a, b, site)
}

function modNumbers(a: Num, b: Num, site: Site): Num {
  if (isInteger(a) && isInteger(b)) {
    if (b === 0) throwAtSite("attempt to perform 'n%0'", site)
    if (typeof a === 'number' && typeof b === 'number') {
      const r = a % b
      return r !== 0 && r < 0 !== b < 0 ? r + b : r + 0
    }
    const divisor = BigInt(b)
    const r = BigInt(a) % divisor
    return makeInteger(r !== 0n && r < 0n !== divisor < 0n ? r + divisor : r)
  }
  return makeFloat(floatMod(toDouble(a), toDouble(b)))
}

/** `a - floor(a/b)*b` without its rounding, as C's fmod with a corrected sign. */
export function floatMod(x: number, y: number): number {
  const r = x % y
  return r !== 0 && r < 0 !== y < 0 ? r + y : r
}

export function idiv(a: Value, b: Value, site = noSite): Ret {
  return isNumber(a) && isNumber(b)
    ? idivNumbers(a, b, site)
    : slow('__idiv', idivNumbers, a, b, site)
}

function idivNumbers(a: Num, b: Num, site: Site): Num {
  if (isInteger(a) && isInteger(b)) {
    if (b === 0) throwAtSite('attempt to divide by zero', site)
    if (typeof a === 'number' && typeof b === 'number') {
      // The quotient of doubles may round up to an integer; the remainder cannot.
      const r = a % b
      const q = (a - r) / b
      return r !== 0 && r < 0 !== b < 0 ? q - 1 : q + 0
    }
    const dividend = BigInt(a)
    const divisor = BigInt(b)
    const q = dividend / divisor
    return makeInteger(dividend % divisor !== 0n && dividend < 0n !== divisor < 0n ? q - 1n : q)
  }
  return makeFloat(Math.floor(toDouble(a) / toDouble(b)))
}

export function unm(a: Value, site = noSite): Ret {
  const x = toNumber(a)
  if (x === undefined) {
    const r = binaryMetamethod('__unm', a, a, site)
    return r === MULTI ? throwOperandError('perform arithmetic on', a, a, site) : r
  }
  if (typeof x === 'number') return x === 0 ? 0 : -x
  return typeof x === 'bigint' ? makeInteger(-x) : new LuaFloat(-x.n)
}
