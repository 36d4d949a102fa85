// The pattern matcher of find, match, gmatch and gsub: a pattern becomes a chain of closures, each
// of which matches one item and calls the next. Lanes and tools; one match runs at a time.
//
//   "(%w+)=(.-)$"   open0 → repeat+ %w → close0 → literal "=" → open1 → lazy . → close1 → end
//
// A node takes a place in the subject and returns where the whole rest ended, or -1. The subject
// and the captures are module variables: a node that carried them as arguments would be slower, and
// nothing calls Lua in the middle of a match. `match` sets them, and its caller reads the captures
// before anything else can match.
//
// A repeated class whose next character cannot belong to it (`[^,]*,`) never needs to give back:
// it is matched without backtracking. Where backtracking stays possible, each repetition is charged
// to the meter, which ends the run with the kill flag or the step limit.
//
// Guarded by bench/lua/patterns.lua. Errors are PUC's words, raised when the match reaches them.

import { anyChar, type CharSet, disjoint, onlyChar } from './char-class.ts'
import { fail, spend } from './failure.ts'
import { type CaptureKind, capturesMax, type PatternItem, parsePattern } from './pattern-parse.ts'

type Node = (at: number) => number

/** A compiled pattern. `captureStart` and `captureEnd` hold its captures after a match. */
export interface Pattern {
  readonly start: Node
  readonly anchored: boolean
  readonly captures: readonly CaptureKind[]
  /** The bytes a match can begin with; undefined when that is open or a match may be empty. */
  readonly first: CharSet | undefined
  /** The only such byte, or -1. */
  readonly firstChar: number
}

/** Where each capture of the last match begins and ends (position captures: only begins). */
export const captureStart = new Int32Array(capturesMax)
export const captureEnd = new Int32Array(capturesMax)

let subject = ''
let size = 0

/** Looks for the pattern at `from` or (unless anchored) later. Returns the end or -1. */
export function matchFrom(pattern: Pattern, text: string, from: number): number {
  subject = text
  size = text.length
  if (pattern.anchored) {
    matchStart = from
    return pattern.start(from)
  }
  const { start, firstChar, first } = pattern
  for (let at = from; at <= size; at++) {
    if (firstChar >= 0) {
      at = text.indexOf(String.fromCharCode(firstChar), at)
      if (at < 0) return -1
    } else if (first !== undefined) {
      while (at < size && first[text.charCodeAt(at)] === 0) at++
      if (at === size) return -1
    }
    spend(1)
    const end = start(at)
    if (end >= 0) {
      matchStart = at
      return end
    }
  }
  return -1
}

/** Where the last successful `matchFrom` began. */
export let matchStart = 0

const cacheMax = 512
const anchoringCache = new Map<string, Pattern>()
const plainCache = new Map<string, Pattern>()

/** Compiles a pattern, or finds it in the cache. @param anchors whether a leading `^` anchors */
export function compilePattern(text: string, anchors: boolean): Pattern {
  const cache = anchors ? anchoringCache : plainCache
  const known = cache.get(text)
  if (known !== undefined) return known
  const { items, anchored, captures } = parsePattern(text, anchors)
  spend(text.length)
  const first = firstSet(items, 0)
  const pattern: Pattern = {
    start: chain(items),
    anchored,
    captures,
    first: first === undefined || first.every((flag) => flag === 1) ? undefined : first,
    firstChar: first === undefined ? -1 : onlyChar(first),
  }
  // Oldest out: patterns built from data must not pile up.
  if (cache.size >= cacheMax) cache.delete(cache.keys().next().value as string)
  if (text.length <= 1024) cache.set(text, pattern)
  return pattern
}

/** The bytes that whatever follows from `index` must begin with; undefined when it may be empty. */
function firstSet(items: readonly PatternItem[], index: number): CharSet | undefined {
  for (let i = index; i < items.length; i++) {
    const item = items[i] as PatternItem
    if (item.kind === 'one') return item.set
    if (item.kind === 'repeat') return item.how === '+' ? item.set : undefined
    if (item.kind !== 'open' && item.kind !== 'close' && item.kind !== 'position') return undefined
  }
  return undefined
}

const accept: Node = (at) => at

function chain(items: readonly PatternItem[]): Node {
  let next = accept
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i] as PatternItem
    if (item.kind === 'one') {
      const sets = [item.set]
      for (let before = items[i - 1]; before?.kind === 'one'; before = items[i - 1]) {
        sets.unshift(before.set)
        i--
      }
      next = sequence(sets, next)
    } else if (item.kind === 'repeat') next = repeat(item.set, item.how, next, items, i + 1)
    else next = special(item, next)
  }
  return next
}

