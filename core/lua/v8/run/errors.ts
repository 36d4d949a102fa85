// Lua errors while they travel: what is thrown, and how a position gets in front of a message.
//
// Any Lua thread. A Lua error is a plain LuaThrow (a JavaScript Error costs five times as much). A
// traceback is only taken when nothing in Lua catches the error (vm.handler undefined): then the
// JavaScript stack still stands and is read in Lua terms by traceback.ts. xpcall's handler runs
// where the error is raised, as in PUC.
//
// LuaKilled and AssertionError also pass through here; no pcall, xpcall or coroutine may catch them.

import { first } from './answer.ts'
import { vm } from './state.ts'
import { positionOf, traceback } from './traceback.ts'
import type { LuaFn, Value } from './value.ts'

/** A Lua error in flight. */
export class LuaThrow {
  value: Value
  /** In Lua terms; undefined when something in Lua was going to catch the error. */
  traceback: string | undefined
  /** xpcall's handler has seen it already. */
  handled: boolean
  constructor(value: Value, trace: string | undefined, handled: boolean) {
    this.value = value
    this.traceback = trace
    this.handled = handled
  }
}

/** How deep a message handler may fail in itself before the error is replaced (PUC: C stack). */
const handlerDepthMax = 10
let handlerDepth = 0

/** Raises `value` as it is, as `error(value, 0)` does. */
export function throwValue(value: Value): never {
  throw makeThrow(value)
}

/** Raises `message` with the position of the Lua function that is running (or called us). */
export function throwError(message: string): never {
  throw makeThrow(positionOf(1) + message)
}

/** The throwable of an error value: runs the message handler, or takes the traceback. */
export function makeThrow(value: Value): LuaThrow {
  const handler = vm.handler
  if (handler === undefined) return new LuaThrow(value, traceback(1), false)
  if (handler === false) return new LuaThrow(value, undefined, false)
  return new LuaThrow(runHandler(handler, value), undefined, true)
}

/** Calls xpcall's message handler; an error in it is handled by itself, a few levels deep. */
export function runHandler(handler: LuaFn, value: Value): Value {
  if (handlerDepth >= handlerDepthMax) return 'error in error handling'
  handlerDepth++
  vm.noYield++
  try {
    return first(handler(value))
  } catch (thrown) {
    if (thrown instanceof LuaThrow) return thrown.value
    // The stack is full, most likely of the handler itself.
    if (thrown instanceof RangeError) return 'error in error handling'
    throw thrown
  } finally {
    vm.noYield--
    handlerDepth--
  }
}
