// The compiling engine: LuaEngine over the compiler, the coroutine driver and the library.
//
// Runs in lanes and tools. An engine is a realm (run/state.ts): its globals, limits, metatables.
// Entering it points the thread's registers (`vm`) at the realm and puts them back on the way out, so
// that several engines live in one thread and a host function may call back into its own.
//
// The rooms beside this file, lowest first:
//
//   run/      what generated code does: tables, numbers, calls, coroutines, errors
//   syntax/   source text to a tree          emit/     the tree to JavaScript
//   lib/      Lua's standard library         reload/   modules whose functions can be replaced
//
// Failure: a Lua error leaves as LuaError, the end of a run as LuaKilled; an AssertionError and any
// other JavaScript error is a bug and passes through. The engine stays usable after each.

import { getHeapStatistics } from 'node:v8'
import { AssertionError, assert } from '../../base/assert.ts'
import { messageOf } from '../../base/errors.ts'
import { bytesToText, textToBytes } from '../bytes.ts'
import {
  type EngineOptions,
  type HostFunction,
  type LuaCoroutine,
  type LuaEngine,
  LuaError,
  LuaFloat,
  type LuaFunction,
  LuaKilled,
  LuaMulti,
  type LuaTable,
  type LuaType,
  type LuaValue,
  type Resumed,
  resumed,
} from '../engine.ts'
import { type CompileOptions, compileChunk, compileDump } from './compile.ts'
import type { Backend } from './emit/ir.ts'
import { type JsonMarks, JsonProblem, readJson, writeJson } from './json.ts'
import { closeCoroutine, statusOf } from './lib/coroutine-lib.ts'
import type { Dump } from './lib/dump-format.ts'
import type { CompileDump } from './lib/dump-lib.ts'
import { freezeTable, installLibrary } from './lib/install.ts'
import type { Compile } from './lib/load.ts'
import { toText } from './lib/tostring.ts'
import { Modules } from './modules.ts'
import { RecentChunks } from './recent-chunks.ts'
import { first, regs, results, retArray, toArray } from './run/answer.ts'
import { callSyncArray } from './run/call.ts'
import { closeAfterError } from './run/close.ts'
import { resume, runMain } from './run/coroutine.ts'
import { LuaThrow, makeThrow, throwError, throwValue } from './run/errors.ts'
import { Coroutine, stateClosing, stateRunning, stateSuspended } from './run/frame.ts'
import { typeOf } from './run/metatable.ts'
import { type Realm, vm } from './run/state.ts'
import { found, Table, Userdata } from './run/table.ts'
import { caught } from './run/thrown.ts'
import { positionOf } from './run/traceback.ts'
import { fromBorder, type LuaFn, type Ret, toBorder, type Value } from './run/value.ts'
import { SyntaxFailure } from './syntax/lexer.ts'

/** What this engine can do beyond LuaEngine's options. */
export interface V8EngineOptions extends EngineOptions {
  /** `capture` (the default), or `generator`, its oracle in tests. */
  readonly backend?: Backend
  /** Library tables that Lua code may write to: only for the stand-alone interpreter. */
  readonly writableLibrary?: boolean
  /** string.dump works, and `load` takes what it wrote: only for the stand-alone interpreter. */
  readonly dumpable?: boolean
  /** Tells identical strings from equal ones, for `%p`: only for the stand-alone interpreter. */
  readonly isSameString?: ((a: string, b: string) => boolean) | undefined
  /** Upvalues for the debug library: only for the stand-alone interpreter. */
  readonly debugUpvalues?: boolean
  /** Hooks for the debug library, and upvalues: only for the stand-alone interpreter. */
  readonly debugHooks?: boolean
  /** Is told the JavaScript of each script. */
  readonly dump?: (name: string, text: string) => void
}

/** Makes an engine with its standard library open and its globals writable. */
export function createV8Engine(options: V8EngineOptions): V8Engine {
  return new V8Engine(options)
}

export class V8Engine implements LuaEngine {
  readonly name = 'v8'
  readonly globals: LuaTable
  readonly modules: Modules
  readonly jsonNull: LuaTable
  readonly jsonArray: LuaTable
  readonly results: LuaValue[] = []
  failure: LuaError | LuaKilled | undefined
  readonly realm: Realm
  private readonly marks: JsonMarks
  private readonly compiling: CompileOptions
  private readonly recentChunks = new RecentChunks()

