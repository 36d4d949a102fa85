// The small language in which a section of config/host.lua is declared: a field is what it accepts,
// in words and as a check, and its default.
//
// Any thread; pure. `checkSection` never throws: each field that does not fit is reported with its
// line and keeps its default, so that one run finds everything.

import { plainPairs } from './lua-values.ts'
import type { Positions } from './positions.ts'
import { type Problems, show, suggestion } from './problems.ts'
import type { PlainValue, Port } from './types.ts'

/** One field: `parse` returns undefined for a value that is not as `expected` says. */
export interface Field<T> {
  readonly otherwise: T
  readonly expected: string
  parse(value: PlainValue): T | undefined
}

/** A declared section: its fields by their camelCase names. */
export type Section<T> = { readonly [K in keyof T]: Field<T[K]> }

export function integer(otherwise: number, min: number, max: number): Field<number> {
  return {
    otherwise,
    expected: `a whole number from ${min} to ${max}`,
    parse: (v) =>
      Number.isInteger(v) && inRange(v as number, min, max) ? (v as number) : undefined,
  }
}

export function number(otherwise: number, min: number, max: number): Field<number> {
  return {
    otherwise,
    expected: `a number from ${min} to ${max}`,
    parse: (v) => (typeof v === 'number' && inRange(v, min, max) ? v : undefined),
  }
}

const inRange = (n: number, min: number, max: number): boolean => n >= min && n <= max

/** A number of bytes; `least` is the smallest that works at all. */
export function bytes(otherwise: number, least: number, most: number): Field<number> {
  const field = integer(otherwise, least, most)
  return { ...field, expected: `a number of bytes from ${least} to ${most}` }
}

/** Text that matches `shape`, which `expected` describes. */
export function text(otherwise: string, shape: RegExp, expected: string): Field<string> {
  return {
    otherwise,
    expected,
    parse: (v) => (typeof v === 'string' && shape.test(v) ? v : undefined),
  }
}

export function choice<const T extends string | boolean>(
  otherwise: T,
  all: readonly T[],
): Field<T> {
  return {
    otherwise,
    expected: `one of ${all.map((word) => show(word)).join(', ')}`,
    parse: (v) => all.find((word) => word === v),
  }
}

/** A port: a number, 0 for any free one, false for off. */
export function port(otherwise: Port): Field<Port> {
  return {
    otherwise,
    expected: 'a port from 0 to 65535 (0 is any free one), or false for off',
    parse: (v) =>
      v === false || (Number.isInteger(v) && inRange(v as number, 0, 65535))
        ? (v as Port)
        : undefined,
  }
}

/** The same field, but `false` is off. */
export function orOff<T>(field: Field<T>): Field<T | false> {
  return {
    otherwise: field.otherwise,
    expected: `${field.expected}, or false for off`,
    parse: (v) => (v === false ? false : field.parse(v)),
  }
}

/** A list of texts that each match `shape`. */
export function textList(
  otherwise: readonly string[],
  shape: RegExp,
  expected: string,
): Field<readonly string[]> {
  return {
    otherwise,
    expected: `a list of ${expected}`,
    parse: (v) => {
      const pairs = plainPairs(v)
      const good = pairs?.every(
        ([key, item], i) => key === i + 1 && typeof item === 'string' && shape.test(item),
      )
      return good ? pairs?.map(([, item]) => item as string) : undefined
    },
  }
}

/** heartbeatS -> heartbeat_s */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)
}

/** The Lua value of one section as it was found, and where. */
export interface Found {
  readonly file: string
  readonly section: string
  readonly value: PlainValue | undefined
  readonly positions: Positions | undefined
}

/** Checks one section against its declaration; what is missing gets its default. */
export function checkSection<T extends object>(
  fields: Section<T>,
  found: Found,
  problems: Problems,
): T {
  const { file, section, value, positions } = found
  const result: Partial<T> = {}
  const names = new Map<string, keyof T & string>()
  for (const key of Object.keys(fields) as (keyof T & string)[]) {
    names.set(snakeCase(key), key)
    result[key] = fields[key].otherwise
  }
  const report = (path: string[], message: string): void => {
    problems.add({ file, line: positions?.lineOf(path), field: path.join('.'), message })
  }
  if (value === undefined) return result as T
  const pairs = plainPairs(value)
  if (pairs === undefined) report([section], `expected a table, got ${show(value)}`)
  for (const [luaName, item] of pairs ?? []) {
    const key = names.get(String(luaName))
    if (key === undefined) {
      const known = suggestion(String(luaName), names.keys())
      report([section, String(luaName)], `unknown field${known}`)
      continue
    }
    const parsed = fields[key].parse(item)
    if (parsed !== undefined) result[key] = parsed
    else report([section, String(luaName)], `expected ${fields[key].expected}, got ${show(item)}`)
  }
  return result as T
}

/** Puts a command line's values over a section; they are checked like the file's. */
export function overrideSection<T extends object>(
  fields: Section<T>,
  section: string,
  current: T,
  over: Partial<T> | undefined,
  problems: Problems,
): T {
  const result = { ...current }
  for (const [key, value] of Object.entries(over ?? {}) as [keyof T & string, unknown][]) {
    if (value === undefined) continue
    const field = fields[key]
    const parsed = field?.parse(value as PlainValue)
    if (parsed !== undefined) {
      result[key] = parsed
      continue
    }
    const expected = field === undefined ? 'no such field' : `expected ${field.expected}`
    const message = `${expected}, got ${show(value as PlainValue)}`
    const name = `${section}.${snakeCase(key)}`
    problems.add({ file: 'command line', line: undefined, field: name, message })
  }
  return result
}
