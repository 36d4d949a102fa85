// `a < b` inside library functions (sort, max, min). Lanes; hot in sort.
//
// It may not wait. What cannot be compared raises without a position, as everything that PUC's core
// raises while a C function runs.

import { lt } from '../run/compare.ts'
import { throwValue } from '../run/errors.ts'
import { metamethodOf, typeNameOf } from '../run/metatable.ts'
import { isNumber } from '../run/number.ts'
import { vm } from '../run/state.ts'
import type { Value } from '../run/value.ts'

/** `a < b`, metamethods consulted. */
export function isLess(a: Value, b: Value): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a < b
  if (typeof a === 'string' && typeof b === 'string') return a < b
  if (!(isNumber(a) && isNumber(b))) checkComparable(a, b)
  vm.noYield++
  const less = lt(a, b) === true
  vm.noYield--
  return less
}

function checkComparable(a: Value, b: Value): void {
  if (metamethodOf(a, '__lt') !== undefined || metamethodOf(b, '__lt') !== undefined) return
  const x = typeNameOf(a)
  const y = typeNameOf(b)
  throwValue(x === y ? `attempt to compare two ${x} values` : `attempt to compare ${x} with ${y}`)
}