  constructor(options: V8EngineOptions) {
    this.realm = {
      globals: new Table(),
      stringBytesMax: options.stringBytesMax,
      print: options.print,
      wallMs: options.wallMs,
      seed: options.seed,
      interrupt: options.interrupt ?? new Int32Array(new SharedArrayBuffer(4)),
      stepsMax: options.stepsMax ?? Number.POSITIVE_INFINITY,
      isSameString: options.isSameString,
      stringMeta: undefined,
      typeMeta: new Map(),
    }
    this.compiling = {
      backend: options.backend ?? 'capture',
      debugUpvalues: options.debugUpvalues === true || options.debugHooks === true,
      debugHooks: options.debugHooks === true,
      dumpable: options.dumpable === true,
      dump: options.dump,
    }
    this.globals = this.realm.globals as unknown as LuaTable
    this.modules = new Modules({
      realm: this.realm,
      options: this.compiling,
      enter: (work) => this.enter(work),
      read: readSource,
      callMain: (main) => first(callSyncArray(main, [])),
      outgoing,
      incoming: checked,
    })
    this.marks = jsonMarks()
    this.jsonNull = this.marks.nullTable as unknown as LuaTable
    this.jsonArray = this.marks.arrayMeta as unknown as LuaTable
    this.enter(() => {
      const compile: Compile = (...chunk) => this.compile(...chunk)
      const compileDump: CompileDump = (dump, upvalue) => this.compileDump(dump, upvalue)
      installLibrary(this.realm, {
        compile,
        readOnly: options.writableLibrary !== true,
        compileDump: options.dumpable === true ? compileDump : undefined,
      })
      return undefined
    })
  }

  // --- entering and leaving

  /** Runs `work` with the registers on this realm, outside of any coroutine. */
  private enter<T>(work: () => T): T {
    const { realm, current, main, steps, depth } = vm
    vm.realm = this.realm
    vm.main = vm.current = new Coroutine(undefined)
    vm.main.state = stateRunning
    vm.steps = this.realm.stepsMax
    vm.depth = 0
    try {
      return work()
    } catch (thrown) {
      throw this.leaving(thrown)
    } finally {
      vm.realm = realm
      vm.current = current
      vm.main = main
      vm.steps = steps
      vm.depth = depth
    }
  }

  /** What was thrown, as it crosses the border. */
  private leaving(thrown: unknown): unknown {
    if (thrown instanceof SyntaxFailure) {
      return new LuaError(bytesToText(thrown.message), thrown.message, '')
    }
    if (thrown instanceof LuaKilled || thrown instanceof AssertionError) return thrown
    let failure: LuaThrow
    try {
      failure = caught(thrown)
      if (vm.toClose.length > 0) {
        vm.noYield++
        closeAfterError(0, failure, (last) => {
          failure = last
          return undefined
        })
      }
      const message = bytesToText(messageText(failure.value))
      return new LuaError(message, outgoing(failure.value), bytesToText(failure.traceback ?? ''))
    } catch (bug) {
      return bug
    }
  }

  load(source: Uint8Array, chunkName: string): LuaFunction {
    const read = readSource(source, chunkName)
    return this.enter(() => {
      const maker = compileChunk(this.realm, read.source, read.name, this.compiling)
      return outgoing(maker(this.realm.globals)) as LuaFunction
    })
  }

  /** For `load` of Lua code. */
  private compile(source: string, name: string, env: Value, given: string): LuaFn {
    try {
      const compile = () => compileChunk(this.realm, source, name, this.compiling, given)
      return this.recentChunks.get(source, given, compile)(env)
    } catch (thrown) {
      if (thrown instanceof SyntaxFailure) throw new LuaThrow(thrown.message, '', false)
      throw thrown
    }
  }

  private compileDump(dump: Dump, firstUpvalue: Value): LuaFn {
    try {
      return compileDump(this.realm, dump, this.compiling)(firstUpvalue)
    } catch (thrown) {
      if (thrown instanceof SyntaxFailure) throw new LuaThrow(thrown.message, '', false)
      throw thrown
    }
  }

  call(fn: LuaFunction, ...args: LuaValue[]): LuaValue[] {
    const callee = fn as unknown as Value
    return this.enter(() => {
      const r = runMain(callee, args.map(checked))
      return toArray(r).map(outgoing)
    })
  }

