// JSON straight into and out of VM tables; the rules are those of engine.ts.
//
// Runs in the engine's thread, outside or inside a Lua call. Reading: without `\u` escapes the
// bytes are parsed as they are, since a byte string needs no decoding; with them the text is decoded
// first and each string encoded again. Failures are JsonProblems, worded as byte strings, which the
// engine makes LuaErrors.

import { isUtf8 } from 'node:buffer'
import { messageOf } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { bytesToTextStrict, textToBytes } from '../bytes.ts'
import {
  type LState,
  newTable,
  stringOf,
  type Table,
  type TString,
  TV,
  type TValue,
  tableSet,
  tag,
  textOf,
} from './vm.ts'

/** What is wrong with a text or a value, in words for the designer. */
export class JsonProblem extends Error {}

/** The two marker tables of an engine. */
export interface JsonMarks {
  readonly nullTable: Table
  readonly arrayMeta: Table
}

// --- reading

export function readJson(L: LState, marks: JsonMarks, bytes: Uint8Array): TValue {
  if (!isUtf8(bytes)) throw new JsonProblem('invalid JSON: the text is not UTF-8')
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const escapes = buffer.includes('\\u')
  const text = escapes ? buffer.toString('utf8') : buffer.toString('latin1')
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (thrown) {
    const words = messageOf(thrown).slice(0, 200)
    // Without escapes the text was read as bytes, and so are the words.
    throw new JsonProblem(`invalid JSON: ${escapes ? textToBytes(words) : words}`)
  }
  return new Reader(L, marks, escapes).value(parsed, 1, true)
}

class Reader {
  readonly #L: LState
  readonly #marks: JsonMarks
  readonly #encode: boolean

  constructor(L: LState, marks: JsonMarks, encode: boolean) {
    this.#L = L
    this.#marks = marks
    this.#encode = encode
  }

