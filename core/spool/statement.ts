// One SQL statement of a game: checks its text once, finds its `?`, and renders it with values.
//
// Any thread. What comes out is one line without a newline or a comment, so that a spool file can be
// fed to the database's own client. The checks are a whitelist on what those clients, and the servers
// in all of their modes, read alike:
//
//   verb           INSERT, UPDATE, DELETE, REPLACE (not on PostgreSQL); nothing that commits by itself
//   outside quotes no ; but one at the end, no comment (-- /* #), no backslash, no $, no :name @name ?1
//                  (SQLite takes those for parameters, psql for its variables); white space is one blank
//   in quotes      'text', "name", `name`, [name] on SQLite; no backslash, no control character
//   whole          UTF-8
//
// Errors are HostError SQL with the parameter's index or the statement's fault. A statement's text is
// scanned once and kept by StatementCache; bench/spool.ts guards the speed of `render`.

import { isUtf8 } from 'node:buffer'
import type { Dialect } from '../base/dialect.ts'
import { HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { bytesToText } from '../lua/bytes.ts'
import { LuaFloat } from '../lua/engine.ts'
import { textClass } from './literal-text.ts'
import { literalsOf } from './literals.ts'
import { type Literals, SqlBlob } from './sql-value.ts'

const int64Min = -(2n ** 63n)
const int64Max = 2n ** 63n - 1n

/** Names what no literal stands for, for the error: `a table`. */
export type DescribeValue = (value: unknown) => string

const describeByType: DescribeValue = (value) => `a value of type ${typeof value}`

/** A checked statement. Immutable. */
export class Statement {
  /** What stands between the parameters; one more than there are parameters. */
  readonly #parts: readonly string[]
  readonly #literals: Literals

  constructor(parts: readonly string[], dialect: Dialect) {
    this.#parts = parts
    this.#literals = literalsOf(dialect)
  }

  get parameters(): number {
    return this.#parts.length - 1
  }

  /**
   * The statement with its values in place: a byte string that ends with `;` and a newline.
   * @param values of type SqlValue; trailing ones that are left out count as missing
   * @throws HostError SQL naming the parameter, TOO_LARGE beyond spoolTransactionBytesMax
   */
  render(values: readonly unknown[], describe: DescribeValue = describeByType): string {
    const parts = this.#parts
    if (values.length !== parts.length - 1) throw this.#countError(values.length)
    let text = parts[0] as string
    for (let i = 0; i < values.length; i++) {
      text += this.#literal(values[i], i, describe) + parts[i + 1]
    }
    if (text.length > limits.spoolTransactionBytesMax) {
      const most = limits.spoolTransactionBytesMax
      const fault = `a statement of ${text.length} bytes is too long: at most ${most} fit`
      throw new HostError('TOO_LARGE', fault)
    }
    return text
  }

  #countError(given: number): HostError {
    const wanted = this.parameters
    const many = given > wanted ? 'too many' : 'too few'
    return new HostError('SQL', `${many} parameters: the statement has ${wanted} ?, ${given} given`)
  }

  #literal(value: unknown, index: number, describe: DescribeValue): string {
    const literals = this.#literals
    switch (typeof value) {
      case 'string':
        return this.#text(value, index)
      case 'number':
        if (Number.isSafeInteger(value) && !Object.is(value, -0)) return literals.integer(value)
        return this.#float(value, index)
      case 'bigint':
        if (value >= int64Min && value <= int64Max) return literals.integer(value)
        throw parameterError(index, 'is an integer of more than 64 bits')
      case 'boolean':
        return literals.boolean(value)
      case 'undefined':
        return 'NULL'
    }
    if (value === null) return 'NULL'
    if (value instanceof LuaFloat) return this.#float(value.n, index)
    if (value instanceof SqlBlob) return literals.blob(value.bytes)
    throw parameterError(index, `is ${describe(value)}: only numbers, text, booleans and nil fit`)
  }

  #float(value: number, index: number): string {
    if (Number.isFinite(value)) return this.#literals.float(value)
    throw parameterError(index, `is ${Number.isNaN(value) ? 'NaN' : 'infinite'}`)
  }

  #text(bytes: string, index: number): string {
    const kind = textClass(bytes)
    if (kind === 'invalid') {
      throw parameterError(index, 'is not valid UTF-8; wrap bytes that are no text in db.blob')
    }
    const fault = this.#literals.textFault(bytes)
    if (fault !== undefined) throw parameterError(index, fault)
    return this.#literals.text(bytes, kind === 'plain')
  }
}

function parameterError(index: number, fault: string): HostError {
  return new HostError('SQL', `parameter ${index + 1} ${fault}`, { data: { parameter: index + 1 } })
}

