// Character classes of Lua patterns as tables of 256 flags, in the C locale. Pure; any thread.
//
// A set is made once for each class in a pattern; matching is then one load for each character.
// `%a` and its kind are shared between patterns, so a set is never written after it is made.

/** One flag (0 or 1) for each byte. */
export type CharSet = Uint8Array

function setWhere(test: (c: number) => boolean): CharSet {
  const set = new Uint8Array(256)
  for (let c = 0; c < 256; c++) set[c] = test(c) ? 1 : 0
  return set
}

const isLower = (c: number) => c >= 97 && c <= 122
const isUpper = (c: number) => c >= 65 && c <= 90
const isDigit = (c: number) => c >= 48 && c <= 57
const isAlpha = (c: number) => isLower(c) || isUpper(c)
const isGraph = (c: number) => c > 32 && c < 127

const classes = new Map<string, CharSet>([
  ['a', setWhere(isAlpha)],
  ['c', setWhere((c) => c < 32 || c === 127)],
  ['d', setWhere(isDigit)],
  ['g', setWhere(isGraph)],
  ['l', setWhere(isLower)],
  ['p', setWhere((c) => isGraph(c) && !isAlpha(c) && !isDigit(c))],
  ['s', setWhere((c) => c === 32 || (c >= 9 && c <= 13))],
  ['u', setWhere(isUpper)],
  ['w', setWhere((c) => isAlpha(c) || isDigit(c))],
  // Deprecated, but PUC still knows it: the zero byte.
  ['z', setWhere((c) => c === 0)],
  ['x', setWhere((c) => isDigit(c) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102))],
])
for (const [letter, set] of [...classes]) classes.set(letter.toUpperCase(), complement(set))

/** `.`: every byte. */
export const anyChar: CharSet = setWhere(() => true)

function complement(set: CharSet): CharSet {
  return setWhere((c) => set[c] === 0)
}

/** The set that holds one byte. */
export function singleChar(code: number): CharSet {
  const set = new Uint8Array(256)
  set[code] = 1
  return set
}

/** What `%` followed by `letter` means: a class, or the character itself. */
export function escapedClass(letter: string): CharSet {
  return classes.get(letter) ?? singleChar(letter.charCodeAt(0))
}

/** The set of `pattern[open..close]`, where those are the `[` and its `]`. */
export function bracketClass(pattern: string, open: number, close: number): CharSet {
  const set = new Uint8Array(256)
  const negated = pattern[open + 1] === '^'
  let p = negated ? open + 2 : open + 1
  while (p < close) {
    const c = pattern[p] as string
    if (c === '%') {
      const inner = escapedClass(pattern[p + 1] as string)
      for (let i = 0; i < 256; i++) if (inner[i] === 1) set[i] = 1
      p += 2
    } else if (pattern[p + 1] === '-' && p + 2 < close) {
      const last = pattern.charCodeAt(p + 2)
      for (let i = pattern.charCodeAt(p); i <= last; i++) set[i] = 1
      p += 3
    } else {
      set[pattern.charCodeAt(p)] = 1
      p++
    }
  }
  return negated ? complement(set) : set
}

/** Have the two sets no byte in common? */
export function disjoint(a: CharSet, b: CharSet): boolean {
  for (let i = 0; i < 256; i++) if (a[i] === 1 && b[i] === 1) return false
  return true
}

/** The only byte of a set, or -1 when it has none or several. */
export function onlyChar(set: CharSet): number {
  let found = -1
  for (let i = 0; i < 256; i++) {
    if (set[i] !== 1) continue
    if (found >= 0) return -1
    found = i
  }
  return found
}