  // --- coroutines

  createCoroutine(fn: LuaFunction): LuaCoroutine {
    return new Coroutine(fn as unknown as Value) as unknown as LuaCoroutine
  }

  /** Hot: guarded by the handler program of bench/lua. */
  resume(coroutine: LuaCoroutine, ...args: LuaValue[]): Resumed {
    const co = coroutine as unknown as Coroutine
    const outer = vm.realm
    const steps = vm.steps
    vm.realm = this.realm
    vm.steps = this.realm.stepsMax
    this.failure = undefined
    try {
      assert(vm.coroutine === undefined, 'resume is not reentrant')
      if (co.state !== stateSuspended) throwError(`cannot resume ${statusOf(co)} coroutine`)
      for (let i = 0; i < args.length; i++) args[i] = checked(args[i]) as unknown as LuaValue
      const values = args as unknown as Value[]
      const r = resume(co, values, values.length === 1 ? values[0] : retArray(values), true)
      this.takeResults(r)
      return r === null ? resumed.yielded : resumed.returned
    } catch (thrown) {
      const failure = this.leaving(thrown)
      if (!(failure instanceof LuaError || failure instanceof LuaKilled)) throw failure
      this.failure = failure
      this.results.length = 0
      return resumed.failed
    } finally {
      vm.realm = outer
      vm.steps = steps
    }
  }

  private takeResults(r: Ret): void {
    const into = this.results as unknown as Value[]
    if (r !== null && typeof r !== 'symbol') {
      into.length = 1
      into[0] = r as Value
      outgoing(r as Value)
      return
    }
    // What a yield passed on stands behind `true`, as coroutine.resume answers it.
    const from = r === null ? 1 : 0
    const n = results.n - from
    into.length = n
    for (let i = 0; i < n; i++) into[i] = fromBorder(outgoing(regs[from + i]))
  }

  close(coroutine: LuaCoroutine): void {
    const co = coroutine as unknown as Coroutine
    if (co.state === stateRunning || co.state === stateClosing) return
    this.enter(() => {
      const failure = closeCoroutine(co)
      if (failure !== undefined) throw failure
    })
  }

  // --- values

  hostFunction(name: string, fn: HostFunction): LuaFunction {
    const wrapped = (...args: Value[]): Ret => {
      let answer: LuaValue | LuaMulti
      try {
        for (const value of args) outgoing(value)
        answer = fn(...(args as unknown as LuaValue[]))
      } catch (thrown) {
        return raiseHostError(thrown)
      }
      if (answer instanceof LuaMulti) return retArray(answer.values.map(checked))
      return checked(answer)
    }
    Object.defineProperty(wrapped, 'name', { value: name })
    return outgoing(wrapped) as LuaFunction
  }

  newTable(): LuaTable {
    return new Table() as unknown as LuaTable
  }

  /** A userdata with a metatable, for the stand-alone interpreter's io. */
  newUserdata(meta: LuaTable): LuaValue {
    const userdata = new Userdata()
    userdata.meta = asTable(meta)
    return toBorder(userdata)
  }

  rawGet(table: LuaTable, key: LuaValue): LuaValue {
    return outgoing(asTable(table).get(checked(key)))
  }

  rawSet(table: LuaTable, key: LuaValue, value: LuaValue): void {
    const k = checked(key)
    assert(k !== undefined && !Number.isNaN(k), 'a table key is nil or nan')
    const t = asTable(table)
    if (typeof k === 'string' && !/^\d+$/.test(k)) t.setField(k, checked(value))
    else t.set(k, checked(value))
  }

  rawLength(table: LuaTable): number {
    return asTable(table).length()
  }

  forEach(table: LuaTable, visit: (key: LuaValue, value: LuaValue) => boolean | undefined): void {
    const t = asTable(table)
    for (let more = t.next(undefined); more; ) {
      const { key, value } = found
      if (visit(outgoing(key), outgoing(value)) === false) return
      more = t.next(key)
    }
  }

  typeOf(value: LuaValue): LuaType {
    return typeOf(fromBorder(value)) as LuaType
  }

  sealGlobals(): void {
    const refuse = (_: Value, name: Value): Ret =>
      throwError(`global '${toText(name)}' is not defined (did you forget 'local'?)`)
    const meta = new Table()
    meta.setField('__index', refuse)
    meta.setField('__newindex', refuse)
    meta.setField('__metatable', false)
    this.realm.globals.meta = meta
  }

