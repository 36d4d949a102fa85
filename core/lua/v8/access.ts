// Reading and writing `t[k]` with metamethods: what generated code calls when its inline path fails.
//
// Lanes. An answer may be YIELD (a metamethod that waits). `getField` and `setField` are for
// constant names that are field names (table.ts); the others take any key. Chains of __index and
// __newindex are bounded as in PUC (MAXTAGLOOP).

import { metamethodOf, typeNameOf } from './metatable.ts'
import { one } from './operator-metamethod.ts'
import { throwAtSite } from './site-error.ts'
import { operandA, siteOf } from './sites.ts'
import { vm } from './state.ts'
import { Table } from './table.ts'
import { type Ret, type Value, YIELD } from './value.ts'

const loopsMax = 2000

/** `t[key]`; a value or YIELD. */
export function index(t: Value, key: Value, site = 0): Ret {
  let at = t
  for (let loop = 0; loop < loopsMax; loop++) {
    let method: Value
    if (at instanceof Table) {
      const value = at.get(key)
      if (value !== undefined || at.meta === undefined) return value
      method = at.meta.getString('__index')
      if (method === undefined) return undefined
    } else {
      method =
        typeof at === 'string' && vm.realm.stringMeta !== undefined
          ? vm.realm.stringMeta.getString('__index')
          : metamethodOf(at, '__index')
      if (method === undefined) throwIndexError(at, key, loop === 0 ? site : -site)
    }
    if (typeof method === 'function') return one(method(at, key))
    at = method
  }
  throwAtSite("'__index' chain too long; possibly a loop", site)
}

/** `t.name`; a value or YIELD. */
export function getField(t: Value, name: string, site = 0): Ret {
  let at = t
  for (let loop = 0; loop < loopsMax; loop++) {
    if (!(at instanceof Table)) return index(at, name, site)
    const value = at.getString(name)
    if (value !== undefined) return value
    const meta = at.meta
    if (meta === undefined) return undefined
    const method = meta.getString('__index')
    if (method === undefined) return undefined
    if (typeof method === 'function') return one(method(at, name))
    at = method
  }
  throwAtSite("'__index' chain too long; possibly a loop", site)
}

/** How an error message names what was indexed: the object, or the key for upvalues of methods. */
function throwIndexError(v: Value, key: Value, site: number): never {
  const where = Math.abs(site)
  let name = site > 0 ? operandA(where) : ''
  if (name === '' && site > 0) name = keyInfo(key, siteOf(where).b)
  throwAtSite(`attempt to index a ${typeNameOf(v)} value${name}`, where)
}

function keyInfo(key: Value, told: string): string {
  return told !== '' && typeof key === 'string' ? ` (${told})` : ''
}

/** Refuses nil and NaN as keys of a new entry. */
function checkKey(key: Value, site: number): void {
  if (key === undefined) throwAtSite('table index is nil', site)
  if (typeof key === 'number' && Number.isNaN(key)) throwAtSite('table index is NaN', site)
}

/** `t[key] = value`; undefined or YIELD. */
export function setIndex(t: Value, key: Value, value: Value, site = 0): Ret {
  let at = t
  for (let loop = 0; loop < loopsMax; loop++) {
    let method: Value
    if (at instanceof Table) {
      if (at.meta === undefined) {
        if (typeof key === 'number' && !Number.isNaN(key)) at.setNumber(key, value)
        else {
          checkKey(key, site)
          at.set(key, value)
        }
        return undefined
      }
      method = at.meta.getString('__newindex')
      if (method === undefined || at.get(key) !== undefined) {
        checkKey(key, site)
        at.set(key, value)
        return undefined
      }
    } else {
      method = metamethodOf(at, '__newindex')
      if (method === undefined) throwIndexError(at, key, loop === 0 ? site : -site)
    }
    if (typeof method === 'function') return nothing(method(at, key, value))
    at = method
  }
  throwAtSite("'__newindex' chain too long; possibly a loop", site)
}

/** `t.name = value`; undefined or YIELD. */
export function setField(t: Value, name: string, value: Value, site = 0): Ret {
  if (t instanceof Table) {
    const meta = t.meta
    if (meta === undefined || meta.getString('__newindex') === undefined) {
      t.setField(name, value)
      return undefined
    }
    if (t.getString(name) !== undefined) {
      t.setField(name, value)
      return undefined
    }
  }
  return setIndex(t, name, value, site)
}

/** The answer of __newindex is thrown away; the caller's site does it again after a wait. */
function nothing(r: Ret): Ret {
  return r === null ? YIELD : undefined
}
