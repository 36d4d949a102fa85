// Lua patterns over byte strings: the matcher behind find, match, gmatch and gsub.
//
// Any thread; pure but for `spend`, which it calls with the steps it took, so that a pattern that
// backtracks for ever is ended like any other loop (fengari's own matcher cannot be). Semantics are
// those of the reference manual, section 6.4.1, with PUC's error messages. Errors are thrown as
// PatternError; the caller turns them into Lua errors.

export class PatternError extends Error {}

const capturesMax = 32
const depthMax = 200
/** A capture that was opened and not closed yet. */
const open = -1
/** A capture of a position: `()`. */
const position = -2

const percent = 37
const isDigit = (c: number): boolean => c >= 48 && c <= 57
const isLower = (c: number): boolean => c >= 97 && c <= 122
const isUpper = (c: number): boolean => c >= 65 && c <= 90
const isAlpha = (c: number): boolean => isLower(c | 32) && c < 128
const isSpace = (c: number): boolean => c === 32 || (c >= 9 && c <= 13)
const isControl = (c: number): boolean => c < 32 || c === 127
const isPrintable = (c: number): boolean => c > 32 && c < 127

/** Does byte `c` belong to the class letter `letter` (`%a`, `%D`, or the character itself)? */
function inClass(c: number, letter: number): boolean {
  let member: boolean
  switch (letter | 32) {
    case 97: // a
      member = isAlpha(c)
      break
    case 99: // c
      member = isControl(c)
      break
    case 100: // d
      member = isDigit(c)
      break
    case 103: // g
      member = isPrintable(c)
      break
    case 108: // l
      member = isLower(c)
      break
    case 112: // p
      member = isPrintable(c) && !isAlpha(c) && !isDigit(c)
      break
    case 115: // s
      member = isSpace(c)
      break
    case 117: // u
      member = isUpper(c)
      break
    case 119: // w
      member = isAlpha(c) || isDigit(c)
      break
    case 120: // x
      member = isDigit(c) || ((c | 32) >= 97 && (c | 32) <= 102)
      break
    default:
      return letter === c
  }
  if (!isAlpha(letter)) return letter === c
  return isUpper(letter) ? !member : member
}

/** One match attempt after another over one subject and one pattern. */
export class Matcher {
  readonly src: string
  readonly pat: string
  readonly #spend: (steps: number) => void
  level = 0
  readonly #start: number[] = []
  readonly #length: number[] = []
  #depth = 0
  #steps = 0

  constructor(src: string, pat: string, spend: (steps: number) => void) {
    this.src = src
    this.pat = pat
    this.#spend = spend
  }

  /** Matches at `s` with the pattern from `p`; the end of the match, or -1. */
  match(s: number, p: number): number {
    this.level = 0
    this.#depth = 0
    return this.#match(s, p)
  }

  /** Capture `i` (from 0): a byte string, or a position from 1 as a number. */
  capture(i: number, start: number, end: number): string | number {
    if (i >= this.level) {
      if (i !== 0) throw new PatternError(`invalid capture index %${i + 1}`)
      return this.src.slice(start, end)
    }
    const from = this.#start[i] as number
    const length = this.#length[i] as number
    if (length === position) return from + 1
    if (length === open) throw new PatternError('unfinished capture')
    return this.src.slice(from, from + length)
  }

