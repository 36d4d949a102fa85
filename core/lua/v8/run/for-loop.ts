// Numeric for loops outside the common case: floats, integers beyond the safe range, errors. Lanes.
//
// Generated code counts with a plain number. What the loop variable is made of it is told by a
// `mode`: 0 the counter is the integer itself, 1 the counter is the float, or a BigLoop, whose
// counter is the number of the turn (downwards for a negative step, so that the test still fits).
// As in PUC, strings that are numerals count as numbers, and the limit is clipped, never wrapped.

import { typeNameOf } from './metatable.ts'
import { isInteger, type Num, toDouble, toNumber } from './number.ts'
import { throwAtSite } from './site-error.ts'
import type { Site } from './sites.ts'
import { makeFloat, makeInteger, type Value } from './value.ts'

interface BigLoop {
  readonly start: bigint
  readonly step: bigint
}

export type LoopMode = 0 | 1 | BigLoop

/** What `forPrepare` hands over beside the mode. */
export const forState: { start: number; limit: number; step: number } = {
  start: 0,
  limit: 0,
  step: 1,
}

function number(v: Value, what: string, site: Site): Num {
  const n = toNumber(v)
  if (n === undefined) {
    throwAtSite(`bad 'for' ${what} (number expected, got ${typeNameOf(v)})`, site)
  }
  return n
}

/** The limit of a loop that counts small integers. */
export function forLimit(limit: Value, site: Site): number {
  return toDouble(number(limit, 'limit', site))
}

export function forPrepare(start: Value, limit: Value, step: Value, site: Site): LoopMode {
  if (isInteger(start) && isInteger(step)) {
    if (step === 0) throwAtSite("'for' step is zero", site)
    const bound = number(limit, 'limit', site)
    return prepareInteger(start, bound, step)
  }
  const bound = toDouble(number(limit, 'limit', site))
  const increment = toDouble(number(step, 'step', site))
  const first = toDouble(number(start, 'initial value', site))
  if (increment === 0) throwAtSite("'for' step is zero", site)
  forState.start = first
  forState.limit = bound
  forState.step = increment
  return 1
}

function prepareInteger(start: number | bigint, bound: Num, step: number | bigint): LoopMode {
  const limit = clip(bound, step > 0)
  if (limit === undefined) {
    forState.start = step > 0 ? 1 : 0
    forState.limit = 1 - forState.start
    forState.step = step > 0 ? 1 : -1
    return 0
  }
  const last = Number(limit) + Number(step)
  if (typeof start === 'number' && typeof step === 'number' && Number.isSafeInteger(last)) {
    forState.start = start
    forState.limit = toDouble(limit)
    forState.step = step
    return 0
  }
  const from = BigInt(start)
  const by = BigInt(step)
  const distance = BigInt(limit) - from
  const turns = distance >= 0n === by > 0n || distance === 0n ? Number(distance / by) : -1
  forState.start = 0
  forState.step = by > 0n ? 1 : -1
  forState.limit = by > 0n ? turns : -turns
  return { start: from, step: by }
}

const maxInteger = 2n ** 63n - 1n

/** The limit as an integer: rounded towards the start, clipped; undefined: no turn at all. */
function clip(bound: Num, up: boolean): number | bigint | undefined {
  if (isInteger(bound)) return bound
  const n = toDouble(bound)
  if (Number.isNaN(n)) return undefined
  const rounded = up ? Math.floor(n) : Math.ceil(n)
  if (rounded >= 2 ** 63) return up ? maxInteger : undefined
  if (rounded < -(2 ** 63)) return up ? undefined : -(maxInteger + 1n)
  return makeInteger(BigInt(rounded))
}

/** The loop variable's value on a turn of a loop that is not mode 0. */
export function forValue(mode: Exclude<LoopMode, 0>, counter: number): Value {
  if (mode === 1) return makeFloat(counter)
  return makeInteger(mode.start + mode.step * BigInt(Math.abs(counter)))
}
