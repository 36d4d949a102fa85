// Parked activations, and the record of a coroutine. Lanes; data only, coroutine.ts runs them.
//
// A function that is called and answers YIELD has parked itself: it pushed a Frame with what it needs
// to go on. Frames are pushed innermost first:
//
//   yield answers YIELD      buy parks        handler parks         the driver gets YIELD
//   parked.head ──────────▶ [buy] ─next─▶ [handler] ─next─▶ [those that were parked before]

import { type LuaFn, type Ret, type Value, YIELD } from './value.ts'

/** Where a Lua function stands, for messages: its chunk's name and line, and its own name. */
export interface LuaFramePlace {
  readonly chunk: string
  readonly line: number
  readonly name: string
}

/** What a frame answers that was continued and has parked again in itself, alone. */
export const KEPT: unique symbol = Symbol('kept')

/** A parked activation. Subclasses hold their own live variables. */
export abstract class Frame {
  next: Frame | undefined = undefined
  /** Goes on with what the callee answered; answers as the function itself would. */
  abstract resume(r: Ret): Ret | typeof KEPT
  /** Where it stands, for tracebacks; frames of library functions have no place. */
  place(): LuaFramePlace | undefined {
    return undefined
  }
  /** Does this frame catch errors? Then `fail` is called instead of `resume`. */
  get catches(): boolean {
    return false
  }
  /** Goes on after the callee raised; rethrows what may not be caught. */
  fail(thrown: unknown): Ret {
    throw thrown
  }
}

/**
 * The frames of the yield that is on its way to the driver, innermost first. `kept`: behind them is the
 * activation that the driver continued, in its own frame, which is still the coroutine's top.
 */
export const parked: { head: Frame | undefined; tail: Frame | undefined; kept: boolean } = {
  head: undefined,
  tail: undefined,
  kept: false,
}

/** Parks an activation; the caller returns the answer at once. */
export function park(frame: Frame): Ret {
  if (parked.tail === undefined) parked.head = frame
  else parked.tail.next = frame
  parked.tail = frame
  return YIELD
}

/** Counts reloads of modules in this thread: a coroutine runs the code of its epoch (module.ts). */
export const epoch = { now: 0 }

/**
 * States of a coroutine, as numbers: a store of one costs the collector no look. One that has resumed
 * another is running as well; it is `normal` for Lua when it is not `vm.current`.
 */
export const stateSuspended = 0
export const stateRunning = 1
export const stateDead = 2
/** It has ended, and its variables are being closed: `running` for Lua. */
export const stateClosing = 3
export type CoroutineState =
  | typeof stateSuspended
  | typeof stateRunning
  | typeof stateDead
  | typeof stateClosing

/** The list of those that have no variable to be closed; never written. */
export const noneToClose: Value[] = []

export class Coroutine {
  declare readonly luaObject: true
  state: CoroutineState = stateSuspended
  /** The function to start with; undefined once it has started. */
  start: Value
  /** The innermost parked frame. */
  top: Frame | undefined = undefined
  /** Variables to be closed, oldest first (close.ts). */
  toClose: Value[] = noneToClose
  /** Message handler of the nearest xpcall; false: a plain pcall; undefined: nothing catches. */
  handler: LuaFn | false | undefined = undefined
  /** How many frames that cannot be parked are above its start. */
  noYield = 0
  /** The error that killed it, for coroutine.close. */
  failure: unknown = undefined
  /** It runs no code that is newer: what waited during a reload finishes the old one. */
  epoch: number = epoch.now

  constructor(start: Value) {
    this.start = start
  }
}
