// The fengari package: loaded once per thread, mended, and typed as far as this folder uses it.
//
// Runs wherever an engine runs. fengari keeps strings as byte arrays and hashes each before a table
// look-up; its hash also confuses some strings (hex digits without padding: "\x01\x11" and
// "\x11\x01" collide). Here its string module is replaced before any other module reads it: a string
// holds its JavaScript byte string (the table key and the border value in one) and its bytes, either
// made from the other when first asked for. Further mends, each by an exported function that the
// other modules look up at run time: read-only tables, the cap on built strings (`..` included),
// number printing, long chunk names, and the counter that ends runaway scripts.
//
// A failure to load or an unexpected shape of the package is a bug (assertion), seen at start-up.

import { createRequire } from 'node:module'
import { assert } from '../../base/assert.ts'
import { floatToText } from './number-text.ts'

export interface TValue {
  type: number
  value: unknown
}
export interface TString {
  h: string | null
  r: Uint8Array | null
}
interface Entry {
  key: TValue
  value: TValue
  n: Entry | undefined
}
export interface Table {
  readonly id: number
  strong: Map<unknown, Entry>
  /** Removed keys, so that a traversal may go on from one. */
  dead_strong: object
  f: Entry | undefined
  metatable: Table | null
  flags: number
  readonly: boolean
}
export interface Closure {
  f: CFunction
}
export interface CallInfo {
  funcOff: number
  top: number
  previous: CallInfo | null
  next: CallInfo | null
  callstatus: number
}
export interface GlobalState {
  mt: (Table | null | undefined)[]
  mainthread: LState
  id_counter: number
  l_registry: TValue
  /** The engine's own state for this VM: see machine.ts. */
  machine: Machine
}
export interface LState {
  stack: TValue[]
  top: number
  ci: CallInfo
  base_ci: CallInfo
  status: number
  nny: number
  nCcalls: number
  hookmask: number
  l_G: GlobalState
}
/** What the mends below need of the engine that owns a VM. */
export interface Machine {
  readonly stringBytesMax: number
  fuel: number
  /** Called when `fuel` is used up; throws to end the run, else refills it. */
  refuel(L: LState): void
}
export type CFunction = (L: LState) => number
export type Continuation = (L: LState, status: number, context: number) => number

interface StringModule {
  TString: unknown
  luaS_eqlngstr: (a: TString, b: TString) => boolean
  luaS_hash: (bytes: Uint8Array) => string
  luaS_hashlongstr: (s: TString) => string
  luaS_bless: (L: LState, bytes: Uint8Array) => TString
  luaS_new: (L: LState, bytes: Uint8Array) => TString
  luaS_newliteral: (L: LState, text: string) => TString
}
interface TableModule {
  Table: new (L: LState) => Table
  luaH_new: (L: LState) => Table
  luaH_get: (L: LState, t: Table, key: TValue) => TValue
  luaH_getint: (t: Table, key: number) => TValue
  luaH_getstr: (t: Table, key: TString) => TValue
  luaH_getn: (t: Table) => number
  luaH_setfrom: (L: LState, t: Table, key: TValue, value: TValue) => void
  luaH_setint: (t: Table, key: number, value: TValue) => void
}
export interface Api {
  lua_atnativeerror(L: LState, f: CFunction): void
  lua_call(L: LState, nargs: number, nresults: number): void
  lua_checkstack(L: LState, n: number): boolean
  lua_error(L: LState): never
  lua_getmetatable(L: LState, index: number): boolean
  lua_geti(L: LState, index: number, i: number): number
  lua_insert(L: LState, index: number): void
  lua_gettable(L: LState, index: number): number
  lua_load(
    L: LState,
    reader: (L: LState, data: unknown) => Uint8Array | null,
    data: unknown,
    chunkName: Uint8Array,
    mode: Uint8Array,
  ): number
  lua_newthread(L: LState): LState
  lua_next(L: LState, index: number): number
  lua_pcallk(
    L: LState,
    nargs: number,
    nresults: number,
    handler: number,
    context: number,
    k: Continuation | null,
  ): number
  lua_pop(L: LState, n: number): void
  lua_pushvalue(L: LState, index: number): void
  lua_resume(L: LState, from: LState | null, nargs: number): number
  lua_rotate(L: LState, index: number, n: number): void
  lua_seti(L: LState, index: number, i: number): void
  lua_settop(L: LState, index: number): void
  lua_setupvalue(L: LState, index: number, n: number): Uint8Array | null
  lua_xmove(from: LState, to: LState, n: number): void
  lua_yield(L: LState, n: number): number
}
export interface Aux {
  luaL_argerror(L: LState, arg: number, message: Uint8Array): never
  luaL_getmetafield(L: LState, index: number, name: Uint8Array): number
  luaL_len(L: LState, index: number): number
  luaL_tolstring(L: LState, index: number): Uint8Array
  luaL_traceback(L: LState, of: LState, message: Uint8Array | null, level: number): void
  luaL_where(L: LState, level: number): void
  luaL_newstate(): LState
}

