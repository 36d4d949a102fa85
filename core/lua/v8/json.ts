// JSON straight into and out of tables; the rules are those of engine.ts. Lanes; hot: every message.
//
// Reading: a byte string of UTF-8 is parsed as it is, since strings stay bytes; only a text with `\u`
// escapes is decoded first and each string encoded again. Fields that compiled code names become
// fields of `rec`; other names go to the map part, so that a client cannot breed hidden classes.
// Failures are JsonProblems, which the engine makes LuaErrors.

import { isUtf8 } from 'node:buffer'
import { limits } from '../../base/limits.ts'
import { bytesToTextStrict, textToBytes } from '../bytes.ts'
import { LuaFloat } from '../engine.ts'
import { knownField } from './run/field.ts'
import { found, Table } from './run/table.ts'
import { makeFloat, type Value } from './run/value.ts'

/** What is wrong with a text or a value, in words for the designer. */
export class JsonProblem extends Error {}

/** The two marker tables of an engine. */
export interface JsonMarks {
  readonly nullTable: Table
  readonly arrayMeta: Table
}

/** Reads JSON in UTF-8. @throws JsonProblem */
export function readJson(marks: JsonMarks, bytes: Uint8Array): Value {
  if (!isUtf8(bytes)) throw new JsonProblem('invalid JSON: the text is not UTF-8')
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const escapes = buffer.includes('\\u')
  const text = escapes ? buffer.toString('utf8') : buffer.toString('latin1')
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (thrown) {
    const words = thrown instanceof Error ? thrown.message : String(thrown)
    throw new JsonProblem(`invalid JSON: ${textToBytes(words.slice(0, 200))}`)
  }
  return new JsonReader(marks, escapes).value(parsed, 1, true)
}

class JsonReader {
  private readonly marks: JsonMarks
  private readonly escapes: boolean

  constructor(marks: JsonMarks, escapes: boolean) {
    this.marks = marks
    this.escapes = escapes
  }

  value(v: unknown, depth: number, keepNull: boolean): Value {
    if (typeof v === 'string') return this.escapes ? encode(v) : v
    if (typeof v === 'number') return Number.isSafeInteger(v) ? v + 0 : makeFloat(v)
    if (typeof v === 'boolean') return v
    if (v === null) return keepNull ? this.marks.nullTable : undefined
    if (depth > limits.jsonDepthMax) {
      throw new JsonProblem(`invalid JSON: nested deeper than ${limits.jsonDepthMax}`)
    }
    return Array.isArray(v) ? this.array(v, depth) : this.object(v as object, depth)
  }

  private array(list: unknown[], depth: number): Table {
    const items: Value[] = []
    for (const item of list) items.push(this.value(item, depth + 1, true))
    const table = new Table(undefined, 0, items)
    if (items.length === 0) table.meta = this.marks.arrayMeta
    return table
  }

  private object(object: object, depth: number): Table {
    const table = new Table()
    for (const [name, item] of Object.entries(object)) {
      const value = this.value(item, depth + 1, false)
      if (value === undefined) continue
      const key = this.escapes ? encode(name) : name
      const field = knownField(key)
      if (field !== undefined) table.putField(field, value)
      else table.setString(key, value)
    }
    return table
  }
}

function encode(text: string): string {
  if (!text.isWellFormed()) {
    throw new JsonProblem('invalid JSON: a \\u escape makes half a surrogate pair')
  }
  return textToBytes(text)
}

/** Writes a value as a byte string of JSON. @throws JsonProblem */
export function writeJson(marks: JsonMarks, value: Value): string {
  return new JsonWriter(marks).value(value)
}

/** Bytes that a JSON string may not hold as they are, or that need a look. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control bytes are what is looked for
const special = /[\0-\x1f"\\\x80-\xff]/
/** A four-byte UTF-8 sequence: a character beyond the BMP. */
const beyondBmp = /[\xf0-\xf4][\x80-\xbf]{3}/g

class JsonWriter {
  private readonly marks: JsonMarks
  /** Keys from the root to the value that is being written, for messages. */
  private readonly path: (string | number)[] = []
  /** Tables from the root to there. */
  private readonly open: Table[] = []

  constructor(marks: JsonMarks) {
    this.marks = marks
  }

  value(v: Value): string {
    switch (typeof v) {
      case 'string':
        return this.string(v)
      case 'number':
        if (Number.isFinite(v)) return String(v)
        return this.refuse(Number.isNaN(v) ? 'nan' : 'inf')
      case 'boolean':
      case 'bigint':
        return String(v)
      case 'undefined':
        return 'null'
      default:
        if (v instanceof Table) return this.table(v)
        if (v instanceof LuaFloat) return String(v.n)
        return this.refuse(typeof v === 'function' ? 'a function' : 'a coroutine')
    }
  }

  private string(bytes: string): string {
    if (!special.test(bytes)) return `"${bytes}"`
    if (bytesToTextStrict(bytes) === undefined) this.refuse('a string that is not UTF-8')
    return JSON.stringify(bytes).replace(beyondBmp, (sequence) => {
      const pair = Buffer.from(sequence, 'latin1').toString('utf8')
      return [0, 1].map((i) => `\\u${pair.charCodeAt(i).toString(16)}`).join('')
    })
  }

  private table(table: Table): string {
    if (table === this.marks.nullTable) return 'null'
    if (this.open.includes(table)) this.refuse('a cycle')
    if (this.open.length >= limits.jsonDepthMax) {
      this.refuse(`nested deeper than ${limits.jsonDepthMax}`)
    }
    if (!table.next(undefined)) return table.meta === this.marks.arrayMeta ? '[]' : '{}'
    this.open.push(table)
    const text = isSequence(table) ? this.array(table.arr, table.border) : this.object(table)
    this.open.pop()
    return text
  }

  private array(items: readonly Value[], count: number): string {
    let out = '['
    const at = this.path.push(1) - 1
    for (let i = 0; i < count; i++) {
      this.path[at] = i + 1
      out += i === 0 ? this.value(items[i]) : `,${this.value(items[i])}`
    }
    this.path.pop()
    return `${out}]`
  }

  private object(table: Table): string {
    let out = '{'
    const at = this.path.push('') - 1
    for (let more = table.next(undefined); more; ) {
      const { key, value } = found
      const name = this.keyText(key)
      this.path[at] = name
      const text = `${this.string(name)}:${this.value(value)}`
      out += out.length > 1 ? `,${text}` : text
      more = table.next(key)
    }
    this.path.pop()
    return `${out}}`
  }

  private keyText(key: Value): string {
    if (typeof key === 'string') return key
    if (typeof key === 'bigint' || Number.isInteger(key)) return String(key)
    this.path.pop()
    return this.refuse('a key that is neither a string nor an integer')
  }

  private refuse(what: string): never {
    let path = ''
    for (const key of this.path) {
      if (typeof key === 'number') path += `[${key}]`
      else path += path === '' ? key : `.${key}`
    }
    throw new JsonProblem(`cannot be JSON: ${path === '' ? 'the value' : path}: ${what}`)
  }
}

/** Are the table's keys exactly 1..n? */
function isSequence(table: Table): boolean {
  const { arr, map, rec } = table
  if (map !== undefined && map.live > 0) return false
  if (table.border === 0) return false
  for (let i = 0; i < arr.length; i++) {
    if ((arr[i] !== undefined) !== i < table.border) return false
  }
  if (rec === undefined) return true
  for (const name in rec) if (rec[name] !== undefined) return false
  return true
}
