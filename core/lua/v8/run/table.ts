// Tables: three parts and a metatable. Lanes; the hottest data of all.
//
//   rec   fields with constant names (`t.gold`, `{ gold = 1 }`): an object without a usable
//         prototype, which V8 gives a hidden class. A removed field stays, as undefined.
//   arr   t[1..arr.length], of which the first `border` are the sequence: `#t` is `border`
//   map   everything else, in order of insertion; a removed entry is a tombstone (HashPart)
//
//   arr   [ 'a' , 'b' , 'c' , nil , nil , 'f' ]     t[6] = 'f' came before there was a t[4]
//                     border ┘
//
// A key lives in one part only. New keys reach `rec` through setField alone (generated code with a
// constant name, constructors, JSON); `t[k] = v` puts them into `map`, so that a table used as a
// dictionary does not breed hidden classes. Over `recFieldsMax` names go to `map` as well. An arr
// that is mostly nil (a queue) moves to `map`. Generated code reads `t.rec.x` and `t.arr[i-1]`
// itself and writes there only where old and new value are both not nil: exactly then neither
// __newindex nor the shape of a part matters. Names that begin with `__` it always sends here.
//
// Keys are normal: a float with an integer's value is that integer (`normalKey`). A key that is nil
// or NaN is the caller's error. Setting nil while iterating is safe; `next` costs O(1).

import { limits } from '../../../base/limits.ts'
import { LuaFloat } from '../../engine.ts'
import { type Field, fieldOf, type Rec } from './field.ts'
import { HashPart } from './hash-part.ts'
import { EmptyRec, recFieldsMax } from './rec-shape.ts'
import { makeInteger, type Value } from './value.ts'

/** The one form of a key that the map part is searched by. */
export function normalKey(key: Value): Value {
  if (!(key instanceof LuaFloat)) return key
  const n = key.n
  if (n >= -9007199254740991 && n <= 9007199254740991) return n + 0
  // Floats of the integers' range are those integers; larger ones stand as the bare double.
  return n >= -(2 ** 63) && n < 2 ** 63 ? makeInteger(BigInt(n)) : n
}

/** The key as Lua sees it when it comes back from iteration. */
function keyToLua(key: Value): Value {
  return typeof key === 'number' && Number.isInteger(key) && !Number.isSafeInteger(key)
    ? new LuaFloat(key)
    : key
}

/** What the last `Table.next` found. */
export const found: { key: Value; value: Value } = { key: undefined, value: undefined }

/** The arr of tables without a sequence. Read by all, written by none. */
const noArr: Value[] = []

/** Integer keys up to this go to arr at once: a map part for one key would be larger. */
const directKeysMax = 128

export class Table {
  declare readonly luaObject: true
  rec: Rec | undefined
  arr: Value[]
  map: HashPart | undefined
  meta: Table | undefined
  /** The names of `rec` in order while they are known, for iteration; else at least their number. */
  names: readonly string[] | number
  /** How many items of arr are the sequence; if there is a next one it is nil. */
  border: number
  /** How long arr was when its end was last set to nil: iteration may still stand there. */
  popped: number

  constructor(rec?: Rec, fields = 0, arr: Value[] = noArr) {
    this.rec = rec
    this.arr = arr
    this.map = undefined
    this.meta = undefined
    this.names = fields
    this.border = arr.length
    this.popped = 0
  }

  /** Raw read with any key. */
  get(key: Value): Value {
    if (typeof key === 'string') return this.getString(key)
    if (typeof key === 'number') return this.getNumber(key)
    const map = this.map
    if (key instanceof LuaFloat) {
      const normal = normalKey(key)
      return typeof normal === 'number' ? this.getNumber(normal) : map?.get(normal)
    }
    return map === undefined ? undefined : map.get(key)
  }

  getString(key: string): Value {
    const value = this.rec === undefined ? undefined : this.rec[key]
    if (value !== undefined) return value
    return this.map === undefined ? undefined : this.map.get(key)
  }

  /** Reads with a raw number: an integer, or a float that is not integral. */
  getNumber(key: number): Value {
    const arr = this.arr
    if (key > 0 && key <= arr.length) {
      const value = arr[key - 1]
      if (value !== undefined) return value
    }
    return this.map === undefined ? undefined : this.map.get(key)
  }

  /** Raw write with any key that is neither nil nor NaN. */
  set(key: Value, value: Value): void {
    if (typeof key === 'string') this.setString(key, value)
    else {
      const normal = normalKey(key)
      if (typeof normal === 'number') this.setNumber(normal, value)
      else this.setMap(normal, value)
    }
  }

  private setMap(key: Value, value: Value): boolean {
    if (this.map === undefined) {
      if (value === undefined) return false
      this.map = new HashPart()
    }
    return this.map.set(key, value)
  }

