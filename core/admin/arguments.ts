// Arguments of admin commands: how they are declared, read from a command line and checked.
//
// Any thread; pure. The command line and the HTTP face both make a plain record of them, and
// `readArguments` checks that record against the declaration, in the client before it is sent and in
// the host again. What does not fit is a HostError BAD_REQUEST of one line.

import { must } from '../base/assert.ts'
import { HostError } from '../base/errors.ts'

export interface ArgumentSpec {
  readonly name: string
  /** A flag is there or not; a list takes all that is left, and is always positional. */
  readonly type: 'text' | 'integer' | 'flag' | 'list'
  /** Given by its place; the others by `--name value`. */
  readonly isPositional?: boolean
  readonly isRequired?: boolean
  readonly choices?: readonly string[]
  readonly min?: number
  readonly max?: number
  readonly otherwise?: string | number
  readonly help: string
}

export type ArgumentValue = string | number | boolean | readonly string[]

const textCharsMax = 65_536
const listItemsMax = 256

/** Arguments that were checked; asking for one under another type than it has is a bug. */
export class Arguments {
  readonly #values: ReadonlyMap<string, ArgumentValue>

  constructor(values: ReadonlyMap<string, ArgumentValue>) {
    this.#values = values
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name)
    return typeof value === 'string' ? value : undefined
  }

  /** Of an argument that is required, or has a default. */
  needText(name: string): string {
    return must(this.text(name), name)
  }

  integer(name: string): number | undefined {
    const value = this.#values.get(name)
    return typeof value === 'number' ? value : undefined
  }

  /** Of an argument that is required, or has a default. */
  needInteger(name: string): number {
    return must(this.integer(name), name)
  }

  flag(name: string): boolean {
    return this.#values.get(name) === true
  }

  list(name: string): readonly string[] {
    const value = this.#values.get(name)
    return Array.isArray(value) ? (value as readonly string[]) : []
  }

  /** As a plain record: for the audit log, and to be sent. */
  record(): Record<string, ArgumentValue> {
    return Object.fromEntries(this.#values)
  }
}

function usage(text: string): HostError {
  return new HostError('BAD_REQUEST', text)
}

/**
 * Reads a command's words, without its name.
 * @throws HostError BAD_REQUEST
 */
export function parseWords(
  specs: readonly ArgumentSpec[],
  words: readonly string[],
): Record<string, unknown> {
  const record: Record<string, unknown> = {}
  const places = specs.filter((spec) => spec.isPositional === true)
  let place = 0
  let isOnlyPlaces = false
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string
    if (word === '--' && !isOnlyPlaces) {
      isOnlyPlaces = true
    } else if (word.startsWith('--') && !isOnlyPlaces) {
      at += readOption(specs, word, words[at + 1], record)
    } else {
      const spec = places[place]
      if (spec === undefined) throw usage(`one argument too many: '${word}'`)
      if (spec.type === 'list') {
        const list = (record[spec.name] as string[] | undefined) ?? []
        record[spec.name] = [...list, word]
      } else {
        record[spec.name] = word
        place++
      }
    }
  }
  return record
}

/** @returns how many words behind it belong to it */
function readOption(
  specs: readonly ArgumentSpec[],
  word: string,
  next: string | undefined,
  record: Record<string, unknown>,
): number {
  const [name = '', inline] = splitAtEquals(word.slice(2))
  const spec = specs.find((each) => each.name === name && each.isPositional !== true)
  if (spec === undefined) throw usage(`unknown option '--${name}'`)
  if (Object.hasOwn(record, name)) throw usage(`--${name} is given twice`)
  if (spec.type === 'flag') {
    if (inline !== undefined) throw usage(`--${name} takes no value`)
    record[name] = true
    return 0
  }
  const value = inline ?? next
  if (value === undefined) throw usage(`--${name} needs a value`)
  record[name] = value
  return inline === undefined ? 1 : 0
}

function splitAtEquals(text: string): [string, string | undefined] {
  const at = text.indexOf('=')
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

/**
 * Checks arguments as they came from outside; what is left out gets its default.
 * @throws HostError BAD_REQUEST
 */
export function readArguments(specs: readonly ArgumentSpec[], raw: unknown): Arguments {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw usage('arguments must be an object')
  }
  const found = new Map(Object.entries(raw))
  const values = new Map<string, ArgumentValue>()
  for (const spec of specs) {
    const value = found.get(spec.name)
    found.delete(spec.name)
    if (value !== undefined) values.set(spec.name, readOne(spec, value))
    else if (spec.isRequired === true) throw usage(`${shownName(spec)} is missing`)
    else if (spec.otherwise !== undefined) values.set(spec.name, spec.otherwise)
  }
  for (const name of found.keys()) throw usage(`unknown argument '${name.slice(0, 64)}'`)
  return new Arguments(values)
}

function readOne(spec: ArgumentSpec, value: unknown): ArgumentValue {
  if (spec.type === 'flag') {
    if (value === true || value === 'true') return true
    if (value === false || value === 'false') return false
    throw wrong(spec, 'true or false', value)
  }
  if (spec.type === 'list') {
    const list = typeof value === 'string' ? value.split(',') : value
    const isGood =
      Array.isArray(list) && list.length <= listItemsMax && list.every((each) => isText(each))
    if (!isGood) throw wrong(spec, 'a list of names', value)
    return list as string[]
  }
  if (spec.type === 'integer') return readInteger(spec, value)
  if (!isText(value)) throw wrong(spec, `a text of 1 to ${textCharsMax} characters`, value)
  const { choices } = spec
  if (choices !== undefined && !choices.includes(value)) {
    throw wrong(spec, `one of ${choices.join(', ')}`, value)
  }
  return value
}

function readInteger(spec: ArgumentSpec, value: unknown): number {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = spec
  const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value
  if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) {
    return number
  }
  const upTo = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`
  throw wrong(spec, `a whole number ${upTo}`, value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= textCharsMax
}

function wrong(spec: ArgumentSpec, expected: string, got: unknown): HostError {
  const shown = (JSON.stringify(got) ?? String(got)).slice(0, 64)
  return usage(`${shownName(spec)}: expected ${expected}, got ${shown}`)
}

/** A command's arguments as help shows them: `<session> [--reason TEXT]`. */
export function usageOf(specs: readonly ArgumentSpec[]): string {
  return specs
    .map((spec) => {
      const shown = shownName(spec)
      if (spec.type === 'flag') return `[${shown}]`
      if (spec.type === 'list') return `[${shown} ...]`
      const whole = spec.isPositional === true ? shown : `${shown} ${placeholder(spec)}`
      return spec.isRequired === true ? whole : `[${whole}]`
    })
    .join(' ')
}

function placeholder(spec: ArgumentSpec): string {
  return spec.choices?.join('|') ?? (spec.type === 'integer' ? 'N' : 'TEXT')
}

function shownName(spec: ArgumentSpec): string {
  return spec.isPositional === true ? `<${spec.name}>` : `--${spec.name}`
}
