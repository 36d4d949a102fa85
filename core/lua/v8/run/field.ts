// Field names that compiled code writes out (`t.gold`): one Field for each, shared by all chunks.
//
// Lanes; hot. A Field reads and adds its property through code of its own, so that V8 keeps a cache of
// shapes for each name; `rec[name]` with a variable name would be looked up anew each time. That code
// is made when it has proved worth it. The set of names also tells JSON which keys belong into `rec`.
// The registry only grows: with the names in source files, never with data.

import type { Value } from './value.ts'

/** The object behind a table's `rec`; never has a property that Lua did not put there. */
export interface Rec {
  [name: string]: Value
}

/** Reads that go the slow way before a reader is made: most names never need one. */
const slowReadsMax = 8
/** As slowReadsMax, for adding the property. */
const slowAddsMax = 8

/** As slowReadsMax, for finding the property through metatables. */
const slowFindsMax = 200

/** A property as a store makes it; the value is put in for each. */
const added: PropertyDescriptor = {
  value: undefined,
  writable: true,
  enumerable: true,
  configurable: true,
}

/** As much of a table as inheritance needs to see; `border` tells a table from all else. */
export interface Inheriting {
  readonly rec: Rec | undefined
  readonly map: object | undefined
  readonly meta: Inheriting | undefined
  readonly border: number
}

type Finder = (table: Inheriting) => Value | null

/** An object, its class and two classes above: each level has a cache of shapes of its own. */
const levels = 4

function makeFinder(name: string): Finder {
  const field = (of: string) => `v = ${of}.rec; if (v !== undefined) v = v`
  const steps = Array.from({ length: levels }, (_, level) => {
    const own = `${field('t')}[${JSON.stringify(name)}]; if (v !== undefined) return v;`
    if (level === levels - 1) return `${own} return null`
    const noMap = 'if (t.map !== undefined) return null;'
    const meta = `m = t.meta; if (m === undefined) return undefined; if (m.map !== undefined) return null;`
    const up = `${field('m')}.__index; if (v === undefined) return undefined;`
    return `${own} ${noMap} ${meta} ${up} if (v.border === undefined) return null; t = v;`
  })
  return new Function('t', `"use strict"; let v, m; ${steps.join('\n')}`) as Finder
}

export class Field {
  readonly name: string
  private reader: ((rec: Rec) => Value) | undefined = undefined
  private adder: ((rec: Rec, value: Value) => void) | undefined = undefined
  private slowReads = 0
  private slowAdds = 0
  private finder: Finder | undefined = undefined
  private slowFinds = 0

  constructor(name: string) {
    this.name = name
  }

  read(rec: Rec): Value {
    if (this.reader !== undefined) return this.reader(rec)
    if (++this.slowReads > slowReadsMax) {
      const body = `return r[${JSON.stringify(this.name)}]`
      this.reader = new Function('r', body) as (rec: Rec) => Value
    }
    return rec[this.name]
  }

  /**
   * What a table has by this name, itself or through up to three tables of `__index`.
   * @returns null when it cannot tell: the caller goes the long way
   */
  find(table: Inheriting): Value | null {
    if (this.finder !== undefined) return this.finder(table)
    if (++this.slowFinds > slowFindsMax) this.finder = makeFinder(this.name)
    return null
  }

  /**
   * Adds the property by a definition or a store of its own; computed stores would end in slow mode.
   * A definition takes ten times as long as the store, but no code has to be compiled for it.
   */
  add(rec: Rec, value: Value): void {
    if (this.adder === undefined) {
      if (++this.slowAdds <= slowAddsMax) {
        added.value = value
        Reflect.defineProperty(rec, this.name, added)
        added.value = undefined
        return
      }
      const body = `r[${JSON.stringify(this.name)}]=v`
      this.adder = new Function('r', 'v', body) as (r: Rec, v: Value) => void
    }
    this.adder(rec, value)
  }
}

const fields = new Map<string, Field>()

/** The Field of a name for which `isFieldName` holds. */
export function fieldOf(name: string): Field {
  let field = fields.get(name)
  if (field === undefined) {
    field = new Field(name)
    fields.set(name, field)
  }
  return field
}

/** The Field of a name that compiled code uses; undefined for others: they breed no hidden classes. */
export function knownField(name: string): Field | undefined {
  return fields.get(name)
}

/** May this name be a field of `rec`? V8 keeps names that look like an array index elsewhere. */
export function isFieldName(name: string): boolean {
  return !/^(?:0|[1-9]\d*)$/.test(name)
}