  /** A write with a computed string: an existing field stays where it is, a new key goes to map. */
  setString(key: string, value: Value): void {
    const rec = this.rec
    if (rec !== undefined && rec[key] !== undefined) rec[key] = value
    else this.setMap(key, value)
  }

  /** As getString, by a Field. */
  getField(field: Field): Value {
    const value = this.rec === undefined ? undefined : field.read(this.rec)
    if (value !== undefined) return value
    return this.map === undefined ? undefined : this.map.get(field.name)
  }

  /** A write with a constant name, for which `isFieldName` holds. */
  setField(name: string, value: Value): void {
    this.putField(fieldOf(name), value)
  }

  /** As setField, by a Field. */
  putField(field: Field, value: Value): void {
    let rec = this.rec
    if (rec !== undefined && field.read(rec) !== undefined) {
      rec[field.name] = value
      return
    }
    if (this.map !== undefined && this.map.get(field.name) !== undefined) {
      this.map.set(field.name, value)
      return
    }
    if (value === undefined) return
    if (rec === undefined) rec = this.rec = new EmptyRec()
    const { names } = this
    const count = typeof names === 'number' ? names : names.length
    if (count >= recFieldsMax && !this.hasRoom(rec, field.name)) this.setMap(field.name, value)
    else {
      this.names = count + 1
      field.add(rec, value)
    }
  }

  /** The number counts a name again each time it comes back from nil; here it is counted for true. */
  private hasRoom(rec: Rec, name: string): boolean {
    this.names = Object.keys(rec)
    return this.names.length < recFieldsMax || name in rec
  }

  /** A write with a raw number: an integer, or a float that is not integral. */
  setNumber(key: number, value: Value): void {
    const arr = this.arr
    const length = arr.length
    if (key > 0 && key <= length && Number.isInteger(key)) {
      if (value !== undefined) {
        arr[key - 1] = value
        if (key === this.border + 1) this.advance()
      } else if (key === this.border) this.retreat()
      else arr[key - 1] = undefined
    } else if (value === undefined) {
      if (this.map !== undefined) this.map.set(key, undefined)
    } else if (key === length + 1) this.push(value)
    else if (key > 0 && key <= directKeysMax && Number.isInteger(key)) {
      this.reach(key - 1)
      this.push(value)
    } else if (this.setMap(key, value) && key > 0) this.growArr(this.map as HashPart)
  }

  /** Adds `value` (not nil) at the end of the sequence. */
  append(value: Value): void {
    const { arr, border } = this
    if (border === arr.length) this.push(value)
    else {
      arr[border] = value
      this.advance()
    }
  }

  /** Is all of arr the sequence? It may have holes even so. */
  get isWhole(): boolean {
    return this.border === this.arr.length
  }

  /** Adds `value` (not nil) at the end of arr. */
  private push(value: Value): void {
    const arr = this.ownArr()
    const length = arr.length
    if (length > directKeysMax && (length & (length - 1)) === 0) {
      // V8 ends the whole process when an array would grow beyond what it can hold.
      if (length >= limits.luaArrayItemsMax) throw new RangeError('Invalid array length')
      if (this.thinOut()) {
        this.setNumber(length + 1, value)
        return
      }
    }
    arr.push(value)
    if (this.border === length) this.border = length + 1
    if (this.map !== undefined && this.map.live > 0) this.pullFromMap(this.map)
  }

  /** Makes arr `length` long, with what the map has for the new places. */
  private reach(length: number): void {
    const arr = this.ownArr()
    const map = this.map !== undefined && this.map.live > 0 ? this.map : undefined
    for (let at = arr.length; at < length; at++) {
      const value = map?.get(at + 1)
      if (value !== undefined) map?.set(at + 1, undefined)
      arr.push(value)
    }
    this.extend()
  }

  /** The place behind the sequence, inside arr, has been filled. */
  private advance(): void {
    this.extend()
    if (this.isWhole && this.map !== undefined && this.map.live > 0) this.pullFromMap(this.map)
  }

  /** Takes into the sequence what follows it in arr. */
  private extend(): void {
    const arr = this.arr
    let border = this.border
    while (border < arr.length && arr[border] !== undefined) border++
    this.border = border
  }

  /** Takes the last item off the sequence, and the nils before it. */
  private retreat(): void {
    const arr = this.arr
    const { isWhole } = this
    let border = this.border - 1
    while (border > 0 && arr[border - 1] === undefined) border--
    if (isWhole) {
      if (arr.length > this.popped) this.popped = arr.length
      arr.length = border
    } else arr[this.border - 1] = undefined
    this.border = border
  }

  /** Sets 1..n to `items`, nils too: the positional items of a constructor that has other keys. */
  setItems(items: Value[]): void {
    const { arr, map } = this
    const count = items.length
    for (let i = count; i < arr.length; i++) items.push(arr[i])
    if (map !== undefined) for (let i = 1; i <= count; i++) map.set(i, undefined)
    let n = items.length
    while (n > 0 && items[n - 1] === undefined) n--
    items.length = n
    this.arr = items
    this.border = Math.min(count, n)
    while (this.border > 0 && items[this.border - 1] === undefined) this.border--
    this.extend()
    if (this.isWhole && n >= count && map !== undefined) this.pullFromMap(map)
  }

