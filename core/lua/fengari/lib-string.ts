// The string library over byte strings: fengari's pack, packsize and unpack, the rest our own.
//
// Runs inside a Lua call. Ours because fengari's pattern loops cannot be ended, its caps are
// missing and its %e, %g and %a differ from C's. All results are held to the cap on strings, before
// they are built where their length is known.

import { formatCall } from './format.ts'
import { machineOf } from './machine.ts'
import { isPlain, Matcher, PatternError } from './pattern.ts'
import {
  addFunctions,
  arg,
  argCount,
  argError,
  checkInteger,
  checkLength,
  checkString,
  isString,
  isTruthy,
  numberText,
  optInteger,
  optString,
  push,
  pushInteger,
  pushNil,
  pushString,
  pushValue,
  runErrorAt,
  setField,
  spend,
  typeError,
  typeName,
} from './stack.ts'
import {
  type CFunction,
  closureOf,
  type LState,
  libraries,
  lua,
  newTable,
  type Table,
  type TString,
  TV,
  type TValue,
  tableGetKey,
  tag,
  textOf,
} from './vm.ts'

/** A start position from 1, where negative counts from the end; never below 1. */
function startAt(i: number, length: number): number {
  if (i > 0) return i
  if (i === 0 || i < -length) return 1
  return length + i + 1
}

/** An end position, where negative counts from the end; never above the length. */
function endAt(i: number, length: number): number {
  if (i > length) return length
  if (i >= 0) return i
  return i < -length ? 0 : length + i + 1
}

function len(L: LState): number {
  pushInteger(L, checkString(L, 1).length)
  return 1
}

function sub(L: LState): number {
  const s = checkString(L, 1)
  const from = startAt(checkInteger(L, 2), s.length)
  const to = endAt(optInteger(L, 3, -1), s.length)
  pushString(L, from > to ? '' : s.slice(from - 1, to))
  return 1
}

function upper(L: LState): number {
  pushString(
    L,
    checkString(L, 1).replace(/[a-z]+/g, (c) => c.toUpperCase()),
  )
  return 1
}

function lower(L: LState): number {
  pushString(
    L,
    checkString(L, 1).replace(/[A-Z]+/g, (c) => c.toLowerCase()),
  )
  return 1
}

function reverse(L: LState): number {
  const s = checkString(L, 1)
  const bytes = Buffer.from(s, 'latin1').reverse()
  pushString(L, bytes.toString('latin1'))
  return 1
}

function rep(L: LState): number {
  const s = checkString(L, 1)
  const n = checkInteger(L, 2)
  const separator = optString(L, 3, '')
  if (n <= 0) {
    pushString(L, '')
    return 1
  }
  checkLength(L, s.length * n + separator.length * (n - 1))
  // Only empty strings can be repeated without bound, and nothing comes of it.
  const empty = s.length + separator.length === 0
  pushString(L, empty ? '' : (s + separator).repeat(n - 1) + s)
  return 1
}

function byte(L: LState): number {
  const s = checkString(L, 1)
  const first = optInteger(L, 2, 1)
  const from = startAt(first, s.length)
  const to = endAt(optInteger(L, 3, first), s.length)
  if (from > to) return 0
  const n = to - from + 1
  if (!lua.lua_checkstack(L, n)) return runErrorAt(L, 'string slice too long')
  for (let i = from - 1; i < to; i++) pushInteger(L, s.charCodeAt(i))
  return n
}

function char(L: LState): number {
  const n = argCount(L)
  const codes: number[] = []
  for (let i = 1; i <= n; i++) {
    const code = checkInteger(L, i)
    if (code < 0 || code > 255) return argError(L, i, 'value out of range')
    codes.push(code)
  }
  let s = ''
  for (const code of codes) s += String.fromCharCode(code)
  pushString(L, s)
  return 1
}

function format(L: LState): number {
  pushString(L, formatCall(L))
  return 1
}

