// The hidden classes of tables' records (`rec` in table.ts). Lanes.
//
// A table constructor with named fields makes its record by a class of its own list of names; a table
// that gets its fields one by one begins with an empty record that has room for some.

import type { Rec } from './field.ts'
import type { Value } from './value.ts'

const bareProto = Object.create(null)
type RecClass = new (...values: Value[]) => Rec

/** A constructor whose instances inherit from nothing. */
function bareClass(parameters: string[], body: string): RecClass {
  const made = new Function(...parameters, body) as unknown as RecClass
  made.prototype = bareProto
  return made
}

/** Fields that a table may get one by one before they go to the map part. */
export const recFieldsMax = 64
/** Room inside the object for fields that are added one by one: V8 settles it on the first ones. */
export const EmptyRec = bareClass([], '')
for (let i = 0; i < 16; i++) {
  const rec = new EmptyRec()
  rec.a = rec.b = rec.c = rec.d = undefined
}

const shapes = new Map<string, RecClass>()

/** The constructor for a table constructor's named fields, in order; one for each list of names. */
export function shapeOf(names: readonly string[]): RecClass {
  const key = names.map((name) => JSON.stringify(name)).join()
  let shape = shapes.get(key)
  if (shape === undefined) {
    const parameters = names.map((_, i) => `v${i}`)
    const body = names.map((name, i) => `this[${JSON.stringify(name)}]=v${i}`).join(';')
    shape = bareClass(parameters, body)
    shapes.set(key, shape)
  }
  return shape
}
