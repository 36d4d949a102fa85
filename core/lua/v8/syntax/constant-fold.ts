// Arithmetic on numeric constants while parsing. Pure; any thread.
//
// As PUC: only numbers, nothing that could raise, and no result that is NaN, -0 or a float zero.

import { LuaFloat } from '../../engine.ts'
import { add, mul, pow, sub, unm } from '../run/arith.ts'
import { isNumber } from '../run/number.ts'
import type { Value } from '../run/value.ts'

function foldable(v: Value): boolean {
  if (!isNumber(v)) return false
  return v instanceof LuaFloat ? v.n !== 0 : !Number.isNaN(v)
}

const operators: Readonly<Record<string, (a: Value, b: Value) => unknown>> = {
  '+': add,
  '-': sub,
  '*': mul,
  '^': pow,
}

/** The value of `a op b`, or undefined when it is left for the run. */
export function arithConstants(op: string, a: Value, b: Value): Value {
  const operator = operators[op]
  if (operator === undefined || !isNumber(a) || !isNumber(b)) return undefined
  const value = operator(a, b) as Value
  return foldable(value) ? value : undefined
}

/** The value of `-a`, or undefined when `a` is no number or the result is a float zero. */
export function negateConstant(a: Value): Value {
  if (!isNumber(a)) return undefined
  const value = unm(a) as Value
  return foldable(value) ? value : undefined
}
