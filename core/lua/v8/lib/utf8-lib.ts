// The utf8 library: UTF-8 inside byte strings, code points up to 2^31 when lax. Lanes.
//
// Positions are bytes, as in PUC; invalid sequences raise or, in utf8.len, are told by position.

import { ret0, ret2, ret3, retArray } from '../run/answer.ts'
import type { Ret, Value } from '../run/value.ts'
import { checkIndex, checkString, optIndex } from './args.ts'
import { argError, checkSize, fail, spend } from './failure.ts'

const codeMax = 0x7fffffff
/** The smallest code that needs 1..5 continuation bytes; less is an overlong form. */
const leastCode = [Number.POSITIVE_INFINITY, 0x80, 0x800, 0x10000, 0x200000, 0x4000000]

/** Where the sequence that `decode` read last ends. */
let decodedEnd = 0

/** The code point at `at`, or -1 when the bytes there are no character. */
function decode(s: string, at: number, lax: boolean): number {
  const lead = s.charCodeAt(at)
  if (lead < 0x80) {
    decodedEnd = at + 1
    return lead
  }
  let count = 0
  let code = 0
  for (let bits = lead; (bits & 0x40) !== 0; bits <<= 1) {
    const byte = s.charCodeAt(at + ++count)
    if ((byte & 0xc0) !== 0x80) return -1
    code = code * 64 + (byte & 0x3f)
    if (count > 5) return -1
  }
  code += ((lead << count) & 0x7f) * 2 ** (count * 5)
  if (code > codeMax || code < (leastCode[count] as number)) return -1
  if (!lax && (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))) return -1
  decodedEnd = at + count + 1
  return code
}

/** The bytes of a code point, up to six of them. */
export function utf8Bytes(code: number): string {
  if (code < 0x80) return String.fromCharCode(code)
  let rest = code
  let tail = ''
  // The lead byte holds one bit less with each byte that follows it.
  let leadMax = 0x3f
  do {
    tail = String.fromCharCode(0x80 | (rest & 0x3f)) + tail
    rest = Math.floor(rest / 64)
    leadMax >>= 1
  } while (rest > leadMax)
  return String.fromCharCode(((~leadMax << 1) & 0xff) | rest) + tail
}

function isContinuation(s: string, at: number): boolean {
  return (s.charCodeAt(at) & 0xc0) === 0x80
}

function relative(position: number, length: number): number {
  if (position >= 0) return position
  return -position > length ? 0 : length + position + 1
}

function len(text: Value, i: Value, j: Value, lax: Value): Ret {
  const s = checkString(text, 1, 'len')
  let at = relative(optIndex(i, 1, 2, 'len'), s.length) - 1
  const last = relative(optIndex(j, -1, 3, 'len'), s.length) - 1
  if (at < 0 || at > s.length) argError(2, 'len', 'initial position out of bounds')
  if (last >= s.length) argError(3, 'len', 'final position out of bounds')
  const isLax = lax !== undefined && lax !== false
  let count = 0
  spend(Math.max(0, last - at))
  while (at <= last) {
    if (decode(s, at, isLax) < 0) return ret2(undefined, at + 1)
    at = decodedEnd
    count++
  }
  return count
}

function codepoint(text: Value, i: Value, j: Value, lax: Value): Ret {
  const s = checkString(text, 1, 'codepoint')
  const from = relative(optIndex(i, 1, 2, 'codepoint'), s.length)
  const to = relative(optIndex(j, from, 3, 'codepoint'), s.length)
  if (from < 1) argError(2, 'codepoint', 'out of bounds')
  if (to > s.length) argError(3, 'codepoint', 'out of bounds')
  if (to - from >= 1_000_000) fail('string slice too long')
  const isLax = lax !== undefined && lax !== false
  const codes: Value[] = []
  for (let at = from - 1; at < to; at = decodedEnd) {
    const code = decode(s, at, isLax)
    if (code < 0) fail('invalid UTF-8 code')
    codes.push(code)
  }
  return codes.length === 0 ? ret0() : retArray(codes)
}

function char(...codes: Value[]): Ret {
  let out = ''
  for (let i = 0; i < codes.length; i++) {
    const code = checkIndex(codes[i], i + 1, 'char')
    if (code < 0 || code > codeMax) argError(i + 1, 'char', 'value out of range')
    out += utf8Bytes(code)
  }
  checkSize(out.length)
  return out
}

function offset(text: Value, nth: Value, i: Value): Ret {
  const s = checkString(text, 1, 'offset')
  let n = checkIndex(nth, 2, 'offset')
  let at = relative(optIndex(i, n >= 0 ? 1 : s.length + 1, 3, 'offset'), s.length) - 1
  if (at < 0 || at > s.length) argError(3, 'offset', 'position out of bounds')
  spend(Math.min(Math.abs(n), s.length))
  if (n === 0) {
    while (at > 0 && isContinuation(s, at)) at--
    return at + 1
  }
  if (isContinuation(s, at)) fail('initial position is a continuation byte')
  for (; n < 0 && at > 0; n++) {
    do at--
    while (at > 0 && isContinuation(s, at))
  }
  if (n > 0) {
    for (n--; n > 0 && at < s.length; n--) {
      do at++
      while (isContinuation(s, at))
    }
  }
  return n === 0 ? at + 1 : undefined
}

function iterate(text: Value, control: Value, lax: boolean): Ret {
  const s = checkString(text, 1, 'for iterator')
  let at = typeof control === 'number' ? control : -1
  if (at < 0) return ret0()
  while (isContinuation(s, at)) at++
  if (at >= s.length) return ret0()
  const code = decode(s, at, lax)
  if (code < 0) fail('invalid UTF-8 code')
  return ret2(at + 1, code)
}

const iterateStrict = (text: Value, control: Value): Ret => iterate(text, control, false)
const iterateLax = (text: Value, control: Value): Ret => iterate(text, control, true)

function codes(text: Value, lax: Value): Ret {
  checkString(text, 1, 'codes')
  const isLax = lax !== undefined && lax !== false
  return ret3(isLax ? iterateLax : iterateStrict, text, 0)
}

export const utf8Functions = { char, codepoint, codes, len, offset }
/** `utf8.charpattern` */
export const utf8CharPattern = '[\0-\x7f\xc2-\xfd][\x80-\xbf]*'
