// The string library but for patterns (pattern-lib.ts), format and pack. Lanes; hot.
//
// Strings hold one character for each byte, so most of this is V8's own string code; care is
// needed where JavaScript knows more letters than C's locale does (upper, lower).

import { ret0, retArray } from '../run/answer.ts'
import { vm } from '../run/state.ts'
import type { Ret, Value } from '../run/value.ts'
import { checkIndex, checkString, optIndex } from './args.ts'
import { argError, fail, spend } from './failure.ts'
import { format } from './format-lib.ts'
import { packFunctions } from './pack-lib.ts'
import { patternFunctions } from './pattern-lib.ts'

/** First position of a range, from 1; may lie behind the end. */
function rangeStart(position: number, length: number): number {
  if (position > 0) return position
  return position === 0 || position < -length ? 1 : length + position + 1
}

/** Last position of a range, 0..length. */
function rangeEnd(position: number, length: number): number {
  if (position > length) return length
  if (position >= 0) return position
  return position < -length ? 0 : length + position + 1
}

function sub(text: Value, i: Value, j: Value): Ret {
  const s = typeof text === 'string' ? text : checkString(text, 1, 'sub')
  const from = rangeStart(checkIndex(i, 2, 'sub'), s.length)
  const to = j === undefined ? s.length : rangeEnd(checkIndex(j, 3, 'sub'), s.length)
  return s.slice(from - 1, from > to ? from - 1 : to)
}

function byte(text: Value, i: Value, j: Value): Ret {
  const s = typeof text === 'string' ? text : checkString(text, 1, 'byte')
  const first = optIndex(i, 1, 2, 'byte')
  const from = rangeStart(first, s.length)
  const to = rangeEnd(optIndex(j, first, 3, 'byte'), s.length)
  if (from === to) return s.charCodeAt(from - 1)
  if (from > to) return ret0()
  if (to - from >= 1_000_000) fail('string slice too long')
  const codes: Value[] = []
  for (let at = from - 1; at < to; at++) codes.push(s.charCodeAt(at))
  return retArray(codes)
}

const unit = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code))

function char(...codes: Value[]): Ret {
  let out = ''
  for (let i = 0; i < codes.length; i++) {
    const code = checkIndex(codes[i], i + 1, 'char')
    const one = unit[code]
    if (one === undefined) argError(i + 1, 'char', 'value out of range')
    out += one
  }
  return out
}

function len(text: Value): Ret {
  return checkString(text, 1, 'len').length
}

const ascii = /^[\0-\x7f]*$/

function upper(text: Value): Ret {
  const s = checkString(text, 1, 'upper')
  spend(s.length >> 4)
  return ascii.test(s) ? s.toUpperCase() : s.replace(/[a-z]+/g, (run) => run.toUpperCase())
}

function lower(text: Value): Ret {
  const s = checkString(text, 1, 'lower')
  spend(s.length >> 4)
  return ascii.test(s) ? s.toLowerCase() : s.replace(/[A-Z]+/g, (run) => run.toLowerCase())
}

function reverse(text: Value): Ret {
  const s = checkString(text, 1, 'reverse')
  spend(s.length >> 4)
  const bytes = Buffer.from(s, 'latin1')
  return bytes.reverse().toString('latin1')
}

function rep(text: Value, count: Value, separator: Value): Ret {
  const s = checkString(text, 1, 'rep')
  const n = checkIndex(count, 2, 'rep')
  const sep = separator === undefined ? '' : checkString(separator, 3, 'rep')
  if (n <= 0) return ''
  const size = n * s.length + (n - 1) * sep.length
  if (size > vm.realm.stringBytesMax) fail('resulting string too large')
  if (size === 0) return ''
  spend(size >> 8)
  return sep === '' ? s.repeat(n) : (s + sep).repeat(n - 1) + s
}

/** The functions of the string library. */
export const stringFunctions = {
  ...packFunctions,
  ...patternFunctions,
  byte,
  char,
  format,
  len,
  lower,
  rep,
  reverse,
  sub,
  upper,
}