export const tag = {
  nil: 0,
  boolean: 1,
  lightUserdata: 2,
  float: 3,
  integer: 3 | 16,
  string: 4,
  longString: 4 | 16,
  table: 5,
  function: 6,
  luaClosure: 6,
  cClosure: 6 | 32,
  userdata: 7,
  thread: 8,
} as const
export const multret = -1
export const status = { ok: 0, yield: 1, errRun: 2 } as const

const require = createRequire(import.meta.url)
const load = <T>(path: string): T => require(`fengari/src/${path}`) as T

// defs.js and luaconf.js need each other; defs.js must come first to find the stack limit.
load('defs.js')

// Before anything reads them: printing, the length of chunk names, and strings.
Object.assign(load<object>('luaconf.js'), {
  LUA_COMPAT_FLOATSTRING: true, // ".0" is added by floatToText
  LUA_IDSIZE: 250,
  lua_number2str: floatToText,
})

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')

class MoonString implements TString {
  h: string | null
  r: Uint8Array | null

  constructor(h: string | null, r: Uint8Array | null) {
    this.h = h
    this.r = r
  }

  getstr(): Uint8Array {
    let bytes = this.r
    if (bytes === null) {
      const copy = Buffer.from(this.h as string, 'latin1')
      this.r = bytes = new Uint8Array(copy.buffer, copy.byteOffset, copy.length)
    }
    return bytes
  }

  tsslen(): number {
    return this.h !== null ? this.h.length : (this.r as Uint8Array).length
  }

  /** fengari reads this field directly in a few places. */
  get realstring(): Uint8Array {
    return this.getstr()
  }
}

/** The byte string of a VM string. */
export function textOf(s: TString): string {
  const h = s.h
  return h !== null ? h : (s.h = latin1(s.r as Uint8Array))
}

/** A VM string from a byte string; the cap on built strings is the caller's affair. */
export function stringOf(bytes: string): TString {
  return new MoonString(bytes, null)
}

function bless(L: LState, bytes: Uint8Array): TString {
  const machine = L.l_G.machine
  if (machine !== undefined && bytes.length > machine.stringBytesMax) throwTooLong(L)
  return new MoonString(null, bytes)
}

Object.assign(load<StringModule>('lstring.js'), {
  TString: MoonString,
  luaS_eqlngstr: (a: TString, b: TString) => a === b || textOf(a) === textOf(b),
  luaS_hash: latin1,
  luaS_hashlongstr: textOf,
  luaS_bless: bless,
  // A function, not an arrow: fengari calls it with `new`.
  luaS_new: function luaS_new(L: LState, bytes: Uint8Array): TString {
    return bless(L, Uint8Array.from(bytes))
  },
  luaS_newliteral: (_L: LState, text: string) =>
    new MoonString(null, new Uint8Array(Buffer.from(text, 'utf8'))),
} satisfies StringModule)

export const lua = load<Api>('lua.js')
export const lauxlib = load<Aux>('lauxlib.js')
const lobject = load<{
  TValue: new (type: number, value: unknown) => TValue
  luaO_nilobject: TValue
  LClosure: abstract new () => object
  CClosure: new (L: LState, f: CFunction, n: number) => Closure
  luaO_str2num(s: Uint8Array, result: TValue): number
}>('lobject.js')
const lstate = load<{ lua_State: abstract new () => LState }>('lstate.js')
const ldebug = load<{
  luaG_runerror(L: LState, message: Uint8Array): never
  luaG_traceexec(L: LState): void
}>('ldebug.js')
const lvm = load<{
  luaV_lessthan(L: LState, a: TValue, b: TValue): boolean
  luaV_equalobj(L: LState | null, a: TValue, b: TValue): boolean
}>('lvm.js')
const ldo = load<{ luaD_checkstack(L: LState, n: number): void }>('ldo.js')
const lfunc = load<{ luaF_close(L: LState, level: number): void }>('lfunc.js')
const ltable = load<TableModule>('ltable.js')
export const libraries =
  load<Record<'luaopen_string' | 'luaopen_table' | 'luaopen_utf8', CFunction>>('lualib.js')

