// string.format: conversions and their flags, widths and precisions.
//
// Runs inside a Lua call. Every conversion of Lua 5.4 (but for %p of tables, which prints the
// engine's own id); integers of any size that a double holds exactly. The result and each `%s` are
// held to the engine's cap on strings.

import { formatA, formatE, formatF, formatG } from './number-text.ts'
import {
  arg,
  argCount,
  argError,
  checkInteger,
  checkLength,
  checkNumber,
  checkString,
  isString,
  runErrorAt,
} from './stack.ts'
import { type LState, lauxlib, lua, type TString, type TValue, tag, textOf } from './vm.ts'

interface Spec {
  left: boolean
  plus: boolean
  space: boolean
  alternate: boolean
  zero: boolean
  width: number
  precision: number | undefined
}

const specPattern = /([-+ #0]*)(\d*)(?:(\.)(\d*))?/y

/** What string.format(...) returns for the arguments of the running call. */
export function formatCall(L: LState): string {
  const template = checkString(L, 1)
  let out = ''
  let argument = 1
  let from = 0
  for (;;) {
    const at = template.indexOf('%', from)
    if (at === -1) break
    out += template.slice(from, at)
    if (template.charCodeAt(at + 1) === 37) {
      out += '%'
      from = at + 2
      continue
    }
    specPattern.lastIndex = at + 1
    const [whole, flags = '', width = '', dot, precision = ''] = specPattern.exec(template) ?? ['']
    const letter = template[at + 1 + whole.length] ?? ''
    if (flags.length > 5 || width.length > 2 || precision.length > 2) {
      runErrorAt(L, `invalid conversion '%${whole}${letter}' to 'format'`)
    }
    const spec: Spec = {
      left: flags.includes('-'),
      plus: flags.includes('+'),
      space: flags.includes(' '),
      alternate: flags.includes('#'),
      zero: flags.includes('0'),
      width: Number(width),
      precision: dot === undefined ? undefined : Number(precision),
    }
    if (++argument > argCount(L)) argError(L, argument, 'no value')
    const text = convert(L, argument, letter, spec)
    if (text === undefined) {
      runErrorAt(L, `invalid conversion '%${whole}${letter}' to 'format'`)
    }
    out += text
    checkLength(L, out.length)
    from = at + 2 + whole.length
  }
  return out + template.slice(from)
}

function convert(L: LState, i: number, letter: string, spec: Spec): string | undefined {
  switch (letter) {
    case 'd':
    case 'i':
      return padNumber(integerText(BigInt(checkInteger(L, i)), spec), spec, true)
    case 'u':
      return padNumber(
        integerText(BigInt.asUintN(64, BigInt(checkInteger(L, i))), spec),
        spec,
        true,
      )
    case 'o':
    case 'x':
    case 'X':
      return padNumber(basedText(BigInt(checkInteger(L, i)), letter, spec), spec, true)
    case 'c':
      return pad(String.fromCharCode(checkInteger(L, i) & 255), spec)
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case 'a':
    case 'A':
      return padNumber(floatText(checkNumber(L, i), letter, spec), spec, false)
    case 'q':
      return quoted(L, i)
    case 's': {
      const text = stringArgument(L, i)
      return pad(spec.precision === undefined ? text : text.slice(0, spec.precision), spec)
    }
    default:
      return undefined
  }
}

function withSign(digits: string, negative: boolean, spec: Spec): string {
  return (negative ? '-' : spec.plus ? '+' : spec.space ? ' ' : '') + digits
}

function integerText(n: bigint, spec: Spec): string {
  const digits = (n < 0n ? -n : n).toString().padStart(spec.precision ?? 1, '0')
  return withSign(spec.precision === 0 && n === 0n ? '' : digits, n < 0n, spec)
}

function basedText(n: bigint, letter: string, spec: Spec): string {
  const base = letter === 'o' ? 8 : 16
  const digits = BigInt.asUintN(64, n)
    .toString(base)
    .padStart(spec.precision ?? 1, '0')
  const prefix = !spec.alternate || n === 0n ? '' : base === 8 ? '0' : '0x'
  return letter === 'X' ? (prefix + digits).toUpperCase() : prefix + digits
}

function floatText(v: number, letter: string, spec: Spec): string {
  const precision = spec.precision ?? 6
  const negative = v < 0 || Object.is(v, -0)
  const n = Math.abs(v)
  let text: string
  switch (letter.toLowerCase()) {
    case 'e':
      text = formatE(n, precision, spec.alternate)
      break
    case 'f':
      text = formatF(n, precision, spec.alternate)
      break
    case 'g':
      text = formatG(n, precision, spec.alternate)
      break
    default:
      text = formatA(n, spec.precision)
  }
  text = withSign(text, negative, spec)
  return letter >= 'a' ? text : text.toUpperCase()
}

function pad(text: string, spec: Spec): string {
  return spec.left ? text.padEnd(spec.width) : text.padStart(spec.width)
}

function padNumber(text: string, spec: Spec, integer: boolean): string {
  const finite = /\d/.test(text)
  if (!spec.zero || spec.left || !finite || (integer && spec.precision !== undefined)) {
    return pad(text, spec)
  }
  const head = /^[-+ ]?(?:0[xX])?/.exec(text)?.[0] ?? ''
  return head + text.slice(head.length).padStart(spec.width - head.length, '0')
}

/** Argument `i` as tostring makes it, with its metamethods. */
function stringArgument(L: LState, i: number): string {
  const v = arg(L, i)
  if (isString(v)) return textOf(v.value as TString)
  lauxlib.luaL_tolstring(L, i)
  const text = textOf((L.stack[L.top - 1] as TValue).value as TString)
  lua.lua_pop(L, 1)
  return text
}

/** %q: a literal that Lua reads back as the same value. */
function quoted(L: LState, i: number): string {
  const v = arg(L, i)
  if (isString(v)) {
    const text = textOf(v.value as TString)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control bytes are escaped here
    const body = text.replace(/["\\\n]|[\0-\x1f\x7f](?=(\d?))/g, (c, digit?: string) => {
      if (c === '"' || c === '\\' || c === '\n') return `\\${c}`
      const code = String(c.charCodeAt(0))
      return `\\${digit ? code.padStart(3, '0') : code}`
    })
    return `"${body}"`
  }
  switch (v.type) {
    case tag.integer:
      return v.value === -2147483648 ? '0x80000000' : String(v.value)
    case tag.float: {
      const n = v.value as number
      if (n === Number.POSITIVE_INFINITY) return '1e9999'
      if (n === Number.NEGATIVE_INFINITY) return '-1e9999'
      if (Number.isNaN(n)) return '(0/0)'
      return Number.isInteger(n) && Math.abs(n) < 2 ** 31 ? `${n}e0` : formatA(n)
    }
    case tag.nil:
    case tag.boolean:
      return String(v.value ?? 'nil')
    default:
      return argError(L, i, 'value has no literal form')
  }
}
