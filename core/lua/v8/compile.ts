// From source to a callable chunk. Lanes and tools.
//
// One script for each chunk, named after it, on the same lines; one more for each twin, when it is
// first needed. Scripts see nothing but the runtime's names (runtime.ts) and what belongs to the
// chunk: its kill flag `$I`, its functions' codes `$T`, its constants `$k…`. In a process that is open
// to the inspector each script carries a source map.

import { Script } from 'node:vm'
import { isInspected } from '../../base/inspected.ts'
import { bytesToText } from '../bytes.ts'
import { stop } from './budget.ts'
import { emitTwin } from './emit-flat.ts'
import type { Backend } from './ir.ts'
import { alignLines, type FunctionIr } from './ir.ts'
import { ChunkContext } from './lower.ts'
import { debugClosure } from './lower-expression.ts'
import { ChunkLowering } from './lower-function.ts'
import { FunctionCode, parkFunction, type Twin } from './lua-frame.ts'
import { parseChunk } from './parser.ts'
import { runtime } from './runtime.ts'
import { sourceMapComment } from './source-map.ts'
import type { Realm } from './state.ts'
import { chunks } from './traceback.ts'
import type { LuaFn, Value } from './value.ts'

export interface CompileOptions {
  readonly backend: Backend
  readonly debugUpvalues?: boolean
  /** Is told each script as it is made: for `--dump-js`. */
  readonly dump?: ((name: string, text: string) => void) | undefined
}

const runtimeNames = Object.keys(runtime).join(', ')

/** A compiled chunk: makes its main function over an environment. */
export type ChunkMaker = (env: Value) => LuaFn

/**
 * Compiles a chunk.
 * @param source byte string @param name as messages show it @param given as `load` got it
 * @throws SyntaxFailure
 */
export function compileChunk(
  realm: Realm,
  source: string,
  name: string,
  options: CompileOptions,
  given = `@${name}`,
): ChunkMaker {
  const chunk = parseChunk(source, name)
  chunk.env.js = '_ENV'
  const debugUpvalues = options.debugUpvalues === true
  if (debugUpvalues) {
    for (const node of chunk.functions) for (const local of node.upvalues) local.assigned = true
  }
  const context = new ChunkContext(name, Number.isFinite(realm.stepsMax), debugUpvalues)
  const lowering = new ChunkLowering(context, options.backend)
  const cell = chunk.env.captured && chunk.env.assigned
  const functionText = lowering.functionText(chunk.main, undefined)
  const mainText = debugUpvalues ? debugClosure(functionText, [chunk.env], name, 0) : functionText
  const scriptName = bytesToText(name)
  chunks.set(scriptName, { name, given, source })
  const codes: FunctionCode[] = []
  const chunkScope: Record<string, unknown> = {
    ...runtime,
    $I: realm.interrupt,
    $stop: stop,
    $T: codes,
  }
  const build = (text: string, irs: readonly FunctionIr[]): unknown => {
    const parks = [...new Set(irs.map((ir) => ir.saved.length))]
    for (const slots of parks) chunkScope[`$park${slots}`] = parkFunction(slots)
    const names = [runtimeNames, '$I', '$stop', '$T', ...parks.map((n) => `$park${n}`)].join(', ')
    const constants =
      context.constants.length === 0 ? '' : `const ${context.constants.join(', ')}; `
    const head = `(function ($c) { "use strict"; const { ${names} } = $c; ${constants}return (`
    const whole = alignLines(`${head}${text}) })`)
    options.dump?.(name, whole)
    const map = isInspected() ? sourceMapComment(scriptName, source) : ''
    const script = new Script(whole + map, { filename: scriptName })
    return (script.runInThisContext() as (scope: unknown) => unknown)(chunkScope)
  }
  lowering.irs.forEach((ir, i) => {
    // A twin creates closures, whose text holds every nested function: it may need any of the parks.
    const compileTwin = () => build(emitTwin(ir, i), lowering.irs) as Twin
    codes[i] = new FunctionCode(ir.name, name, ir.siteLines, compileTwin)
  })
  const maker = build(`(_ENV) => ${mainText}`, lowering.irs) as ChunkMaker
  return cell ? (env) => maker({ v: env } as unknown as Value) : maker
}
