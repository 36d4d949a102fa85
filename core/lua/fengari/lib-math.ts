// The math library, with a seeded xoshiro256** behind random.
//
// Runs inside a Lua call. Integral floats beyond 32 bits count as integers (see border.ts), so
// math.type and tointeger say "integer" of them; maxinteger and mininteger are the VM's 32-bit ones.

import { machineOf } from './machine.ts'
import { Xoshiro } from './rng.ts'
import {
  addFunctions,
  arg,
  argCount,
  argError,
  checkAny,
  checkInteger,
  checkNumber,
  numberOf,
  optInteger,
  push,
  pushBoolean,
  pushFloat,
  pushInteger,
  pushNil,
  pushString,
  pushValue,
  runErrorAt,
  setField,
} from './stack.ts'
import {
  type CFunction,
  type LState,
  lessThan,
  newTable,
  type Table,
  TV,
  type TValue,
  tag,
} from './vm.ts'

const integerMax = 2147483647
const integerMin = -2147483648

const isWideInteger = (n: number): boolean => Number.isSafeInteger(n) && (n | 0) !== n

/** Pushes an integral float as the integer it is, if it is one. */
function pushIntegral(L: LState, n: number): void {
  if (Number.isSafeInteger(n)) pushInteger(L, n + 0)
  else pushFloat(L, n)
}

const float =
  (f: (x: number) => number): CFunction =>
  (L) => {
    pushFloat(L, f(checkNumber(L, 1)))
    return 1
  }

function rounded(f: (x: number) => number): CFunction {
  return (L) => {
    const v = arg(L, 1)
    if (v.type === tag.integer) pushValue(L, v)
    else pushIntegral(L, f(checkNumber(L, 1)))
    return 1
  }
}

function abs(L: LState): number {
  const v = arg(L, 1)
  if (v.type === tag.integer) push(L, tag.integer, Math.abs(v.value as number) | 0)
  else pushFloat(L, Math.abs(checkNumber(L, 1)))
  return 1
}

function fmod(L: LState): number {
  const a = arg(L, 1)
  const b = arg(L, 2)
  if (a.type === tag.integer && b.type === tag.integer) {
    if (b.value === 0) return argError(L, 2, 'zero')
    push(L, tag.integer, ((a.value as number) % (b.value as number)) | 0)
  } else pushFloat(L, checkNumber(L, 1) % checkNumber(L, 2))
  return 1
}

function modf(L: LState): number {
  const n = checkNumber(L, 1)
  const whole = Math.trunc(n)
  pushFloat(L, whole)
  pushFloat(L, Number.isFinite(n) ? n - whole : Number.isNaN(n) ? n : 0)
  return 2
}

function log(L: LState): number {
  const x = checkNumber(L, 1)
  if (arg(L, 2).type === tag.nil) pushFloat(L, Math.log(x))
  else {
    const base = checkNumber(L, 2)
    if (base === 2) pushFloat(L, Math.log2(x))
    else if (base === 10) pushFloat(L, Math.log10(x))
    else pushFloat(L, Math.log(x) / Math.log(base))
  }
  return 1
}

function tointeger(L: LState): number {
  const v = arg(L, 1)
  checkAny(L, 1)
  const n = (v.type & 15) === 3 || (v.type & 15) === tag.string ? numberOf(v) : undefined
  if (n !== undefined && Number.isSafeInteger(n)) pushInteger(L, n + 0)
  else pushNil(L)
  return 1
}

function type(L: LState): number {
  checkAny(L, 1)
  const v = arg(L, 1)
  if (v.type === tag.integer) pushString(L, 'integer')
  else if (v.type === tag.float)
    pushString(L, isWideInteger(v.value as number) ? 'integer' : 'float')
  else pushNil(L)
  return 1
}

function ult(L: LState): number {
  pushBoolean(L, checkInteger(L, 1) >>> 0 < checkInteger(L, 2) >>> 0)
  return 1
}

function extreme(better: (L: LState, a: TValue, b: TValue) => boolean): CFunction {
  return (L) => {
    checkNumber(L, 1)
    let best = arg(L, 1)
    for (let i = 2; i <= argCount(L); i++) {
      checkNumber(L, i)
      if (better(L, arg(L, i), best)) best = arg(L, i)
    }
    pushValue(L, best)
    return 1
  }
}

function randomFunctions(rng: Xoshiro): Record<string, CFunction> {
  return {
    random: (L) => {
      const n = argCount(L)
      if (n === 0) {
        pushFloat(L, rng.float())
        return 1
      }
      if (n > 2) return runErrorAt(L, 'wrong number of arguments')
      const low = n === 1 ? 1 : checkInteger(L, 1)
      const high = checkInteger(L, n)
      if (n === 1 && high === 0) {
        rng.next()
        push(L, tag.integer, rng.low | 0)
        return 1
      }
      if (low > high) return argError(L, n, 'interval is empty')
      if (high - low > Number.MAX_SAFE_INTEGER) return argError(L, n, 'interval too large')
      pushInteger(L, low + rng.upTo(high - low))
      return 1
    },
    randomseed: (L) => {
      const a = argCount(L) === 0 ? Math.floor(rng.float() * 2 ** 53) : checkNumber(L, 1)
      const b = optInteger(L, 2, 0)
      rng.seed(BigInt(Math.trunc(Number.isFinite(a) ? a : 0)), BigInt(b))
      return 0
    },
  }
}

/** Opens `math` into `globals`. */
export function openMath(L: LState, globals: Table): void {
  const math = newTable(L)
  addFunctions(L, math, {
    abs,
    acos: float(Math.acos),
    asin: float(Math.asin),
    atan: (at) => {
      const x = arg(at, 2).type === tag.nil ? 1 : checkNumber(at, 2)
      pushFloat(at, Math.atan2(checkNumber(at, 1), x))
      return 1
    },
    ceil: rounded(Math.ceil),
    cos: float(Math.cos),
    deg: float((x) => x * (180 / Math.PI)),
    exp: float(Math.exp),
    floor: rounded(Math.floor),
    fmod,
    log,
    max: extreme((at, a, b) => lessThan(at, b, a)),
    min: extreme((at, a, b) => lessThan(at, a, b)),
    modf,
    rad: float((x) => x * (Math.PI / 180)),
    sin: float(Math.sin),
    sqrt: float(Math.sqrt),
    tan: float(Math.tan),
    tointeger,
    type,
    ult,
    ...randomFunctions(new Xoshiro(machineOf(L).options.seed)),
  })
  setField(L, math, 'pi', new TV(tag.float, Math.PI))
  setField(L, math, 'huge', new TV(tag.float, Number.POSITIVE_INFINITY))
  setField(L, math, 'maxinteger', new TV(tag.integer, integerMax))
  setField(L, math, 'mininteger', new TV(tag.integer, integerMin))
  setField(L, globals, 'math', new TV(tag.table, math))
}