  #tick(): void {
    if (++this.#steps >= 256) {
      this.#steps = 0
      this.#spend(256)
    }
  }

  /** The end of the single-character class that starts at `p`. */
  #classEnd(p: number): number {
    const pat = this.pat
    if (p >= pat.length) throw new PatternError('malformed pattern (ends with nothing)')
    const c = pat.charCodeAt(p++)
    if (c === percent) {
      if (p >= pat.length) throw new PatternError("malformed pattern (ends with '%')")
      return p + 1
    }
    if (c !== 91) return p
    if (pat.charCodeAt(p) === 94) p++
    do {
      if (p >= pat.length) throw new PatternError("malformed pattern (missing ']')")
      const inner = pat.charCodeAt(p++)
      if (inner === percent) {
        if (p >= pat.length) throw new PatternError("malformed pattern (missing ']')")
        p++
      }
    } while (p >= pat.length || pat.charCodeAt(p) !== 93)
    return p + 1
  }

  /** Is `c` in the set `[...]` that spans p..end, where pat[end] is `]`? */
  #inSet(c: number, p: number, end: number): boolean {
    const pat = this.pat
    let member = true
    p++
    if (pat.charCodeAt(p) === 94) {
      member = false
      p++
    }
    for (; p < end; p++) {
      const e = pat.charCodeAt(p)
      if (e === percent) {
        p++
        if (inClass(c, pat.charCodeAt(p))) return member
      } else if (pat.charCodeAt(p + 1) === 45 && p + 2 < end) {
        if (e <= c && c <= pat.charCodeAt(p + 2)) return member
        p += 2
      } else if (e === c) return member
    }
    return !member
  }

  #single(s: number, p: number, end: number): boolean {
    if (s >= this.src.length) return false
    const c = this.src.charCodeAt(s)
    const e = this.pat.charCodeAt(p)
    if (e === 46) return true
    if (e === percent) return inClass(c, this.pat.charCodeAt(p + 1))
    if (e === 91) return this.#inSet(c, p, end - 1)
    return e === c
  }

  #match(s: number, p: number): number {
    if (++this.#depth > depthMax) throw new PatternError('pattern too complex')
    const end = this.#matchHere(s, p)
    this.#depth--
    return end
  }

  #matchHere(s: number, p: number): number {
    const pat = this.pat
    while (p < pat.length) {
      this.#tick()
      const c = pat.charCodeAt(p)
      if (c === 40) {
        if (pat.charCodeAt(p + 1) === 41) return this.#openCapture(s, p + 2, position)
        return this.#openCapture(s, p + 1, open)
      }
      if (c === 41) return this.#closeCapture(s, p + 1)
      if (c === 36 && p + 1 === pat.length) return s === this.src.length ? s : -1
      if (c === percent) {
        const next = pat.charCodeAt(p + 1)
        if (next === 98) {
          s = this.#balance(s, p + 2)
          if (s === -1) return -1
          p += 4
          continue
        }
        if (next === 102) {
          p += 2
          if (pat.charCodeAt(p) !== 91) {
            throw new PatternError("missing '[' after '%f' in pattern")
          }
          const end = this.#classEnd(p)
          const before = s === 0 ? 0 : this.src.charCodeAt(s - 1)
          const here = s < this.src.length ? this.src.charCodeAt(s) : 0
          if (this.#inSet(before, p, end - 1) || !this.#inSet(here, p, end - 1)) return -1
          p = end
          continue
        }
        if (isDigit(next)) {
          s = this.#backReference(s, next)
          if (s === -1) return -1
          p += 2
          continue
        }
      }
      const end = this.#classEnd(p)
      const suffix = pat.charCodeAt(end)
      if (suffix === 63) {
        if (this.#single(s, p, end)) {
          const found = this.#match(s + 1, end + 1)
          if (found !== -1) return found
        }
        p = end + 1
        continue
      }
      if (suffix === 43) return this.#single(s, p, end) ? this.#maxExpand(s + 1, p, end) : -1
      if (suffix === 42) return this.#maxExpand(s, p, end)
      if (suffix === 45) return this.#minExpand(s, p, end)
      if (!this.#single(s, p, end)) return -1
      s++
      p = end
    }
    return s
  }

  #maxExpand(s: number, p: number, end: number): number {
    let i = 0
    while (this.#single(s + i, p, end)) {
      i++
      this.#tick()
    }
    for (; i >= 0; i--) {
      const found = this.#match(s + i, end + 1)
      if (found !== -1) return found
      this.#tick()
    }
    return -1
  }

  #minExpand(s: number, p: number, end: number): number {
    for (;;) {
      const found = this.#match(s, end + 1)
      if (found !== -1) return found
      if (!this.#single(s, p, end)) return -1
      s++
      this.#tick()
    }
  }

  #openCapture(s: number, p: number, what: number): number {
    if (this.level >= capturesMax) throw new PatternError('too many captures')
    this.#start[this.level] = s
    this.#length[this.level] = what
    this.level++
    const found = this.#match(s, p)
    if (found === -1) this.level--
    return found
  }

  #closeCapture(s: number, p: number): number {
    let i = this.level - 1
    while (i >= 0 && this.#length[i] !== open) i--
    if (i < 0) throw new PatternError('invalid pattern capture')
    this.#length[i] = s - (this.#start[i] as number)
    const found = this.#match(s, p)
    if (found === -1) this.#length[i] = open
    return found
  }

  #balance(s: number, p: number): number {
    if (p + 1 >= this.pat.length) {
      throw new PatternError("malformed pattern (missing arguments to '%b')")
    }
    const opening = this.pat.charCodeAt(p)
    const closing = this.pat.charCodeAt(p + 1)
    if (s >= this.src.length || this.src.charCodeAt(s) !== opening) return -1
    let depth = 1
    for (let i = s + 1; i < this.src.length; i++) {
      const c = this.src.charCodeAt(i)
      if (c === closing) {
        if (--depth === 0) return i + 1
      } else if (c === opening) depth++
      this.#tick()
    }
    return -1
  }

  #backReference(s: number, digit: number): number {
    const i = digit - 49
    if (i < 0 || i >= this.level || this.#length[i] === open) {
      throw new PatternError(`invalid capture index %${i + 1}`)
    }
    const from = this.#start[i] as number
    const length = this.#length[i] as number
    if (length === position) return -1 // as in PUC Lua: a position is no text to match again
    const text = this.src.slice(from, from + length)
    return this.src.startsWith(text, s) ? s + text.length : -1
  }
}

/** Has the pattern none of the magic characters, so that a plain search does? */
export function isPlain(pattern: string): boolean {
  return !/[\^$*+?.([%-]/.test(pattern)
}
