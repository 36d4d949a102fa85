// The basic functions but for pcall, xpcall, error, assert (protected-call.ts) and load (load.ts).
//
// Lanes; hot: next, ipairs, select, type, tostring. `collectgarbage` answers what a program may ask
// about; V8 collects on its own, so asking it to do so changes nothing.

import v8 from 'node:v8'
import { regs, results, ret0, ret2, ret3, retArray } from '../run/answer.ts'
import { call } from '../run/call.ts'
import { rawEquals } from '../run/compare.ts'
import { throwValue } from '../run/errors.ts'
import { Frame, park } from '../run/frame.ts'
import { metamethodOf, metatableOf, typeOf } from '../run/metatable.ts'
import { parseInBase, wrapInteger } from '../run/number-text.ts'
import { vm } from '../run/state.ts'
import { found, Table } from '../run/table.ts'
import { MULTI, makeFloat, type Ret, type Value, YIELD } from '../run/value.ts'
import { checkIndex, checkInteger, checkString, checkTable, toNumber } from './args.ts'
import { argError, fail, typeError } from './failure.ts'
import { getSync } from './sync.ts'
import { toText } from './tostring.ts'

function checkAny(args: readonly Value[], fn: string): Value {
  if (args.length === 0) argError(1, fn, 'value expected')
  return args[0]
}

function type(...args: Value[]): Ret {
  const v = args[0]
  return v === undefined ? typeOf(checkAny(args, 'type')) : typeOf(v)
}

function tostring(...args: Value[]): Ret {
  const v = args[0]
  return toText(v === undefined ? checkAny(args, 'tostring') : v)
}

function tonumber(...args: Value[]): Ret {
  const v = args[0]
  if (args[1] === undefined) {
    if (v === undefined) checkAny(args, 'tonumber')
    return toNumber(v)
  }
  const base = checkIndex(args[1], 2, 'tonumber')
  if (typeof v !== 'string') typeError(1, 'tonumber', 'string', v)
  if (base < 2 || base > 36) argError(2, 'tonumber', 'base out of range')
  return parseInBase(v, base)
}

function print(...args: Value[]): Ret {
  let line = ''
  for (let i = 0; i < args.length; i++) line += (i > 0 ? '\t' : '') + toText(args[i])
  vm.realm.print(line)
  return ret0()
}

/** `select`; exported because generated code does its common forms in place. */
export function select(n: Value, ...values: Value[]): Ret {
  if (n === '#') return values.length
  const at = checkIndex(n, 1, 'select')
  if (at > 0) {
    if (at > values.length) return ret0()
    return at === values.length ? values[at - 1] : retArray(values.slice(at - 1))
  }
  if (at === 0 || -at > values.length) argError(1, 'select', 'index out of range')
  return retArray(values.slice(at))
}

/** `next`; exported because `pairs` hands it out and generated loops recognise it. */
export function next(t: Value, key: Value): Ret {
  if (!(t instanceof Table)) typeError(1, 'next', 'table', t)
  try {
    return t.next(key) ? ret2(found.key, found.value) : undefined
  } catch (thrown) {
    if (thrown instanceof RangeError && thrown.message === 'invalid key') {
      throwValue("invalid key to 'next'")
    }
    throw thrown
  }
}

/** Cuts what a `__pairs` that waited answered to three values. */
class PairsFrame extends Frame {
  override resume(r: Ret): Ret {
    return threeValues(r)
  }
}

function threeValues(r: Ret): Ret {
  if (r === YIELD) return park(new PairsFrame())
  if (r !== MULTI) return ret3(r as Value, undefined, undefined)
  for (let i = results.n; i < 3; i++) regs[i] = undefined
  results.n = 3
  return MULTI
}

/** The iterator of what is no table: in PUC as well it is the loop that fails. */
function refuseIterating(t: Value): Ret {
  typeError(1, 'for iterator', 'table', t)
}

function pairs(t: Value): Ret {
  if (t instanceof Table && t.meta === undefined) return ret3(next, t, undefined)
  const method = metamethodOf(t, '__pairs')
  if (method !== undefined) return threeValues(call(method, t))
  if (t instanceof Table) return ret3(next, t, undefined)
  // biome-ignore lint/complexity/noArguments: a rest parameter would make an array for each call.
  if (arguments.length === 0) argError(1, 'pairs', 'value expected')
  return ret3(refuseIterating, t, undefined)
}

