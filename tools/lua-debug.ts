// A part of the debug library, for the stand-alone interpreter on the v8 engine only.
//
// Enough for scripts that print tracebacks, set metatables of basic types or (with --debug) look at
// upvalues. Locals and hooks are not there: generated code keeps its variables in JavaScript.

import { bytesToText } from '../core/lua/bytes.ts'
import { ret0, ret2 } from '../core/lua/v8/answer.ts'
import { type Upvalue, upvaluesOf } from '../core/lua/v8/debug-upvalues.ts'
import type { V8Engine } from '../core/lua/v8/engine.ts'
import { throwError } from '../core/lua/v8/errors.ts'
import { originOf } from '../core/lua/v8/function-origin.ts'
import { typeOf } from '../core/lua/v8/metatable.ts'
import { vm } from '../core/lua/v8/state.ts'
import { Table } from '../core/lua/v8/table.ts'
import { chunks, luaFrames, traceback } from '../core/lua/v8/traceback.ts'
import type { LuaFn, Ret, Value } from '../core/lua/v8/value.ts'

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
  return chunks.get(bytesToText(chunk))?.given ?? `@${chunk}`
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
  info.setField('name', frame.name)
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

/** Puts `debug` into the engine's globals. */
export function openDebug(engine: V8Engine): void {
  const debug = new Table()
  const functions: Record<string, LuaFn> = {
    setmetatable: setMetatable,
    getmetatable: getMetatable,
    getinfo: getInfo,
    traceback: luaTraceback,
    gethook: () => undefined,
    sethook: () => ret0(),
    getlocal: () => undefined,
    getupvalue: getUpvalue,
    setupvalue: setUpvalue,
    upvalueid: (f, n) => upvalue(f, n)?.get() as unknown as Value,
    upvaluejoin: joinUpvalues,
  }
  for (const [name, fn] of Object.entries(functions)) debug.setField(name, fn)
  engine.realm.globals.setField('debug', debug)
}
