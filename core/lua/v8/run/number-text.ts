// Numbers to text and text to numbers, as Lua 5.4 does both (tostring, tonumber, the lexer, string
// arithmetic). Pure; any thread. Numbers look as engine.ts says: an integer is a safe number or a
// bigint of the 64-bit range, a float with an integral value is a LuaFloat.
//
// What is not a number gives undefined, never an error. C prints the sign bit of a NaN; V8 does
// not show it, so every NaN reads `-nan`, which is what x86-64 makes of 0/0; its negation, `nan`
// in C, is the one value that prints otherwise here.

import { LuaFloat } from '../../engine.ts'
import { shortText } from './decimal.ts'

export type LuaNumber = number | bigint | LuaFloat

/** The Lua integer of a bigint in the 64-bit range: a number when it is safe. */
export function integerOf(value: bigint): number | bigint {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value
}

/** The Lua integer of any bigint, wrapped around to 64 bits. */
export function wrapInteger(value: bigint): number | bigint {
  return integerOf(BigInt.asIntN(64, value))
}

/** The Lua float of a double. */
export function floatOf(value: number): number | LuaFloat {
  return Number.isInteger(value) ? new LuaFloat(value) : value
}

/** `inf`, `-inf` or `-nan`: what is not finite, as C prints it. */
export function specialText(n: number): string {
  if (n === Infinity) return 'inf'
  return n === -Infinity ? '-inf' : '-nan'
}

/** A float as `tostring` writes it: `%.14g`, and `.0` where that looks like an integer. */
export function floatText(n: number): string {
  if (!Number.isFinite(n)) return specialText(n)
  const negative = n < 0 || Object.is(n, -0)
  const text = shortText(negative ? -n : n)
  const marked = looksLikeInteger(text) ? `${text}.0` : text
  return negative ? `-${marked}` : marked
}

function looksLikeInteger(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c < 48 || c > 57) return false
  }
  return true
}

/** Any Lua number as `tostring` writes it. */
export function numberText(value: LuaNumber): string {
  if (typeof value === 'number') return Number.isInteger(value) ? `${value}` : floatText(value)
  if (typeof value === 'bigint') return value.toString()
  return floatText(value.n)
}

// No digit may be matched in two ways: a text of 64 KiB that fails at its end would take minutes.
const decimalInteger = /^[ \t\n\v\f\r]*([+-]?)(\d+)[ \t\n\v\f\r]*$/
const hexInteger = /^[ \t\n\v\f\r]*([+-]?)0[xX]([0-9a-fA-F]+)[ \t\n\v\f\r]*$/
const decimalFloat = /^[ \t\n\v\f\r]*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)[ \t\n\v\f\r]*$/
const hexFloat =
  /^[ \t\n\v\f\r]*([+-]?)0[xX](?=\.?[0-9a-fA-F])([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?\d+))?[ \t\n\v\f\r]*$/

/** The number that `text` spells, as `tonumber(text)` reads it; undefined when it spells none. */
export function parseNumber(text: string): LuaNumber | undefined {
  const small = parseSmallInteger(text)
  if (small >= 0) return small
  if (text.length === 0) return undefined
  let found = decimalInteger.exec(text)
  if (found !== null) return decimalIntegerOf(found[1] === '-', found[2] as string)
  found = decimalFloat.exec(text)
  if (found !== null) return floatOf(Number(found[1]))
  found = hexInteger.exec(text)
  if (found !== null) {
    const value = BigInt(`0x${found[2]}`)
    return wrapInteger(found[1] === '-' ? -value : value)
  }
  found = hexFloat.exec(text)
  if (found === null) return undefined
  const value = hexFloatOf(found[2] as string, found[3] ?? '', found[4])
  return floatOf(found[1] === '-' ? -value : value)
}

/** Plain digits without sign or spaces, at most fifteen of them; -1 when `text` is not that. */
function parseSmallInteger(text: string): number {
  const length = text.length
  if (length === 0 || length > 15) return -1
  let value = 0
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

function decimalIntegerOf(negative: boolean, digits: string): LuaNumber {
  if (digits.length <= 15) {
    const value = Number(digits)
    return negative && value !== 0 ? -value : value
  }
  // Leading zeros do not count towards the length that still fits.
  const value = digits.length > 400 ? undefined : BigInt(digits)
  const fits = value !== undefined && value <= 0x7fffffffffffffffn + (negative ? 1n : 0n)
  if (!fits) return floatOf(negative ? -Number(digits) : Number(digits))
  return integerOf(negative ? -value : value)
}

/** The double nearest to the hexadecimal digits, ties to even, as strtod reads them. */
function hexFloatOf(whole: string, fraction: string, power: string | undefined): number {
  const digits = (whole + fraction).replace(/^0+/, '')
  if (digits === '') return 0
  // Beyond 30 digits only "is anything there" matters, and one sticky digit says that.
  const kept = digits.length > 30 ? `${digits.slice(0, 30)}1` : digits
  const dropped = digits.length - kept.length
  let exponent = -4 * fraction.length + 4 * dropped
  if (power !== undefined) exponent += Math.max(-1e9, Math.min(1e9, Number(power)))
  return scaleExact(BigInt(`0x${kept}`), exponent)
}

/** `mantissa * 2^exponent` rounded once to a double. */
function scaleExact(mantissa: bigint, exponent: number): number {
  const bits = mantissa.toString(2).length
  const top = bits + exponent
  if (top > 1024) return Infinity
  if (top < -1075) return 0
  // How many bits the result can hold: 53, fewer when it is subnormal.
  const room = Math.min(53, top + 1074)
  const drop = bits - room
  if (drop <= 0) return scaleByPower(Number(mantissa), exponent)
  const unit = 1n << BigInt(drop)
  const rest = mantissa % unit
  let kept = mantissa / unit
  if (rest * 2n > unit || (rest * 2n === unit && kept % 2n === 1n)) kept += 1n
  return scaleByPower(Number(kept), exponent + drop)
}

/** `value * 2^exponent`, exact when the result can hold it; in steps, as 2^1074 overflows. */
function scaleByPower(value: number, exponent: number): number {
  let result = value
  let left = exponent
  while (left > 1000) {
    result *= 2 ** 1000
    left -= 1000
  }
  while (left < -1000) {
    result *= 2 ** -1000
    left += 1000
  }
  return result * 2 ** left
}

/** `tonumber(text, base)`: letters are digits above 9; wraps around; undefined when malformed. */
export function parseInBase(text: string, base: number): number | bigint | undefined {
  const found = /^[ \t\n\v\f\r]*([+-]?)([0-9a-zA-Z]+)[ \t\n\v\f\r]*$/.exec(text)
  if (found === null) return undefined
  const digits = found[2] as string
  const wide = digits.length > 10
  let small = 0
  let large = 0n
  for (let i = 0; i < digits.length; i++) {
    const digit = digitValue(digits.charCodeAt(i))
    if (digit >= base) return undefined
    if (wide) large = BigInt.asUintN(64, large * BigInt(base) + BigInt(digit))
    else small = small * base + digit
  }
  const negative = found[1] === '-'
  if (wide) return wrapInteger(negative ? -large : large)
  return negative && small !== 0 ? -small : small
}

function digitValue(code: number): number {
  if (code <= 57) return code - 48
  return (code | 32) - 97 + 10
}