function special(item: Exclude<PatternItem, { kind: 'one' | 'repeat' }>, next: Node): Node {
  switch (item.kind) {
    case 'open': {
      const { index } = item
      // A repetition in front may try again: the value of the last try is the one that counts.
      return (at) => {
        captureStart[index] = at
        return next(at)
      }
    }
    case 'close': {
      const { index } = item
      return (at) => {
        captureEnd[index] = at
        return next(at)
      }
    }
    case 'position': {
      const { index } = item
      return (at) => {
        captureStart[index] = at
        captureEnd[index] = -1
        return next(at)
      }
    }
    case 'back':
      return backReference(item.index, next)
    case 'balance':
      return balance(item.open, item.close, next)
    case 'frontier':
      return frontier(item.set, next)
    case 'end':
      return (at) => (at === size ? next(at) : -1)
    case 'error': {
      const { message } = item
      return () => fail(message)
    }
  }
}

function sequence(sets: readonly CharSet[], next: Node): Node {
  const count = sets.length
  if (count === 1) return single(sets[0] as CharSet, next)
  const chars = sets.map(onlyChar)
  if (chars.every((c) => c >= 0)) {
    const literal = String.fromCharCode(...chars.slice(0, 4096))
    if (literal.length === count) {
      return (at) => (subject.startsWith(literal, at) ? next(at + count) : -1)
    }
  }
  return (at) => {
    if (at + count > size) return -1
    for (let i = 0; i < count; i++) {
      if ((sets[i] as CharSet)[subject.charCodeAt(at + i)] === 0) return -1
    }
    return next(at + count)
  }
}

function single(set: CharSet, next: Node): Node {
  const char = onlyChar(set)
  if (char >= 0) {
    return (at) => (at < size && subject.charCodeAt(at) === char ? next(at + 1) : -1)
  }
  if (set === anyChar) return (at) => (at < size ? next(at + 1) : -1)
  return (at) => (at < size && set[subject.charCodeAt(at)] === 1 ? next(at + 1) : -1)
}

function repeat(
  set: CharSet,
  how: '*' | '+' | '-' | '?',
  next: Node,
  items: readonly PatternItem[],
  nextIndex: number,
): Node {
  if (how === '?') return optional(set, next)
  if (how === '-') return lazy(set, next)
  const least = how === '+' ? 1 : 0
  if (set === anyChar) return greedyAny(least, next)
  return givesBack(set, items, nextIndex) ? greedy(set, least, next) : possessive(set, least, next)
}

/** Could a greedy run of `set` have to give back characters for the rest to match? */
function givesBack(set: CharSet, items: readonly PatternItem[], nextIndex: number): boolean {
  let i = nextIndex
  while (items[i]?.kind === 'open' || items[i]?.kind === 'close' || items[i]?.kind === 'position') {
    i++
  }
  const after = items[i]
  if (after === undefined || after.kind === 'end') return false
  const first = firstSet(items, i)
  return first === undefined || !disjoint(set, first)
}

function runEnd(set: CharSet, at: number): number {
  const text = subject
  const stop = size
  let i = at
  while (i < stop && set[text.charCodeAt(i)] === 1) i++
  return i
}

function possessive(set: CharSet, least: number, next: Node): Node {
  return (at) => {
    const end = runEnd(set, at)
    spend(end - at)
    return end - at < least ? -1 : next(end)
  }
}

function greedy(set: CharSet, least: number, next: Node): Node {
  return (at) => {
    const low = at + least
    let i = runEnd(set, at)
    spend(i - at)
    for (; i >= low; i--) {
      const end = next(i)
      if (end >= 0) return end
      spend(1)
    }
    return -1
  }
}

function greedyAny(least: number, next: Node): Node {
  return (at) => {
    const low = at + least
    for (let i = size; i >= low; i--) {
      const end = next(i)
      if (end >= 0) return end
      spend(1)
    }
    return -1
  }
}

function lazy(set: CharSet, next: Node): Node {
  return (at) => {
    for (let i = at; ; i++) {
      const end = next(i)
      if (end >= 0) return end
      if (i >= size || set[subject.charCodeAt(i)] === 0) return -1
      spend(1)
    }
  }
}

function optional(set: CharSet, next: Node): Node {
  return (at) => {
    if (at < size && set[subject.charCodeAt(at)] === 1) {
      spend(1)
      const end = next(at + 1)
      if (end >= 0) return end
    }
    return next(at)
  }
}

function backReference(index: number, next: Node): Node {
  return (at) => {
    const end = captureEnd[index] as number
    // A position capture has no text; PUC gives it a length that nothing can have.
    if (end < 0) return -1
    const text = subject.slice(captureStart[index] as number, end)
    spend(text.length)
    return subject.startsWith(text, at) ? next(at + text.length) : -1
  }
}

function balance(open: number, close: number, next: Node): Node {
  return (at) => {
    if (at >= size || subject.charCodeAt(at) !== open) return -1
    let depth = 1
    for (let i = at + 1; i < size; i++) {
      const c = subject.charCodeAt(i)
      if (c === close) {
        if (--depth === 0) {
          spend(i - at)
          return next(i + 1)
        }
      } else if (c === open) depth++
    }
    spend(size - at)
    return -1
  }
}

function frontier(set: CharSet, next: Node): Node {
  return (at) => {
    const before = at === 0 ? 0 : subject.charCodeAt(at - 1)
    const here = at < size ? subject.charCodeAt(at) : 0
    return set[before] === 0 && set[here] === 1 ? next(at) : -1
  }
}
