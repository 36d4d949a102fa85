// The table library. Lanes; hot: insert, remove, concat and unpack run in every handler.
//
// A table without a metatable is worked on directly (`arr` is its sequence); everything else goes
// through `index` and `setIndex`, metamethods and all, in PUC's order of accesses. Positions may be
// any 64-bit integer there. A metamethod called from here cannot yield.

import { LuaFloat } from '../../engine.ts'
import { regs, results, ret0, retArray } from '../run/answer.ts'
import { eq, len as lengthOf } from '../run/compare.ts'
import { metamethodOf, typeOf } from '../run/metatable.ts'
import { toInteger } from '../run/number.ts'
import { integerOf, numberText, wrapInteger } from '../run/number-text.ts'
import { vm } from '../run/state.ts'
import { Table } from '../run/table.ts'
import { type LuaFn, MULTI, type Ret, type Value } from '../run/value.ts'
import { checkFunction, checkInteger, checkString } from './args.ts'
import { argError, checkSize, fail, spend, typeError } from './failure.ts'
import { sortValues } from './sort.ts'
import { getSync, setSync } from './sync.ts'

type Int = number | bigint

const unpackMax = 1_000_000

/** `a + b`, wrapped around to 64 bits. */
function plus(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b
    if (Number.isSafeInteger(sum)) return sum
  }
  return wrapInteger(BigInt(a) + BigInt(b))
}

/** Accepts a table, or what has the metamethods that a table is used by. */
function checkTableLike(v: Value, arg: number, fn: string, events: readonly string[]): void {
  if (v instanceof Table) return
  for (const event of events) {
    if (metamethodOf(v, event) === undefined) typeError(arg, fn, 'table', v)
  }
}

/** `#t` as an integer. */
function lengthSync(t: Value): Int {
  if (t instanceof Table && t.meta === undefined) return t.length()
  vm.noYield++
  const n = toInteger(lengthOf(t) as Value)
  vm.noYield--
  if (n === undefined) fail('object length is not an integer')
  return n
}

const readEvents = ['__index', '__len']
const writeEvents = ['__index', '__newindex', '__len']

function insert(t: Value, a: Value, b: Value): Ret {
  // biome-ignore lint/complexity/noArguments: insert(t, nil) and insert(t, pos, nil) differ by it.
  const count = arguments.length
  if (t instanceof Table && t.meta === undefined) {
    if (count === 2) {
      if (a !== undefined) t.append(a)
      return ret0()
    }
    if (count === 3 && typeof a === 'number' && insertPlain(t, a, b)) return ret0()
  }
  return insertSlow(t, a, b, count)
}

/** Below this, moving elements one by one is faster than splice, which makes an array to return. */
const splicedMin = 24

/** Moves the elements from `position` up by one inside `arr`; false when this is not so simple. */
function insertPlain(t: Table, position: number, value: Value): boolean {
  const n = t.border
  if (
    !t.isWhole ||
    !Number.isInteger(position) ||
    position < 1 ||
    position > n ||
    value === undefined
  ) {
    return false
  }
  // What would follow the new end may be waiting in the map part.
  if (t.map !== undefined && t.map.live > 0) return false
  spend((n - position) >> 4)
  const { arr } = t
  if (n - position > splicedMin) arr.splice(position - 1, 0, value)
  else {
    arr.push(arr[n - 1])
    for (let i = n - 1; i >= position; i--) arr[i] = arr[i - 1]
    arr[position - 1] = value
  }
  t.border = n + 1
  return true
}

function insertSlow(t: Value, a: Value, b: Value, count: number): Ret {
  checkTableLike(t, 1, 'insert', writeEvents)
  const end = plus(lengthSync(t), 1)
  if (count === 2) {
    setSync(t, end, a)
    return ret0()
  }
  if (count !== 3) fail("wrong number of arguments to 'insert'")
  const position = checkInteger(a, 2, 'insert')
  const offset = BigInt.asUintN(64, BigInt(position) - 1n)
  if (offset >= BigInt.asUintN(64, BigInt(end))) argError(2, 'insert', 'position out of bounds')
  for (let i = end; i > position; i = plus(i, -1)) {
    spend(1)
    setSync(t, i, getSync(t, plus(i, -1)))
  }
  setSync(t, position, b)
  return ret0()
}

