// Reading and writing `t[k]` with metamethods: what generated code calls when its inline path fails.
//
// Lanes. An answer may be YIELD (a metamethod that waits). `getField` and `setField` are for
// constant names that are field names (table.ts); the others take any key. Chains of __index and
// __newindex are bounded as in PUC (MAXTAGLOOP).

import { type Field, fieldOf, type Rec } from './field.ts'
import { metamethodOf, typeNameOf } from './metatable.ts'
import { one } from './operator-metamethod.ts'
import { throwAtSite } from './site-error.ts'
import { noSite, operandA, type Site } from './sites.ts'
import { vm } from './state.ts'
import { Table } from './table.ts'
import { type Ret, type Value, YIELD } from './value.ts'

const loopsMax = 2000
const indexEvent = fieldOf('__index')
const newIndexEvent = fieldOf('__newindex')

/** `t[key]`; a value or YIELD. */
export function index(t: Value, key: Value, site = noSite): Ret {
  // The usual case, small enough to be inlined: an integer key, no metatable.
  if (typeof key === 'number' && t instanceof Table) {
    const value = t.getNumber(key)
    if (value !== undefined || t.meta === undefined) return value
  }
  return indexAny(t, key, site)
}

/** @param inherited `t` is not what the source names, but what its metatables led to */
function indexAny(t: Value, key: Value, site: Site, inherited = false): Ret {
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
      if (method === undefined) throwIndexError(at, key, site, inherited || loop > 0)
    }
    if (typeof method === 'function') return one(method(at, key))
    at = method
  }
  throwAtSite("'__index' chain too long; possibly a loop", site)
}

/** `t.name`; a value or YIELD. */
export function getField(t: Value, field: Field, site = noSite): Ret {
  if (t instanceof Table) {
    const value = field.find(t)
    if (value !== null) return value
  }
  return getInherited(t, field, site)
}

function getInherited(t: Value, field: Field, site: Site): Ret {
  let at = t
  for (let loop = 0; loop < loopsMax; loop++) {
    if (!(at instanceof Table)) return indexAny(at, field.name, site, loop > 0)
    const value = at.getField(field)
    if (value !== undefined) return value
    const meta = at.meta
    if (meta === undefined) return undefined
    const method = meta.rec === undefined ? meta.getField(indexEvent) : metaIndex(meta, meta.rec)
    if (method === undefined) return undefined
    if (typeof method === 'function') return one(method(at, field.name))
    at = method
  }
  throwAtSite("'__index' chain too long; possibly a loop", site)
}

function metaIndex(meta: Table, rec: Rec): Value {
  const method = rec.__index
  return method === undefined && meta.map !== undefined ? meta.getField(indexEvent) : method
}

/** How an error message names what was indexed: the object, or the key for upvalues of methods. */
function throwIndexError(v: Value, key: Value, site: Site, inherited: boolean): never {
  let name = inherited ? '' : operandA(site)
  if (name === '' && !inherited) name = keyInfo(key, site.b)
  throwAtSite(`attempt to index a ${typeNameOf(v)} value${name}`, site)
}

function keyInfo(key: Value, told: string): string {
  return told !== '' && typeof key === 'string' ? ` (${told})` : ''
}

/** Refuses nil and NaN as keys of a new entry. */
function checkKey(key: Value, site: Site): void {
  if (key === undefined) throwAtSite('table index is nil', site)
  if (typeof key === 'number' && Number.isNaN(key)) throwAtSite('table index is NaN', site)
}

/** `t[key] = value`; undefined or YIELD. */
export function setIndex(t: Value, key: Value, value: Value, site = noSite): Ret {
  // The usual case, small enough to be inlined: an integer key, no metatable.
  if (typeof key === 'number' && t instanceof Table && t.meta === undefined && !Number.isNaN(key)) {
    t.setNumber(key, value)
    return undefined
  }
  return setAny(t, key, value, site)
}

function setAny(t: Value, key: Value, value: Value, site: Site): Ret {
  let at = t
  for (let loop = 0; loop < loopsMax; loop++) {
    let method: Value
    if (at instanceof Table) {
      if (at.meta === undefined) {
        checkKey(key, site)
        at.set(key, value)
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
      if (method === undefined) throwIndexError(at, key, site, loop > 0)
    }
    if (typeof method === 'function') return nothing(method(at, key, value))
    at = method
  }
  throwAtSite("'__newindex' chain too long; possibly a loop", site)
}

/** `t.name = value`; undefined or YIELD. */
export function setField(t: Value, field: Field, value: Value, site = noSite): Ret {
  if (t instanceof Table) {
    const meta = t.meta
    if (meta === undefined || meta.getField(newIndexEvent) === undefined) {
      t.putField(field, value)
      return undefined
    }
    if (t.getField(field) !== undefined) {
      t.putField(field, value)
      return undefined
    }
  }
  return setIndex(t, field.name, value, site)
}

/** The answer of __newindex is thrown away; the caller's site does it again after a wait. */
function nothing(r: Ret): Ret {
  return r === null ? YIELD : undefined
}
