// The map part of a table: any key, in order of insertion. Lanes; hot.
//
//   index  key ─▶ place          keys    [ 'a' , 700 , 'c' ]
//                                values  [  1  , nil ,  3  ]     nil: a tombstone, which keeps its place
//
// Setting nil while iterating is safe, because an entry is only taken out (`compact`) when a new key
// comes. Keys are normal (table.ts); a value is never nil when its key is new.

import type { Value } from './value.ts'

const arraySizeBitsMax = 26
const arraySizeMax = 2 ** arraySizeBitsMax

/** The map part: insertion order, tombstones, compaction only when a new key comes. */
export class HashPart {
  readonly index = new Map<Value, number>()
  keys: Value[] = []
  values: Value[] = []
  live = 0

  get(key: Value): Value {
    const at = this.index.get(key)
    return at === undefined ? undefined : this.values[at]
  }

  /** @returns true when the number of entries has become a power of two by this one */
  set(key: Value, value: Value): boolean {
    const at = this.index.get(key)
    if (at !== undefined) {
      if (this.values[at] === undefined) this.live++
      if (value === undefined) this.live--
      this.values[at] = value
      return false
    }
    if (value === undefined) return false
    if (this.keys.length > 8 && this.live < this.keys.length >> 1) this.compact()
    this.index.set(key, this.keys.length)
    this.keys.push(key)
    this.values.push(value)
    this.live++
    const entries = this.keys.length
    return entries >= 8 && (entries & (entries - 1)) === 0
  }

  /**
   * How long an array would best be for the integer keys here and in `arr`: the largest key n such
   * that more than a quarter of 1..n is in use. (PUC asks for half; an entry here takes more room.)
   */
  arraySize(arr: readonly Value[]): number {
    // Of the keys in 2^(b-1)+1 .. 2^b: how many there are, and the largest.
    const counts = new Array<number>(arraySizeBitsMax + 1).fill(0)
    const largest = new Array<number>(arraySizeBitsMax + 1).fill(0)
    const count = (key: number): void => {
      const bits = 32 - Math.clz32(key - 1)
      counts[bits] = (counts[bits] as number) + 1
      if (key > (largest[bits] as number)) largest[bits] = key
    }
    const { keys, values } = this
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]
      if (typeof key !== 'number' || values[i] === undefined) continue
      if (key > 0 && key <= arraySizeMax && Number.isInteger(key)) count(key)
    }
    for (let i = 0; i < arr.length; i++) if (arr[i] !== undefined) count(i + 1)
    let total = 0
    let best = 0
    for (let bits = 0; bits <= arraySizeBitsMax; bits++) {
      total += counts[bits] as number
      const size = largest[bits] as number
      if (total > size / 4) best = Math.max(best, size)
    }
    return best
  }

  private compact(): void {
    let to = 0
    for (let from = 0; from < this.keys.length; from++) {
      const key = this.keys[from]
      if (this.values[from] === undefined) {
        this.index.delete(key)
        continue
      }
      this.index.set(key, to)
      this.keys[to] = key
      this.values[to++] = this.values[from]
    }
    this.keys.length = to
    this.values.length = to
  }
}
