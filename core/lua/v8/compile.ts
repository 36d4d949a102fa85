// From source to a callable chunk. Lanes and tools.
//
// One script for each chunk, named after it, on the same lines; one more for each twin, when it is
// first needed. Scripts see nothing but the runtime's names (runtime.ts) and what belongs to the
// chunk: its kill flag `$I`, its functions' codes `$T`, its sites `$s`, its constants `$k…`. In a
// process that is open to the inspector each script carries a source map.

import { compileFunction } from 'node:vm'
import { isInspected } from '../../base/inspected.ts'
import { bytesToText } from '../bytes.ts'
import type { ClosureMaker, CompiledModule, PatchPoint } from './emit/compiled-module.ts'
import { emitTwin } from './emit/emit-twin.ts'
import { numberChunk } from './emit/function-origin.ts'
import { alignLines, type Backend, type FunctionIr } from './emit/ir.ts'
import { lazyLinesMin } from './emit/lazy-function.ts'
import { ChunkContext, isCell } from './emit/lower.ts'
import { debugClosure } from './emit/lower-expression.ts'
import { ChunkLowering } from './emit/lower-function.ts'
import { NameTable } from './emit/names.ts'
import { sourceMapComment } from './emit/source-map.ts'
import type { Dump } from './lib/dump-format.ts'
import { displayName } from './lib/load.ts'
import { runsWhole } from './reload/module.ts'
import { stop } from './run/budget.ts'
import { FunctionCode, parkFunction, type Twin } from './run/lua-frame.ts'
import type { Realm } from './run/state.ts'
import { type ChunkSource, registerChunk } from './run/traceback.ts'
import type { LuaFn, Value } from './run/value.ts'
import { runtime } from './runtime.ts'
import type { FunctionNode, Local } from './syntax/ast.ts'
import { SyntaxFailure } from './syntax/lexer.ts'
import {
  type ModuleShape,
  markDefinitions,
  moduleLocals,
  planPatch,
  setPaths,
  shapeOfModule,
} from './syntax/module-shape.ts'
import { type Chunk, parseChunk, parseFunction } from './syntax/parser.ts'

export interface CompileOptions {
  readonly backend: Backend
  readonly debugUpvalues?: boolean
  /** Functions of a module with fewer lines are compiled at once (lazy-function.ts). */
  readonly lazyLinesMin?: number
  /** Functions tell debug hooks what they do (hooks.ts); needs `debugUpvalues`. */
  readonly debugHooks?: boolean
  /** Functions carry the mark of their origin: for string.dump. */
  readonly dumpable?: boolean
  /** Is told each script as it is made: for `--dump-js`. */
  readonly dump?: ((name: string, text: string) => void) | undefined
}

let modules = 0

/** A compiled chunk: makes its main function over an environment. */
export type ChunkMaker = (env: Value) => LuaFn

/**
 * Compiles a chunk.
 * @param source byte string @param name as messages show it
 * @param given the name as `load` got it; undefined for a chunk of a file or of the host
 * @throws SyntaxFailure
 */
export function compileChunk(
  realm: Realm,
  source: string,
  name: string,
  options: CompileOptions,
  given?: string,
): ChunkMaker {
  const isPassing = given !== undefined
  const file = { name, given: given ?? `@${name}`, source, isPassing }
  return chunkMaker(realm, parseChunk(source, name), file, options)
}

/**
 * Compiles a function that string.dump has written. Its first upvalue is what the maker is given, the
 * others are new. @throws SyntaxFailure for a text that is no function
 */
export function compileDump(realm: Realm, dump: Dump, options: CompileOptions): ChunkMaker {
  const { fn, chunkName, isStripped } = dump
  const name = isStripped ? '?' : displayName(chunkName)
  const chunk = parseFunction(fn, name)
  const upvalues = [...chunk.main.upvalues]
  if (upvalues.some((upvalue) => !chunk.outer.includes(upvalue))) {
    throw new SyntaxFailure(`${name}: it uses what is not among its upvalues`)
  }
  return chunkMaker(realm, chunk, { name, given: chunkName, source: fn.text, isStripped }, options)
}

function chunkMaker(
  realm: Realm,
  chunk: Chunk,
  file: ChunkSource,
  options: CompileOptions,
): ChunkMaker {
  const names = new NameTable()
  for (const local of chunk.outer) local.js = names.fresh(local.name)
  const debugUpvalues = options.debugUpvalues === true
  if (debugUpvalues) {
    for (const node of chunk.functions) for (const local of node.upvalues) local.assigned = true
  }
  const context = new ChunkContext(file.name, Number.isFinite(realm.stepsMax), debugUpvalues)
  context.hooks = options.debugHooks === true
  context.isStripped = file.isStripped === true
  if (options.dumpable === true) context.originNumber = numberChunk(file, chunk.functions)
  const lowering = new ChunkLowering(context, options.backend)
  const { outer } = chunk
  const functionText = lowering.functionText(chunk.main, undefined)
  const mainText = debugUpvalues ? debugClosure(functionText, outer) : functionText
  const scripts = new ChunkScripts(realm, file, lowering, options)
  const maker = scripts.build(eager(outer.map((local) => local.js).join(', '), mainText))
  const values = (env: Value): unknown[] =>
    outer.map((local, i) => {
      const value = i === 0 ? env : undefined
      return isCell(local) ? { v: value } : value
    })
  return (env) => {
    // Each time: `load` may have made another chunk of this name since this one was compiled.
    registerChunk(file)
    return (maker as (...upvalues: unknown[]) => LuaFn)(...values(env))
  }
}

