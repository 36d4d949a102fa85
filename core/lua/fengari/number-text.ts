// Numbers as text, as C's printf writes them: %g, %e, %f, %a, and Lua's own "%.14g" with ".0".
//
// Any thread; pure. JavaScript's toFixed and toExponential round exact ties upwards where C rounds
// to even, so digits are asked for with 25 more places and rounded here.

/** The largest magnitude below which every integral float is also an exact integer. */
const safeMax = Number.MAX_SAFE_INTEGER

function specialText(v: number): string | undefined {
  if (Number.isNaN(v)) return 'nan'
  if (v === Number.POSITIVE_INFINITY) return 'inf'
  if (v === Number.NEGATIVE_INFINITY) return '-inf'
  return undefined
}

/** Adds one to the last digit of a string of digits; may grow by one digit. */
function increment(digits: string): string {
  let i = digits.length - 1
  while (i >= 0 && digits[i] === '9') i--
  const zeros = '0'.repeat(digits.length - 1 - i)
  if (i < 0) return `1${zeros}`
  return digits.slice(0, i) + String(Number(digits[i]) + 1) + zeros
}

/** Cuts `digits` to `keep` digits, rounding half to even; the result may be one digit longer. */
function roundDigits(digits: string, keep: number): string {
  const kept = digits.slice(0, keep)
  const next = digits.charCodeAt(keep) - 48
  if (Number.isNaN(next) || next < 5) return kept
  const exactHalf = next === 5 && /^0*$/.test(digits.slice(keep + 1))
  const odd = keep > 0 && (digits.charCodeAt(keep - 1) - 48) % 2 === 1
  if (exactHalf && !odd) return kept
  return keep === 0 ? '1' : increment(kept)
}

/** Digits and decimal exponent of a finite `v` >= 0, rounded to `count` significant digits. */
function significant(v: number, count: number): { digits: string; exponent: number } {
  if (v === 0) return { digits: '0'.repeat(count), exponent: 0 }
  const [mantissa = '', power = '0'] = v.toExponential(Math.min(100, count + 24)).split('e')
  const rounded = roundDigits(mantissa.replace('.', ''), count)
  const grown = rounded.length > count
  return {
    digits: grown ? rounded.slice(0, count) : rounded.padEnd(count, '0'),
    exponent: Number(power) + (grown ? 1 : 0),
  }
}

const exponentText = (e: number): string =>
  `e${e < 0 ? '-' : '+'}${Math.abs(e) < 10 ? '0' : ''}${Math.abs(e)}`

const isNegative = (v: number): boolean => v < 0 || Object.is(v, -0)

/** C's %e with `precision` digits after the point. */
export function formatE(v: number, precision: number, alternate = false): string {
  const special = specialText(v)
  if (special !== undefined) return special
  const { digits, exponent } = significant(Math.abs(v), precision + 1)
  const point = precision > 0 || alternate ? '.' : ''
  const body = digits.slice(0, 1) + point + digits.slice(1) + exponentText(exponent)
  return (isNegative(v) ? '-' : '') + body
}

/** C's %f with `precision` digits after the point. */
export function formatF(v: number, precision: number, alternate = false): string {
  const special = specialText(v)
  if (special !== undefined) return special
  const magnitude = Math.abs(v)
  let whole: string
  let fraction: string
  if (magnitude >= 1e21) {
    whole = BigInt(magnitude).toString()
    fraction = '0'.repeat(precision)
  } else {
    const [w = '0', f = ''] = magnitude.toFixed(Math.min(100, precision + 25)).split('.')
    const rounded = roundDigits(w + f, w.length + precision).padEnd(w.length + precision, '0')
    const split = rounded.length - precision
    whole = rounded.slice(0, split) || '0'
    fraction = rounded.slice(split)
  }
  const point = precision > 0 || alternate ? '.' : ''
  return (isNegative(v) ? '-' : '') + whole + point + fraction
}

/** C's %g with `precision` significant digits; `alternate` keeps trailing zeros. */
export function formatG(v: number, precision: number, alternate = false): string {
  const special = specialText(v)
  if (special !== undefined) return special
  const count = precision === 0 ? 1 : precision
  const { digits, exponent } = significant(Math.abs(v), count)
  const sign = isNegative(v) ? '-' : ''
  const trim = (s: string) => (alternate || !s.includes('.') ? s : s.replace(/\.?0*$/, ''))
  if (exponent < -4 || exponent >= count) {
    return sign + trim(`${digits[0]}.${digits.slice(1)}`) + exponentText(exponent)
  }
  if (exponent < 0) return sign + trim(`0.${'0'.repeat(-exponent - 1)}${digits}`)
  return sign + trim(`${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`)
}

/** C's %a: hexadecimal, exact unless `precision` (hex digits after the point) cuts it. */
export function formatA(v: number, precision?: number): string {
  const special = specialText(v)
  if (special !== undefined) return special
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, Math.abs(v))
  const high = bits.getUint32(0)
  const raw = high >>> 20
  let mantissa = (BigInt(high & 0xfffff) << 32n) | BigInt(bits.getUint32(4))
  let lead = raw === 0 ? 0n : 1n
  const exponent = v === 0 ? 0 : raw === 0 ? -1022 : raw - 1023
  let hex = mantissa.toString(16).padStart(13, '0')
  if (precision === undefined) hex = hex.replace(/0+$/, '')
  else if (precision >= 13) hex = hex.padEnd(precision, '0')
  else {
    const drop = BigInt(4 * (13 - precision))
    const half = 1n << (drop - 1n)
    const whole = (lead << 52n) | mantissa
    const rest = whole & ((1n << drop) - 1n)
    let kept = whole >> drop
    if (rest > half || (rest === half && (kept & 1n) === 1n)) kept += 1n
    const width = BigInt(4 * precision)
    lead = kept >> width
    mantissa = kept & ((1n << width) - 1n)
    hex = precision === 0 ? '' : mantissa.toString(16).padStart(precision, '0')
  }
  const point = hex === '' ? '' : '.'
  return `${isNegative(v) ? '-' : ''}0x${lead}${point}${hex}p${exponent < 0 ? '' : '+'}${exponent}`
}

/**
 * How Lua prints a float: "%.14g", with ".0" where it would look like an integer. Integral values
 * beyond 32 bits print as integers, because in this engine they stand for integers that do not fit.
 */
export function floatToText(v: number): string {
  if (Number.isInteger(v)) {
    if ((v | 0) !== v && Math.abs(v) <= safeMax) return String(v)
    if ((v | 0) === v) return Object.is(v, -0) ? '-0.0' : `${v}.0`
  }
  const short = String(v)
  // Up to 14 digits JavaScript's shortest text is also C's, but for the exponent's two digits.
  if (short.length <= 15 && !short.includes('e') && Number.isFinite(v) && Math.abs(v) >= 1e-4) {
    return short
  }
  const text = formatG(v, 14)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}
