// Tells identical strings from equal ones, for the stand-alone interpreter's `%p`. Main thread.
//
// V8 has functions for its own tests, of which one compares objects. Its flag is on while that one
// function is compiled, when it is first needed, and off again before any Lua code runs on.

import { setFlagsFromString } from 'node:v8'

type Same = (a: string, b: string) => boolean

let same: Same | undefined

/** Are these two one object of V8? Where V8 does not tell, equal strings are. */
export function isSameString(a: string, b: string): boolean {
  same ??= compileTest() ?? ((x, y) => x === y)
  return same(a, b)
}

function compileTest(): Same | undefined {
  setFlagsFromString('--allow-natives-syntax')
  try {
    return new Function('a', 'b', 'return %IsSameHeapObject(a, b)') as Same
  } catch {
    return undefined
  } finally {
    setFlagsFromString('--no-allow-natives-syntax')
  }
}
