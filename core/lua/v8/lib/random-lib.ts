// math.random and math.randomseed: one generator for each engine. Lanes.

import { ret2 } from '../run/answer.ts'
import { integerOf, wrapInteger } from '../run/number-text.ts'
import { vm } from '../run/state.ts'
import type { Ret, Value } from '../run/value.ts'
import { makeFloat } from '../run/value.ts'
import { checkInteger } from './args.ts'
import { argError, fail } from './failure.ts'
import { Xoshiro } from './random.ts'

/** The two functions over a generator of their own. @param seed as `math.randomseed(a, b)` */
export function randomFunctions(seed: readonly [bigint, bigint]) {
  const generator = new Xoshiro(seed[0], seed[1])
  let unseeded = 0

  function between(low: number | bigint, up: number | bigint): Ret {
    if (typeof low === 'number' && typeof up === 'number' && up - low < 4294967296) {
      return low + generator.below(up - low)
    }
    const span = BigInt.asUintN(64, BigInt(up) - BigInt(low))
    return wrapInteger(BigInt(low) + generator.belowWide(span))
  }

  function random(...args: Value[]): Ret {
    if (args.length === 0) return makeFloat(generator.float())
    if (args.length > 2) fail('wrong number of arguments')
    const first = checkInteger(args[0], 1, 'random')
    if (args.length === 1 && first === 0) return generator.integer()
    const low = args.length === 1 ? 1 : first
    const up = args.length === 1 ? first : checkInteger(args[1], 2, 'random')
    if (low > up) argError(1, 'random', 'interval is empty')
    return between(low, up)
  }

  function randomseed(...args: Value[]): Ret {
    let first: bigint
    let second = 0n
    if (args.length === 0) {
      // No entropy of its own: the clock that was handed in, and how often this was asked.
      first = BigInt(Math.trunc(vm.realm.wallMs()))
      second = BigInt(++unseeded) ^ vm.realm.seed[0]
    } else {
      first = BigInt(checkInteger(args[0], 1, 'randomseed'))
      if (args[1] !== undefined) second = BigInt(checkInteger(args[1], 2, 'randomseed'))
    }
    generator.seed(first, second)
    return ret2(integerOf(BigInt.asIntN(64, first)), integerOf(BigInt.asIntN(64, second)))
  }

  return { random, randomseed }
}
