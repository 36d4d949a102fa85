// The fengari engine: the reference LuaEngine, a Lua 5.3 VM written in JavaScript.
//
// Runs in lanes, and in the core thread for config files. Slow (about 10 µs for a small handler)
// but simple; the v8 engine is measured against it. Nothing of fengari leaves this folder.
//
// Where it differs from Lua 5.4, on purpose or because fengari does
//   - Integers have 32 bits and wrap. A larger integer is held as a float, exact up to 2^53, prints
//     as an integer, and bitwise operators refuse it. math.maxinteger is 2^31-1.
//   - No <const>, <close>, integer for-loop overflow rules; _VERSION says "Lua 5.3".
//   - Weak tables hold strongly; __gc never runs; collectgarbage only counts.
//   - Metamethods, iterators, sort comparators and gsub callbacks that yield: only the first two.
//   - Calls between Lua and the library nest at most 200 deep.
//
// Failure: a Lua error leaves as LuaError, the end of a run as LuaKilled; an AssertionError of a
// host function passes through everything. The VM stays usable after each.

import { getHeapStatistics } from 'node:v8'
import { AssertionError, assert, must } from '../../base/assert.ts'
import { messageOf } from '../../base/errors.ts'
import { bytesToText, textToBytes } from '../bytes.ts'
import {
  type EngineOptions,
  type HostFunction,
  type LuaCoroutine,
  type LuaEngine,
  LuaError,
  type LuaFunction,
  LuaKilled,
  LuaMulti,
  type LuaTable,
  type LuaType,
  type LuaValue,
  type Resumed,
  resumed,
} from '../engine.ts'
import {
  coroutineHandle,
  fromLua,
  functionHandle,
  keyOf,
  tableHandle,
  tableOf,
  toLua,
} from './border.ts'
import { type JsonMarks, JsonProblem, readJson, writeJson } from './json.ts'
import { compile, openBase } from './lib-base.ts'
import { bury, failureOf, openCoroutine, stateOf } from './lib-coroutine.ts'
import { openMath } from './lib-math.ts'
import { openOs } from './lib-os.ts'
import { openString } from './lib-string.ts'
import { openTable } from './lib-table.ts'
import { EngineMachine, resumeThread, traceback } from './machine.ts'
import {
  argCount,
  isString,
  numberText,
  pushValue,
  raise,
  runErrorAt,
  setField,
  typeName,
} from './stack.ts'
import {
  type CFunction,
  closureOf,
  type LState,
  LuaState,
  lauxlib,
  lua,
  multret,
  newTable,
  status,
  stringOf,
  type Table,
  type TString,
  TV,
  type TValue,
  tableGetKey,
  tableLength,
  tableSet,
  tag,
  textOf,
} from './vm.ts'

const libraryNames = ['string', 'table', 'math', 'utf8', 'os', 'coroutine'] as const

/** Makes an engine with its own VM, its standard library open and its globals writable. */
export function createFengariEngine(options: EngineOptions): LuaEngine {
  return new FengariEngine(options)
}

class FengariEngine implements LuaEngine {
  readonly name = 'fengari'
  readonly globals: LuaTable
  readonly jsonNull: LuaTable
  readonly jsonArray: LuaTable
  results: LuaValue[] = []
  failure: LuaError | LuaKilled | undefined
  readonly #machine: EngineMachine
  readonly #main: LState
  readonly #globals: Table
  readonly #marks: JsonMarks
  /** Runs on the failing thread, before it unwinds: keeps the traceback of the error. */
  readonly #handler: TValue
  #traceback = ''

