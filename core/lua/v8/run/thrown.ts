// What JavaScript throws, as Lua errors. Any Lua thread.
//
// Three errors of V8's own are part of a correct run: the stack is full, a string is longer than V8
// can make one, a read-only table is written to. Everything else (AssertionError, LuaKilled, a
// TypeError from a bug of ours) is not for Lua code to catch and travels on.

import { LuaThrow, makeThrow } from './errors.ts'
import { positionOfError } from './traceback.ts'

/** V8's words for a write to a frozen object: library tables are frozen (lib/install.ts). */
const frozen = /read only property|not extensible|Cannot (?:assign|add|define|delete)/

/** The Lua error in whatever was caught; rethrows what Lua may not catch. */
export function caught(thrown: unknown): LuaThrow {
  if (thrown instanceof LuaThrow) return thrown
  if (thrown instanceof RangeError) {
    if (thrown.message.startsWith('Maximum call stack')) {
      return makeThrow(`${positionOfError(thrown)}stack overflow`)
    }
    if (thrown.message.startsWith('Invalid')) return makeThrow('not enough memory')
  }
  if (thrown instanceof TypeError && frozen.test(thrown.message)) {
    return makeThrow(`${positionOfError(thrown)}attempt to modify a read-only table`)
  }
  throw thrown
}