/**
 * Compiles a module whose functions can be replaced (module.ts).
 * @param old what runs now: the text then does what a reload asks for @throws SyntaxFailure
 */
export function compileModule(
  realm: Realm,
  source: string,
  name: string,
  options: CompileOptions,
  old: ModuleShape | undefined,
): CompiledModule {
  const chunk = parseChunk(source, name)
  const env = chunk.outer[0] as Local
  env.js = '_ENV'
  setPaths(chunk.functions)
  const keys = moduleLocals(chunk)
  const shape = shapeOfModule(chunk, keys, old?.module ?? ++modules)
  if (old !== undefined && !runsWhole(shape, old)) planPatch(chunk, keys, shape, old)
  else markDefinitions(chunk)
  const context = new ChunkContext(name, Number.isFinite(realm.stepsMax), false)
  context.moduleLocals = keys
  context.module = shape.module
  // A debugger shall find the lines of all functions from the start.
  context.lazyLinesMin = isInspected() ? Infinity : (options.lazyLinesMin ?? lazyLinesMin)
  const lowering = new ChunkLowering(context, options.backend)
  const mainText = lowering.functionText(chunk.main, undefined)
  const file = { name, given: `@${name}`, source }
  registerChunk(file)
  const scripts = new ChunkScripts(realm, file, lowering, options)
  const makerOf = (isOld: boolean) => {
    const made: ClosureMaker[] = []
    return (index: number): ClosureMaker => {
      const node = chunk.functions[index] as FunctionNode
      made[index] ??= scripts.build(lowering.closureText(node, isOld)) as ClosureMaker
      return made[index]
    }
  }
  const oldMaker = makerOf(true)
  const points: PatchPoint[] = chunk.functions.map((_, index) => ({
    r: null,
    make: (...upvalues) => oldMaker(index)(...upvalues),
  }))
  scripts.scope.$P = points
  const maker = scripts.build(eager('_ENV, $m', mainText)) as (env: Value, m: unknown) => LuaFn
  return {
    shape,
    points,
    make: (value, hooks) => maker(isCell(env) ? ({ v: value } as unknown as Value) : value, hooks),
    closureMaker: makerOf(false),
    oldMaker,
  }
}

/**
 * A function that answers a function. V8 compiles what begins with a parenthesis at once; else it would
 * read the whole text again at each of the two calls.
 */
function eager(parameters: string, text: string): string {
  return `(function (${parameters}) { return (${text}) })`
}

/** The scripts of one chunk, and what they see. */
class ChunkScripts {
  readonly scope: Record<string, unknown>
  private readonly file: ChunkSource
  private readonly lowering: ChunkLowering
  private readonly options: CompileOptions
  /** How many variables the functions park. */
  private readonly parked = new Set<number>()
  private readonly codes: FunctionCode[] = []

  constructor(realm: Realm, file: ChunkSource, lowering: ChunkLowering, options: CompileOptions) {
    this.file = file
    this.lowering = lowering
    this.options = options
    this.scope = Object.create(runtime)
    Object.assign(this.scope, { $I: realm.interrupt, $stop: stop, $T: this.codes })
    this.scope.$s = lowering.context.sites
  }

  /** Makes the codes of the functions that have been lowered since the last time. */
  private takeLowered(): void {
    const { irs, fresh } = this.lowering
    for (const i of fresh.splice(0)) {
      const ir = irs[i] as FunctionIr
      this.parked.add(ir.saved.length)
      const compileTwin = () => this.build(emitTwin(ir, i)) as Twin
      this.codes[i] = new FunctionCode(ir.name, this.file.name, ir.siteLines, compileTwin)
    }
  }

  /** The value of an expression that stands in a script of its own, on the lines of the source. */
  build(text: string): unknown {
    this.takeLowered()
    const names = new Set<string>()
    const constants = this.lowering.context.constantsIn(text)
    for (const used of new Set(`${constants} ${text}`.match(/\$[A-Za-z]\w*/g))) {
      const slots = Number(/^\$park(\d+)$/.exec(used)?.[1])
      if (this.parked.has(slots)) this.scope[used] = parkFunction(slots)
      if (used in this.scope) names.add(used)
    }
    const declared = constants === '' ? '' : `const ${constants}; `
    const list = [...names].join(', ')
    const head = `"use strict"; const { ${list} } = $c; ${declared}return (`
    const whole = alignLines(`${head}${text})`)
    this.options.dump?.(this.file.name, whole)
    const scriptName = bytesToText(this.file.name)
    const map = isInspected() ? sourceMapComment(scriptName, this.file.source) : ''
    // V8 would keep the text of a Script in a cache, also of what a reload has replaced.
    return compileFunction(whole + map, ['$c'], { filename: scriptName })(this.scope)
  }
}
