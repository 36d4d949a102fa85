// The border: engine.ts's values to fengari's and back.
//
// Handles are the VM's own objects (Table, closures, threads), which are ordinary garbage-collected
// JavaScript objects: nothing is registered and nothing can leak. fengari's integers have 32 bits;
// a larger integer enters as a float and leaves as a plain number, because an integral float beyond
// 32 bits (and within ±2^53) is taken for an integer everywhere in this engine.

import { assert, unreachable } from '../../base/assert.ts'
import {
  type LuaCoroutine,
  LuaFloat,
  type LuaFunction,
  type LuaTable,
  type LuaValue,
} from '../engine.ts'
import {
  CClosure,
  type CFunction,
  closureOf,
  LClosure,
  type LState,
  LuaState,
  stringOf,
  type Table,
  TableClass,
  type TString,
  TV,
  type TValue,
  tag,
  textOf,
} from './vm.ts'

/** The VM object behind a table handle. */
export function tableOf(handle: LuaTable): Table {
  assert(handle instanceof TableClass, 'a handle of another engine, or none, used as a table')
  return handle as unknown as Table
}

export const tableHandle = (table: Table): LuaTable => table as unknown as LuaTable
export const functionHandle = (closure: object): LuaFunction => closure as unknown as LuaFunction
export const coroutineHandle = (thread: LState): LuaCoroutine => thread as unknown as LuaCoroutine

/** A new VM value for `v`; an assertion refuses whatever is not a LuaValue. */
export function toLua(v: LuaValue): TValue {
  switch (typeof v) {
    case 'undefined':
      return new TV(tag.nil, null)
    case 'string':
      return new TV(tag.longString, stringOf(v))
    case 'number':
      return (v | 0) === v ? new TV(tag.integer, v | 0) : new TV(tag.float, v)
    case 'boolean':
      return new TV(tag.boolean, v)
    case 'bigint': {
      const n = Number(v)
      return (n | 0) === n ? new TV(tag.integer, n) : new TV(tag.float, n)
    }
    case 'object':
      return objectToLua(v)
    default:
      return unreachable(v)
  }
}

function objectToLua(v: object | null): TValue {
  if (v instanceof TableClass) return new TV(tag.table, v)
  if (v instanceof LuaFloat) return new TV(tag.float, v.n)
  if (v instanceof LClosure) return new TV(tag.luaClosure, v)
  if (v instanceof CClosure) return new TV(tag.cClosure, v)
  assert(v instanceof LuaState, 'a JavaScript object was about to enter Lua')
  return new TV(tag.thread, v)
}

/** The border value of a VM value. */
export function fromLua(v: TValue): LuaValue {
  switch (v.type) {
    case tag.nil:
      return undefined
    case tag.longString:
    case tag.string:
      return textOf(v.value as TString)
    case tag.integer:
    case tag.boolean:
      return v.value as number | boolean
    case tag.float:
      return fromFloat(v.value as number)
    case lightFunction:
      return functionHandle(wrapLight(v.value as CFunction))
    default:
      assert(v.type !== tag.lightUserdata && v.type !== tag.userdata, 'userdata inside the VM')
      return v.value as LuaTable
  }
}

function fromFloat(n: number): LuaValue {
  if (!Number.isInteger(n)) return n
  return (n | 0) !== n && Number.isSafeInteger(n) ? n : new LuaFloat(n)
}

/** A function value without a closure: fengari's own libraries make a few (utf8.codes). */
const lightFunction = 6 | 16
const wrapped = new WeakMap<CFunction, object>()

function wrapLight(f: CFunction): object {
  let closure = wrapped.get(f)
  if (closure === undefined) {
    // Closures number themselves from their VM; a light function belongs to none.
    closure = closureOf({ l_G: { id_counter: 0 } } as unknown as LState, f)
    wrapped.set(f, closure)
  }
  return closure
}

/** The table key that stands for `key` in a VM table's map. */
export function keyOf(key: LuaValue): unknown {
  if (key instanceof LuaFloat) return key.n
  return typeof key === 'bigint' ? Number(key) : key
}
