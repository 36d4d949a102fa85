// The base library: what differs from fengari's own is that neither pcall nor xpcall can catch the
// end of a run, that load takes text only, and that read-only tables stay so.
//
// Runs inside a Lua call. Messages are PUC Lua's.

import { getHeapStatistics } from 'node:v8'
import { machineOf } from './machine.ts'
import {
  addFunctions,
  arg,
  argCount,
  argError,
  checkAny,
  checkFunction,
  checkInteger,
  checkTable,
  isString,
  isTruthy,
  latin1Bytes,
  optInteger,
  optString,
  parseValue,
  push,
  pushBoolean,
  pushFloat,
  pushInteger,
  pushNil,
  pushString,
  pushValue,
  raise,
  runErrorAt,
  setField,
  typeError,
  typeName,
} from './stack.ts'
import {
  type CFunction,
  closureOf,
  equalValues,
  type LState,
  lauxlib,
  lua,
  multret,
  stringOf,
  type Table,
  type TString,
  TV,
  type TValue,
  tableGet,
  tableGetKey,
  tableLength,
  tableSet,
  tag,
  textOf,
  status as threadStatus,
} from './vm.ts'

const name = {
  metatable: latin1Bytes('__metatable'),
  pairs: latin1Bytes('__pairs'),
}

/** A metatable's field for the value at `i`, or undefined. */
function metaField(L: LState, i: number, field: Uint8Array): TValue | undefined {
  if (lauxlib.luaL_getmetafield(L, i, field) === tag.nil) return undefined
  return L.stack[--L.top]
}

function print(L: LState): number {
  const n = argCount(L)
  const parts: string[] = []
  for (let i = 1; i <= n; i++) {
    lauxlib.luaL_tolstring(L, i)
    parts.push(textOf((L.stack[L.top - 1] as TValue).value as TString))
    lua.lua_pop(L, 1)
  }
  machineOf(L).options.print(parts.join('\t'))
  return 0
}

function tostring(L: LState): number {
  checkAny(L, 1)
  lauxlib.luaL_tolstring(L, 1)
  return 1
}

function tonumber(L: LState): number {
  if (arg(L, 2).type === tag.nil) {
    checkAny(L, 1)
    const v = arg(L, 1)
    if ((v.type & 15) === 3) pushValue(L, v)
    else {
      const parsed = isString(v) ? parseValue(v.value as TString) : undefined
      if (parsed === undefined) pushNil(L)
      else pushValue(L, parsed)
    }
    return 1
  }
  const base = checkInteger(L, 2)
  const v = arg(L, 1)
  if (!isString(v)) return typeError(L, 1, 'string')
  if (base < 2 || base > 36) return argError(L, 2, 'base out of range')
  const n = parseBased(textOf(v.value as TString), base)
  if (n === undefined) pushNil(L)
  else pushInteger(L, n)
  return 1
}

function parseBased(text: string, base: number): number | undefined {
  const found = /^[\t-\r ]*(-?)([0-9A-Za-z]+)[\t-\r ]*$/.exec(text)
  if (found === null) return undefined
  let n = 0
  for (const c of (found[2] as string).toLowerCase()) {
    const digit = Number.parseInt(c, 36)
    if (digit >= base) return undefined
    n = n * base + digit
  }
  return found[1] === '-' ? -n : n
}

function getmetatable(L: LState): number {
  checkAny(L, 1)
  if (!lua.lua_getmetatable(L, 1)) {
    pushNil(L)
    return 1
  }
  const hidden = metaField(L, 1, name.metatable)
  if (hidden !== undefined) pushValue(L, hidden)
  return 1
}

function setmetatable(L: LState): number {
  const table = checkTable(L, 1)
  const meta = arg(L, 2)
  if (argCount(L) < 2 || (meta.type !== tag.nil && meta.type !== tag.table)) {
    return typeError(L, 2, 'nil or table')
  }
  if (table.readonly) return runErrorAt(L, 'cannot change the metatable of a read-only table')
  if (metaField(L, 1, name.metatable) !== undefined) {
    return runErrorAt(L, 'cannot change a protected metatable')
  }
  table.metatable = meta.type === tag.nil ? null : (meta.value as Table)
  lua.lua_settop(L, 1)
  return 1
}