/** The iterator of ipairs; exported because generated loops recognise it. */
export function ipairsNext(t: Value, control: Value): Ret {
  if (typeof control === 'number' && t instanceof Table && t.meta === undefined) {
    const value = t.getNumber(control + 1)
    return value === undefined ? undefined : ret2(control + 1, value)
  }
  const i = wrapInteger(BigInt(checkInteger(control, 2, 'for iterator')) + 1n)
  if (!(t instanceof Table) && metamethodOf(t, '__index') === undefined) {
    // PUC says "attempt to index a nil value" and not even where.
    typeError(1, 'for iterator', 'table', t)
  }
  const value = getSync(t, i)
  return value === undefined ? undefined : ret2(i, value)
}

function ipairs(...args: Value[]): Ret {
  if (args.length === 0) argError(1, 'ipairs', 'value expected')
  return ret3(ipairsNext, args[0], 0)
}

function rawequal(a: Value, b: Value): Ret {
  // biome-ignore lint/complexity/noArguments: a rest parameter would make an array for each call.
  const count = arguments.length
  if (count < 2) argError(count + 1, 'rawequal', 'value expected')
  return rawEquals(a, b)
}

function rawget(t: Value, key: Value): Ret {
  return checkTable(t, 1, 'rawget').get(key)
}

/** Library tables of a sandbox are frozen by JavaScript's means. */
function checkWritable(t: Table): void {
  if (Object.isFrozen(t)) fail('attempt to modify a read-only table')
}

function rawset(t: Value, key: Value, value: Value): Ret {
  const table = checkTable(t, 1, 'rawset')
  checkWritable(table)
  if (key === undefined) throwValue('table index is nil')
  if (typeof key === 'number' && Number.isNaN(key)) throwValue('table index is NaN')
  table.set(key, value)
  return table
}

function rawlen(v: Value): Ret {
  if (v instanceof Table) return v.length()
  if (typeof v === 'string') return v.length
  typeError(1, 'rawlen', 'table or string', v)
}

function getmetatable(v: Value): Ret {
  const meta = metatableOf(v)
  if (meta === undefined) {
    // biome-ignore lint/complexity/noArguments: a rest parameter would make an array for each call.
    if (arguments.length === 0) argError(1, 'getmetatable', 'value expected')
    return undefined
  }
  const shown = meta.getString('__metatable')
  return shown === undefined ? meta : shown
}

function setmetatable(t: Value, meta: Value): Ret {
  const table = checkTable(t, 1, 'setmetatable')
  if (meta !== undefined && !(meta instanceof Table)) {
    typeError(2, 'setmetatable', 'nil or table', meta)
  }
  // biome-ignore lint/complexity/noArguments: a rest parameter would make an array for each call.
  if (meta === undefined && arguments.length < 2) {
    argError(2, 'setmetatable', 'nil or table expected, got no value')
  }
  if (table.meta?.getString('__metatable') !== undefined) {
    fail('cannot change a protected metatable')
  }
  checkWritable(table)
  table.meta = meta
  return table
}

let collectorMode = 'incremental'

function collectgarbage(option: Value): Ret {
  switch (option) {
    case undefined:
    case 'collect':
    case 'stop':
    case 'restart':
      return 0
    case 'count':
      return makeFloat(v8.getHeapStatistics().used_heap_size / 1024)
    case 'step':
    case 'isrunning':
      return true
    case 'setpause':
      return 200
    case 'setstepmul':
      return 100
    case 'incremental':
    case 'generational': {
      const before = collectorMode
      collectorMode = option
      return before
    }
    default:
      argError(1, 'collectgarbage', `invalid option '${checkString(option, 1, 'collectgarbage')}'`)
  }
}

export const baseFunctions = {
  collectgarbage,
  getmetatable,
  ipairs,
  next,
  pairs,
  print,
  rawequal,
  rawget,
  rawlen,
  rawset,
  select,
  setmetatable,
  tonumber,
  tostring,
  type,
}
