// The coroutine library, with Lua 5.4's close.
//
// Runs inside a Lua call. Neither resume nor wrap can catch the end of a run: after a resume that
// failed, what is pending is thrown on. fengari leaves a coroutine that was ended that way without
// its error mark; `failureOf` sets it.

import { machineOf, resumeThread } from './machine.ts'
import {
  addFunctions,
  arg,
  argCount,
  checkFunction,
  isString,
  push,
  pushBoolean,
  pushString,
  pushValue,
  raise,
  runErrorAt,
  setField,
  typeError,
} from './stack.ts'
import {
  closeUpvalues,
  closureOf,
  type LState,
  lauxlib,
  lua,
  newTable,
  stringOf,
  type Table,
  type TString,
  TV,
  type TValue,
  tag,
  textOf,
  status as threadStatus,
} from './vm.ts'

function checkThread(L: LState, i: number): LState {
  const v = arg(L, i)
  if (v.type !== tag.thread) typeError(L, i, 'coroutine')
  return v.value as LState
}

type State = 'running' | 'suspended' | 'normal' | 'dead'

/** The state of coroutine `co` as seen from the running thread `L`. */
export function stateOf(co: LState, L: LState | null): State {
  if (co === L) return 'running'
  if (co.status === threadStatus.yield) return 'suspended'
  if (co.status !== threadStatus.ok) return 'dead'
  if (co.ci !== co.base_ci) return 'normal'
  return co.top - co.ci.funcOff - 1 === 0 ? 'dead' : 'suspended'
}

/** Makes `co` a dead coroutine without values. */
export function bury(co: LState): void {
  closeUpvalues(co, 1)
  co.ci = co.base_ci
  co.ci.next = null
  while (co.top > 1) delete co.stack[--co.top]
  co.status = threadStatus.ok
}

/** Resumes `co` with the top `n` values of L; the count of results on L, or -1 and an error. */
function resumeFrom(L: LState, co: LState, n: number): number {
  const state = stateOf(co, L)
  if (state !== 'suspended') {
    lua.lua_pop(L, n)
    push(
      L,
      tag.longString,
      stringOf(`cannot resume ${state === 'dead' ? 'dead' : 'non-suspended'} coroutine`),
    )
    return -1
  }
  if (!lua.lua_checkstack(co, n)) {
    lua.lua_pop(L, n)
    push(L, tag.longString, stringOf('too many arguments to resume'))
    return -1
  }
  lua.lua_xmove(L, co, n)
  const machine = machineOf(L)
  const status = resumeThread(co, L, n)
  machine.current = L
  if (status === threadStatus.ok || status === threadStatus.yield) {
    const count = co.top - co.ci.funcOff - 1
    if (!lua.lua_checkstack(L, count + 1)) {
      lua.lua_pop(co, count)
      push(L, tag.longString, stringOf('too many results to resume'))
      return -1
    }
    lua.lua_xmove(co, L, count)
    return count
  }
  machine.rethrowPending()
  pushValue(L, failureOf(co))
  return -1
}

/** The error value of a coroutine that just failed; marks it as dead. */
export function failureOf(co: LState): TValue {
  const marked = co.status !== threadStatus.ok && co.status !== threadStatus.yield
  if (!marked) {
    // fengari could not even handle the error: its handlers had no stack left.
    co.status = threadStatus.errRun
    return new TV(tag.longString, stringOf('stack overflow (error in error handling)'))
  }
  return co.stack[co.top - 1] as TValue
}

function coCreate(L: LState): number {
  const f = checkFunction(L, 1)
  const co = lua.lua_newthread(L)
  pushValue(co, f)
  return 1
}

function coResume(L: LState): number {
  const co = checkThread(L, 1)
  const n = resumeFrom(L, co, argCount(L) - 1)
  const ok = n >= 0
  pushBoolean(L, ok)
  const count = ok ? n : 1
  lua.lua_insert(L, -(count + 1))
  return count + 1
}

function coWrap(L: LState): number {
  coCreate(L)
  const co = (L.stack[--L.top] as TValue).value as LState
  push(
    L,
    tag.cClosure,
    closureOf(L, (caller) => resumeWrapped(caller, co)),
  )
  return 1
}

function resumeWrapped(L: LState, co: LState): number {
  const n = resumeFrom(L, co, argCount(L))
  if (n >= 0) return n
  const failure = L.stack[L.top - 1] as TValue
  if (isString(failure)) {
    lauxlib.luaL_where(L, 1)
    const where = textOf((L.stack[--L.top] as TValue).value as TString)
    failure.value = stringOf(where + textOf(failure.value as TString))
  }
  return raise(L)
}

function coYield(L: LState): number {
  return lua.lua_yield(L, argCount(L))
}

function coStatus(L: LState): number {
  pushString(L, stateOf(checkThread(L, 1), L))
  return 1
}

function coClose(L: LState): number {
  const co = checkThread(L, 1)
  const state = stateOf(co, L)
  if (state !== 'suspended' && state !== 'dead') {
    return runErrorAt(L, `cannot close a ${state} coroutine`)
  }
  const failed = co.status !== threadStatus.ok && co.status !== threadStatus.yield
  const failure = failed ? failureOf(co) : undefined
  bury(co)
  pushBoolean(L, !failed)
  if (failure === undefined) return 1
  pushValue(L, failure)
  return 2
}

function coRunning(L: LState): number {
  push(L, tag.thread, L)
  pushBoolean(L, L === L.l_G.mainthread)
  return 2
}

function coIsYieldable(L: LState): number {
  pushBoolean(L, L.nny === 0)
  return 1
}

/** Opens `coroutine` into `globals`. */
export function openCoroutine(L: LState, globals: Table): void {
  const coroutine = newTable(L)
  addFunctions(L, coroutine, {
    close: coClose,
    create: coCreate,
    isyieldable: coIsYieldable,
    resume: coResume,
    running: coRunning,
    status: coStatus,
    wrap: coWrap,
    yield: coYield,
  })
  setField(L, globals, 'coroutine', new TV(tag.table, coroutine))
}