function rawequal(L: LState): number {
  checkAny(L, 1)
  checkAny(L, 2)
  pushBoolean(L, equalValues(null, arg(L, 1), arg(L, 2)))
  return 1
}

function rawlen(L: LState): number {
  const v = arg(L, 1)
  if (v.type === tag.table) pushInteger(L, tableLength(v.value as Table))
  else if (isString(v)) pushInteger(L, textOf(v.value as TString).length)
  else argError(L, 1, 'table or string expected')
  return 1
}

function rawget(L: LState): number {
  const table = checkTable(L, 1)
  checkAny(L, 2)
  pushValue(L, tableGet(table, arg(L, 2)))
  return 1
}

function rawset(L: LState): number {
  const table = checkTable(L, 1)
  checkAny(L, 2)
  checkAny(L, 3)
  tableSet(L, table, arg(L, 2), arg(L, 3))
  table.flags = 0
  lua.lua_settop(L, 1)
  return 1
}

function next(L: LState): number {
  checkTable(L, 1)
  lua.lua_settop(L, 2)
  if (lua.lua_next(L, 1)) return 2
  pushNil(L)
  return 1
}

function ipairsStep(L: LState): number {
  const i = checkInteger(L, 2) + 1
  const t = arg(L, 1)
  if (t.type === tag.table) {
    const v = tableGetKey(t.value as Table, i)
    if (v.type !== tag.nil) {
      pushInteger(L, i)
      pushValue(L, v)
      return 2
    }
  }
  pushInteger(L, i)
  return lua.lua_geti(L, 1, i) === tag.nil ? 1 : 2
}

function type(L: LState): number {
  checkAny(L, 1)
  pushString(L, typeName(arg(L, 1)))
  return 1
}

function select(L: LState): number {
  const n = argCount(L)
  const first = arg(L, 1)
  if (isString(first) && textOf(first.value as TString).startsWith('#')) {
    pushInteger(L, n - 1)
    return 1
  }
  let i = checkInteger(L, 1)
  if (i < 0) i = n + i
  else if (i > n) i = n
  if (i < 1) return argError(L, 1, 'index out of range')
  return n - i
}

function error(L: LState): number {
  const level = optInteger(L, 2, 1)
  lua.lua_settop(L, 1)
  const v = arg(L, 1)
  if (isString(v) && level > 0) {
    lauxlib.luaL_where(L, level)
    const where = textOf((L.stack[L.top - 1] as TValue).value as TString)
    lua.lua_pop(L, 1)
    push(L, tag.longString, stringOf(where + textOf(v.value as TString)))
  }
  return raise(L)
}

function assertTrue(L: LState): number {
  if (isTruthy(arg(L, 1))) return argCount(L)
  checkAny(L, 1)
  if (argCount(L) === 1) push(L, tag.longString, stringOf('assertion failed!'))
  else pushValue(L, arg(L, 2))
  return raise(L)
}

/** Ends pcall and xpcall; `extra` values below the results belong to the call itself. */
function finishProtected(L: LState, status: number, extra: number): number {
  if (status === threadStatus.ok || status === threadStatus.yield) return argCount(L) - extra
  machineOf(L).rethrowPending()
  const failure = L.stack[L.top - 1] as TValue
  pushBoolean(L, false)
  pushValue(L, failure)
  return 2
}

function pcall(L: LState): number {
  checkAny(L, 1)
  pushBoolean(L, true)
  lua.lua_insert(L, 1)
  const status = lua.lua_pcallk(L, argCount(L) - 2, multret, 0, 0, finishProtected)
  return finishProtected(L, status, 0)
}

function xpcall(L: LState): number {
  const n = argCount(L)
  checkFunction(L, 2)
  pushBoolean(L, true)
  lua.lua_pushvalue(L, 1)
  lua.lua_rotate(L, 3, 2)
  const status = lua.lua_pcallk(L, n - 2, multret, 2, 2, finishProtected)
  return finishProtected(L, status, 2)
}

