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

const known = new WeakMap<LuaFn, readonly Upvalue[]>()

/** Registers a closure; generated code calls it. */
export function registerClosure(fn: LuaFn, upvalues: readonly Upvalue[]): LuaFn {
  known.set(fn, upvalues)
  return fn
}

/** A closure's upvalues, in order; undefined for functions of the library. */
export function upvaluesOf(fn: LuaFn): readonly Upvalue[] | undefined {
  return known.get(fn)
}
