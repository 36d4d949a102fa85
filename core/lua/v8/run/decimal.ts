// Floats as decimal and hexadecimal text, exactly as C's printf writes them. Pure; any thread.
//
// V8's toFixed and toExponential are exact but round a tie away from zero; C rounds it to even. A
// tie is rare and cheap to recognise: with f decimals, x lies half way between two results only if
// x * 2^(f+1) is an odd integer (x then has exactly f+1 decimals, and the last one is a 5). After
// a tie that was rounded up from an even digit the last digit is odd, so taking one from it is
// the whole correction; no borrow can follow. All functions take a finite x >= 0 and a precision
// of 0..99; signs, widths, infinities and NaN are the caller's business.

/** Is `x` half way between two numbers with `decimals` decimals (negative: zeros before the point)? */
function isTie(x: number, decimals: number): boolean {
  if (decimals >= 0) {
    if (decimals > 1000) return false
    return Math.abs((x * 2 ** (decimals + 1)) % 2) === 1
  }
  if (!Number.isInteger(x)) return false
  const unit = 10n ** BigInt(-decimals)
  return (BigInt(x) % unit) * 2n === unit
}

function lastDigitDown(digits: string): string {
  const last = digits.length - 1
  const digit = digits.charCodeAt(last) - 48
  return digit % 2 === 1 ? digits.slice(0, last) + (digit - 1) : digits
}

/** `%.{precision}f` */
export function fixedText(x: number, precision: number): string {
  if (x >= 1e21) {
    const whole = BigInt(x).toString()
    return precision === 0 ? whole : `${whole}.${'0'.repeat(precision)}`
  }
  if (!isTie(x, precision)) return x.toFixed(precision)
  // toFixed is asked for one digit more, which is exact here, and the 5 is dropped.
  const exact = x.toFixed(precision + 1)
  const kept = exact.slice(0, precision === 0 ? -2 : -1)
  const odd = (kept.charCodeAt(kept.length - 1) - 48) % 2 === 1
  return odd ? x.toFixed(precision) : kept
}

/** The significant digits and the decimal exponent of `x`: d.ddd × 10^exponent. */
function significant(x: number, precision: number): { digits: string; exponent: number } {
  const text = x.toExponential(precision)
  const e = text.indexOf('e')
  const exponent = Number(text.slice(e + 1))
  let digits = text.slice(0, e).replace('.', '')
  if (x !== 0 && isTie(x, precision - exponent)) digits = lastDigitDown(digits)
  return { digits, exponent }
}

function exponentText(exponent: number): string {
  const size = Math.abs(exponent)
  return `e${exponent < 0 ? '-' : '+'}${size < 10 ? '0' : ''}${size}`
}

/** `%.{precision}e` */
export function exponentialText(x: number, precision: number): string {
  const { digits, exponent } = significant(x, precision)
  const point = precision > 0 ? `.${digits.slice(1)}` : ''
  return digits.charAt(0) + point + exponentText(exponent)
}

function trimZeros(text: string): string {
  if (!text.includes('.')) return text
  let end = text.length
  while (text.charCodeAt(end - 1) === 48) end--
  if (text.charCodeAt(end - 1) === 46) end--
  return text.slice(0, end)
}

/** `%.{precision}g`; `keepZeros` is C's `#` flag. */
export function generalText(x: number, precision: number, keepZeros = false): string {
  const places = precision === 0 ? 1 : precision
  const { digits, exponent } = significant(x, places - 1)
  if (exponent < -4 || exponent >= places) {
    const mantissa = `${digits.charAt(0)}.${digits.slice(1)}`
    return (keepZeros ? mantissa : trimZeros(mantissa)) + exponentText(exponent)
  }
  let text: string
  if (exponent < 0) text = `0.${'0'.repeat(-exponent - 1)}${digits}`
  else text = `${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`
  return keepZeros ? text : trimZeros(text)
}

/** `%.17g`-like text for tostring: fourteen significant digits, no `.0` added. */
export function shortText(x: number): string {
  // Digits that V8 finds enough are what %.14g prints too, as long as there are at most fourteen.
  if (x >= 1e-4 && x < 1e14) {
    const text = `${x}`
    if (text.length <= 14) return text
  }
  return generalText(x, 14)
}

const doubleView = new DataView(new ArrayBuffer(8))

/** `%a`, or `%.{precision}a` when a precision is given: `1.8p+1` without sign and `0x`. */
export function hexText(x: number, precision: number | undefined): string {
  doubleView.setFloat64(0, x)
  const bits = doubleView.getBigUint64(0)
  let exponent = Number(bits >> 52n)
  let mantissa = bits & 0xfffffffffffffn
  if (exponent === 0) exponent = mantissa === 0n ? 0 : -1022
  else {
    mantissa |= 0x10000000000000n
    exponent -= 1023
  }
  if (precision !== undefined && precision < 13)
    mantissa = roundToEven(mantissa, 52 - precision * 4)
  const lead = mantissa >> 52n
  let fraction = (mantissa & 0xfffffffffffffn).toString(16).padStart(13, '0')
  fraction = precision === undefined ? fraction.replace(/0+$/, '') : fraction.padEnd(precision, '0')
  if (precision !== undefined) fraction = fraction.slice(0, precision)
  const point = fraction === '' ? '' : `.${fraction}`
  return `${lead}${point}p${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`
}

function roundToEven(mantissa: bigint, dropBits: number): bigint {
  const unit = 1n << BigInt(dropBits)
  const rest = mantissa % unit
  const down = mantissa - rest
  if (rest * 2n < unit) return down
  if (rest * 2n > unit) return down + unit
  return (down / unit) % 2n === 0n ? down : down + unit
}
