// What the dialects' literals have in common: decimal numbers, hex, and which text is plain. Any
// thread.
//
// Stateless. Byte strings have one character for each byte (core/lua/bytes.ts). Plain text may stand
// between quotes in any dialect under any server mode: printable characters without ' and \.

import { isUtf8 } from 'node:buffer'

const plainAscii = /^[ -&(-[\]-~]*$/
const plainUnicode = /^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]*$/u
const quoteOrBackslash = /['\\]/

/** Shortest decimal that reads back as the same double; it always has a point or an exponent. */
export function decimalOf(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}

export function hexOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('hex')
}

/** Whether a byte string is `plain` text, other text that needs the hex form, or not UTF-8. */
export function textClass(bytes: string): 'plain' | 'hex' | 'invalid' {
  if (plainAscii.test(bytes)) return 'plain'
  const buffer = Buffer.from(bytes, 'latin1')
  if (!isUtf8(buffer)) return 'invalid'
  if (quoteOrBackslash.test(bytes)) return 'hex'
  return plainUnicode.test(buffer.toString('utf8')) ? 'plain' : 'hex'
}
