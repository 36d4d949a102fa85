// Table access from library code that cannot be parked. Lanes.
//
// Metamethods run, but a yield in one raises "attempt to yield across a C-call boundary", as in PUC. An
// error leaves `noYield` too high; whoever catches it puts it right (state.ts).

import { index, setIndex } from '../run/access.ts'
import { vm } from '../run/state.ts'
import type { Value } from '../run/value.ts'

/** `t[key]` with metamethods. */
export function getSync(t: Value, key: Value): Value {
  vm.noYield++
  const value = index(t, key) as Value
  vm.noYield--
  return value
}

/** `t[key] = value` with metamethods. */
export function setSync(t: Value, key: Value, value: Value): void {
  vm.noYield++
  setIndex(t, key, value)
  vm.noYield--
}
