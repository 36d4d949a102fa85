// A module's text as compile.ts makes it, and what generated code and module.ts agree on.
//
// Lanes. A function's code looks at its PatchPoint, the main function calls ModuleHooks, and each
// function carries its identity in a comment, which `identityOf` reads back from the function's text.

import type { LuaFn, Value } from '../run/value.ts'
import type { ModuleShape } from '../syntax/module-shape.ts'

/** The function to call instead of `self`, which has these upvalues. */
export type Redirect = (self: LuaFn | undefined, upvalues: readonly unknown[]) => LuaFn

/** Where a function looks whether it has been replaced. */
export interface PatchPoint {
  r: Redirect | null
  /** Makes the closure behind a function that has waited for its first call (lazy-function.ts). */
  readonly make: ClosureMaker
}

/** Makes a closure of one function over its upvalues: cells, or values that nothing assigns to. */
export type ClosureMaker = (...upvalues: unknown[]) => LuaFn

/** A compiled text of a module. */
export interface CompiledModule {
  readonly shape: ModuleShape
  readonly points: readonly PatchPoint[]
  /** Makes the main function. */
  readonly make: (env: Value, hooks: ModuleHooks) => LuaFn
  /** The maker of the function with this index; compiled when first asked for. */
  readonly closureMaker: (index: number) => ClosureMaker
  /** As closureMaker, of closures that go on as they are when the function is replaced. */
  readonly oldMaker: (index: number) => ClosureMaker
}

/** What the main function of a module calls. */
export interface ModuleHooks {
  /** At its begin: how to read its locals. */
  locals(read: Readonly<Record<string, () => unknown>>): void
  /** A local of before, as its value or as a cell. */
  value(key: string): unknown
  cell(key: string): { v: unknown }
  /** The new text's functions and locals are there: from now on they are what runs. */
  ready(): void
  /** A literal table that has changed: the old table gets the new contents. */
  refill(key: string, fresh: Value): Value
  /** `object[key] = value` of the first text has been done; the value is the function at `path`. */
  defined(object: Value, key: Value, value: Value, path: string): void
  /** `object[key] = value` of a new text: kept when it is the old function at `path`. */
  define(object: Value, key: Value, value: Value, path: string): void
}

/** Which function of which module a closure is. */
export interface FunctionIdentity {
  /** `ModuleShape.module` */
  readonly module: number
  readonly path: string
}

/** How generated code carries its identity: a comment behind the test of its point. */
export function identityMark({ module, path }: FunctionIdentity): string {
  // Percent signs for slashes, so that no path ends the comment.
  return `/*moonwheel ${module} ${encodeURIComponent(path)}*/`
}

/** The identity of a closure of a module; undefined for any other function. */
export function identityOf(fn: LuaFn): FunctionIdentity | undefined {
  const found = /\/\*moonwheel (\d+) (.*?)\*\//.exec(String(fn))
  if (found === null) return undefined
  return { module: Number(found[1]), path: decodeURIComponent(found[2] as string) }
}