// --- patterns

/** Runs `body`; what the matcher finds wrong with the pattern becomes a Lua error. */
function withPatternErrors(L: LState, body: () => number): number {
  try {
    return body()
  } catch (thrown) {
    if (thrown instanceof PatternError) return runErrorAt(L, thrown.message)
    throw thrown
  }
}

function matcherOf(L: LState, src: string, pattern: string): Matcher {
  return new Matcher(src, pattern, (steps) => spend(L, steps))
}

function pushCapture(L: LState, m: Matcher, i: number, start: number, end: number): void {
  const capture = m.capture(i, start, end)
  if (typeof capture === 'number') pushInteger(L, capture)
  else pushString(L, capture)
}

/** Pushes all captures; the whole match when there are none and `whole` says so. */
function pushCaptures(L: LState, m: Matcher, start: number, end: number, whole: boolean): number {
  const n = m.level === 0 && whole ? 1 : m.level
  lua.lua_checkstack(L, n)
  for (let i = 0; i < n; i++) pushCapture(L, m, i, start, end)
  return n
}

function search(L: LState, find: boolean): number {
  const s = checkString(L, 1)
  const pattern = checkString(L, 2)
  const from = startAt(optInteger(L, 3, 1), s.length)
  if (from > s.length + 1) {
    pushNil(L)
    return 1
  }
  if (find && (isTruthy(arg(L, 4)) || isPlain(pattern))) {
    const at = s.indexOf(pattern, from - 1)
    if (at === -1) {
      pushNil(L)
      return 1
    }
    pushInteger(L, at + 1)
    pushInteger(L, at + pattern.length)
    return 2
  }
  return withPatternErrors(L, () => searchPattern(L, s, pattern, from - 1, find))
}

function searchPattern(L: LState, s: string, pattern: string, from: number, find: boolean): number {
  const anchored = pattern.startsWith('^')
  const m = matcherOf(L, s, pattern)
  for (let at = from; at <= s.length; at++) {
    const end = m.match(at, anchored ? 1 : 0)
    if (end !== -1) {
      if (!find) return pushCaptures(L, m, at, end, true)
      pushInteger(L, at + 1)
      pushInteger(L, end)
      return 2 + pushCaptures(L, m, at, end, false)
    }
    if (anchored) break
    spend(L, 1)
  }
  pushNil(L)
  return 1
}

const find = (L: LState): number => search(L, true)
const match = (L: LState): number => search(L, false)

function gmatch(L: LState): number {
  const s = checkString(L, 1)
  const pattern = checkString(L, 2)
  let at = startAt(optInteger(L, 3, 1), s.length) - 1
  let last = -1
  const next: CFunction = (caller) =>
    withPatternErrors(caller, () => {
      const m = matcherOf(caller, s, pattern)
      for (; at <= s.length; at++) {
        const end = m.match(at, 0)
        if (end !== -1 && end !== last) {
          const start = at
          at = last = end
          return pushCaptures(caller, m, start, end, true)
        }
        spend(caller, 1)
      }
      pushNil(caller)
      return 1
    })
  push(L, tag.cClosure, closureOf(L, next))
  return 1
}

type Replace = (m: Matcher, start: number, end: number) => string

/** What stands in for a match when the replacement is a template with %0..%9. */
function templateReplacement(L: LState, template: string): Replace {
  if (!template.includes('%')) return () => template
  return (m, start, end) =>
    template.replace(/%([\s\S]?)/g, (_all, c: string) => {
      if (c === '%') return '%'
      if (c === '0') return m.src.slice(start, end)
      if (c < '1' || c > '9' || c === '') {
        return runErrorAt(L, "invalid use of '%' in replacement string")
      }
      const i = c.charCodeAt(0) - 49
      if (i >= m.level && i > 0) {
        return runErrorAt(L, `invalid capture index %${i + 1} in replacement string`)
      }
      return String(m.capture(i, start, end))
    })
}