  value(v: unknown, depth: number, keepNull: boolean): TValue {
    switch (typeof v) {
      case 'string':
        return new TV(tag.longString, stringOf(this.#bytes(v)))
      case 'number':
        return (v | 0) === v ? new TV(tag.integer, v | 0) : new TV(tag.float, v)
      case 'boolean':
        return new TV(tag.boolean, v)
      default:
        break
    }
    if (v === null) {
      return keepNull ? new TV(tag.table, this.#marks.nullTable) : new TV(tag.nil, null)
    }
    if (depth > limits.jsonDepthMax) {
      throw new JsonProblem(`invalid JSON: nested deeper than ${limits.jsonDepthMax}`)
    }
    const table = Array.isArray(v)
      ? this.#array(v, depth)
      : this.#object(v as Record<string, unknown>, depth)
    return new TV(tag.table, table)
  }

  #bytes(text: string): string {
    if (!this.#encode) return text
    if (!text.isWellFormed()) {
      throw new JsonProblem('invalid JSON: a \\u escape makes half a surrogate pair')
    }
    return textToBytes(text)
  }

  #array(list: readonly unknown[], depth: number): Table {
    const table = newTable(this.#L)
    if (list.length === 0) table.metatable = this.#marks.arrayMeta
    for (let i = 0; i < list.length; i++) {
      tableSet(this.#L, table, new TV(tag.integer, i + 1), this.value(list[i], depth + 1, true))
    }
    return table
  }

  #object(object: Record<string, unknown>, depth: number): Table {
    const table = newTable(this.#L)
    for (const key of Object.keys(object)) {
      const value = this.value(object[key], depth + 1, false)
      if (value.type === tag.nil) continue
      tableSet(this.#L, table, new TV(tag.longString, stringOf(this.#bytes(key))), value)
    }
    table.flags = 0
    return table
  }
}

// --- writing

export function writeJson(marks: JsonMarks, value: TValue): string {
  return new Writer(marks).value(value)
}

/** Bytes that a JSON string may not hold as they are, or that need a look. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control bytes are what is looked for
const special = /[\0-\x1f"\\\x80-\xff]/
/** The first byte of a four-byte UTF-8 sequence, which is a character beyond the BMP. */
const beyondBmp = /[\xf0-\xf4][\x80-\xbf]{3}/g

class Writer {
  readonly #marks: JsonMarks
  /** Keys from the root to the value being written, for messages. */
  readonly #path: (string | number)[] = []
  /** Tables from the root to the value being written. */
  readonly #open: Table[] = []

  constructor(marks: JsonMarks) {
    this.#marks = marks
  }

  value(v: TValue): string {
    switch (v.type) {
      case tag.longString:
      case tag.string:
        return this.#string(textOf(v.value as TString))
      case tag.integer:
      case tag.boolean:
        return String(v.value)
      case tag.float:
        if (Number.isFinite(v.value)) return String(v.value)
        throw this.#refuse(Number.isNaN(v.value) ? 'nan' : 'inf')
      case tag.table:
        return this.#table(v.value as Table)
      case tag.nil:
        return 'null'
      default:
        throw this.#refuse(v.type === tag.thread ? 'a coroutine' : 'a function')
    }
  }

  #string(bytes: string): string {
    if (!special.test(bytes)) return `"${bytes}"`
    if (bytesToTextStrict(bytes) === undefined) throw this.#refuse('a string that is not UTF-8')
    const quoted = JSON.stringify(bytes)
    return quoted.replace(beyondBmp, (sequence) => {
      const pair = Buffer.from(sequence, 'latin1').toString('utf8')
      const unit = (i: number) => `\\u${pair.charCodeAt(i).toString(16)}`
      return unit(0) + unit(1)
    })
  }

  #table(table: Table): string {
    if (table === this.#marks.nullTable) return 'null'
    if (this.#open.includes(table)) throw this.#refuse('a cycle')
    if (this.#open.length >= limits.jsonDepthMax) {
      throw this.#refuse(`nested deeper than ${limits.jsonDepthMax}`)
    }
    const size = table.strong.size
    if (size === 0) return table.metatable === this.#marks.arrayMeta ? '[]' : '{}'
    this.#open.push(table)
    const text = isSequence(table, size) ? this.#array(table, size) : this.#object(table)
    this.#open.pop()
    return text
  }

  #array(table: Table, size: number): string {
    let out = '['
    const at = this.#path.push(1) - 1
    for (let i = 1; i <= size; i++) {
      this.#path[at] = i
      if (i > 1) out += ','
      out += this.value(table.strong.get(i)?.value as TValue)
    }
    this.#path.pop()
    return `${out}]`
  }

  #object(table: Table): string {
    let out = '{'
    const at = this.#path.push('') - 1
    for (let entry = table.f; entry !== undefined; entry = entry.n) {
      const key = entry.key
      let name: string
      if (key.type === tag.longString || key.type === tag.string) {
        name = textOf(key.value as TString)
      } else if (key.type === tag.integer || Number.isSafeInteger(key.value)) {
        name = String(key.value)
      } else {
        this.#path.pop()
        throw this.#refuse(`a key that is neither a string nor an integer`)
      }
      this.#path[at] = name
      if (out.length > 1) out += ','
      out += `${this.#string(name)}:${this.value(entry.value)}`
    }
    this.#path.pop()
    return `${out}}`
  }

  #refuse(what: string): JsonProblem {
    let path = ''
    for (const key of this.#path) {
      if (typeof key === 'number') path += `[${key}]`
      else path += path === '' ? key : `.${key}`
    }
    return new JsonProblem(`cannot be JSON: ${path === '' ? 'the value' : path}: ${what}`)
  }
}

/** Are the table's `size` keys exactly 1..size? */
function isSequence(table: Table, size: number): boolean {
  for (let i = 1; i <= size; i++) {
    if (!table.strong.has(i)) return false
  }
  return true
}
