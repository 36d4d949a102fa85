// Debug hooks: events of generated code that was compiled with them. The stand-alone interpreter only.
//
// With the option `debugHooks` generated code calls these functions: at its entry, before each
// statement, at each loop turn, for each call and where it returns. A hook belongs to a coroutine (or
// to the main run of an engine) and does not see itself. It cannot wait. Differences from PUC: a line
// event comes for a statement, not for each line of an expression; a count event counts statements,
// loop turns and calls.
//
//   function     $hookEnter() … $line = $hookLine($line, 7) … return $hookReturn(value)
//   call         $hookedCall(site, f, args): a library function's events; a Lua function has its own
//   tail call    return $hookedTail(site, f, args): the callee's return is the only one, as in PUC

import { retArray, toArray } from './answer.ts'
import { upvaluesOf } from './debug-upvalues.ts'
import { type Coroutine, Frame, park } from './frame.ts'
import { callMetamethod, metamethodOf, typeNameOf } from './metatable.ts'
import { throwAtSite } from './site-error.ts'
import { operandA, type Site } from './sites.ts'
import { type Realm, vm } from './state.ts'
import { hookedBuiltin } from './traceback.ts'
import { type LuaFn, MULTI, type Ret, type Value } from './value.ts'

/** A hook as `debug.sethook` sets it. */
export interface Hook {
  readonly fn: LuaFn
  readonly onCall: boolean
  readonly onReturn: boolean
  readonly onLine: boolean
  /** After so many steps there is a count event; 0: never. */
  readonly period: number
}

interface HookState extends Hook {
  left: number
}

const states = new WeakMap<Coroutine | Realm, HookState>()
/** Runs whose hook is running: it has no events. */
const busy = new WeakSet<Coroutine | Realm>()
let isTailCall = false

function here(): Coroutine | Realm {
  return vm.coroutine ?? vm.realm
}

/** Sets or (undefined) takes away the hook of a coroutine, or of the one that runs. */
export function setHook(hook: Hook | undefined, of: Coroutine | undefined): void {
  const key = of ?? here()
  if (hook === undefined) states.delete(key)
  else states.set(key, { ...hook, left: hook.period })
}

/** The hook of a coroutine, or of the one that runs. */
export function hookOf(of: Coroutine | undefined): Hook | undefined {
  return states.get(of ?? here())
}

function listening(): HookState | undefined {
  const key = here()
  return busy.has(key) ? undefined : states.get(key)
}

function fire(hook: HookState, event: string, line?: number): void {
  const key = here()
  busy.add(key)
  vm.noYield++
  try {
    hook.fn(event, line)
  } finally {
    busy.delete(key)
    vm.noYield--
  }
}

/** An event of a library function: tracebacks find its name in `hookedBuiltin` (traceback.ts). */
function fireForBuiltin(hook: HookState, event: string, site: Site): void {
  const outer = hookedBuiltin.name
  hookedBuiltin.name = /'(.*)'/.exec(site.a)?.[1] ?? '?'
  try {
    fire(hook, event)
  } finally {
    hookedBuiltin.name = outer
  }
}

/** One step for count events. */
export function hookCount(): void {
  const hook = listening()
  if (hook === undefined || hook.period === 0 || --hook.left > 0) return
  hook.left = hook.period
  fire(hook, 'count')
}

/** A Lua function has been entered. */
export function hookEnter(): void {
  const event = isTailCall ? 'tail call' : 'call'
  isTailCall = false
  const hook = listening()
  if (hook?.onCall === true) fire(hook, event)
}

/**
 * A step on `line`; `last` is the line of the one before, negative at the end of a loop's turn.
 * @returns the line
 */
export function hookLine(last: number | undefined, line: number): number {
  const hook = listening()
  if (hook?.onLine === true && Math.abs(last ?? 0) !== line) fire(hook, 'line', line)
  return line
}

/** The event that an answer is waiting for; values in the side registers survive it. */
function returning(r: Ret, event: (hook: HookState) => void): Ret {
  const hook = listening()
  if (hook?.onReturn !== true) return r
  if (r !== MULTI) {
    event(hook)
    return r
  }
  const values = toArray(r)
  event(hook)
  return retArray(values)
}

class ReturnHookFrame extends Frame {
  private readonly leave: (r: Ret) => Ret
  constructor(leave: (r: Ret) => Ret) {
    super()
    this.leave = leave
  }
  resume(r: Ret): Ret {
    return this.leave(r)
  }
}

/** A Lua function returns `r`. */
export function hookReturn(r: Ret): Ret {
  if (r === null) return park(new ReturnHookFrame(hookReturn))
  return returning(r, (hook) => fire(hook, 'return'))
}

/** A call by generated code. */
export function hookedCall(site: Site, f: Value, ...args: Value[]): Ret {
  if (typeof f !== 'function') {
    if (metamethodOf(f, '__call') === undefined) {
      throwAtSite(`attempt to call a ${typeNameOf(f)} value${operandA(site)}`, site)
    }
    return callMetamethod(f, args, operandA(site), site)
  }
  if (upvaluesOf(f) !== undefined) return f(...args)
  const hook = listening()
  if (hook?.onCall === true) fireForBuiltin(hook, 'call', site)
  const leave = (r: Ret): Ret => returning(r, (now) => fireForBuiltin(now, 'return', site))
  const r = f(...args)
  return r === null ? park(new ReturnHookFrame(leave)) : leave(r)
}

/** A call whose answer is the caller's own. */
export function hookedTail(site: Site, f: Value, ...args: Value[]): Ret {
  if (typeof f === 'function' && upvaluesOf(f) !== undefined) {
    isTailCall = true
    return f(...args)
  }
  return hookReturn(hookedCall(site, f, ...args))
}
