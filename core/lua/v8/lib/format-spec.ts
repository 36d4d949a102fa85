// string.format's conversions: reading a format, and writing numbers and text by one conversion, as
// C's printf does. Pure; any thread.
//
// A format is parsed once into text and items, and kept in a small cache. What is wrong with an
// item is kept beside it, because PUC complains only when that item's turn comes, after the
// arguments before it were checked.

import type { LuaFloat } from '../../engine.ts'
import { exponentialText, fixedText, generalText, hexText } from '../run/decimal.ts'
import { specialText } from '../run/number-text.ts'

export interface FormatItem {
  readonly kind: 'item'
  /** The letter: one of `acdeEfgGiopqsuxXA`, or another one, which is an error. */
  readonly conversion: string
  /** The whole specification, with its `%`, as error messages quote it. */
  readonly form: string
  /** More than one character between `%` and the letter than PUC's buffer holds. */
  readonly tooLong: boolean
  /** Flags, width and precision are ones that this conversion takes. */
  readonly valid: boolean
  /** Nothing between `%` and the letter. */
  readonly bare: boolean
  readonly left: boolean
  readonly plus: boolean
  readonly space: boolean
  readonly alternate: boolean
  readonly zero: boolean
  readonly width: number
  /** -1 when none is given. */
  readonly precision: number
}

export type FormatPart = string | FormatItem

const cacheMax = 512
const cache = new Map<string, readonly FormatPart[]>()

/** Text (a string) and items of a format. */
export function parseFormat(format: string): readonly FormatPart[] {
  const known = cache.get(format)
  if (known !== undefined) return known
  const parts = parse(format)
  if (cache.size >= cacheMax) cache.delete(cache.keys().next().value as string)
  if (format.length <= 1024) cache.set(format, parts)
  return parts
}

function parse(format: string): FormatPart[] {
  const parts: FormatPart[] = []
  let text = ''
  let at = 0
  for (;;) {
    const percent = format.indexOf('%', at)
    text += percent < 0 ? format.slice(at) : format.slice(at, percent)
    if (percent < 0) break
    if (format[percent + 1] === '%') {
      text += '%'
      at = percent + 2
      continue
    }
    if (text !== '') parts.push(text)
    text = ''
    const item = parseItem(format, percent)
    parts.push(item)
    at = percent + item.form.length
  }
  if (text !== '') parts.push(text)
  return parts
}

/** The flags that each conversion takes, and whether it takes a precision. */
const accepted: Record<string, readonly [flags: string, precision: boolean]> = {
  c: ['-', false],
  d: ['-+0 ', true],
  i: ['-+0 ', true],
  u: ['-0', true],
  o: ['-#0', true],
  x: ['-#0', true],
  X: ['-#0', true],
  a: ['-+#0 ', true],
  A: ['-+#0 ', true],
  e: ['-+#0 ', true],
  E: ['-+#0 ', true],
  f: ['-+#0 ', true],
  g: ['-+#0 ', true],
  G: ['-+#0 ', true],
  p: ['-', false],
  q: ['', false],
  s: ['-', true],
}

