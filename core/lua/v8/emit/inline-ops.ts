// The inline paths of operators: JavaScript text that handles the common case in place. Pure.
//
// Each function gives the text of a test that is true exactly when the answer is YIELD; `t` is the
// variable for the result and differs from the operands. Inline paths hold for two int32 operands,
// or where the result is a float with a fraction (an integral result might have to be a LuaFloat or
// a bigint); the rest goes to the slow paths of arith.ts, bitwise.ts, compare.ts. `typeof` comes
// first: `a | 0` on an object would call into it. Guarded by bench/lua.

import { LuaFloat } from '../../engine.ts'
import type { Value } from '../run/value.ts'

/** An operand: its text, and its value when that is a constant. */
export interface Operand {
  readonly text: string
  readonly constant: { readonly value: Value } | undefined
}

const isInt32 = (v: Value) => typeof v === 'number' && (v | 0) === v

/** The operand as a plain double, where only numbers can be inline. */
export function rawText(x: Operand): string {
  const value = x.constant?.value
  return value instanceof LuaFloat ? numberLiteral(value.n) : x.text
}

/** A double as a JavaScript literal that can stand after any operator. */
export function numberLiteral(n: number): string {
  if (Object.is(n, -0)) return '(-0)'
  if (n === Infinity) return 'Infinity'
  if (n === -Infinity) return '(-Infinity)'
  if (Number.isNaN(n)) return 'NaN'
  return n < 0 ? `(${n})` : String(n)
}

/** Conjuncts that both operands are raw numbers; undefined when a constant never is. */
function numberTests(a: Operand, b: Operand): string[] | undefined {
  const tests: string[] = []
  for (const x of [a, b]) {
    if (x.constant === undefined) tests.push(`typeof ${x.text} === 'number'`)
    else if (typeof x.constant.value !== 'number' && !(x.constant.value instanceof LuaFloat)) {
      return undefined
    }
  }
  return tests
}

/** Conjuncts that both are int32; undefined when a constant is not. */
function int32Tests(a: Operand, b: Operand): string[] | undefined {
  const tests: string[] = []
  for (const x of [a, b]) {
    if (x.constant === undefined) tests.push(`(${x.text} | 0) === ${x.text}`)
    else if (!isInt32(x.constant.value)) return undefined
  }
  return tests
}

function slowTest(t: string, helper: string, a: Operand, b: Operand, site: string): string {
  return `(${t} = ${helper}(${a.text}, ${b.text}, ${site})) === null`
}

const slowHelpers: Readonly<Record<string, string>> = {
  '+': '$add',
  '-': '$sub',
  '*': '$mul',
  '/': '$div',
  '%': '$mod',
  '//': '$idiv',
  '^': '$pow',
  '..': '$concat',
  '&': '$band',
  '|': '$bor',
  '~': '$bxor',
  '<<': '$shl',
  '>>': '$shr',
}

/** Is this condition enough for `t = a op b` to be the Lua result? */
function fastCondition(t: string, op: string, a: Operand, b: Operand): string | undefined {
  const numbers = numberTests(a, b)
  if (numbers === undefined) return undefined
  const ints = int32Tests(a, b)
  const x = rawText(a)
  const y = rawText(b)
  const compute = `${t} = ${x} ${op} ${y}`
  const fraction = `Math.floor(${t}) !== ${t}`
  switch (op) {
    case '+':
    case '-': {
      const result = ints === undefined ? fraction : `(${ints.join(' && ')} || ${fraction})`
      return [...numbers, `(${compute}, ${result})`].join(' && ')
    }
    case '*': {
      const small = `${t} !== 0 && ${t} <= 9007199254740991 && ${t} >= -9007199254740991`
      const exact = ints === undefined ? [] : [`${[...ints, small].join(' && ')}`]
      return [...numbers, `(${compute}, ${[...exact, fraction].join(' || ')})`].join(' && ')
    }
    case '/':
      return [...numbers, `(${compute}, ${fraction})`].join(' && ')
    case '%':
    case '//': {
      if (ints === undefined) return undefined
      if (a.constant === undefined) ints.push(`${x} >= 0`)
      else if (Number(a.constant.value) < 0) return undefined
      if (b.constant === undefined) ints.push(`${y} > 0`)
      else if (Number(b.constant.value) <= 0) return undefined
      const result = op === '%' ? `${x} % ${y}` : `Math.floor(${x} / ${y})`
      return [...numbers, ...ints, `(${t} = ${result}, true)`].join(' && ')
    }
    case '&':
    case '|':
    case '~':
      if (ints === undefined) return undefined
      return [...numbers, ...ints, `(${t} = ${x} ${op === '~' ? '^' : op} ${y}, true)`].join(' && ')
    case '>>': {
      const shift = b.constant?.value
      if (ints === undefined || typeof shift !== 'number' || shift < 0 || shift > 31) {
        return undefined
      }
      return [...numbers, ...ints, `${x} >= 0`, `(${t} = ${x} >> ${y}, true)`].join(' && ')
    }
    case '<<': {
      const shift = b.constant?.value
      if (ints === undefined || typeof shift !== 'number' || shift < 0 || shift > 21) {
        return undefined
      }
      return [...numbers, ...ints, `(${t} = ${x} * ${2 ** shift}, true)`].join(' && ')
    }
    default:
      return undefined
  }
}