/** What stands in for a match when a table or function answers: nil and false keep the match. */
function answeredReplacement(L: LState, by: TValue): Replace {
  return (m, start, end) => {
    if (by.type === tag.table) {
      pushCapture(L, m, 0, start, end)
      const key = L.stack[L.top - 1] as TValue
      const raw = tableGetKey(
        by.value as Table,
        isString(key) ? textOf(key.value as TString) : key.value,
      )
      if (raw.type !== tag.nil || (by.value as Table).metatable === null) {
        lua.lua_pop(L, 1)
        pushValue(L, raw)
      } else {
        lua.lua_gettable(L, 3)
      }
    } else {
      pushValue(L, by)
      const n = pushCaptures(L, m, start, end, true)
      lua.lua_call(L, n, 1)
    }
    const answer = L.stack[L.top - 1] as TValue
    lua.lua_pop(L, 1)
    if (!isTruthy(answer)) return m.src.slice(start, end)
    if (isString(answer)) return textOf(answer.value as TString)
    if ((answer.type & 15) === 3) return numberText(answer)
    return runErrorAt(L, `invalid replacement value (a ${typeName(answer)})`)
  }
}

function gsub(L: LState): number {
  const s = checkString(L, 1)
  const pattern = checkString(L, 2)
  const by = arg(L, 3)
  const isTemplate = isString(by) || (by.type & 15) === 3
  if (!isTemplate && by.type !== tag.table && (by.type & 15) !== tag.function) {
    return typeError(L, 3, 'string/function/table')
  }
  const max = optInteger(L, 4, s.length + 1)
  const replace = isTemplate
    ? templateReplacement(L, checkString(L, 3))
    : answeredReplacement(L, by)
  return withPatternErrors(L, () => substitute(L, s, pattern, max, replace))
}

function substitute(L: LState, s: string, pattern: string, max: number, replace: Replace): number {
  const anchored = pattern.startsWith('^')
  const m = matcherOf(L, s, pattern)
  let out = ''
  let at = 0
  let kept = 0 // start of what was not copied to `out` yet
  let last = -1
  let count = 0
  while (count < max) {
    const end = m.match(at, anchored ? 1 : 0)
    if (end !== -1 && end !== last) {
      count++
      out += s.slice(kept, at) + replace(m, at, end)
      checkLength(L, out.length)
      at = kept = last = end
    } else if (at < s.length) at++
    else break
    if (anchored) break
    spend(L, 1)
  }
  pushString(L, out + s.slice(kept))
  pushInteger(L, count)
  return 2
}

/** fengari fills a `c` item byte by byte, however long: its size is looked at first. */
function pack(L: LState, theirs: CFunction): number {
  for (const [digits] of checkString(L, 1).matchAll(/\d+/g)) checkLength(L, Number(digits))
  return theirs(L)
}

/** Opens `string` into `globals` and makes it the index of all strings. */
export function openString(L: LState, globals: Table): Table {
  const string = newTable(L)
  libraries.luaopen_string(L)
  const theirs = (L.stack[L.top - 1] as TValue).value as Table
  lua.lua_pop(L, 1)
  for (const name of ['packsize', 'unpack']) {
    const f = tableGetKey(theirs, name).value as CFunction
    addFunctions(L, string, { [name]: f })
  }
  const theirPack = tableGetKey(theirs, 'pack').value as CFunction
  addFunctions(L, string, { pack: (at: LState) => pack(at, theirPack) })
  addFunctions(L, string, {
    byte,
    char,
    find,
    format,
    gmatch,
    gsub,
    len,
    lower,
    match,
    rep,
    reverse,
    sub,
    upper,
  })
  setField(L, globals, 'string', new TV(tag.table, string))
  const meta = newTable(L)
  setField(L, meta, '__index', new TV(tag.table, string))
  machineOf(L).main.l_G.mt[tag.string] = meta
  return meta
}
