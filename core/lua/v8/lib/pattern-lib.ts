// string.find, match, gmatch and gsub over the matcher of pattern.ts. Lanes.
//
// Replacement functions and tables may run Lua, which may match again; so everything that is needed
// from a match (its place, its captures) is read before they are called. They cannot yield.

import { LuaFloat } from '../../engine.ts'
import { first, ret0, ret2, retArray } from '../run/answer.ts'
import { callSync } from '../run/call.ts'
import { typeNameOf } from '../run/metatable.ts'
import { numberText } from '../run/number-text.ts'
import { Table } from '../run/table.ts'
import type { LuaFn, Ret, Value } from '../run/value.ts'
import { checkIndex, checkString, optIndex } from './args.ts'
import { checkSize, fail, spend, typeError } from './failure.ts'
import {
  captureEnd,
  captureStart,
  compilePattern,
  matchFrom,
  matchStart,
  type Pattern,
} from './pattern.ts'
import { getSync } from './sync.ts'

const special = /[\^$*+?.([%-]/

/** Capture `i` of the match that began at `start` and ended at `end`; the whole when it has none. */
function capture(pattern: Pattern, s: string, i: number, start: number, end: number): Value {
  const kind = pattern.captures[i]
  if (kind === undefined) {
    if (i !== 0) fail(`invalid capture index %${i + 1}`)
    return s.slice(start, end)
  }
  const from = captureStart[i] as number
  if (kind === 'text') return s.slice(from, captureEnd[i])
  if (kind === 'unfinished') fail('unfinished capture')
  return from + 1
}

/** All captures as an answer; the whole match when there are none. */
function answer(pattern: Pattern, s: string, start: number, end: number): Ret {
  const n = pattern.captures.length
  if (n <= 1) return capture(pattern, s, 0, start, end)
  if (n === 2) return ret2(capture(pattern, s, 0, start, end), capture(pattern, s, 1, start, end))
  return retArray(captureList(pattern, s, start, end))
}

function captureList(pattern: Pattern, s: string, start: number, end: number): Value[] {
  const list: Value[] = []
  for (let i = 0; i < pattern.captures.length; i++) list.push(capture(pattern, s, i, start, end))
  return list
}

/** Where to begin, from 0; -1 when that is behind the end. */
function startAt(init: Value, length: number, fn: string): number {
  if (init === undefined) return 0
  const from = optIndex(init, 1, 3, fn)
  if (from > length + 1) return -1
  if (from > 0) return from - 1
  return from === 0 || from < -length ? 0 : length + from
}

function find(text: Value, patternText: Value, init: Value, plain: Value): Ret {
  const s = typeof text === 'string' ? text : checkString(text, 1, 'find')
  const p = typeof patternText === 'string' ? patternText : checkString(patternText, 2, 'find')
  const from = startAt(init, s.length, 'find')
  if (from < 0) return undefined
  if ((plain !== undefined && plain !== false) || !special.test(p)) {
    spend(1)
    const at = s.indexOf(p, from)
    return at < 0 ? undefined : ret2(at + 1, at + p.length)
  }
  const pattern = compilePattern(p, true)
  const end = matchFrom(pattern, s, from)
  if (end < 0) return undefined
  const start = matchStart
  if (pattern.captures.length === 0) return ret2(start + 1, end)
  return retArray([start + 1, end, ...captureList(pattern, s, start, end)])
}

function match(text: Value, patternText: Value, init: Value): Ret {
  const s = typeof text === 'string' ? text : checkString(text, 1, 'match')
  const p = typeof patternText === 'string' ? patternText : checkString(patternText, 2, 'match')
  const from = startAt(init, s.length, 'match')
  if (from < 0) return undefined
  const pattern = compilePattern(p, true)
  const end = matchFrom(pattern, s, from)
  return end < 0 ? undefined : answer(pattern, s, matchStart, end)
}

function gmatch(text: Value, patternText: Value, init: Value): Ret {
  const s = checkString(text, 1, 'gmatch')
  const pattern = compilePattern(checkString(patternText, 2, 'gmatch'), false)
  const from = startAt(init, s.length, 'gmatch')
  let at = from < 0 ? s.length + 1 : from
  let last = -1
  return () => {
    if (at > s.length) return ret0()
    let end = matchFrom(pattern, s, at)
    // An empty match where the last one ended is that match again.
    if (end === last && end >= 0) end = at < s.length ? matchFrom(pattern, s, at + 1) : -1
    if (end < 0) {
      at = s.length + 1
      return ret0()
    }
    at = last = end
    return answer(pattern, s, matchStart, end)
  }
}

/** Text of a value that may stand in for a match; undefined for what may not. */
function textOf(v: Value): string | undefined {
  if (typeof v === 'string') return v
  if (typeof v === 'number' || typeof v === 'bigint' || v instanceof LuaFloat) return numberText(v)
  return undefined
}

/** A replacement string: literal text and capture numbers (0: the whole match). */
type Template = (string | number)[]

function parseTemplate(text: string): Template {
  const parts: Template = []
  let at = 0
  let literal = ''
  for (let percent = text.indexOf('%'); percent >= 0; percent = text.indexOf('%', at)) {
    literal += text.slice(at, percent)
    const c = text.charAt(percent + 1)
    if (c === '%') literal += '%'
    else if (c >= '0' && c <= '9') {
      parts.push(literal, Number(c))
      literal = ''
    } else fail("invalid use of '%' in replacement string")
    at = percent + 2
  }
  parts.push(literal + text.slice(at))
  return parts
}

/** Makes what takes the place of the match s[start..end); undefined keeps the match. */
type Replacer = (pattern: Pattern, s: string, start: number, end: number) => string | undefined

function templateReplacer(text: string): Replacer {
  if (!text.includes('%')) return () => text
  // Parsed at the first match: a wrong template that is never used is no error.
  let parts: Template | undefined
  return (pattern, s, start, end) => {
    parts ??= parseTemplate(text)
    let out = ''
    for (const part of parts) {
      if (typeof part === 'string') out += part
      else if (part === 0) out += s.slice(start, end)
      else out += textOf(capture(pattern, s, part - 1, start, end))
    }
    return out
  }
}

function replacement(v: Value): string | undefined {
  if (v === undefined || v === false) return undefined
  const text = textOf(v)
  if (text === undefined) fail(`invalid replacement value (a ${typeNameOf(v)})`)
  return text
}

function functionReplacer(fn: LuaFn): Replacer {
  return (pattern, s, start, end) => {
    if (pattern.captures.length <= 1) {
      return replacement(first(callSync(fn, capture(pattern, s, 0, start, end))))
    }
    return replacement(first(callSync(fn, ...captureList(pattern, s, start, end))))
  }
}

function tableReplacer(table: Table): Replacer {
  return (pattern, s, start, end) => {
    const key = capture(pattern, s, 0, start, end)
    const value = table.get(key)
    if (value !== undefined || table.meta === undefined) return replacement(value)
    return replacement(getSync(table, key))
  }
}

function replacerOf(v: Value): Replacer {
  if (typeof v === 'function') return functionReplacer(v)
  if (v instanceof Table) return tableReplacer(v)
  const text = textOf(v)
  if (text === undefined) typeError(3, 'gsub', 'string/function/table', v)
  return templateReplacer(text)
}

function gsub(text: Value, patternText: Value, by: Value, limit: Value): Ret {
  const s = typeof text === 'string' ? text : checkString(text, 1, 'gsub')
  const p = typeof patternText === 'string' ? patternText : checkString(patternText, 2, 'gsub')
  const replace = replacerOf(by)
  const most = limit === undefined ? s.length + 1 : checkIndex(limit, 4, 'gsub')
  const pattern = compilePattern(p, true)
  let out = ''
  let copied = 0
  let at = 0
  let last = -1
  let count = 0
  let changed = false
  while (count < most) {
    const end = matchFrom(pattern, s, at)
    if (end < 0) break
    if (end === last) {
      // Empty, where the last match ended: one character is passed over.
      if (at >= s.length || pattern.anchored) break
      at++
      continue
    }
    const start = matchStart
    count++
    const put = replace(pattern, s, start, end)
    if (put !== undefined) {
      out += s.slice(copied, start) + put
      copied = end
      changed = true
      if (out.length > s.length) checkSize(out.length)
    }
    at = last = end
    if (pattern.anchored) break
  }
  if (!changed) return ret2(s, count)
  out += s.slice(copied)
  checkSize(out.length)
  return ret2(out, count)
}

export const patternFunctions = { find, gmatch, gsub, match }
