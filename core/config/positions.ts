// Where in a Lua source a field of the returned table is written.
//
// Any thread; pure. The engine evaluates a config file and knows no positions of fields, so the
// source is read a second time, just enough to follow the table constructor after the last
// top-level `return`: names, strings, numbers, braces. Functions, calls and operators inside it are
// skipped as expressions. What it cannot follow (a table built by code) has no position of its own;
// the caller gets the nearest table around it, so a message is at worst a few lines off.

interface Token {
  kind: 'name' | 'string' | 'number' | 'symbol'
  text: string
  line: number
}

interface Place {
  line: number
  fields: Map<string | number, Place>
}

const pattern =
  /(?<space>\s+)|--\[(?<commentLevel>=*)\[|(?<comment>--[^\n]*)|\[(?<longLevel>=*)\[|(?<name>[A-Za-z_]\w*)|(?<number>0[xX][\dA-Fa-f.]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?<quoted>"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*')|(?<symbol>\.\.\.|\.\.|[=~<>]=|\/\/|<<|>>|::|[\s\S])/g

function tokensOf(source: string): Token[] {
  const tokens: Token[] = []
  let line = 1
  let at = 0
  while (at < source.length) {
    pattern.lastIndex = at
    const found = pattern.exec(source)
    if (found === null) break
    const groups = found.groups ?? {}
    let text = found[0]
    const level = groups.commentLevel ?? groups.longLevel
    if (level !== undefined) {
      const end = source.indexOf(`]${level}]`, pattern.lastIndex)
      text = source.slice(at, end === -1 ? source.length : end + level.length + 2)
      if (groups.longLevel !== undefined) {
        tokens.push({ kind: 'string', text: longBody(text, level.length), line })
      }
    } else if (groups.name !== undefined) tokens.push({ kind: 'name', text, line })
    else if (groups.number !== undefined) tokens.push({ kind: 'number', text, line })
    else if (groups.quoted !== undefined) {
      tokens.push({ kind: 'string', text: text.slice(1, -1).replace(/\\([\s\S])/g, '$1'), line })
    } else if (groups.symbol !== undefined) tokens.push({ kind: 'symbol', text, line })
    for (const c of text) if (c === '\n') line++
    at += text.length
  }
  return tokens
}

const longBody = (text: string, level: number): string =>
  text.slice(level + 2, -(level + 2)).replace(/^\r?\n/, '')

const openers = new Set(['(', '[', '{', 'function', 'if', 'do', 'repeat'])
const closers = new Set([')', ']', '}', 'end', 'until'])

/** Reads one table constructor; `at` is just after its `{`. */
class Reader {
  readonly #tokens: readonly Token[]
  at: number

  constructor(tokens: readonly Token[], at: number) {
    this.#tokens = tokens
    this.at = at
  }

  /** Fills `place` with the fields up to the closing brace, and goes past it. */
  table(place: Place): void {
    let index = 1
    for (;;) {
      const token = this.#tokens[this.at]
      if (token === undefined) return
      if (token.text === '}' && token.kind === 'symbol') {
        this.at++
        return
      }
      const field: Place = { line: token.line, fields: new Map() }
      const key = this.#key()
      place.fields.set(key ?? index++, field)
      this.#value(field)
    }
  }

  /** The key of a `name =`, `["text"] =` or `[number] =` field, whose tokens it goes past. */
  #key(): string | number | undefined {
    const [a, b, c, d] = this.#tokens.slice(this.at, this.at + 4)
    if (a?.kind === 'name' && b?.text === '=' && b.kind === 'symbol') {
      this.at += 2
      return a.text
    }
    if (a?.text === '[' && a.kind === 'symbol' && c?.text === ']' && d?.text === '=') {
      this.at += 4
      if (b?.kind === 'number') return Number(b.text)
      return b?.text
    }
    return undefined
  }

  /** Goes past one value and the separator after it; a table in it fills `field`. */
  #value(field: Place): void {
    let depth = 0
    for (;;) {
      const token = this.#tokens[this.at]
      if (token === undefined) return
      const code = token.kind === 'symbol' || token.kind === 'name'
      if (code && depth === 0) {
        if (token.text === '}') return
        if (token.text === ',' || token.text === ';') {
          this.at++
          return
        }
        if (token.text === '{') {
          this.at++
          this.table(field)
          continue
        }
      }
      if (code && openers.has(token.text)) depth++
      else if (code && closers.has(token.text)) depth--
      this.at++
    }
  }
}

/** The index of the last `return` that is not inside a function or block; -1 when there is none. */
function lastReturn(tokens: readonly Token[]): number {
  let depth = 0
  let found = -1
  tokens.forEach((token, i) => {
    if (token.kind !== 'symbol' && token.kind !== 'name') return
    if (token.text === 'return' && depth === 0) found = i
    // `while` and `for` open with their `do`.
    if (openers.has(token.text)) depth++
    else if (closers.has(token.text)) depth--
  })
  return found
}

/** The positions of the fields of one config file. */
export class Positions {
  readonly #root: Place

  constructor(source: string) {
    const tokens = tokensOf(source)
    const at = lastReturn(tokens)
    this.#root = { line: tokens[at]?.line ?? 1, fields: new Map() }
    // `return {`, `return f {` and `return f({` all lead to the first brace.
    let brace = at + 1
    while (at >= 0 && brace <= at + 4 && tokens[brace]?.text !== '{') brace++
    if (at >= 0 && tokens[brace]?.text === '{') new Reader(tokens, brace + 1).table(this.#root)
  }

  /** The line (from 1) of a field by its path, or of the nearest table around it. */
  lineOf(path: readonly (string | number)[]): number {
    let place = this.#root
    for (const key of path) {
      const next = place.fields.get(key)
      if (next === undefined) break
      place = next
    }
    return place.line
  }
}
