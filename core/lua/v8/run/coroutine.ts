// The coroutine driver: continues parked activations. Lanes.
//
// Resuming takes the innermost frame off (frame.ts draws them) and hands it the value; its answer
// goes to the next frame, until one answers YIELD again (new frames go in front of the rest) or none
// is left (the function has returned). An error drops frames until one catches it (pcall). No frame
// of JavaScript stays on the stack while a coroutine is parked, and resuming allocates nothing.

import { assert } from '../../../base/assert.ts'
import { call } from './call.ts'
import { makeThrow, throwError } from './errors.ts'
import {
  type Coroutine,
  type Frame,
  KEPT,
  parked,
  stateDead,
  stateRunning,
  stateSuspended,
} from './frame.ts'
import { vm } from './state.ts'
import { pendingTail } from './tail-call.ts'
import { type Ret, type Value, YIELD } from './value.ts'

/**
 * Calls `fn` in the main run of an engine, which cannot wait: only tail calls come back to the driver.
 * @throws what it raised
 */
export function runMain(fn: Value, args: readonly Value[]): Ret {
  const main = vm.current
  main.start = fn
  const answer = run(main, args, undefined)
  assert(answer !== null, 'the main run does not wait')
  return answer
}

/** Activations that a coroutine may have parked when its stack is given back; PUC's stack holds about as many. */
const parkedMax = 200_000

/** Nested resumes, as deep as PUC allows C calls (LUAI_MAXCCALLS 200). */
export const nestedResumesMax = 190

/**
 * Runs a suspended coroutine until it yields, returns or raises; arguments are in `r` as an answer.
 * `host`: the caller is the engine's border, so an error inside is caught by nothing in Lua.
 * @returns what it returned, or YIELD: then the registers hold `true` and what it yielded
 * @throws what the coroutine raised; it is dead then
 */
export function resume(
  co: Coroutine,
  args: readonly Value[] | undefined,
  r: Ret,
  host: boolean,
): Ret {
  if (vm.depth >= nestedResumesMax) throwError('C stack overflow')
  const outer = vm.current
  vm.current = co
  if (!host) {
    // One that Lua code made runs what its maker runs.
    co.epoch = outer.epoch
    // An error in it is an answer to who resumed it.
    if (co.start !== undefined) co.handler = false
  }
  vm.depth++
  co.state = stateRunning
  let answer: Ret
  try {
    answer = run(co, args, r)
  } catch (thrown) {
    co.state = stateDead
    co.top = undefined
    co.failure = thrown
    vm.depth--
    vm.current = outer
    throw thrown
  }
  co.state = answer === null ? stateSuspended : stateDead
  vm.depth--
  vm.current = outer
  return answer
}

/**
 * Goes on with `answer` until the coroutine yields or ends. The frame that is continued stays on top
 * meanwhile, so that an activation which parks again and again touches no list.
 */
function run(co: Coroutine, args: readonly Value[] | undefined, r: Ret): Ret {
  const { top } = co
  if (top === undefined || co.start !== undefined) return runOn(co, args, r, undefined, false)
  let answer: Ret | typeof KEPT
  try {
    answer = top.resume(r)
    // The usual case.
    if (answer === KEPT) return YIELD
  } catch (error) {
    dropTo(co, top, error)
    return runOn(co, args, r, error, true)
  }
  if (answer !== null || !parked.kept) co.top = top.next
  parked.kept = false
  if (answer === null) {
    unpark(co)
    return pendingTail.fn === undefined ? null : runOn(co, undefined, null, undefined, false)
  }
  return runOn(co, args, answer, undefined, false)
}

/** Puts the frames of a yield in front of those that were parked before. */
function unpark(co: Coroutine): void {
  if (parked.tail === undefined) return
  parked.tail.next = co.top
  co.top = parked.head
  parked.head = parked.tail = undefined
}

/**
 * The tail call that made the stack be given back is what to start with. A chain of tail calls leaves
 * nothing parked; a recursion that goes through some of them does, and must end as any other does.
 * @returns its arguments
 * @throws LuaThrow stack overflow
 */
function takeTail(co: Coroutine): readonly Value[] {
  let frames = 0
  for (let frame = co.top; frame !== undefined; frame = frame.next) frames++
  if (frames > parkedMax) {
    const place = co.top?.place()
    throw makeThrow(`${place === undefined ? '' : `${place.chunk}:${place.line}: `}stack overflow`)
  }
  co.start = pendingTail.fn
  pendingTail.fn = undefined
  return pendingTail.args
}

/** Drops frames, of which `running` raised `error`, until one catches it. */
function dropTo(co: Coroutine, running: Frame | undefined, error: unknown): void {
  pendingTail.fn = undefined
  parked.head = parked.tail = undefined
  parked.kept = false
  if (running !== undefined) co.top = running.next
  while (co.top !== undefined && !co.top.catches) co.top = co.top.next
  if (co.top === undefined) throw error
}

function runOn(
  co: Coroutine,
  args: readonly Value[] | undefined,
  r: Ret,
  error: unknown,
  raised: boolean,
): Ret {
  let answer = r
  let rest = args
  let running: Frame | undefined
  let thrown = error
  let failed = raised
  for (;;) {
    try {
      if (co.start !== undefined) answer = start(co, rest, answer)
      else if (failed) {
        failed = false
        answer = takeTop(co).fail(thrown)
      }
      while (answer !== null) {
        running = co.top
        if (running === undefined) return answer
        const next = running.resume(answer)
        if (next === KEPT) return YIELD
        answer = next
        if (answer !== null || !parked.kept) co.top = running.next
        parked.kept = false
        running = undefined
      }
      unpark(co)
      if (pendingTail.fn === undefined) return null
      rest = takeTail(co)
    } catch (caught) {
      dropTo(co, running, caught)
      running = undefined
      thrown = caught
      failed = true
    }
  }
}

function takeTop(co: Coroutine): Frame {
  const frame = co.top as Frame
  co.top = frame.next
  return frame
}

function start(co: Coroutine, args: readonly Value[] | undefined, r: Ret): Ret {
  const fn = co.start
  co.start = undefined
  return args === undefined ? call(fn, r as Value) : call(fn, ...args)
}