// White space is spelled out: to JavaScript the byte A0, a part of many characters, is a blank, too.
const verbs = {
  write: /^[ \t\n\v\f\r]*(INSERT|UPDATE|DELETE|REPLACE)\b/i,
  read: /^[ \t\n\v\f\r]*(SELECT|WITH|VALUES)\b/i,
}
/** A statement that goes into the spool, or a query; the same rules hold for the text of both. */
export type StatementUse = keyof typeof verbs
const firstWord = /^[ \t\n\v\f\r]*(\w*)/
const blankStart = /^[ \t\n\v\f\r]+/
const blankEnd = /[ \t\n\v\f\r]*;?[ \t\n\v\f\r]*$/
/** What is looked at one by one; everything else outside quotes is copied. */
const special = /['"`[\]?;$:@#\\\-/]|[ \t\n\v\f\r]+|[^ -~\x80-\xff]/g
const wordAfter = /[A-Za-z0-9_'"\x80-\xff]/

/**
 * Checks a statement's text.
 * @param sql a byte string
 * @throws HostError SQL saying what is wrong with it
 */
export function compileStatement(
  sql: string,
  dialect: Dialect,
  use: StatementUse = 'write',
): Statement {
  if (sql.length > limits.spoolTransactionBytesMax) {
    throw new HostError('TOO_LARGE', `the statement's text has ${sql.length} bytes`)
  }
  const found = verbs[use].exec(sql)?.[1]?.toUpperCase()
  if (found === undefined) {
    const word = bytesToText(firstWord.exec(sql)?.[1] ?? '')
    const may =
      use === 'write'
        ? 'only INSERT, UPDATE, DELETE and REPLACE may be written'
        : 'only SELECT may be asked'
    const text = `${may}, not ${word || 'this'}`
    throw new HostError('SQL', text)
  }
  if (found === 'REPLACE' && dialect === 'postgres') {
    throw new HostError('SQL', 'PostgreSQL has no REPLACE; write INSERT ... ON CONFLICT DO UPDATE')
  }
  if (!isUtf8(Buffer.from(sql, 'latin1'))) {
    throw new HostError('SQL', "the statement's text is not valid UTF-8")
  }
  return new Statement(split(sql.replace(blankStart, '').replace(blankEnd, ''), dialect), dialect)
}

/** The pieces between the parameters, in one line. */
function split(sql: string, dialect: Dialect): string[] {
  const parts: string[] = []
  let part = ''
  let at = 0
  special.lastIndex = 0
  for (;;) {
    const match = special.exec(sql)
    if (match === null) break
    const start = match.index
    const found = match[0]
    part += sql.slice(at, start)
    at = start + found.length
    const next = sql[at] ?? ''
    if (found.charCodeAt(0) === 0x20 || /^[\t-\r]/.test(found)) {
      part += ' '
    } else if (found === '?') {
      if (/[0-9]/.test(next)) throw refuse(sql, start, 'a numbered parameter')
      parts.push(part)
      part = ''
    } else if (found === "'" || found === '"' || found === '`' || isBracketName(found, dialect)) {
      at = endOfQuotes(sql, start, found === '[' ? ']' : found)
      part += sql.slice(start, at)
      special.lastIndex = at
    } else {
      const fault = faultOf(found, next, dialect)
      if (fault !== undefined) throw refuse(sql, start, fault)
      // The second colon of a cast is not the start of a name.
      if (found === ':' && next === ':') {
        part += ':'
        at++
        special.lastIndex = at
      }
      part += found
    }
  }
  parts.push(`${part}${sql.slice(at)};\n`)
  return parts
}

function isBracketName(found: string, dialect: Dialect): boolean {
  return found === '[' && dialect === 'sqlite'
}

/** What is wrong with a special character outside quotes, or undefined. */
function faultOf(found: string, next: string, dialect: Dialect) {
  switch (found) {
    case '[':
    case ']':
      return undefined
    case ';':
      return 'a second statement (;)'
    case '-':
      return next === '-' ? 'a comment (--)' : undefined
    case '/':
      return next === '*' ? 'a comment (/*)' : undefined
    case '#':
      return dialect === 'postgres' ? undefined : 'a comment (#)'
    case '\\':
      return 'a backslash'
    case '$':
      return 'a $'
    case '@':
      return wordAfter.test(next) ? 'a variable (@name)' : undefined
    case ':':
      if (next === ':') return dialect === 'postgres' ? undefined : 'a cast (::)'
      return wordAfter.test(next) ? 'a variable (:name)' : undefined
    default:
      return 'a control character'
  }
}

/** Where the quoted piece that begins at `start` ends; a doubled quote is a quote inside. */
function endOfQuotes(sql: string, start: number, quote: string): number {
  let at = start + 1
  for (;;) {
    const end = sql.indexOf(quote, at)
    if (end < 0) throw refuse(sql, start, `a ${quote} that does not end`)
    if (sql[end + 1] === quote && quote !== ']') {
      at = end + 2
      continue
    }
    const inside = sql.slice(start, end)
    if (inside.includes('\\')) throw refuse(sql, start, 'a backslash in quotes')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
    if (/[\x00-\x1f\x7f]/.test(inside)) throw refuse(sql, start, 'a control character in quotes')
    return end + 1
  }
}

function refuse(sql: string, at: number, what: string): HostError {
  const near = bytesToText(sql.slice(Math.max(0, at - 20), at + 20)).replace(/\s+/g, ' ')
  return new HostError('SQL', `${what} is not allowed here, pass values by ?: near "${near}"`)
}

/** Checked statements by their text; one for each lane. */
export class StatementCache {
  readonly #dialect: Dialect
  readonly #use: StatementUse
  readonly #statements = new Map<string, Statement>()

  constructor(dialect: Dialect, use: StatementUse = 'write') {
    this.#dialect = dialect
    this.#use = use
  }

  /** @throws HostError SQL, as compileStatement */
  get(sql: string): Statement {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = compileStatement(sql, this.#dialect, this.#use)
    // A game has some hundred; one that builds its texts from values starts over.
    if (this.#statements.size >= limits.sqlStatementsCachedMax) this.#statements.clear()
    this.#statements.set(sql, statement)
    return statement
  }
}
