// The inline paths of reading and writing tables, as JavaScript texts (table.ts draws the parts). Pure.
//
// Each text is a chain of `||` or `&&` with one check a link, so that V8 jumps from the first that
// fails straight to the slow path; `t?.rec?.x` would ask for null as well as undefined at each step,
// join the ways, and ask the result again. `$r` holds the part of the table on the way; it is set
// and read within one chain. What is no table has neither `rec` nor `arr`. Guarded by bench/lua.

import { type Atom, fieldName } from './lower-operand.ts'
import { partVariable, property } from './names.ts'

/** The step to a part, or to a field, leads nowhere. */
function missing(into: string, from: string): string {
  return `(${into} = ${from}) === undefined`
}

/** A constant number needs parentheses before a dot. */
function base(object: string): string {
  return /^[\d.]/.test(object) ? `(${object})` : object
}

/** Reads `access` of a part of `object` into `t`: one of the checks is true when there is nothing. */
function partChecks(t: string, object: string, part: 'rec' | 'arr', access: string): string[] {
  return [
    `${object} === undefined`,
    missing(partVariable, `${base(object)}.${part}`),
    missing(t, `${partVariable}${access}`),
  ]
}

function itemChecks(t: string, object: string, at: string): string[] {
  return partChecks(t, object, 'arr', `[${at}]`)
}

function fieldChecks(t: string, object: string, name: string): string[] {
  return partChecks(t, object, 'rec', property(name))
}

/** `t = object[key]`, inline: true when it found nothing. */
export function readFast(t: string, object: string, key: Atom): string {
  const name = fieldName(key)
  if (name !== undefined) return any(fieldChecks(t, object, name))
  const k = key.constant?.value
  if (key.constant === undefined) {
    return any([`typeof ${key.text} !== 'number'`, ...itemChecks(t, object, `${key.text} - 1`)])
  }
  return isPlace(k) ? any(itemChecks(t, object, String(k - 1))) : 'true'
}

/** `t = object.name` for a method, which mostly stands in a class: true when it found nothing. */
export function readMethodFast(t: string, object: string, name: string): string {
  const r = partVariable
  const inherited = [
    `${object} === undefined`,
    `${base(object)}.map !== undefined`,
    missing(r, `${base(object)}.meta`),
    missing(r, `${r}.rec`),
    missing(r, `${r}.__index`),
    missing(r, `${r}.rec`),
    missing(t, `${r}${property(name)}`),
  ]
  return `${any(fieldChecks(t, object, name))} && ${any(inherited)}`
}

/** The condition under which `object[key] = value` has been done in place; undefined when it never is. */
export function storeFast(object: string, key: Atom, value: Atom): string | undefined {
  if (value.constant !== undefined && value.constant.value === undefined) return undefined
  const isValue = value.constant === undefined ? [`${value.text} !== undefined`] : []
  const name = fieldName(key)
  const k = key.constant?.value
  let part: string
  let place: string
  if (name !== undefined) {
    if (name.startsWith('__')) return undefined
    part = 'rec'
    place = `${partVariable}${property(name)}`
  } else {
    if (key.constant !== undefined && !isPlace(k)) return undefined
    part = 'arr'
    place = `${partVariable}[${isPlace(k) ? k - 1 : `${key.text} - 1`}]`
  }
  return [
    ...(key.constant === undefined ? [`typeof ${key.text} === 'number'`] : []),
    `${object} !== undefined`,
    `(${partVariable} = ${base(object)}.${part}) !== undefined`,
    `${place} !== undefined`,
    ...isValue,
    `(${place} = ${value.text}, true)`,
  ].join(' && ')
}

/** May this constant key be the place of an item? */
function isPlace(k: unknown): k is number {
  return typeof k === 'number' && Number.isInteger(k) && k > 0
}

function any(checks: readonly string[]): string {
  return `(${checks.join(' || ')})`
}
