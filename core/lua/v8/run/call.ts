// The calling convention, and how library code calls Lua. Lanes; the hottest file but for table.ts.
//
// A Lua function is a plain JavaScript function. Arguments are positional; one left out is
// undefined. A function that must tell `f()` from `f(nil)` takes a rest parameter.
//
// What a call answers (`Ret`):
//   one value        the value itself
//   none, two, more  MULTI; the values are in `regs[0..results.n-1]`, valid until the next call
//   YIELD            the coroutine is being parked: return YIELD at once and touch nothing
// So `return ret0()`, `return x`, `return ret2(a, b)`, `return retArray(list)`.
//
// A library function that calls back has three choices:
//   1. Tail call: `return call(f, a, b)`. YIELD passes through by itself; no frame is needed.
//   2. It cannot wait in the middle (sort, gsub): `callSync(f, a, b)`. A yield inside raises
//      "attempt to yield across a C-call boundary", so the answer is never YIELD.
//   3. It can wait: `const r = call(f, a); if (r === null) return park(new MyFrame(...))`, where
//      MyFrame extends Frame. When the callee has finished, `resume(r)` of the frame gets its Ret
//      and answers as the function would have; if that is YIELD again it has parked itself again.
//      A frame that must see errors (pcall) sets `catches` and gets `fail(error)` (coroutine.ts).
//
// Raising: `throwValue(v)` for any Lua value as it is; `throwError(message)` puts the position of the
// calling Lua function in front (errors.ts). Never throw anything else: a JavaScript error is a bug.

import { first } from './answer.ts'
import { callMetamethod } from './metatable.ts'
import { vm } from './state.ts'
import type { LuaFn, Ret, Value } from './value.ts'

/** Calls any value, through `__call` if need be. May answer YIELD. */
export function call(f: Value, ...args: Value[]): Ret {
  return typeof f === 'function' ? f(...args) : callMetamethod(f, args)
}

/** Calls from a place that cannot be parked; never YIELD. */
export function callSync(f: Value, ...args: Value[]): Ret {
  vm.noYield++
  const r = typeof f === 'function' ? f(...args) : callMetamethod(f, args)
  vm.noYield--
  return r
}

/** callSync with two arguments and one value, for comparison functions. */
export function callSync2(f: Value, a: Value, b: Value): Value {
  vm.noYield++
  const r = typeof f === 'function' ? f(a, b) : callMetamethod(f, [a, b])
  vm.noYield--
  return first(r)
}

/** As callSync, with the arguments in an array. */
export function callSyncArray(f: Value, args: Value[]): Ret {
  return callSync(f, ...args)
}

/** The type check that generated code and the library share. */
export function isFunction(f: Value): f is LuaFn {
  return typeof f === 'function'
}
