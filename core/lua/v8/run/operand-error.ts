// The errors of operators: which operand is to blame, and what the source calls it. Lanes.

import { typeNameOf } from './metatable.ts'
import { isNumber, toInteger } from './number.ts'
import { throwAtSite } from './site-error.ts'
import { operandA, operandB, type Site } from './sites.ts'
import type { Value } from './value.ts'

/** `attempt to perform arithmetic on a nil value (local 'x')`: the second if the first is fine. */
export function throwOperandError(doing: string, a: Value, b: Value, site: Site): never {
  const second = isNumber(a)
  const name = second ? operandB(site) : operandA(site)
  throwAtSite(`attempt to ${doing} a ${typeNameOf(second ? b : a)} value${name}`, site)
}

/** The error of a bitwise operator: wrong type, or a float without an integer's value. */
export function throwBitwiseError(a: Value, b: Value, site: Site): never {
  if (!isNumber(a) || !isNumber(b)) {
    throwOperandError('perform bitwise operation on', a, b, site)
  }
  const name = toInteger(a) === undefined ? operandA(site) : operandB(site)
  throwAtSite(`number${name} has no integer representation`, site)
}

/** `attempt to concatenate a table value (field 't')`. */
export function throwConcatError(a: Value, b: Value, site: Site): never {
  const second = typeof a === 'string' || isNumber(a)
  const name = second ? operandB(site) : operandA(site)
  throwAtSite(`attempt to concatenate a ${typeNameOf(second ? b : a)} value${name}`, site)
}

/** `attempt to compare two table values` / `attempt to compare number with nil`. */
export function throwCompareError(a: Value, b: Value, site: Site): never {
  const x = typeNameOf(a)
  const y = typeNameOf(b)
  throwAtSite(
    x === y ? `attempt to compare two ${x} values` : `attempt to compare ${x} with ${y}`,
    site,
  )
}
