// Upvalues of closures as the debug library sees them: only for the stand-alone interpreter.
//
// With the option `debugUpvalues` every captured local lives in a cell and every closure has bindings
// of its own, which it registers here. It costs speed and memory, so lanes never use it.

import type { LuaFn, Value } from './value.ts'

/** A cell of a captured local. */
export interface UpvalueCell {
  v: Value
}

export interface Upvalue {
  readonly name: string
  readonly get: () => UpvalueCell
  readonly set: (cell: UpvalueCell) => void
}

/** A closure as the debug library sees it. */
export interface ClosureInfo {
  readonly upvalues: readonly Upvalue[]
  readonly chunk: string
  readonly line: number
}

const known = new WeakMap<LuaFn, ClosureInfo>()

/** Registers a closure; generated code calls it. */
export function registerClosure(
  fn: LuaFn,
  upvalues: readonly Upvalue[],
  chunk: string,
  line: number,
): LuaFn {
  known.set(fn, { upvalues, chunk, line })
  return fn
}

/** What is known of a closure; undefined for functions of the library. */
export function closureInfo(fn: LuaFn): ClosureInfo | undefined {
  return known.get(fn)
}