function remove(t: Value, at: Value): Ret {
  if (t instanceof Table && t.meta === undefined) {
    const n = t.border
    if (n > 0 && (at === undefined || at === n)) {
      const last = t.arr[n - 1]
      t.setNumber(n, undefined)
      return last
    }
    if (t.isWhole && typeof at === 'number' && Number.isInteger(at) && at > 0 && at < n) {
      return removePlain(t, at, n)
    }
  }
  return removeSlow(t, at)
}

function removePlain(t: Table, position: number, n: number): Value {
  const { arr } = t
  // A traversal may stand on the old end.
  if (n > t.popped) t.popped = n
  const removed = arr[position - 1]
  spend((n - position) >> 4)
  if (position === 1) arr.shift()
  else {
    if (n - position > splicedMin) arr.splice(position - 1, 1)
    else {
      for (let i = position; i < n; i++) arr[i - 1] = arr[i]
      arr.pop()
    }
  }
  t.border = n - 1
  return removed
}

function removeSlow(t: Value, at: Value): Ret {
  checkTableLike(t, 1, 'remove', writeEvents)
  const size = lengthSync(t)
  let position = at === undefined ? size : checkInteger(at, 2, 'remove')
  if (position !== size) {
    const offset = BigInt.asUintN(64, BigInt(position) - 1n)
    if (offset > BigInt.asUintN(64, BigInt(size))) argError(1, 'remove', 'position out of bounds')
  }
  const removed = getSync(t, position)
  for (; position < size; position = plus(position, 1)) {
    spend(1)
    setSync(t, position, getSync(t, plus(position, 1)))
  }
  setSync(t, position, undefined)
  return removed
}

function move(from: Value, first: Value, last: Value, to: Value, into: Value): Ret {
  const f = checkInteger(first, 2, 'move')
  const e = checkInteger(last, 3, 'move')
  const t = checkInteger(to, 4, 'move')
  const target = into === undefined ? from : into
  checkTableLike(from, 1, 'move', ['__index'])
  checkTableLike(target, into === undefined ? 1 : 5, 'move', ['__newindex'])
  if (e < f) return target
  const count = BigInt(e) - BigInt(f) + 1n
  if (count > 0x7fffffffffffffffn) argError(3, 'move', 'too many elements to move')
  if (BigInt(t) > 0x7fffffffffffffffn - count + 1n) argError(4, 'move', 'destination wrap around')
  const upwards = t > e || t <= f || (into !== undefined && !sameTable(from, target))
  const step = upwards ? 1 : -1
  let at: Int = upwards ? f : e
  let put: Int = upwards ? t : plus(t, integerOf(count - 1n))
  for (let left = Number(count); left > 0; left--) {
    spend(1)
    setSync(target, put, getSync(from, at))
    at = plus(at, step)
    put = plus(put, step)
  }
  return target
}

function sameTable(a: Value, b: Value): boolean {
  vm.noYield++
  const same = eq(a, b) === true
  vm.noYield--
  return same
}

function concatText(v: Value, at: Int): string {
  if (typeof v === 'string') return v
  if (typeof v === 'number' || typeof v === 'bigint' || v instanceof LuaFloat) return numberText(v)
  fail(`invalid value (${typeOf(v)}) at index ${at} in table for 'concat'`)
}

