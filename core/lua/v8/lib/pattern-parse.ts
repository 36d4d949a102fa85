// Lua patterns as lists of items: the parser. Pure; any thread.
//
// PUC reads a pattern while it matches, so a malformed end is only noticed by a subject that gets
// so far. An error is therefore an item here: reaching it raises it. A pattern is linear (there is
// no alternative), so which captures are open at each place is known while parsing. One that is
// never closed is an error only when its text is asked for.

import { anyChar, bracketClass, type CharSet, escapedClass, singleChar } from './char-class.ts'

export const capturesMax = 32
/** How deeply PUC's matcher may recurse (MAXCCALLS). */
const depthMax = 200

export type PatternItem =
  | { kind: 'one'; set: CharSet }
  | { kind: 'repeat'; set: CharSet; how: '*' | '+' | '-' | '?' }
  | { kind: 'open'; index: number }
  | { kind: 'close'; index: number }
  | { kind: 'position'; index: number }
  | { kind: 'back'; index: number }
  | { kind: 'balance'; open: number; close: number }
  | { kind: 'frontier'; set: CharSet }
  | { kind: 'end' }
  | { kind: 'error'; message: string }

export type CaptureKind = 'text' | 'position' | 'unfinished'

export interface ParsedPattern {
  items: PatternItem[]
  anchored: boolean
  /** What each capture gives; an unfinished one was never closed, and asking for it is an error. */
  captures: CaptureKind[]
}

/** @param anchors whether a leading `^` anchors (it does not in gmatch) */
export function parsePattern(pattern: string, anchors: boolean): ParsedPattern {
  const parser = new Parser(pattern)
  const anchored = anchors && pattern[0] === '^'
  if (anchored) parser.at = 1
  while (parser.at < pattern.length && !parser.broken) parser.item()
  return {
    items: parser.items,
    anchored,
    captures: parser.captures.map((kind, i) => (parser.opened.includes(i) ? 'unfinished' : kind)),
  }
}

class Parser {
  readonly pattern: string
  at = 0
  readonly items: PatternItem[] = []
  readonly captures: CaptureKind[] = []
  /** Indices of the captures that are open, innermost last. */
  readonly opened: number[] = []
  broken = false
  private depth = 0

  constructor(pattern: string) {
    this.pattern = pattern
  }

  private fail(message: string): void {
    this.items.push({ kind: 'error', message })
    this.broken = true
  }

  /** What makes PUC's matcher recurse; the depth that it allows is part of the language. */
  private recurse(item: PatternItem): void {
    this.depth++
    if (this.depth >= depthMax) this.fail('pattern too complex')
    else this.items.push(item)
  }

  item(): void {
    const { pattern, at } = this
    const c = pattern[at]
    if (c === '(') this.open()
    else if (c === ')') this.close()
    else if (c === '$' && at + 1 === pattern.length) {
      this.items.push({ kind: 'end' })
      this.at++
    } else if (c === '%' && pattern[at + 1] === 'b') this.balance()
    else if (c === '%' && pattern[at + 1] === 'f') this.frontier()
    else if (c === '%' && isDigit(pattern.charCodeAt(at + 1))) this.back()
    else this.single()
  }

  private open(): void {
    const index = this.captures.length
    if (index >= capturesMax) {
      this.fail('too many captures')
      return
    }
    const isPosition = this.pattern[this.at + 1] === ')'
    this.captures.push(isPosition ? 'position' : 'text')
    if (isPosition) {
      this.at += 2
      this.recurse({ kind: 'position', index })
      return
    }
    this.at++
    this.opened.push(index)
    this.recurse({ kind: 'open', index })
  }

  private close(): void {
    const index = this.opened.pop()
    if (index === undefined) {
      this.fail('invalid pattern capture')
      return
    }
    this.at++
    this.recurse({ kind: 'close', index })
  }

  private balance(): void {
    const { pattern, at } = this
    if (at + 3 >= pattern.length) {
      this.fail("malformed pattern (missing arguments to '%b')")
      return
    }
    const open = pattern.charCodeAt(at + 2)
    this.items.push({ kind: 'balance', open, close: pattern.charCodeAt(at + 3) })
    this.at += 4
  }

  private frontier(): void {
    this.at += 2
    if (this.pattern[this.at] !== '[') {
      this.fail("missing '[' after '%f' in pattern")
      return
    }
    const set = this.set()
    if (set !== undefined) this.items.push({ kind: 'frontier', set })
  }

  private back(): void {
    const index = this.pattern.charCodeAt(this.at + 1) - 49
    if (index < 0 || index >= this.captures.length || this.opened.includes(index)) {
      this.fail(`invalid capture index %${index + 1}`)
      return
    }
    this.at += 2
    this.items.push({ kind: 'back', index })
  }

  private single(): void {
    const set = this.set()
    if (set === undefined) return
    const how = this.pattern[this.at]
    if (how === '*' || how === '+' || how === '-' || how === '?') {
      this.at++
      this.recurse({ kind: 'repeat', set, how })
    } else this.items.push({ kind: 'one', set })
  }

  /** Reads one class and moves behind it; undefined after an error. */
  private set(): CharSet | undefined {
    const { pattern } = this
    const start = this.at
    const c = pattern[start]
    if (c === '%') {
      const letter = pattern[start + 1]
      if (letter === undefined) {
        this.fail("malformed pattern (ends with '%')")
        return undefined
      }
      this.at += 2
      return escapedClass(letter)
    }
    if (c === '[') return this.bracket(start)
    this.at++
    return c === '.' ? anyChar : singleChar(pattern.charCodeAt(start))
  }

  private bracket(open: number): CharSet | undefined {
    const { pattern } = this
    let p = open + 1
    if (pattern[p] === '^') p++
    // The first character belongs to the set even when it is `]`.
    do {
      if (p >= pattern.length) {
        this.fail("malformed pattern (missing ']')")
        return undefined
      }
      if (pattern[p++] === '%') p++
    } while (pattern[p] !== ']')
    this.at = p + 1
    return bracketClass(pattern, open, p)
  }
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}