function parseItem(format: string, percent: number): FormatItem {
  let end = percent + 1
  while (end < format.length && '-+#0 123456789.'.includes(format.charAt(end))) end++
  const form = format.slice(percent, end + 1)
  const conversion = format.charAt(end)
  const middle = format.slice(percent + 1, end)
  const rule = accepted[conversion]
  const found = /^([-+#0 ]*)([1-9]\d?)?(?:(\.)(\d{0,2}))?$/.exec(middle)
  const flags = found?.[1] ?? ''
  const flagsFit = rule !== undefined && [...flags].every((flag) => rule[0].includes(flag))
  const precisionFits = rule?.[1] === true || found?.[3] === undefined
  return {
    kind: 'item',
    conversion,
    form,
    tooLong: middle.length + 1 >= 22,
    valid: found !== null && flagsFit && precisionFits,
    bare: middle === '',
    left: flags.includes('-'),
    plus: flags.includes('+'),
    space: flags.includes(' '),
    alternate: flags.includes('#'),
    zero: flags.includes('0'),
    width: Number(found?.[2] ?? 0),
    precision: found?.[3] === undefined ? -1 : Number(found[4]),
  }
}

/** Pads to the width: spaces, or zeros between `prefix` and `body`. */
function padded(item: FormatItem, prefix: string, body: string, zeros: boolean): string {
  const missing = item.width - prefix.length - body.length
  if (missing <= 0) return prefix + body
  if (item.left) return prefix + body + ' '.repeat(missing)
  if (zeros) return prefix + '0'.repeat(missing) + body
  return ' '.repeat(missing) + prefix + body
}

function signOf(item: FormatItem, negative: boolean): string {
  if (negative) return '-'
  return item.plus ? '+' : item.space ? ' ' : ''
}

/** `%d %i %u %o %x %X` */
export function formatInteger(item: FormatItem, value: number | bigint): string {
  const { conversion, precision } = item
  let prefix = ''
  let digits: string
  if (conversion === 'd' || conversion === 'i') {
    if (item.bare) return `${value}`
    const negative = value < 0
    prefix = signOf(item, negative)
    digits = negative ? `${value}`.slice(1) : `${value}`
  } else {
    const unsigned = value < 0 ? BigInt.asUintN(64, BigInt(value)) : value
    digits = unsigned.toString(conversion === 'u' ? 10 : conversion === 'o' ? 8 : 16)
    if (conversion === 'X') digits = digits.toUpperCase()
    if (item.alternate && conversion !== 'o' && digits !== '0') prefix = `0${conversion}`
  }
  if (precision === 0 && digits === '0') digits = ''
  if (precision > digits.length) digits = digits.padStart(precision, '0')
  if (item.alternate && conversion === 'o' && digits[0] !== '0') digits = `0${digits}`
  return padded(item, prefix, digits, item.zero && precision < 0)
}

/** `%a %A %e %E %f %g %G` */
export function formatFloat(item: FormatItem, value: number): string {
  const { conversion } = item
  const upper = conversion < 'a'
  if (!Number.isFinite(value)) {
    const text = specialText(value)
    const negative = text.startsWith('-')
    const name = negative ? text.slice(1) : text
    return padded(item, signOf(item, negative), upper ? name.toUpperCase() : name, false)
  }
  const negative = value < 0 || Object.is(value, -0)
  let prefix = signOf(item, negative)
  let body = magnitude(item, negative ? -value : value)
  if (conversion === 'a' || conversion === 'A') prefix += '0x'
  if (upper) {
    body = body.toUpperCase()
    prefix = prefix.toUpperCase()
  }
  return padded(item, prefix, body, item.zero)
}

function magnitude(item: FormatItem, value: number): string {
  const precision = item.precision < 0 ? 6 : item.precision
  switch (item.conversion) {
    case 'f': {
      const text = fixedText(value, precision)
      return item.alternate && precision === 0 ? `${text}.` : text
    }
    case 'e':
    case 'E': {
      const text = exponentialText(value, precision)
      return item.alternate && precision === 0 ? text.replace('e', '.e') : text
    }
    case 'g':
    case 'G':
      return generalText(value, precision, item.alternate)
    default: {
      const text = hexText(value, item.precision < 0 ? undefined : item.precision)
      return item.alternate && !text.includes('.') ? text.replace('p', '.p') : text
    }
  }
}

/** `%s`, `%c` and `%p` with a width or a precision. */
export function formatText(item: FormatItem, text: string): string {
  const kept = item.precision >= 0 ? text.slice(0, item.precision) : text
  return padded(item, '', kept, false)
}

/** `%q` of a string. */
export function quoteText(text: string): string {
  let out = '"'
  let copied = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c >= 32 && c !== 34 && c !== 92 && c !== 127) continue
    out += text.slice(copied, i) + quoteChar(c, text.charCodeAt(i + 1))
    copied = i + 1
  }
  return `${out}${text.slice(copied)}"`
}

function quoteChar(c: number, next: number): string {
  if (c === 34 || c === 92 || c === 10) return `\\${String.fromCharCode(c)}`
  return next >= 48 && next <= 57 ? `\\${String(c).padStart(3, '0')}` : `\\${c}`
}

/** `%q` of a number: text that reads back as the same value. */
export function quoteNumber(value: number | bigint | LuaFloat): string {
  if (typeof value === 'bigint' && value === -0x8000000000000000n) return '0x8000000000000000'
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))) {
    return `${value}`
  }
  const n = typeof value === 'number' ? value : value.n
  if (n === Infinity) return '1e9999'
  if (n === -Infinity) return '-1e9999'
  if (Number.isNaN(n)) return '(0/0)'
  const negative = n < 0 || Object.is(n, -0)
  return `${negative ? '-' : ''}0x${hexText(negative ? -n : n, undefined)}`
}