  private ownArr(): Value[] {
    if (this.arr === noArr) this.arr = []
    return this.arr
  }

  /** The key after the last one of arr may be waiting in the map. */
  private pullFromMap(map: HashPart): void {
    const arr = this.arr
    // The last key itself may have a tombstone in the map, never a value.
    for (let next = map.get(arr.length + 1); next !== undefined; next = map.get(arr.length + 1)) {
      map.set(arr.length + 1, undefined)
      if (this.isWhole) this.border++
      arr.push(next)
    }
  }

  /**
   * Moves integer keys from the map to arr when they fill it well enough. As in PUC, this is looked
   * at when the map has doubled, which only a new key can do: iteration is not disturbed.
   */
  private growArr(map: HashPart): void {
    const { length } = this.arr
    // What is counted must be in proportion to what was inserted since the last count.
    if (length > map.keys.length * 4) return
    const size = map.arraySize(this.arr)
    if (size <= length) return
    this.reach(size)
    this.pullFromMap(map)
  }

  /** Moves an arr that is nearly all nil (a queue's) to the map, but for the run at its start. */
  private thinOut(): boolean {
    const arr = this.arr
    let live = 0
    for (const value of arr) if (value !== undefined) live++
    // An entry of the map takes about as much room as this many places of arr; growArr must disagree.
    if (live > arr.length >> 3) return false
    let start = 0
    while (arr[start] !== undefined) start++
    for (let i = start; i < arr.length; i++) {
      const value = arr[i]
      if (value !== undefined) this.setMap(i + 1, value)
    }
    arr.length = start
    this.border = start
    return true
  }

  /** Exchanges all contents, but not the metatables. */
  exchange(other: Table): void {
    const { rec, arr, map, names, border, popped } = this
    this.rec = other.rec
    this.arr = other.arr
    this.map = other.map
    this.names = other.names
    this.border = other.border
    this.popped = other.popped
    Object.assign(other, { rec, arr, map, names, border, popped })
  }

  /** A border, as `#t` without metamethods. */
  length(): number {
    return this.border
  }

  /**
   * The pair after `key` (undefined: the first), left in `found`.
   * @returns false when there is none @throws RangeError for a key that was never in the table
   */
  next(key: Value): boolean {
    if (key === undefined) return this.nextInArr(0)
    if (typeof key === 'number' && key > 0 && key <= this.arr.length && Number.isInteger(key)) {
      return this.nextInArr(key)
    }
    if (typeof key === 'string' && this.rec !== undefined) {
      const at = this.recNames(this.rec).indexOf(key)
      if (at >= 0) return this.nextInRec(at + 1)
    }
    const normal = normalKey(key)
    if (typeof normal === 'number' && normal > 0 && normal <= this.arr.length) {
      if (Number.isInteger(normal)) return this.nextInArr(normal)
    }
    const at = this.map === undefined ? undefined : this.map.index.get(normal)
    if (at !== undefined) return this.nextInMap(at + 1)
    // The end of arr was set to nil while we stood on it.
    if (typeof normal === 'number' && normal > 0 && normal <= this.popped) return this.nextInRec(0)
    throw new RangeError('invalid key')
  }

  private nextInArr(from: number): boolean {
    const arr = this.arr
    for (let i = from; i < arr.length; i++) {
      const value = arr[i]
      if (value !== undefined) {
        found.key = i + 1
        found.value = value
        return true
      }
    }
    return this.nextInRec(0)
  }

  private recNames(rec: Rec): readonly string[] {
    if (typeof this.names !== 'number') return this.names
    const names = Object.keys(rec)
    // A frozen library table cannot remember its names.
    if (!Object.isFrozen(this)) this.names = names
    return names
  }

  private nextInRec(from: number): boolean {
    const rec = this.rec
    if (rec !== undefined) {
      const names = this.recNames(rec)
      for (let i = from; i < names.length; i++) {
        const key = names[i] as string
        const value = rec[key]
        if (value !== undefined) {
          found.key = key
          found.value = value
          return true
        }
      }
    }
    return this.nextInMap(0)
  }

  private nextInMap(from: number): boolean {
    const map = this.map
    if (map !== undefined) {
      const values = map.values
      for (let i = from; i < values.length; i++) {
        if (values[i] !== undefined) {
          found.key = keyToLua(map.keys[i])
          found.value = values[i]
          return true
        }
      }
    }
    return false
  }
}

/** What a tool's host library hands to Lua as `userdata`; lanes have none. */
export class Userdata {
  declare readonly luaObject: true
  meta: Table | undefined = undefined
}