  // --- JSON

  parseJson(bytes: Uint8Array): LuaValue {
    try {
      return toBorder(readJson(this.marks, bytes))
    } catch (thrown) {
      throw jsonError(thrown)
    }
  }

  stringifyJson(value: LuaValue): string {
    try {
      return writeJson(this.marks, checked(value))
    } catch (thrown) {
      throw jsonError(thrown)
    }
  }

  memoryBytes(): number {
    return getHeapStatistics().used_heap_size
  }
}

/** A file's bytes and name as the compiler takes them. @throws LuaError for bytecode */
function readSource(bytes: Uint8Array, chunkName: string): { source: string; name: string } {
  const bom = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  // A first line that begins with # is for the shell.
  const source = Buffer.from(bom ? bytes.subarray(3) : bytes)
    .toString('latin1')
    .replace(/^#[^\n]*/, '')
  if (source.charCodeAt(0) === 27) {
    throw new LuaError(`${chunkName}: attempt to load a binary chunk`, undefined, '')
  }
  return { source, name: textToBytes(chunkName) }
}

function asTable(table: LuaTable): Table {
  assert(table instanceof Table, 'not a table of this engine')
  return table
}

/** Functions that have crossed the border outwards: only those may come back in. */
const handedOut = new WeakSet<object>()

/** A value on its way out. */
function outgoing(value: Value): LuaValue {
  if (typeof value === 'function') handedOut.add(value)
  return toBorder(value)
}

/** Lets only engine values in. */
function checked(value: LuaValue): Value {
  switch (typeof value) {
    case 'undefined':
    case 'boolean':
    case 'string':
      return value
    case 'function':
      assert(handedOut.has(value), "a function that is not Lua's may not reach Lua")
      return value as unknown as Value
    case 'number':
      // No raw integral number is unsafe, and none is -0.
      if (!Number.isInteger(value)) return value
      return Number.isSafeInteger(value) ? value + 0 : new LuaFloat(value)
    case 'bigint': {
      assert(BigInt.asIntN(64, value) === value, 'an integer over 64 bits')
      const small = value >= -9007199254740991n && value <= 9007199254740991n
      return small ? Number(value) : value
    }
    default: {
      const inner: unknown = value
      if (inner instanceof LuaFloat) return floatIn(inner)
      const known =
        inner instanceof Table || inner instanceof Coroutine || inner instanceof Userdata
      assert(known, 'a JavaScript object may not reach Lua')
      return inner as Value
    }
  }
}

/** A LuaFloat is integral; what is not stands as the bare number. */
function floatIn(value: LuaFloat): Value {
  return Number.isInteger(value.n) ? value : value.n
}

function raiseHostError(thrown: unknown): never {
  if (thrown instanceof LuaThrow || thrown instanceof LuaKilled) throw thrown
  if (thrown instanceof AssertionError) throw thrown
  if (thrown instanceof LuaError) {
    const value = fromBorder(thrown.value)
    // One that the host made itself has no traceback yet; one that went through Lua keeps its own.
    if (thrown.traceback === '') throw makeThrow(value)
    throw new LuaThrow(value, thrown.traceback, false)
  }
  throw makeThrow(positionOf(1) + Buffer.from(messageOf(thrown)).toString('latin1'))
}

function messageText(value: Value): string {
  if (typeof value === 'string') return value
  if (value instanceof Table && value.meta?.getString('__tostring') === undefined) {
    return '(error object is a table value)'
  }
  try {
    return value === undefined ? 'nil' : toText(value)
  } catch (thrown) {
    if (thrown instanceof LuaThrow) return '(error object is a table value)'
    throw thrown
  }
}

function jsonError(thrown: unknown): unknown {
  return thrown instanceof JsonProblem ? new LuaError(thrown.message, thrown.message, '') : thrown
}

function jsonMarks(): JsonMarks {
  const refuse = (): Ret => throwValue('attempt to modify a read-only table')
  const nullTable = new Table()
  nullTable.meta = new Table()
  nullTable.meta.setField('__newindex', refuse)
  nullTable.meta.setField('__metatable', false)
  nullTable.meta.setField('__tostring', () => 'null')
  const arrayMeta = new Table()
  freezeTable(nullTable)
  freezeTable(arrayMeta)
  return { nullTable, arrayMeta }
}