  constructor(options: EngineOptions) {
    this.#machine = new EngineMachine(options)
    const L = this.#machine.main
    this.#main = L
    this.#globals = tableGetKey(registryOf(L), 2).value as Table
    this.globals = tableHandle(this.#globals)
    openBase(L, this.#globals)
    openCoroutine(L, this.#globals)
    const stringMeta = openString(L, this.#globals)
    openTable(L, this.#globals)
    openMath(L, this.#globals)
    openOs(L, this.#globals)
    for (const name of libraryNames) {
      const library = tableGetKey(this.#globals, name).value as Table
      library.readonly = true
    }
    stringMeta.readonly = true
    this.#marks = jsonMarks(L)
    this.jsonNull = tableHandle(this.#marks.nullTable)
    this.jsonArray = tableHandle(this.#marks.arrayMeta)
    this.#handler = new TV(
      tag.cClosure,
      closureOf(L, (at) => {
        this.#traceback = traceback(at, at, null, 1)
        return 1
      }),
    )
    lua.lua_atnativeerror(L, (at) => this.#nativeError(at))
  }

  // --- loading and calling

  load(source: Uint8Array, chunkName: string): LuaFunction {
    const L = this.#machine.current
    lua.lua_checkstack(L, 20)
    const bom = source[0] === 0xef && source[1] === 0xbb && source[2] === 0xbf
    // A first line that begins with # is for the shell; its newline stays, for the line numbers.
    const start = bom ? 3 : 0
    const newline = source[start] === 0x23 ? source.indexOf(0x0a, start) : start
    const text = source.subarray(newline < 0 ? source.length : newline)
    if (text[0] === 0x1b) {
      const message = `${chunkName}: attempt to load a binary chunk`
      throw new LuaError(message, textToBytes(message), '')
    }
    const compiled = compile(L, text, textToBytes(`@${chunkName}`))
    const result = L.stack[L.top - 1] as TValue
    lua.lua_pop(L, 1)
    if (compiled) return functionHandle(result.value as object)
    const message = textOf(result.value as TString)
    throw new LuaError(bytesToText(message), message, '')
  }

  call(fn: LuaFunction, ...args: LuaValue[]): LuaValue[] {
    const machine = this.#machine
    const L = machine.current
    assert(lua.lua_checkstack(L, args.length + 20), 'no stack for the arguments of a call')
    const base = L.top
    machine.begin()
    try {
      pushValue(L, this.#handler)
      L.stack[L.top++] = toLua(fn)
      for (const value of args) L.stack[L.top++] = toLua(value)
      const code = lua.lua_pcallk(L, args.length, multret, base - L.ci.funcOff, 0, null)
      machine.current = L
      if (code !== status.ok) throw this.#failed(L, L.stack[L.top - 1] as TValue)
      const results: LuaValue[] = []
      for (let i = base + 1; i < L.top; i++) results.push(fromLua(L.stack[i] as TValue))
      return results
    } finally {
      machine.end()
      lua.lua_settop(L, base - L.ci.funcOff - 1)
    }
  }

  /** The error of a run that just failed with the value `v`. */
  #failed(L: LState, v: TValue): LuaError | LuaKilled | AssertionError {
    const pending = this.#machine.pending
    if (pending !== undefined) {
      if (this.#machine.depth <= 1) this.#machine.pending = undefined
      return pending
    }
    return new LuaError(
      bytesToText(this.#messageOf(L, v)),
      fromLua(v),
      bytesToText(this.#traceback),
    )
  }

  /** An error value as text, as the stand-alone `lua` shows it. */
  #messageOf(L: LState, v: TValue): string {
    if (isString(v)) return textOf(v.value as TString)
    if ((v.type & 15) === 3) return numberText(v)
    const meta = v.type === tag.table ? (v.value as Table).metatable : null
    if (meta === null || tableGetKey(meta, '__tostring').type === tag.nil) {
      return `(error object is a ${typeName(v)} value)`
    }
    const trace = this.#traceback
    const [text] = this.#tryToString(L, v)
    this.#traceback = trace
    return typeof text === 'string' ? text : '(error object is a table value)'
  }

  #tryToString(L: LState, v: TValue): LuaValue[] {
    const top = L.top
    lua.lua_checkstack(L, 20)
    L.stack[L.top++] = new TV(
      tag.cClosure,
      closureOf(L, (at) => {
        lauxlib.luaL_tolstring(at, 1)
        return 1
      }),
    )
    pushValue(L, v)
    const code = lua.lua_pcallk(L, 1, 1, 0, 0, null)
    const text = code === status.ok ? [fromLua(L.stack[L.top - 1] as TValue)] : []
    while (L.top > top) delete L.stack[--L.top]
    return text
  }

  /** Turns what JavaScript threw inside the VM into a Lua error, but for what may not be caught. */
  #nativeError(L: LState): number {
    const thrown = (L.stack[L.ci.funcOff + 1] as TValue).value
    const pending = this.#machine.pending
    if (pending !== undefined) throw pending
    if (thrown instanceof AssertionError || thrown instanceof LuaKilled) {
      this.#machine.pending = thrown
      throw thrown
    }
    const deep = thrown instanceof RangeError && /call stack/.test(thrown.message)
    const words = messageOf(thrown)
    L.stack[L.top++] = new TV(
      tag.longString,
      stringOf(deep ? 'stack overflow' : textToBytes(words)),
    )
    return 1
  }

  // --- coroutines

  createCoroutine(fn: LuaFunction): LuaCoroutine {
    const value = toLua(fn)
    assert((value.type & 15) === tag.function, 'a coroutine needs a function')
    const L = this.#main
    const co = lua.lua_newthread(L)
    lua.lua_pop(L, 1)
    co.stack[co.top++] = value
    return coroutineHandle(co)
  }

  resume(coroutine: LuaCoroutine, ...args: LuaValue[]): Resumed {
    const co = coroutine as unknown as LState
    assert(co instanceof LuaState, 'resume needs a coroutine of this engine')
    const machine = this.#machine
    const results = this.results
    this.failure = undefined
    const state = stateOf(co, null)
    if (state !== 'suspended') {
      results.length = 0
      const message = `cannot resume ${state === 'dead' ? 'dead' : 'non-suspended'} coroutine`
      this.failure = new LuaError(message, message, '')
      return resumed.failed
    }
    const count = args.length
    if (count > 15) assert(lua.lua_checkstack(co, count), 'no stack for the arguments of a resume')
    for (let i = 0; i < count; i++) co.stack[co.top++] = toLua(args[i])
    const before = machine.current
    machine.current = co
    machine.begin()
    const code = resumeThread(co, null, count)
    machine.end()
    machine.current = before
    if (code > status.yield) return this.#resumeFailed(co)
    const from = co.ci.funcOff + 1
    const n = co.top - from
    results.length = n
    for (let i = 0; i < n; i++) results[i] = fromLua(co.stack[from + i] as TValue)
    co.stack.fill(undefined as never, from, co.top)
    co.top = from
    return code === status.yield ? resumed.yielded : resumed.returned
  }

  #resumeFailed(co: LState): Resumed {
    const machine = this.#machine
    this.results.length = 0
    const pending = machine.pending
    if (pending !== undefined) {
      co.status = status.errRun
      machine.pending = undefined
      if (pending instanceof AssertionError) throw pending
      this.failure = pending
      return resumed.failed
    }
    const value = failureOf(co)
    const trace = bytesToText(traceback(this.#main, co, null, 0))
    const message = bytesToText(this.#messageOf(this.#main, value))
    this.failure = new LuaError(message, fromLua(value), trace)
    return resumed.failed
  }

  close(coroutine: LuaCoroutine): void {
    const co = coroutine as unknown as LState
    const state = stateOf(co, null)
    assert(state === 'suspended' || state === 'dead', 'only a suspended coroutine can be closed')
    bury(co)
  }

  // --- host functions

  hostFunction(name: string, fn: HostFunction): LuaFunction {
    const run: CFunction = (L) => {
      const machine = this.#machine
      const before = machine.current
      machine.current = L
      let result: LuaValue | LuaMulti
      try {
        result = callHost(fn, L)
      } catch (thrown) {
        machine.current = before
        return this.#hostThrew(L, thrown)
      }
      machine.current = before
      if (!(result instanceof LuaMulti)) {
        L.stack[L.top++] = toLua(result)
        return 1
      }
      const values = result.values
      assert(lua.lua_checkstack(L, values.length + 1), `too many results of ${name}`)
      for (const value of values) L.stack[L.top++] = toLua(value)
      return values.length
    }
    Object.defineProperty(run, 'name', { value: name })
    return functionHandle(closureOf(this.#main, run))
  }

  /** What a host function throws becomes a Lua error with the position of its caller. */
  #hostThrew(L: LState, thrown: unknown): never {
    if (thrown instanceof AssertionError || thrown instanceof LuaKilled) {
      this.#machine.pending ??= thrown
      throw thrown
    }
    this.#machine.rethrowPending()
    lua.lua_checkstack(L, 20)
    if (thrown instanceof LuaError) {
      const value = thrown.value ?? textToBytes(thrown.message)
      L.stack[L.top++] = toLua(value)
      return raise(L)
    }
    return runErrorAt(L, textToBytes(messageOf(thrown)))
  }

  // --- tables

  newTable(): LuaTable {
    return tableHandle(newTable(this.#main))
  }

  rawGet(table: LuaTable, key: LuaValue): LuaValue {
    return fromLua(tableGetKey(tableOf(table), keyOf(key)))
  }

  rawSet(table: LuaTable, key: LuaValue, value: LuaValue): void {
    const t = tableOf(table)
    assert(!t.readonly, 'the host writes to a read-only table')
    assert(key !== undefined && !Number.isNaN(key), 'nil and nan cannot be table keys')
    tableSet(this.#main, t, toLua(key), toLua(value))
    t.flags = 0
  }

  rawLength(table: LuaTable): number {
    return tableLength(tableOf(table))
  }

  forEach(table: LuaTable, visit: (key: LuaValue, value: LuaValue) => boolean | undefined): void {
    let entry = tableOf(table).f
    while (entry !== undefined) {
      const next = entry.n
      if (visit(fromLua(entry.key), fromLua(entry.value)) === false) return
      entry = next
    }
  }

  typeOf(value: LuaValue): LuaType {
    switch (typeof value) {
      case 'undefined':
        return 'nil'
      case 'boolean':
      case 'string':
        return typeof value as 'boolean' | 'string'
      case 'number':
      case 'bigint':
        return 'number'
      default:
        return typeName(toLua(value)) as LuaType
    }
  }

  placeOf(fn: LuaFunction): string | undefined {
    const { p } = toLua(fn).value as { p?: { source: TString; linedefined: number } }
    if (p === undefined) return undefined
    return `${textOf(p.source).replace(/^@/, '')}:${p.linedefined}`
  }

  // --- sealing

  sealGlobals(): void {
    const L = this.#main
    assert(this.#globals.metatable === null, 'globals are sealed once')
    const refuse: CFunction = (at) => {
      const key = at.stack[at.ci.funcOff + 2] as TValue
      const shown = isString(key) ? textOf(key.value as TString) : typeName(key)
      return runErrorAt(at, `global '${shown}' is not defined (did you forget 'local'?)`)
    }
    const meta = newTable(L)
    setField(L, meta, '__index', new TV(tag.cClosure, closureOf(L, refuse)))
    setField(L, meta, '__newindex', new TV(tag.cClosure, closureOf(L, refuse)))
    setField(L, meta, '__metatable', new TV(tag.boolean, false))
    meta.readonly = true
    this.#globals.metatable = meta
  }

  // --- JSON

  parseJson(bytes: Uint8Array): LuaValue {
    return this.#json(() => fromLua(readJson(this.#main, this.#marks, bytes)))
  }

  stringifyJson(value: LuaValue): string {
    return this.#json(() => writeJson(this.#marks, toLua(value)))
  }

  #json<T>(work: () => T): T {
    try {
      return work()
    } catch (thrown) {
      if (thrown instanceof JsonProblem) {
        throw new LuaError(bytesToText(thrown.message), thrown.message, '')
      }
      throw thrown
    }
  }

  memoryBytes(): number {
    // Lua values are ordinary objects of this thread's heap.
    return getHeapStatistics().used_heap_size
  }
}

function registryOf(L: LState): Table {
  return must(L.l_G.l_registry, 'registry').value as Table
}

function jsonMarks(L: LState): JsonMarks {
  const nullTable = newTable(L)
  const nullMeta = newTable(L)
  setField(L, nullMeta, '__tostring', new TV(tag.cClosure, closureOf(L, pushNull)))
  setField(L, nullMeta, '__name', new TV(tag.longString, stringOf('json.null')))
  setField(L, nullMeta, '__metatable', new TV(tag.boolean, false))
  nullTable.metatable = nullMeta
  nullTable.readonly = true
  nullMeta.readonly = true
  const arrayMeta = newTable(L)
  setField(L, arrayMeta, '__name', new TV(tag.longString, stringOf('json.array')))
  arrayMeta.readonly = true
  return { nullTable, arrayMeta }
}

function pushNull(L: LState): number {
  L.stack[L.top++] = new TV(tag.longString, stringOf('null'))
  return 1
}

/** Calls `fn` with the arguments of the running call; few arguments make no array. */
function callHost(fn: HostFunction, L: LState): LuaValue | LuaMulti {
  const stack = L.stack
  const base = L.ci.funcOff + 1
  const value = (i: number): LuaValue => fromLua(stack[base + i] as TValue)
  switch (argCount(L)) {
    case 0:
      return fn()
    case 1:
      return fn(value(0))
    case 2:
      return fn(value(0), value(1))
    case 3:
      return fn(value(0), value(1), value(2))
    default:
      return fn(...stack.slice(base, L.top).map(fromLua))
  }
}
