// table.sort: PUC's quicksort, pivot for pivot, on a copy of the elements. Lanes; hot.
//
// The same algorithm, because an unstable sort shows in what it makes of equal elements, and
// because "invalid order function for sorting" is part of the language. Raw numbers and plain
// strings without a comparison function have only one sorted order, so V8's own sorts do those.
// PUC breaks up unbalanced partitions by the clock; here a counter does it, so runs can be repeated.

import { regs, results } from '../run/answer.ts'
import { type LuaFn, MULTI, type Ret, type Value } from '../run/value.ts'
import { fail, spend } from './failure.ts'
import { isLess } from './order.ts'

type Less = (a: Value, b: Value) => boolean

/** Larger intervals may get a random pivot after an unbalanced partition. */
const randomPivotLimit = 100

/** Sorts `a` in place. The caller holds yields off (vm.noYield). */
export function sortValues(a: Value[], comparator: LuaFn | undefined): void {
  const n = a.length
  spend(n)
  if (comparator !== undefined) quicksort(a, 0, n - 1, lessBy(comparator))
  else if (a.every(isPlainNumber)) {
    const sorted = Float64Array.from(a as number[]).sort()
    for (let i = 0; i < n; i++) a[i] = sorted[i]
  } else if (a.every(isString)) (a as string[]).sort(compareBytes)
  else quicksort(a, 0, n - 1, isLess)
}

function isPlainNumber(v: Value): boolean {
  return typeof v === 'number' && !Number.isNaN(v)
}

function isString(v: Value): boolean {
  return typeof v === 'string'
}

function compareBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function lessBy(comparator: LuaFn): Less {
  return (x, y) => {
    const r: Ret = comparator(x, y)
    if (typeof r === 'boolean') return r
    if (r === MULTI) return results.n > 0 && regs[0] !== undefined && regs[0] !== false
    return r !== undefined
  }
}

function swap(a: Value[], i: number, j: number): void {
  const held = a[i]
  a[i] = a[j]
  a[j] = held
}

/** Puts a[from] <= a[middle] <= a[to]; answers whether that is all there was to do. */
function sortEnds(a: Value[], from: number, middle: number, to: number, less: Less): void {
  if (less(a[middle], a[from])) swap(a, middle, from)
  else if (less(a[to], a[middle])) swap(a, middle, to)
}

function quicksort(a: Value[], first: number, last: number, less: Less): void {
  let lo = first
  let up = last
  let random = 0
  while (lo < up) {
    spend(up - lo)
    if (less(a[up], a[lo])) swap(a, lo, up)
    if (up - lo === 1) return
    const middle = choosePivot(lo, up, random)
    sortEnds(a, lo, middle, up, less)
    if (up - lo === 2) return
    const pivot = a[middle]
    swap(a, middle, up - 1)
    const p = partition(a, lo, up, pivot, less)
    let smaller: number
    if (p - lo < up - p) {
      quicksort(a, lo, p - 1, less)
      smaller = p - lo
      lo = p + 1
    } else {
      quicksort(a, p + 1, up, less)
      smaller = up - p
      up = p - 1
    }
    if ((up - lo) / 128 > smaller) random = (random + 0x9e3779b9) >>> 0
  }
}

function choosePivot(lo: number, up: number, random: number): number {
  // PUC counts from 1: the middle of lo+1 and up+1, rounded down, less 1.
  if (up - lo < randomPivotLimit || random === 0) return Math.floor((lo + up + 2) / 2) - 1
  const quarter = Math.floor((up - lo) / 4)
  return (random % (quarter * 2)) + lo + quarter
}

function partition(a: Value[], lo: number, up: number, pivot: Value, less: Less): number {
  let i = lo
  let j = up - 1
  for (;;) {
    while (less(a[++i], pivot)) {
      if (i === up - 1) fail('invalid order function for sorting')
    }
    while (less(pivot, a[--j])) {
      if (j < i) fail('invalid order function for sorting')
    }
    if (j < i) {
      swap(a, up - 1, i)
      return i
    }
    swap(a, i, j)
  }
}
