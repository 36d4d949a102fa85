// One VM's own state: options, the step budget and the kill flag, and the call in progress.
//
// Runs in the engine's thread. A run (one call or resume from outside) starts with a budget of fuel:
// the VM takes one for each instruction, library loops take theirs. When a portion is used up, the
// kill flag and the limit are looked at. Ending a run throws LuaKilled through all Lua frames;
// `pending` stays set until the run has unwound, and every protected call rethrows it.

import type { AssertionError } from '../../base/assert.ts'
import { bytesToText } from '../bytes.ts'
import { type EngineOptions, LuaKilled } from '../engine.ts'
import {
  checkStack,
  type LState,
  lauxlib,
  lua,
  type Machine,
  maskCount,
  newState,
  status,
  type TString,
  type TValue,
  textOf,
} from './vm.ts'

/** Instructions between two looks at the kill flag. */
const portion = 1000
/** A loop turn or a call takes about this many instructions of fengari. */
const instructionsPerStep = 4

export class EngineMachine implements Machine {
  readonly options: EngineOptions
  readonly stringBytesMax: number
  readonly main: LState
  /** The thread that runs Lua now; the main thread when none does. */
  current: LState
  /** Depth of runs: a host function may call back into Lua. */
  depth = 0
  fuel = portion
  /** What is unwinding the run: nothing in Lua may catch it. */
  pending: LuaKilled | AssertionError | undefined
  #left = Number.POSITIVE_INFINITY

  constructor(options: EngineOptions) {
    this.options = options
    this.stringBytesMax = options.stringBytesMax
    this.main = newState(this)
    if (options.interrupt !== undefined || options.stepsMax !== undefined) {
      this.main.hookmask = maskCount
    }
    this.current = this.main
  }

  /** Begins a run from outside: a full budget, nothing pending. */
  begin(): void {
    if (this.depth++ > 0) return
    this.pending = undefined
    const steps = this.options.stepsMax
    this.#left = steps === undefined ? Number.POSITIVE_INFINITY : steps * instructionsPerStep
    this.fuel = Math.min(portion, this.#left)
  }

  end(): void {
    this.depth--
  }

  refuel(L: LState): void {
    // A loop of the library may have taken more than the portion: `fuel` is 0 or below.
    this.#left -= portion - Math.min(0, this.fuel)
    this.fuel = portion
    const interrupt = this.options.interrupt
    if (interrupt !== undefined && interrupt[0] !== 0) this.kill(L, 'interrupted')
    if (this.#left <= 0) this.kill(L, `it took more than ${this.options.stepsMax} steps`)
    if (this.#left < portion) this.fuel = this.#left
  }

  /** Ends the run; the traceback is that of the running thread. */
  kill(L: LState, why: string): never {
    this.#left = Number.POSITIVE_INFINITY
    const message = `script ended: ${why}`
    this.pending = new LuaKilled(message, bytesToText(traceback(L, L, null, 0)))
    throw this.pending
  }

  /** After a protected call failed: goes on unwinding when the run is being ended. */
  rethrowPending(): void {
    if (this.pending !== undefined) throw this.pending
  }
}

/** The machine of a VM thread. */
export function machineOf(L: LState): EngineMachine {
  return L.l_G.machine as EngineMachine
}

/**
 * lua_resume. When a run is ended while a pcall inside the coroutine is being unwound, fengari stops at
 * an assertion of its own; the coroutine is dead then, and the kill goes on.
 */
export function resumeThread(co: LState, from: LState | null, count: number): number {
  try {
    return lua.lua_resume(co, from, count)
  } catch (thrown) {
    if (machineOf(co).pending === undefined) throw thrown
    co.status = status.errRun
    return status.errRun
  }
}

/** A traceback of thread `of` in Lua's words, a byte string, built on the stack of `on`. */
export function traceback(on: LState, of: LState, message: string | null, level: number): string {
  checkStack(on, 40)
  lua.lua_checkstack(on, 40)
  const bytes = message === null ? null : new Uint8Array(Buffer.from(message, 'latin1'))
  lauxlib.luaL_traceback(on, of, bytes, level)
  const text = textOf((on.stack[on.top - 1] as TValue).value as TString)
  lua.lua_pop(on, 1)
  return text
}
