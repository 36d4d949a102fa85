// How a library function raises, and how it pays for long work. One Lua thread of control.
//
// `spend` counts steps that no loop turn of Lua pays for (matching, sorting, copying). When the
// allowance is used up, the kill flag and the step limit are looked at: LuaKilled, or the next
// allowance. Messages are PUC's words. One difference: an argument that was left out reads as nil
// ("got nil", not "got no value") but in functions that tell the two apart anyway.

import { stop } from '../run/budget.ts'
import { throwError } from '../run/errors.ts'
import { typeNameOf } from '../run/metatable.ts'
import { vm } from '../run/state.ts'
import { calledAsMethod } from '../run/traceback.ts'
import type { Value } from '../run/value.ts'

/** Raises a Lua error with the position of the calling Lua function in front. */
export function fail(message: string): never {
  throwError(message)
}

/** "bad argument #1 to 'rep' (message)" */
export function argError(index: number, fn: string, message: string): never {
  if (!calledAsMethod(fn)) throwError(`bad argument #${index} to '${fn}' (${message})`)
  // A method's own object does not count as an argument.
  if (index === 1) throwError(`calling '${fn}' on bad self (${message})`)
  throwError(`bad argument #${index - 1} to '${fn}' (${message})`)
}

/** "bad argument #1 to 'rep' (number expected, got nil)" */
export function typeError(index: number, fn: string, expected: string, value: Value): never {
  argError(index, fn, `${expected} expected, got ${typeNameOf(value)}`)
}

/** A call with a step limit looks at its limit after so many steps of library work. */
const allowanceMax = 5_000
let allowance = allowanceMax

/** Charges `steps` to the running call. */
export function spend(steps: number): void {
  allowance -= steps
  if (allowance < 0) renew()
}

function renew(): void {
  vm.steps -= allowanceMax - allowance
  allowance = allowanceMax
  stop()
}

/** Refuses to build a string of `size` bytes when that is more than the engine allows. */
export function checkSize(size: number): void {
  if (size > vm.realm.stringBytesMax) throwError('resulting string too large')
}
