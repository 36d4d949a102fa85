// Tail calls: how a chain of them takes no stack. Lanes; guarded by bench/lua.
//
// `return f(x)` is an ordinary call of JavaScript, so the caller's frame stays. After some thousands
// of them we look how deep the stack is; mostly they have returned. When it is deep it is given back:
// the call is noted here and its caller answers YIELD, as if the coroutine were to wait. Activations
// with something left to do park themselves, those that only tail-called are gone, and the driver
// (coroutine.ts) makes the call on an empty stack:
//
//   main → eval → a → b → a … → b    b answers YIELD; eval and main park, no a and no b is left
//   driver: b's callee; its answer continues eval
//
// Below a library function that cannot be parked (sort, gsub) a tail call takes stack like any other.
// Only generated functions are called this way: one of the library may want to see its caller.

import { resourceLimits } from 'node:worker_threads'
import { budgetMark } from './budget.ts'
import { isStandIn } from './function-name.ts'
import { callMetamethod, metamethodOf, typeNameOf } from './metatable.ts'
import { throwAtSite } from './site-error.ts'
import { operandA, type Site } from './sites.ts'
import { vm } from './state.ts'
import { isDeeperThan } from './traceback.ts'
import { type LuaFn, type Ret, type Value, YIELD } from './value.ts'

/** Frames of 2.5 KiB, which is much, fill a lane's stack in so many calls. */
const tailCallsPerMb = 400
/** A look takes some microseconds; small stacks hold so many frames of 500 bytes. */
const tailCallsMin = 2_000
/** After a tail call of the library's the next ones are looked at. */
const retryAfter = 50

/** What is deep; to count more frames would take longer than the calls. */
const deepFramesMax = 2_000

/** How many tail calls there are between two looks at the stack. */
export const tailCalls = {
  max: Math.max(tailCallsMin, (resourceLimits.stackSizeMb ?? 1) * tailCallsPerMb),
}

/** The tail call that the driver has to make. */
export const pendingTail: { fn: LuaFn | undefined; args: readonly Value[] } = {
  fn: undefined,
  args: [],
}

/**
 * Generated functions look at the budget when they are entered; no other function does. (What stands in
 * for one that has not been called yet, lazy-function.ts, has another name.)
 */
function isGenerated(fn: LuaFn): boolean {
  return isStandIn(fn.name) || String(fn).includes(budgetMark)
}

/** Calls what is not a function; the site names it. */
export function callAt(site: Site, f: Value, ...args: Value[]): Ret {
  if (metamethodOf(f, '__call') === undefined) {
    throwAtSite(`attempt to call a ${typeNameOf(f)} value${operandA(site)}`, site)
  }
  return callMetamethod(f, args, operandA(site), site)
}

/** A tail call for which generated code has found no quick way: `vm.tails` is used up, or no function. */
export function tailCall(site: Site, f: Value, ...args: Value[]): Ret {
  if (typeof f !== 'function') return callAt(site, f, ...args)
  vm.tails = tailCalls.max
  const deepFrames = Math.min(deepFramesMax, tailCalls.max >> 1)
  if (vm.noYield > 0 || !isDeeperThan(deepFrames)) return f(...args)
  if (!isGenerated(f)) {
    vm.tails = Math.min(retryAfter, tailCalls.max)
    return f(...args)
  }
  pendingTail.fn = f
  pendingTail.args = args
  return YIELD
}
