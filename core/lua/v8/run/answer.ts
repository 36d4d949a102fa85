// Answers of Lua functions: the side registers and how to fill and read them. Lanes; hot.
//
// See call.ts for the convention. The registers grow and never shrink; they hold until the next call.

import { MULTI, type Ret, type Value } from './value.ts'

/** Side registers: the values of a MULTI answer. Grows, never shrinks. */
export const regs: Value[] = new Array(16).fill(undefined)
/** How many of them count. */
export const results = { n: 0 }

export function ret0(): Ret {
  results.n = 0
  return MULTI
}

export function ret2(a: Value, b: Value): Ret {
  regs[0] = a
  regs[1] = b
  results.n = 2
  return MULTI
}

export function ret3(a: Value, b: Value, c: Value): Ret {
  regs[0] = a
  regs[1] = b
  regs[2] = c
  results.n = 3
  return MULTI
}

/** Any number of values; one is answered bare. */
export function retArray(values: readonly Value[]): Ret {
  const n = values.length
  if (n === 1) return values[0]
  for (let i = 0; i < n; i++) regs[i] = values[i]
  results.n = n
  return MULTI
}

/** `first` before `rest`, as `true, ...` of pcall. `rest` may be MULTI. */
export function retPrepend(first: Value, rest: Ret): Ret {
  if (typeof rest !== 'symbol') return ret2(first, rest as Value)
  const n = results.n
  for (let i = n; i > 0; i--) regs[i] = regs[i - 1]
  regs[0] = first
  if (n === 0) return first
  results.n = n + 1
  return MULTI
}

/** The answer without the first of at least one registers; one value is answered bare. */
export function retRest(): Ret {
  const n = results.n - 1
  if (n === 1) return regs[1]
  for (let i = 0; i < n; i++) regs[i] = regs[i + 1]
  results.n = n
  return MULTI
}

/** The answer cut to one value. Not for YIELD. */
export function first(r: Ret): Value {
  if (typeof r !== 'symbol') return r as Value
  return results.n > 0 ? regs[0] : undefined
}

/** All values of an answer, in an array of its own. Not for YIELD. */
export function toArray(r: Ret): Value[] {
  if (typeof r !== 'symbol') return [r as Value]
  return regs.slice(0, results.n)
}

/** How many values an answer has. */
export function countOf(r: Ret): number {
  return typeof r === 'symbol' ? results.n : 1
}