const textMode = latin1Bytes('t')

/** Compiles `source` in thread L and pushes the function or the error; true when it compiled. */
export function compile(L: LState, source: Uint8Array, chunkName: string): boolean {
  let rest: Uint8Array | null = source.length === 0 ? null : source
  const reader = (): Uint8Array | null => {
    const part = rest
    rest = null
    return part
  }
  const status = lua.lua_load(L, reader, null, latin1Bytes(chunkName), textMode)
  machineOf(L).rethrowPending()
  return status === threadStatus.ok
}

/** The chunk that load was given: a string, or the pieces that a function returns. */
function chunkText(L: LState): string {
  const chunk = arg(L, 1)
  if (isString(chunk)) return textOf(chunk.value as TString)
  checkFunction(L, 1)
  const pieces: string[] = []
  for (;;) {
    pushValue(L, chunk)
    lua.lua_call(L, 0, 1)
    const piece = L.stack[--L.top] as TValue
    if (piece.type === tag.nil) break
    if (!isString(piece)) runErrorAt(L, 'reader function must return a string')
    const text = textOf(piece.value as TString)
    if (text === '') break
    pieces.push(text)
  }
  return pieces.join('')
}

function load(L: LState): number {
  const source = chunkText(L)
  const chunkName = optString(L, 2, isString(arg(L, 1)) ? source : '=(load)')
  const mode = optString(L, 3, 't')
  const hasEnv = argCount(L) >= 4
  let problem: string | undefined
  if (source.startsWith('\x1b')) {
    problem = `attempt to load a binary chunk (mode is '${mode.replace('b', '') || 't'}')`
  } else if (!mode.includes('t')) {
    problem = `attempt to load a text chunk (mode is '${mode}')`
  }
  if (problem !== undefined) {
    pushNil(L)
    pushString(L, problem)
    return 2
  }
  if (!compile(L, latin1Bytes(source), chunkName)) {
    pushNil(L)
    pushValue(L, L.stack[L.top - 2] as TValue)
    return 2
  }
  if (hasEnv) {
    pushValue(L, arg(L, 4))
    if (lua.lua_setupvalue(L, -2, 1) === null) lua.lua_pop(L, 1)
  }
  return 1
}

function collectgarbage(L: LState): number {
  const option = optString(L, 1, 'collect')
  if (option === 'count') pushFloat(L, getHeapStatistics().used_heap_size / 1024)
  else if (option === 'isrunning') pushBoolean(L, true)
  else if (option === 'collect' || option === 'step') pushInteger(L, 0)
  else return argError(L, 1, `invalid option '${option}'`)
  return 1
}

/** Opens the base library into `globals`. */
export function openBase(L: LState, globals: Table): void {
  const nextFunction = new TV(tag.cClosure, closureOf(L, next))
  const ipairsFunction = new TV(tag.cClosure, closureOf(L, ipairsStep))
  const pairs: CFunction = (at) => {
    checkAny(at, 1)
    const method = metaField(at, 1, name.pairs)
    if (method === undefined) {
      pushValue(at, nextFunction)
      pushValue(at, arg(at, 1))
      pushNil(at)
    } else {
      pushValue(at, method)
      pushValue(at, arg(at, 1))
      lua.lua_call(at, 1, 3)
    }
    return 3
  }
  const ipairs: CFunction = (at) => {
    checkAny(at, 1)
    pushValue(at, ipairsFunction)
    pushValue(at, arg(at, 1))
    pushInteger(at, 0)
    return 3
  }
  setField(L, globals, 'next', nextFunction)
  addFunctions(L, globals, {
    assert: assertTrue,
    collectgarbage,
    error,
    getmetatable,
    ipairs,
    load,
    pairs,
    pcall,
    print,
    rawequal,
    rawget,
    rawlen,
    rawset,
    select,
    setmetatable,
    tonumber,
    tostring,
    type,
    xpcall,
  })
  setField(L, globals, '_G', new TV(tag.table, globals))
  setField(L, globals, '_VERSION', new TV(tag.longString, stringOf('Lua 5.3')))
}
