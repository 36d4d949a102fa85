// Bitwise operators on 64-bit integers: the paths that are not inline. Lanes.
//
// Inline code handles two int32 operands of `&`, `|` and `~`, whose results are right as they are
// because both are sign-extended. The rest goes through bigint, which is exact and rare. A string is
// no operand, also when it spells a number: Lua 5.4 left that to metamethods.

import { toInteger } from './number.ts'
import { throwBitwiseError } from './operand-error.ts'
import { binaryMetamethod } from './operator-metamethod.ts'
import { noSite, type Site } from './sites.ts'
import { MULTI, makeInteger, type Ret, type Value } from './value.ts'

function slow(
  event: string,
  compute: (a: bigint, b: bigint) => bigint,
  a: Value,
  b: Value,
  site: Site,
): Ret {
  const x = toInteger(a)
  const y = toInteger(b)
  if (x !== undefined && y !== undefined) return makeInteger(compute(BigInt(x), BigInt(y)))
  const r = binaryMetamethod(event, a, b, site)
  return r === MULTI ? throwBitwiseError(a, b, site) : r
}

export function band(a: Value, b: Value, site = noSite): Ret {
  return slow('__band', (x, y) => x & y, a, b, site)
}

export function bor(a: Value, b: Value, site = noSite): Ret {
  return slow('__bor', (x, y) => x | y, a, b, site)
}

export function bxor(a: Value, b: Value, site = noSite): Ret {
  return slow('__bxor', (x, y) => x ^ y, a, b, site)
}

function shiftLeft(x: bigint, y: bigint): bigint {
  if (y <= -64n || y >= 64n) return 0n
  return y >= 0n ? x << y : BigInt.asUintN(64, x) >> -y
}

export function shl(a: Value, b: Value, site = noSite): Ret {
  // Small results without bigint: a * 2^b is exact while it is safe.
  if (typeof a === 'number' && typeof b === 'number' && Number.isInteger(a)) {
    if (b >= 0 && b <= 52 && Number.isInteger(b)) {
      const shifted = a * 2 ** b
      if (Number.isSafeInteger(shifted)) return shifted
    }
  }
  return slow('__shl', shiftLeft, a, b, site)
}

export function shr(a: Value, b: Value, site = noSite): Ret {
  if (typeof a === 'number' && typeof b === 'number' && Number.isInteger(a) && a >= 0) {
    if (b >= 0 && b <= 63 && Number.isInteger(b)) return Math.floor(a / 2 ** b)
  }
  return slow('__shr', (x, y) => shiftLeft(x, -y), a, b, site)
}

export function bnot(a: Value, site = noSite): Ret {
  const x = toInteger(a)
  // ~(2^53-1) is the one safe integer whose complement is not safe.
  if (typeof x === 'number' && x !== Number.MAX_SAFE_INTEGER) return -1 - x
  if (x !== undefined) return makeInteger(~BigInt(x))
  const r = binaryMetamethod('__bnot', a, a, site)
  return r === MULTI ? throwBitwiseError(a, a, site) : r
}
