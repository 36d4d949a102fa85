// string.format: each item of a parsed format with its argument. Lanes.
//
// An argument of the wrong kind raises in PUC's words; the result is capped by stringBytesMax.

import { LuaFloat } from '../../engine.ts'
import type { Ret, Value } from '../run/value.ts'
import { checkDouble, checkInteger, checkString } from './args.ts'
import { argError, checkSize, fail, spend } from './failure.ts'
import {
  type FormatItem,
  formatFloat,
  formatInteger,
  formatText,
  parseFormat,
  quoteNumber,
  quoteText,
} from './format-spec.ts'
import { addressOfString } from './string-address.ts'
import { addressOf, toText } from './tostring.ts'

/** Strings up to this length are one object in PUC, longer ones may be several. */

export function format(...args: Value[]): Ret {
  const parts = parseFormat(checkString(args[0], 1, 'format'))
  let out = ''
  let arg = 0
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as string | FormatItem
    if (typeof part === 'string') {
      out += part
      continue
    }
    arg++
    if (arg >= args.length) argError(arg + 1, 'format', 'no value')
    out += formatItem(part, args[arg], arg + 1)
    if (out.length > 100_000) checkSize(out.length)
  }
  spend(parts.length)
  checkSize(out.length)
  return out
}

function formatItem(item: FormatItem, v: Value, index: number): string {
  if (item.tooLong) fail('invalid format (too long)')
  switch (item.conversion) {
    case 'd':
    case 'i':
    case 'u':
    case 'o':
    case 'x':
    case 'X': {
      const value = checkInteger(v, index, 'format')
      checkForm(item)
      return formatInteger(item, value)
    }
    case 's':
      return item.bare ? toText(v) : formatString(item, toText(v), index)
    case 'f':
    case 'e':
    case 'E':
    case 'g':
    case 'G': {
      const value = checkDouble(v, index, 'format')
      checkForm(item)
      return formatFloat(item, value)
    }
    case 'a':
    case 'A':
      checkForm(item)
      return formatFloat(item, checkDouble(v, index, 'format'))
    case 'c':
      checkForm(item)
      return formatText(item, lowByte(checkInteger(v, index, 'format')))
    case 'p':
      checkForm(item)
      return formatText(item, pointerText(v))
    case 'q':
      if (!item.bare) fail("specifier '%q' cannot have modifiers")
      return literalText(v, index)
    default:
      fail(`invalid conversion '${item.form}' to 'format'`)
  }
}

function lowByte(code: number | bigint): string {
  return String.fromCharCode(Number(BigInt.asUintN(8, BigInt(code))))
}

function checkForm(item: FormatItem): void {
  if (!item.valid) fail(`invalid conversion specification: '${item.form}'`)
}

function formatString(item: FormatItem, text: string, index: number): string {
  if (text.includes('\0')) argError(index, 'format', 'string contains zeros')
  checkForm(item)
  return formatText(item, text)
}

function literalText(v: Value, index: number): string {
  switch (typeof v) {
    case 'string':
      return quoteText(v)
    case 'number':
    case 'bigint':
      return quoteNumber(v)
    case 'boolean':
    case 'undefined':
      return toText(v)
    default:
      if (v instanceof LuaFloat) return quoteNumber(v)
      argError(index, 'format', 'value has no literal form')
  }
}

function pointerText(v: Value): string {
  if (typeof v === 'string') return addressOfString(v)
  const isObject = typeof v === 'function' || (typeof v === 'object' && !(v instanceof LuaFloat))
  return isObject ? addressOf(v) : '(null)'
}
