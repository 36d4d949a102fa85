// The coroutine library over the driver in ../run/coroutine.ts. Lanes.
//
// A yield leaves `true` and its values in the side registers and answers YIELD; when `resume` of the
// driver answers YIELD they are still there, also when there is only one. A coroutine that failed keeps
// its to-be-closed variables until it is closed (coroutine.close, or wrap, which closes it at once).

import { regs, results, ret2, retArray, retPrepend, retRest } from '../run/answer.ts'
import { closeAfterError, closeDown } from '../run/close.ts'
import { resume as drive } from '../run/coroutine.ts'
import { LuaThrow, throwError, throwValue } from '../run/errors.ts'
import {
  Coroutine,
  noneToClose,
  stateClosing,
  stateDead,
  stateRunning,
  stateSuspended,
} from '../run/frame.ts'
import { type Realm, vm } from '../run/state.ts'
import { caught } from '../run/thrown.ts'
import { positionOf } from '../run/traceback.ts'
import { MULTI, type Ret, type Value, YIELD } from '../run/value.ts'
import { checkFunction } from './args.ts'
import { fail, typeError } from './failure.ts'

const mains = new WeakMap<Realm, Coroutine>()

/** What coroutine.running answers outside of any coroutine. */
function mainCoroutine(): Coroutine {
  let main = mains.get(vm.realm)
  if (main === undefined) {
    main = new Coroutine(undefined)
    main.state = stateRunning
    mains.set(vm.realm, main)
  }
  return main
}

function checkCoroutine(v: Value, fn: string): Coroutine {
  if (v instanceof Coroutine) return v
  typeError(1, fn, 'thread', v)
}

/** The status as Lua tells it. */
export function statusOf(co: Coroutine): string {
  if (co === mains.get(vm.realm)) return vm.coroutine === undefined ? 'running' : 'normal'
  if (co.state === stateSuspended) return 'suspended'
  if (co.state === stateDead) return 'dead'
  return co === vm.current || co.state === stateClosing ? 'running' : 'normal'
}

function create(f: Value): Ret {
  return new Coroutine(checkFunction(f, 1, 'create'))
}

/** What a yield passed on stands behind `true`: see `yieldValues`. */
function yielded(r: Ret): Ret {
  return r === null ? retRest() : r
}

/** The answer of `coroutine.resume` when nothing was raised. */
function resumed(r: Ret): Ret {
  if (r !== null) return retPrepend(true, r)
  return results.n === 1 ? true : MULTI
}

/** With one argument, the usual case, nothing is allocated. */
function coResume(v: Value, arg: Value): Ret {
  // biome-ignore lint/complexity/noArguments: a rest parameter would be an array for each call.
  if (arguments.length !== 2) return resumeMany(...(arguments as unknown as [Value, ...Value[]]))
  if (!(v instanceof Coroutine)) typeError(1, 'resume', 'thread', v)
  return resumeOne(v, arg)
}

function resumeOne(co: Coroutine, arg: Value): Ret {
  if (co.state !== stateSuspended) return ret2(false, refusal(statusOf(co)))
  try {
    return resumed(drive(co, undefined, arg, false))
  } catch (thrown) {
    return ret2(false, caught(thrown).value)
  }
}

function resumeMany(v: Value, ...args: Value[]): Ret {
  const co = checkCoroutine(v, 'resume')
  if (co.state !== stateSuspended) return ret2(false, refusal(statusOf(co)))
  try {
    return resumed(drive(co, args, retArray(args), false))
  } catch (thrown) {
    return ret2(false, caught(thrown).value)
  }
}

function refusal(status: string): string {
  return `cannot resume ${status === 'dead' ? 'dead' : 'non-suspended'} coroutine`
}

function wrap(f: Value): Ret {
  const co = new Coroutine(checkFunction(f, 1, 'wrap'))
  return (...args: Value[]) => {
    if (co.state !== stateSuspended) throwError(refusal(statusOf(co)))
    try {
      if (args.length === 1) return yielded(drive(co, undefined, args[0], false))
      return yielded(drive(co, args, retArray(args), false))
    } catch (thrown) {
      return rethrow(closeFailed(co, caught(thrown)))
    }
  }
}

/** An error leaves a wrapped coroutine: text gets the position of the caller in front. */
function rethrow(failure: LuaThrow): never {
  const { value } = failure
  throwValue(typeof value === 'string' ? positionOf(1) + value : value)
}

function closeFailed(co: Coroutine, failure: LuaThrow): LuaThrow {
  return closeCoroutine(co) ?? failure
}

/**
 * Leaves `true` and its values in the registers, as `coroutine.resume` answers: a register is older
 * than what it is given, and the fewer such stores there are the less the collector has to note.
 */
function yieldValues(value: Value): Ret {
  // biome-ignore lint/complexity/noArguments: a rest parameter would be an array for each call.
  if (arguments.length !== 1) return yieldMany(...(arguments as unknown as Value[]))
  checkMayYield()
  regs[0] = true
  regs[1] = value
  results.n = 2
  return YIELD
}

function yieldMany(...values: Value[]): Ret {
  checkMayYield()
  const n = values.length
  regs[0] = true
  for (let i = 0; i < n; i++) regs[i + 1] = values[i]
  results.n = n + 1
  return YIELD
}

function checkMayYield(): void {
  if (vm.coroutine === undefined) throwValue('attempt to yield from outside a coroutine')
  if (vm.noYield > 0) throwValue('attempt to yield across a C-call boundary')
}

function status(v: Value): Ret {
  return statusOf(checkCoroutine(v, 'status'))
}

function isyieldable(v: Value): Ret {
  const co = v === undefined ? vm.coroutine : checkCoroutine(v, 'isyieldable')
  if (co === undefined || co === mains.get(vm.realm)) return false
  return co === vm.coroutine ? vm.noYield === 0 : true
}

function running(): Ret {
  return vm.coroutine === undefined ? ret2(mainCoroutine(), true) : ret2(vm.coroutine, false)
}

/**
 * Ends a suspended or dead coroutine: its to-be-closed variables are closed.
 * @returns the error it died of or that closing raised, if any
 */
export function closeCoroutine(co: Coroutine): LuaThrow | undefined {
  const outer = vm.toClose
  const outerHandler = vm.handler
  const outerNoYield = vm.noYield
  let failure = co.failure instanceof LuaThrow ? co.failure : undefined
  co.state = stateClosing
  co.failure = undefined
  co.top = undefined
  co.start = undefined
  const keep = (error: LuaThrow): Ret => {
    failure = error
    return undefined
  }
  vm.toClose = co.toClose
  vm.handler = false
  vm.noYield++
  try {
    if (failure !== undefined) closeAfterError(0, failure, keep)
    else closeDown(0)
  } catch (thrown) {
    closeAfterError(0, caught(thrown), keep)
  } finally {
    co.state = stateDead
    co.toClose = noneToClose
    vm.toClose = outer
    vm.handler = outerHandler
    vm.noYield = outerNoYield
  }
  return failure
}

function close(v: Value): Ret {
  const co = checkCoroutine(v, 'close')
  const now = statusOf(co)
  if (now !== 'suspended' && now !== 'dead') fail(`cannot close a ${now} coroutine`)
  const failure = closeCoroutine(co)
  return failure === undefined ? true : ret2(false, failure.value)
}

export const coroutineFunctions = {
  close,
  create,
  isyieldable,
  resume: coResume,
  running,
  status,
  wrap,
  yield: yieldValues,
}
