// A part of the debug library, for the stand-alone interpreter on the v8 engine only.
//
// Enough for scripts that print tracebacks, set metatables of basic types or (with --debug) look at
// upvalues and set hooks. Locals are not there: generated code keeps them in JavaScript.

import { bytesToText } from '../core/lua/bytes.ts'
import { originOf } from '../core/lua/v8/emit/function-origin.ts'
import type { V8Engine } from '../core/lua/v8/engine.ts'
import { ret0, ret2, ret3 } from '../core/lua/v8/run/answer.ts'
import { type Upvalue, upvaluesOf } from '../core/lua/v8/run/debug-upvalues.ts'
import { throwError } from '../core/lua/v8/run/errors.ts'
import { Coroutine } from '../core/lua/v8/run/frame.ts'
import { hookOf, setHook } from '../core/lua/v8/run/hooks.ts'
import { typeOf } from '../core/lua/v8/run/metatable.ts'
import { vm } from '../core/lua/v8/run/state.ts'
import { Table } from '../core/lua/v8/run/table.ts'
import { chunkOf, luaFrames, traceback } from '../core/lua/v8/run/traceback.ts'
import type { LuaFn, Ret, Value } from '../core/lua/v8/run/value.ts'

function setMetatable(value: Value, meta: Value): Ret {
  const table = meta as Table | undefined
  if (value instanceof Table) value.meta = table
  else if (typeof value === 'string') vm.realm.stringMeta = table
  else vm.realm.typeMeta.set(typeOf(value), table)
  return value
}

function getMetatable(value: Value): Ret {
  if (value instanceof Table) return value.meta
  return typeof value === 'string' ? vm.realm.stringMeta : vm.realm.typeMeta.get(typeOf(value))
}

/** The chunk's name as `load` got it. */
function givenName(chunk: string): string {
  return chunkOf(bytesToText(chunk))?.given ?? `@${chunk}`
}

function describeFunction(info: Table, fn: LuaFn): void {
  const origin = originOf(fn)
  info.setField('func', fn)
  info.setField('what', origin === undefined ? 'C' : origin.node.line === 0 ? 'main' : 'Lua')
  info.setField('source', origin?.chunk.given ?? '=[C]')
  info.setField('short_src', origin?.chunk.name ?? '[C]')
  info.setField('linedefined', origin?.node.line ?? -1)
  info.setField('lastlinedefined', origin?.node.endLine ?? -1)
  info.setField('currentline', -1)
  info.setField('nups', origin?.node.upvalues.size ?? 0)
  info.setField('nparams', origin?.node.parameters.length ?? 0)
  info.setField('isvararg', origin?.node.isVararg ?? true)
}

function getInfo(level: Value): Ret {
  const info = new Table()
  if (typeof level === 'function') {
    describeFunction(info, level)
    return info
  }
  const frame = luaFrames()[Number(level) - 1]
  if (frame === undefined) return undefined
  info.setField('currentline', frame.line)
  info.setField('short_src', frame.chunk)
  info.setField('source', givenName(frame.chunk))
  info.setField('name', frame.name.replace(/^__/, ''))
  info.setField('what', frame.line === 0 ? 'C' : frame.name === 'main' ? 'main' : 'Lua')
  return info
}

function luaTraceback(message: Value, level: Value): Ret {
  if (message !== undefined && typeof message !== 'string') return message
  const text = traceback(typeof level === 'number' ? level : 1)
  return message === undefined ? text : `${message}\n${text}`
}

function upvalue(f: Value, n: Value): Upvalue | undefined {
  return typeof f === 'function' ? upvaluesOf(f)?.[Number(n) - 1] : undefined
}

function getUpvalue(f: Value, n: Value): Ret {
  const found = upvalue(f, n)
  return found === undefined ? ret0() : ret2(found.name, found.get().v)
}

function setUpvalue(f: Value, n: Value, value: Value): Ret {
  const found = upvalue(f, n)
  if (found === undefined) return ret0()
  found.get().v = value
  return found.name
}

function joinUpvalues(f: Value, n: Value, g: Value, m: Value): Ret {
  const to = upvalue(f, n)
  const from = upvalue(g, m)
  if (to === undefined) throwError("bad argument #2 to 'upvaluejoin' (invalid upvalue index)")
  if (from === undefined) throwError("bad argument #4 to 'upvaluejoin' (invalid upvalue index)")
  to.set(from.get())
  return ret0()
}

/** The coroutine that may come before the other arguments, and those. */
function ofCoroutine(args: readonly Value[]): [Coroutine | undefined, readonly Value[]] {
  const [co] = args
  return co instanceof Coroutine ? [co, args.slice(1)] : [undefined, args]
}

function setHookFunction(...args: Value[]): Ret {
  const [of, [fn, mask, count]] = ofCoroutine(args)
  if (typeof fn !== 'function' || typeof mask !== 'string') {
    setHook(undefined, of)
    return ret0()
  }
  const [onCall, onReturn, onLine] = ['c', 'r', 'l'].map((letter) => mask.includes(letter))
  const period = Math.max(0, Number(count ?? 0))
  const hears = onCall || onReturn || onLine || period > 0
  setHook(
    hears
      ? {
          fn,
          onCall: onCall === true,
          onReturn: onReturn === true,
          onLine: onLine === true,
          period,
        }
      : undefined,
    of,
  )
  return ret0()
}

function getHook(...args: Value[]): Ret {
  const hook = hookOf(ofCoroutine(args)[0])
  if (hook === undefined) return undefined
  const mask = (hook.onCall ? 'c' : '') + (hook.onReturn ? 'r' : '') + (hook.onLine ? 'l' : '')
  return ret3(hook.fn, mask, hook.period)
}

/** Hooks that would never be called are not set in silence. */
function noHooks(): Ret {
  throwError('debug.sethook needs the option --debug')
}

/** Puts `debug` into the engine's globals. @param hooks the engine compiles with `debugHooks` */
export function openDebug(engine: V8Engine, hooks: boolean): void {
  const debug = new Table()
  const functions: Record<string, LuaFn> = {
    setmetatable: setMetatable,
    getmetatable: getMetatable,
    getinfo: getInfo,
    traceback: luaTraceback,
    gethook: getHook,
    sethook: hooks ? setHookFunction : noHooks,
    getlocal: () => undefined,
    getupvalue: getUpvalue,
    setupvalue: setUpvalue,
    upvalueid: (f, n) => upvalue(f, n)?.get() as unknown as Value,
    upvaluejoin: joinUpvalues,
  }
  for (const [name, fn] of Object.entries(functions)) debug.setField(name, fn)
  engine.realm.globals.setField('debug', debug)
}
