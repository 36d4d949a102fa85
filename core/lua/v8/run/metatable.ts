// Metatables of any value, and the metamethods that are not an operator's: __call, __name, __close.
//
// Lanes. Tables carry their metatable; strings share one for each realm (vm.realm.stringMeta); the
// other types have one only when the stand-alone interpreter's debug library set it.

import { LuaFloat } from '../../engine.ts'
import { throwError, throwValue } from './errors.ts'
import { Coroutine } from './frame.ts'
import { noSite, type Site } from './sites.ts'
import { vm } from './state.ts'
import { Table, Userdata } from './table.ts'
import type { Ret, Value } from './value.ts'

/** The type's name as `type` answers it. */
export function typeOf(v: Value): string {
  switch (typeof v) {
    case 'undefined':
      return 'nil'
    case 'boolean':
      return 'boolean'
    case 'number':
    case 'bigint':
      return 'number'
    case 'string':
      return 'string'
    case 'function':
      return 'function'
    default:
      if (v instanceof Table) return 'table'
      if (v instanceof LuaFloat) return 'number'
      return v instanceof Coroutine ? 'thread' : 'userdata'
  }
}

/** The type's name for messages: `__name` of the metatable when that is a string. */
export function typeNameOf(v: Value): string {
  if ((v instanceof Table || v instanceof Userdata) && v.meta !== undefined) {
    const name = v.meta.getString('__name')
    if (typeof name === 'string') return name
  }
  return typeOf(v)
}

export function metatableOf(v: Value): Table | undefined {
  if (v instanceof Table) return v.meta
  if (typeof v === 'string') return vm.realm.stringMeta
  if (v instanceof Userdata) return v.meta
  return vm.realm.typeMeta.size === 0 ? undefined : vm.realm.typeMeta.get(typeOf(v))
}

/** The metamethod `event` (`__index`, …) of a value; undefined when it has none. */
export function metamethodOf(v: Value, event: string): Value {
  const meta = metatableOf(v)
  return meta === undefined ? undefined : meta.getString(event)
}

/**
 * Calls what is not a function, through `__call` (which may itself be a callable table).
 * @param what how the error names `f`
 * @param site noSite: a library function calls, and no position is told
 */
export function callMetamethod(f: Value, args: Value[], what = '', site = noSite): Ret {
  let callee = f
  const all = args.slice()
  for (let depth = 0; depth < 200; depth++) {
    const method = metamethodOf(callee, '__call')
    if (method === undefined) {
      refuseCall(`attempt to call a ${typeNameOf(callee)} value${what}`, site)
    }
    all.unshift(callee)
    if (typeof method === 'function') return method(...all)
    callee = method
  }
  refuseCall("'__call' chain too long", site)
}

function refuseCall(message: string, site: Site): never {
  if (site === noSite) throwValue(message)
  throwError(message)
}