function concat(t: Value, separator: Value, from: Value, to: Value): Ret {
  checkTableLike(t, 1, 'concat', readEvents)
  const length = lengthSync(t)
  const sep = separator === undefined ? '' : checkString(separator, 2, 'concat')
  const first = from === undefined ? 1 : checkInteger(from, 3, 'concat')
  const last = to === undefined ? length : checkInteger(to, 4, 'concat')
  if (first > last) return ''
  const plain = t instanceof Table && t.meta === undefined && t.isWhole ? t.arr : undefined
  if (plain !== undefined && first === 1 && last === plain.length) return joinPlain(plain, sep)
  let out = ''
  for (let i = first; ; i = plus(i, 1)) {
    spend(1)
    out += concatText(getSync(t, i), i)
    checkSize(out.length)
    if (i === last) return out
    out += sep
  }
}

function joinPlain(arr: readonly Value[], sep: string): string {
  const n = arr.length
  let size = sep.length * (n - 1)
  let strings = true
  for (let i = 0; i < n; i++) {
    const v = arr[i]
    if (typeof v === 'string') size += v.length
    else strings = false
  }
  spend(n)
  checkSize(size)
  if (strings) return arr.join(sep)
  const texts = new Array<string>(n)
  for (let i = 0; i < n; i++) texts[i] = concatText(arr[i], i + 1)
  const out = texts.join(sep)
  checkSize(out.length)
  return out
}

function pack(...values: Value[]): Ret {
  const n = values.length
  while (values.length > 0 && values[values.length - 1] === undefined) values.pop()
  const t = new Table(undefined, 0, values)
  t.setField('n', n)
  return t
}

export function unpack(t: Value, from: Value, to: Value): Ret {
  if (t instanceof Table && t.meta === undefined) {
    const first = from === undefined ? 1 : from
    const last = to === undefined ? t.border : to
    if (typeof first === 'number' && typeof last === 'number') {
      const whole = Number.isInteger(first) && Number.isInteger(last) && last - first < unpackMax
      if (whole && first >= 1 && last <= t.arr.length && first < last) {
        return unpackPlain(t.arr, first, last)
      }
    }
  }
  return unpackSlow(t, from, to)
}

/** All of `first`..`last`, at least two, are inside `arr`. */
function unpackPlain(arr: readonly Value[], first: number, last: number): Ret {
  spend(last - first)
  for (let i = first; i <= last; i++) regs[i - first] = arr[i - 1]
  results.n = last - first + 1
  return MULTI
}

function unpackSlow(t: Value, from: Value, to: Value): Ret {
  const first = from === undefined ? 1 : checkInteger(from, 2, 'unpack')
  const last = to === undefined ? lengthSync(t) : checkInteger(to, 3, 'unpack')
  if (first > last) return ret0()
  const count = Number(BigInt(last) - BigInt(first)) + 1
  if (count >= unpackMax) fail('too many results to unpack')
  spend(count)
  const values: Value[] = []
  for (let i = 0; i < count; i++) values.push(getSync(t, plus(first, i)))
  return retArray(values)
}

function sort(t: Value, comparator: Value): Ret {
  checkTableLike(t, 1, 'sort', writeEvents)
  const length = lengthSync(t)
  if (length <= 1) return ret0()
  if (length >= 0x7fffffff) argError(1, 'sort', 'array too big')
  const order: LuaFn | undefined =
    comparator === undefined ? undefined : checkFunction(comparator, 2, 'sort')
  const plain = t instanceof Table && t.meta === undefined
  const n = Number(length)
  let values: Value[]
  if (plain) values = t.arr.slice(0, n)
  else {
    values = []
    for (let i = 1; i <= n; i++) values.push(getSync(t, i))
  }
  vm.noYield++
  try {
    sortValues(values, order)
  } finally {
    // As far as it came, also when the comparison raised.
    if (plain && t.border === n) for (let i = 0; i < n; i++) t.arr[i] = values[i]
    else for (let i = 1; i <= n; i++) setSync(t, i, values[i - 1])
  }
  vm.noYield--
  return ret0()
}

export const tableFunctions = { concat, insert, move, pack, remove, sort, unpack }
