// Tells identical strings from equal ones, for the stand-alone interpreter's `%p`. Main thread.
//
// V8 has functions for its own tests, of which one compares objects. Its flag is on while that one
// function is compiled, and off again before any Lua code runs.

import { setFlagsFromString } from 'node:v8'

/** @returns undefined when this V8 has no such function: equal strings then have equal addresses */
export function stringIdentity(): ((a: string, b: string) => boolean) | undefined {
  setFlagsFromString('--allow-natives-syntax')
  try {
    const same = new Function('a', 'b', 'return %IsSameHeapObject(a, b)')
    return same('a', 'a') === true ? (same as (a: string, b: string) => boolean) : undefined
  } catch {
    return undefined
  } finally {
    setFlagsFromString('--no-allow-natives-syntax')
  }
}
