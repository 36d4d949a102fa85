// The stack of a running VM thread as library functions see it: arguments in, results out.
//
// Runs inside a Lua call. Argument i counts from 1. A `check` function that finds the wrong type
// raises PUC Lua's own message ("bad argument #1 to 'rep' (string expected, got nil)"). Byte
// strings that are pushed are held to the engine's cap here, so that no library can exceed it.

import { floatToText } from './number-text.ts'
import {
  type CFunction,
  closureOf,
  type LState,
  lauxlib,
  lua,
  nilValue,
  parseNumber,
  stringOf,
  type Table,
  type TString,
  TV,
  type TValue,
  tableGetKey,
  tableSet,
  tag,
  textOf,
} from './vm.ts'

export const latin1Bytes = (text: string): Uint8Array => {
  const b = Buffer.from(text, 'latin1')
  return new Uint8Array(b.buffer, b.byteOffset, b.length)
}

export function argCount(L: LState): number {
  return L.top - L.ci.funcOff - 1
}

/** Argument `i`, or the nil value when the caller left it out. */
export function arg(L: LState, i: number): TValue {
  const at = L.ci.funcOff + i
  return at < L.top ? (L.stack[at] as TValue) : nilValue
}

export function isString(v: TValue): boolean {
  return v.type === tag.longString || v.type === tag.string
}

export function isFunction(v: TValue): boolean {
  return (v.type & 15) === tag.function
}

export function isTruthy(v: TValue): boolean {
  return !(v.type === tag.nil || (v.type === tag.boolean && v.value === false))
}

const typeNames = [
  'nil',
  'boolean',
  'userdata',
  'number',
  'string',
  'table',
  'function',
  'userdata',
  'thread',
] as const

/** The Lua type of a value, as type() says it. */
export function typeName(v: TValue): string {
  return typeNames[v.type & 15] ?? 'nil'
}

export function argError(L: LState, i: number, message: string): never {
  return lauxlib.luaL_argerror(L, i, latin1Bytes(message))
}

export function typeError(L: LState, i: number, expected: string): never {
  const got = i > argCount(L) ? 'no value' : nameOfType(arg(L, i))
  return argError(L, i, `${expected} expected, got ${got}`)
}

/** The type for messages: a metatable may rename a table with __name. */
function nameOfType(v: TValue): string {
  const meta = v.type === tag.table ? (v.value as Table).metatable : null
  const name = meta === null ? nilValue : tableGetKey(meta, '__name')
  return isString(name) ? textOf(name.value as TString) : typeName(v)
}

export function checkAny(L: LState, i: number): void {
  if (i > argCount(L)) argError(L, i, 'value expected')
}

export function checkTable(L: LState, i: number): Table {
  const v = arg(L, i)
  if (v.type !== tag.table) typeError(L, i, 'table')
  return v.value as Table
}

export function checkFunction(L: LState, i: number): TValue {
  const v = arg(L, i)
  if (!isFunction(v)) typeError(L, i, 'function')
  return v
}

/** The number in a value, strings converted; undefined when there is none. */
export function numberOf(v: TValue): number | undefined {
  if (v.type === tag.integer || v.type === tag.float) return v.value as number
  if (!isString(v)) return undefined
  const parsed = parseValue(v.value as TString)
  return parsed === undefined ? undefined : (parsed.value as number)
}

/** What `tonumber` makes of a string. */
export function parseValue(s: TString): TValue | undefined {
  const bytes = s.h !== null ? latin1Bytes(s.h) : (s.r as Uint8Array)
  const result = new TV(tag.nil, null)
  if (parseNumber(bytes, result) !== bytes.length + 1) return undefined
  return result
}

export function checkNumber(L: LState, i: number): number {
  return numberOf(arg(L, i)) ?? typeError(L, i, 'number')
}

/** An integral number; integers beyond 32 bits are integral floats here, and welcome. */
export function checkInteger(L: LState, i: number): number {
  const v = arg(L, i)
  if (v.type === tag.integer) return v.value as number
  const n = numberOf(v)
  if (n === undefined) return typeError(L, i, 'number')
  if (!Number.isInteger(n)) return argError(L, i, 'number has no integer representation')
  return n + 0
}

export function optInteger(L: LState, i: number, otherwise: number): number {
  return arg(L, i).type === tag.nil ? otherwise : checkInteger(L, i)
}

/** A byte string; numbers are converted as Lua does. */
export function checkString(L: LState, i: number): string {
  const v = arg(L, i)
  if (isString(v)) return textOf(v.value as TString)
  if (v.type === tag.integer || v.type === tag.float) return numberText(v)
  return typeError(L, i, 'string')
}

export function optString(L: LState, i: number, otherwise: string): string {
  return arg(L, i).type === tag.nil ? otherwise : checkString(L, i)
}

/** A number as Lua prints it. */
export function numberText(v: TValue): string {
  return v.type === tag.integer ? String(v.value) : floatToText(v.value as number)
}

// --- results

export function push(L: LState, type: number, value: unknown): void {
  L.stack[L.top++] = new TV(type, value)
}

export function pushValue(L: LState, v: TValue): void {
  L.stack[L.top++] = new TV(v.type, v.value)
}

export function pushNil(L: LState): void {
  L.stack[L.top++] = new TV(tag.nil, null)
}

export function pushBoolean(L: LState, b: boolean): void {
  L.stack[L.top++] = new TV(tag.boolean, b)
}

/** An integer of any size; beyond 32 bits it becomes a float, as this engine must. */
export function pushInteger(L: LState, n: number): void {
  L.stack[L.top++] = (n | 0) === n ? new TV(tag.integer, n | 0) : new TV(tag.float, n)
}

export function pushFloat(L: LState, n: number): void {
  L.stack[L.top++] = new TV(tag.float, n)
}

export function pushString(L: LState, bytes: string): void {
  checkLength(L, bytes.length)
  L.stack[L.top++] = new TV(tag.longString, stringOf(bytes))
}

/** Refuses to build a string of `length` bytes when that is over the cap. */
export function checkLength(L: LState, length: number): void {
  const max = L.l_G.machine.stringBytesMax
  if (length > max) runErrorAt(L, `string too long (the limit is ${max} bytes)`)
}

/** Raises an error with the position of the Lua function that called the running one. */
export function runErrorAt(L: LState, message: string): never {
  lauxlib.luaL_where(L, 1)
  const where = L.stack[L.top - 1] as TValue
  where.value = stringOf(textOf(where.value as TString) + message)
  return raise(L)
}

/** Raises the value on top of the stack. */
export function raise(L: LState): never {
  return lua.lua_error(L)
}

/** Spends `n` steps of the run's budget in a library loop; ends the run when it is used up. */
export function spend(L: LState, n: number): void {
  const machine = L.l_G.machine
  if ((machine.fuel -= n) <= 0) machine.refuel(L)
}

/** Adds library functions to a table under their names. */
export function addFunctions(L: LState, table: Table, functions: Record<string, CFunction>): void {
  for (const [name, f] of Object.entries(functions)) {
    setField(L, table, name, new TV(tag.cClosure, closureOf(L, f)))
  }
}

export function setField(L: LState, table: Table, name: string, value: TValue): void {
  tableSet(L, table, new TV(tag.longString, stringOf(name)), value)
  table.flags = 0
}