/** `t = a op b` for arithmetic, bitwise operators and concatenation. */
export function binaryTest(t: string, op: string, a: Operand, b: Operand, site: string): string {
  const slow = slowTest(t, slowHelpers[op] ?? '', a, b, site)
  const fast = fastCondition(t, op, a, b)
  return fast === undefined ? slow : `!(${fast}) && ${slow}`
}

/** Sets `t` to an expression over operands that must all be raw numbers; false when one is not. */
export function floatTest(t: string, operands: readonly Operand[], expression: string): string {
  const tests = operands.flatMap(({ text, constant }) => {
    if (constant === undefined) return [`typeof ${text} === 'number'`]
    const { value } = constant
    return typeof value === 'number' || value instanceof LuaFloat ? [] : ['false']
  })
  return [...new Set(tests), `(${t} = ${expression}, true)`].join(' && ')
}

/** `t = -a`, `t = #a`, `t = ~a`. */
export function unaryTest(t: string, op: '-' | '#' | '~', a: Operand, site: string): string {
  const x = a.text
  const slow = (helper: string) => `(${t} = ${helper}(${x}, ${site})) === null`
  if (a.constant !== undefined) return slow(op === '-' ? '$unm' : op === '#' ? '$len' : '$bnot')
  switch (op) {
    case '-':
      return `!(typeof ${x} === 'number' && ${x} !== 0 && (${t} = -${x}, true)) && ${slow('$unm')}`
    case '#': {
      const fast = `${x} !== undefined && (${t} = ${x}.border) !== undefined && ${x}.meta === undefined`
      return `!(${fast}) && ${slow('$len')}`
    }
    case '~':
      return `!(typeof ${x} === 'number' && (${x} | 0) === ${x} && (${t} = ~${x}, true)) && ${slow('$bnot')}`
  }
}

/** `t = a < b` or `t = a <= b`. */
export function compareTest(
  t: string,
  op: '<' | '<=',
  a: Operand,
  b: Operand,
  site: string,
): string {
  const slow = slowTest(t, op === '<' ? '$lt' : '$le', a, b, site)
  const numbers = numberTests(a, b)
  if (numbers === undefined || numbers.length === 0) return slow
  return `!(${numbers.join(' && ')} && (${t} = ${rawText(a)} ${op} ${rawText(b)}, true)) && ${slow}`
}

/** Equality with a constant as a pure expression; undefined when neither is one. */
export function constantEquality(a: Operand, b: Operand): string | undefined {
  const [x, k] = b.constant !== undefined ? [a, b] : [b, a]
  if (k.constant === undefined) return undefined
  const value = k.constant.value
  if (value instanceof LuaFloat || typeof value === 'bigint') return `$eq(${x.text}, ${k.text})`
  if (typeof value !== 'number' || !Number.isInteger(value)) return `${x.text} === ${k.text}`
  // An integral float is an object, and may equal this integer.
  return `(${x.text} === ${k.text} || typeof ${x.text} === 'object' && $eq(${x.text}, ${k.text}))`
}

/** `t = a == b` where neither is a constant. */
export function equalTest(t: string, a: Operand, b: Operand): string {
  const objects = `(typeof ${a.text} === 'object' || typeof ${b.text} === 'object')`
  return `!(${t} = ${a.text} === ${b.text}) && ${objects} && (${t} = $eq(${a.text}, ${b.text})) === null`
}
