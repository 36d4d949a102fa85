// The lexer: Lua 5.4 source, as a byte string, to tokens. Pure; any thread.
//
// One token of lookahead. Errors are SyntaxFailure with PUC's words and place:
// `chunk:line: message near 'token'`. A string token's text is its value, byte for byte.

import { type LuaNumber, parseNumber } from '../run/number-text.ts'

/** A chunk that does not compile; `message` is complete, position included. */
export class SyntaxFailure {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

/** Each by itself: what comes out is one string for all its tokens, which compare fast. */
const keywords = new Map(
  `and break do else elseif end false for function goto if in local nil not or repeat return
   then true until while`
    .split(/\s+/)
    .map((word) => [word, word]),
)
const keywordLengthMax = 8

/** A keyword or symbol as it is written, or one of these. */
export type TokenKind = string
export const nameToken = '<name>'
export const stringToken = '<string>'
export const numberToken = '<number>'
export const endToken = '<eof>'

const NL = 10
const CR = 13

const isNewline = (c: number) => c === NL || c === CR
const isDigit = (c: number) => c >= 48 && c <= 57
const isHex = (c: number) => isDigit(c) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102)
const isNameStart = (c: number) => (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95
/** 1 for what a name is made of; undefined behind the end of the source (NaN). */
const nameParts = Uint8Array.from({ length: 256 }, (_, c) => +(isNameStart(c) || isDigit(c)))
const isSpace = (c: number) => c === 32 || (c >= 9 && c <= 13)

const hexValue = (c: number) => (c <= 57 ? c - 48 : (c | 32) - 87)

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

/** Symbols of one character, by its code; each is one string for all its tokens. */
const symbols = Array.from({ length: 256 }, (_, c) => String.fromCharCode(c))

export class Lexer {
  readonly source: string
  readonly chunk: string
  readonly firstLine: number
  /** The current token: its kind, its text or value, where it begins in the source. */
  kind: TokenKind = endToken
  text = ''
  number: LuaNumber = 0
  start = 0
  /** Line of the current token's end, as PUC counts, and of the token before. */
  line = 1
  lastLine = 1
  private at = 0
  private scanLine = 1
  private ahead:
    | { kind: string; text: string; number: LuaNumber; start: number; line: number; at: number }
    | undefined

  constructor(source: string, chunk: string, firstLine = 1) {
    this.source = source
    this.chunk = chunk
    this.firstLine = firstLine
    this.line = this.lastLine = this.scanLine = firstLine
  }

  /** Moves to the next token. */
  next(): void {
    this.lastLine = this.line
    const ahead = this.ahead
    if (ahead === undefined) {
      this.scan()
      return
    }
    this.ahead = undefined
    this.kind = ahead.kind
    this.text = ahead.text
    this.number = ahead.number
    this.start = ahead.start
    this.line = ahead.line
    this.at = ahead.at
  }

  /** The kind of the token after the current one. */
  peek(): TokenKind {
    const { kind, text, number, start, line, at } = this
    this.scan()
    this.ahead = {
      kind: this.kind,
      text: this.text,
      number: this.number,
      start: this.start,
      line: this.line,
      at: this.at,
    }
    const peeked = this.kind
    this.kind = kind
    this.text = text
    this.number = number
    this.start = start
    this.line = line
    this.at = at
    return peeked
  }

  /** Fails at the current token. */
  failNear(message: string): never {
    this.fail(message, this.describe())
  }

  /** The current token as messages show it. */
  describe(): string {
    if (this.kind === endToken) return endToken
    const raw = this.kind === nameToken || this.kind === stringToken || this.kind === numberToken
    if (raw) return `'${this.source.slice(this.start, this.at)}'`
    const code = this.kind.charCodeAt(0)
    return this.kind.length === 1 && code < 32 ? `'<\\${code}>'` : `'${this.kind}'`
  }

  fail(message: string, near?: string): never {
    const tail = near === undefined ? '' : ` near ${near}`
    throw new SyntaxFailure(`${this.chunk}:${this.scanLine}: ${message}${tail}`)
  }

  /** A semantic failure: no token is named, the line is given. */
  failAt(message: string, line: number): never {
    throw new SyntaxFailure(`${this.chunk}:${line}: ${message}`)
  }

  private scan(): void {
    this.skipBlanks()
    this.start = this.at
    const c = this.source.charCodeAt(this.at)
    if (Number.isNaN(c)) this.kind = endToken
    else if (isNameStart(c)) this.scanName()
    else if (isDigit(c) || (c === 46 && isDigit(this.source.charCodeAt(this.at + 1)))) {
      this.scanNumber()
    } else if (c === 34 || c === 39) this.scanString(c)
    else if (c === 91 && this.longBracketLevel() >= 0) {
      this.text = this.scanLong('string')
      this.kind = stringToken
    } else this.scanSymbol()
    this.line = this.scanLine
  }

  private skipBlanks(): void {
    const source = this.source
    let at = this.at
    for (;;) {
      const c = source.charCodeAt(at)
      if (c === 32 || c === 9) at++
      else if (c > 45) break
      else if (isNewline(c)) {
        this.at = at
        this.newline()
        at = this.at
      } else if (isSpace(c)) at++
      else if (c === 45 && source.charCodeAt(at + 1) === 45) {
        this.at = at
        this.skipComment()
        at = this.at
      } else break
    }
    this.at = at
  }

  private newline(): void {
    const c = this.source.charCodeAt(this.at++)
    const d = this.source.charCodeAt(this.at)
    if (isNewline(d) && d !== c) this.at++
    this.scanLine++
  }

  private skipComment(): void {
    this.at += 2
    if (this.source.charCodeAt(this.at) === 91) {
      this.start = this.at
      if (this.longBracketLevel() >= 0) {
        this.scanLong('comment')
        return
      }
    }
    const { source } = this
    let at = this.at
    while (at < source.length && !isNewline(source.charCodeAt(at))) at++
    this.at = at
  }

  private scanName(): void {
    const { source, at } = this
    let end = at + 1
    while (nameParts[source.charCodeAt(end)] === 1) end++
    const text = source.slice(at, end)
    this.text = text
    this.kind = (end - at <= keywordLengthMax ? keywords.get(text) : undefined) ?? nameToken
    this.at = end
  }

  private scanNumber(): void {
    const source = this.source
    let end = this.at
    const hex = source.charCodeAt(end) === 48 && (source.charCodeAt(end + 1) | 32) === 120
    if (hex) end += 2
    for (;;) {
      const c = source.charCodeAt(end)
      if ((c | 32) === (hex ? 112 : 101)) {
        end++
        const sign = source.charCodeAt(end)
        if (sign === 43 || sign === 45) end++
      } else if (isHex(c) || c === 46) end++
      else break
    }
    // A letter right behind belongs to the numeral, which is then malformed.
    while (nameParts[source.charCodeAt(end)] === 1) end++
    this.at = end
    this.kind = numberToken
    const number = parseNumber(source.slice(this.start, end))
    if (number === undefined) this.failNear('malformed number')
    this.number = number
  }

  private scanSymbol(): void {
    const { source, at } = this
    const c = source.charCodeAt(at)
    const kind = c === 46 ? dots(source, at) : pairSymbol(c, source.charCodeAt(at + 1))
    this.kind = kind ?? (symbols[c] as string)
    this.at = at + this.kind.length
  }

  /** At `[`: the number of `=` of a long bracket that opens here, or -1. */
  private longBracketLevel(): number {
    let end = this.at + 1
    while (this.source.charCodeAt(end) === 61) end++
    if (this.source.charCodeAt(end) === 91) return end - this.at - 1
    if (end > this.at + 1 && this.source.slice(this.start - 2, this.start) !== '--') {
      this.at = end
      this.fail('invalid long string delimiter', `'${this.source.slice(this.start, end)}'`)
    }
    return -1
  }

  private scanLong(what: 'string' | 'comment'): string {
    const source = this.source
    const level = this.longBracketLevel()
    const line = this.scanLine
    this.at += level + 2
    if (isNewline(source.charCodeAt(this.at))) this.newline()
    const close = `]${'='.repeat(level)}]`
    let text = ''
    let from = this.at
    for (;;) {
      const c = source.charCodeAt(this.at)
      if (Number.isNaN(c)) {
        this.fail(`unfinished long ${what} (starting at line ${line})`, endToken)
      }
      if (c === 93 && source.startsWith(close, this.at)) {
        text += source.slice(from, this.at)
        this.at += close.length
        return text
      }
      if (isNewline(c)) {
        text += `${source.slice(from, this.at)}\n`
        this.newline()
        from = this.at
      } else this.at++
    }
  }

  private scanString(quote: number): void {
    const source = this.source
    this.at++
    let text = ''
    let from = this.at
    for (;;) {
      const c = source.charCodeAt(this.at)
      if (c === quote) break
      if (Number.isNaN(c)) this.fail('unfinished string', endToken)
      if (isNewline(c)) this.fail('unfinished string', `'${source.slice(this.start, this.at)}'`)
      if (c === 92) {
        text += source.slice(from, this.at) + this.scanEscape()
        from = this.at
      } else this.at++
    }
    this.text = text + source.slice(from, this.at)
    this.at++
    this.kind = stringToken
  }

  /** At a backslash: reads the escape, answers what it stands for. */
  private scanEscape(): string {
    const source = this.source
    const c = source.charCodeAt(++this.at)
    if (isNewline(c)) {
      this.newline()
      return '\n'
    }
    if (Number.isNaN(c)) return ''
    if (isDigit(c)) return this.scanDecimalEscape()
    const letter = source.charAt(this.at)
    if (letter === 'x') return this.scanHexEscape()
    if (letter === 'u') return this.scanUnicodeEscape()
    if (letter === 'z') {
      this.at++
      for (;;) {
        const d = source.charCodeAt(this.at)
        if (isNewline(d)) this.newline()
        else if (isSpace(d)) this.at++
        else return ''
      }
    }
    const simple = simpleEscapes[letter]
    if (simple === undefined) this.failEscape('invalid escape sequence')
    this.at++
    return simple
  }

  /** Fails inside a string; the text shown ends with the offending character. */
  private failEscape(message: string): never {
    const end = this.at < this.source.length ? this.at + 1 : this.at
    this.fail(message, `'${this.source.slice(this.start, end)}'`)
  }

  private scanDecimalEscape(): string {
    let value = 0
    for (let i = 0; i < 3 && isDigit(this.source.charCodeAt(this.at)); i++) {
      value = value * 10 + this.source.charCodeAt(this.at++) - 48
    }
    if (value > 255) this.failEscape('decimal escape too large')
    return String.fromCharCode(value)
  }

  private hexDigit(): number {
    const c = this.source.charCodeAt(++this.at)
    if (!isHex(c)) this.failEscape('hexadecimal digit expected')
    return hexValue(c)
  }

  private scanHexEscape(): string {
    const high = this.hexDigit()
    const value = high * 16 + this.hexDigit()
    this.at++
    return String.fromCharCode(value)
  }

  private scanUnicodeEscape(): string {
    if (this.source.charAt(++this.at) !== '{') this.failEscape("missing '{' in \\u{xxxx}")
    let value = this.hexDigit()
    while (isHex(this.source.charCodeAt(this.at + 1))) {
      value = value * 16 + this.hexDigit()
      if (value > 0x7fffffff) this.failEscape('UTF-8 value too large')
    }
    if (this.source.charAt(++this.at) !== '}') this.failEscape("missing '}' in \\u{xxxx}")
    this.at++
    return utf8Bytes(value)
  }
}

function dots(source: string, at: number): string | undefined {
  if (source.charCodeAt(at + 1) !== 46) return undefined
  return source.charCodeAt(at + 2) === 46 ? '...' : '..'
}

/** The symbol of two characters that these are; undefined: the first stands by itself. */
function pairSymbol(c: number, d: number): string | undefined {
  switch (c) {
    case 61:
      return d === 61 ? '==' : undefined
    case 126:
      return d === 61 ? '~=' : undefined
    case 60:
      return d === 61 ? '<=' : d === 60 ? '<<' : undefined
    case 62:
      return d === 61 ? '>=' : d === 62 ? '>>' : undefined
    case 47:
      return d === 47 ? '//' : undefined
    case 58:
      return d === 58 ? '::' : undefined
    default:
      return undefined
  }
}

/** UTF-8 as Lua extends it: up to six bytes, for values below 2^31. */
export function utf8Bytes(value: number): string {
  if (value < 0x80) return String.fromCharCode(value)
  let rest = value
  let firstMax = 0x3f
  let tail = ''
  do {
    tail = String.fromCharCode(0x80 | (rest & 0x3f)) + tail
    rest = Math.floor(rest / 64)
    firstMax >>= 1
  } while (rest > firstMax)
  return String.fromCharCode(((~firstMax << 1) & 0xff) | rest) + tail
}