export const TV = lobject.TValue
export const CClosure = lobject.CClosure
export const LClosure = lobject.LClosure
export const LuaState = lstate.lua_State
export const nilValue = lobject.luaO_nilobject
export const checkStack = ldo.luaD_checkstack
export const closeUpvalues = lfunc.luaF_close
export const equalValues = lvm.luaV_equalobj
export const lessThan = lvm.luaV_lessthan
export const parseNumber = lobject.luaO_str2num

/** A C closure that runs `f`; library and host functions are all of this kind. */
export function closureOf(L: LState, f: CFunction): Closure {
  return new CClosure(L, f, 0)
}

const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))

/** Raises a Lua error with the position of the Lua code that runs in `L`, if any does. */
export function runError(L: LState, message: string): never {
  // The message goes in as format text, so that its own '%' must be doubled.
  return ldebug.luaG_runerror(L, ascii(message.replaceAll('%', '%%')))
}

function throwTooLong(L: LState): never {
  return runError(L, `string too long (the limit is ${L.l_G.machine.stringBytesMax} bytes)`)
}

// --- tables: faster look-ups, and read-only ones

function hashOf(L: LState, key: TValue): unknown {
  if (key.type === tag.longString || key.type === tag.string) return textOf(key.value as TString)
  if (key.type === tag.nil) return runError(L, 'table index is nil')
  if (key.type === tag.float && Number.isNaN(key.value)) return runError(L, 'table index is NaN')
  return key.value
}

const setPlain = ltable.luaH_setfrom
const setIntPlain = ltable.luaH_setint

/** Stands for the removed keys of a table that had none removed: most tables, for all their life. */
const noneRemoved = {
  clear() {},
  get(): undefined {
    return undefined
  },
}

/** fengari's table, but that a Map for removed keys is made only when one is removed. */
class MoonTable implements Table {
  readonly id: number
  strong = new Map<unknown, Entry>()
  dead_strong: object = noneRemoved
  dead_weak: object | undefined = undefined
  f: Entry | undefined = undefined
  l: Entry | undefined = undefined
  metatable: Table | null = null
  flags = ~0
  readonly = false

  constructor(L: LState) {
    this.id = L.l_G.id_counter++
  }
}

export { MoonTable as TableClass }

export function newTable(L: LState): Table {
  return new MoonTable(L)
}

/** Raw read with any key; nil and NaN read as nil. */
export function tableGet(t: Table, key: TValue): TValue {
  const hash =
    key.type === tag.longString || key.type === tag.string
      ? textOf(key.value as TString)
      : key.value
  const entry = t.strong.get(hash)
  return entry === undefined ? nilValue : entry.value
}

/** Raw read with a number or byte string. */
export function tableGetKey(t: Table, hash: unknown): TValue {
  const entry = t.strong.get(hash)
  return entry === undefined ? nilValue : entry.value
}

/** Raw write; a Lua error for a nil or NaN key or a read-only table. */
export function tableSet(L: LState, t: Table, key: TValue, value: TValue): void {
  if (t.readonly) readOnlyError(L, key)
  const entry = t.strong.get(hashOf(L, key))
  if (entry === undefined) {
    if (value.type !== tag.nil) setPlain(L, t, key, value)
  } else if (value.type !== tag.nil) {
    entry.value.type = value.type
    entry.value.value = value.value
  } else {
    if (t.dead_strong === noneRemoved) t.dead_strong = new Map()
    setPlain(L, t, key, value)
  }
}

function readOnlyError(L: LState, key: TValue): never {
  const name = key.type === tag.longString ? ` (field '${textOf(key.value as TString)}')` : ''
  return runError(L, `attempt to modify a read-only table${name}`)
}

export const tableLength = ltable.luaH_getn

Object.assign(ltable, {
  Table: MoonTable,
  luaH_new: newTable,
  luaH_get: (_L: LState, t: Table, key: TValue) => tableGet(t, key),
  luaH_getint: tableGetKey,
  luaH_getstr: (t: Table, key: TString) => tableGetKey(t, textOf(key)),
  luaH_setfrom: tableSet,
  luaH_setint: (t: Table, key: number, value: TValue) => {
    assert(!t.readonly, 'a read-only table is written by index')
    if (t.dead_strong === noneRemoved) t.dead_strong = new Map()
    setIntPlain(t, key, value)
  },
})

// --- the counter: fengari calls this before each instruction while hookmask has the count bit

export const maskCount = 8

ldebug.luaG_traceexec = (L: LState): void => {
  const machine = L.l_G.machine
  if (--machine.fuel <= 0) machine.refuel(L)
}

/** A fresh VM that belongs to `machine`, without any library. */
export function newState(machine: Machine): LState {
  const L = lauxlib.luaL_newstate()
  assert(L !== null && L.l_G !== undefined, 'fengari made no state')
  L.l_G.machine = machine
  return L
}
