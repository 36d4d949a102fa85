// Runs generated programs on lua5.4 and on the compiling engine, and compares: on both of its back ends,
// and as modules whose functions are all compiled when first called.
//
// A difference comes back as a report: the seed, the shrunk program, and what each side printed. The
// seed alone makes the program again: DIFF_SEED=<seed> DIFF_COUNT=1.
//
// Nothing here waits without end. lua5.4 counts instructions and its process has a time limit; what
// is cut off there is discarded on every side, and the rest of its batch runs in a new process. Our
// engine has a step limit of its own, in larger steps: a program that ends in lua5.4 must end here.

import { spawnSync } from 'node:child_process'
import { setImmediate as turn } from 'node:timers/promises'
import { LuaError, type LuaFunction, LuaKilled } from '../../../core/lua/engine.ts'
import { compileModule } from '../../../core/lua/v8/compile.ts'
import type { CompiledModule } from '../../../core/lua/v8/emit/compiled-module.ts'
import { createV8Engine, type V8Engine } from '../../../core/lua/v8/engine.ts'
import { Module } from '../../../core/lua/v8/reload/module.ts'
import { ret2 } from '../../../core/lua/v8/run/answer.ts'
import { tailCalls } from '../../../core/lua/v8/run/tail-call.ts'
import type { LuaFn, Ret, Value } from '../../../core/lua/v8/run/value.ts'
import { SyntaxFailure } from '../../../core/lua/v8/syntax/lexer.ts'
import { driverScript, outputs, runnerScript } from './driver.ts'
import { generate } from './generate.ts'
import { type Program, shrink, textOf } from './program.ts'

export const oracleMissing = spawnSync('lua5.4', ['-v']).status !== 0
export const whyMissing = 'lua5.4 is not installed: nothing to compare with'

/** Runs program texts; one output for each, undefined for one that was cut off. */
export type Side = (texts: readonly string[]) => (string | undefined)[]

/** Instructions of lua5.4 that one run of a program may take; generated ones take some thousands. */
const oracleStepsMax = 1_000_000
const oracleTimeoutMs = 20_000
/** Loop turns, calls and steps of the library on our side: each is many instructions of lua5.4. */
const ourStepsMax = 2_000_000

export const lua54: Side = (texts) => {
  const all: (string | undefined)[] = []
  while (all.length < texts.length) {
    const rest = texts.slice(all.length)
    const done = spawnSync('lua5.4', ['-e', 'assert(load(io.read("a"), "=driver"))()'], {
      input: Buffer.from(driverScript(rest, oracleStepsMax), 'latin1'),
      encoding: 'latin1',
      maxBuffer: 1024 * 1024 * 1024,
      timeout: oracleTimeoutMs,
      killSignal: 'SIGKILL',
    })
    const output = outputs(done.stdout.trimEnd().split('\n'), rest.length)
    const killed = done.signal === 'SIGKILL' && output.last >= 0
    if (done.status !== 0 && !killed) throw new Error(`lua5.4 failed: ${done.stderr}`)
    if (!killed && !output.cut) all.push(...output.texts)
    else all.push(...output.texts.slice(0, output.last), undefined)
  }
  return all
}

/**
 * Our engine with one of its back ends.
 * @param asModule functions can be replaced, and are compiled when they are first called; every second
 *   tail call gives the stack back
 */
export function ours(backend: 'capture' | 'generator', asModule = false): Side {
  return (texts) => {
    const lines: string[] = []
    const engine = createV8Engine({
      backend,
      print: (line) => lines.push(...line.split('\n')),
      wallMs: () => 1_700_000_000_000,
      seed: [1n, 2n],
      stringBytesMax: 1 << 24,
      stepsMax: ourStepsMax,
    })
    if (asModule) loadModules(engine, backend)
    const runner = engine.load(Buffer.from(runnerScript, 'latin1'), 'driver')
    const run = engine.call(runner)[0] as LuaFunction
    const { max } = tailCalls
    if (asModule) tailCalls.max = 2
    texts.forEach((text, i) => {
      try {
        engine.call(run, i, text)
      } catch (error) {
        if (!(error instanceof LuaError || error instanceof LuaKilled)) throw error
        lines.push(`driver failed: ${error.message}`, error.traceback)
      }
    })
    tailCalls.max = max
    return outputs(lines, texts.length).texts
  }
}

/** `load` makes modules from now on. */
function loadModules(engine: V8Engine, backend: 'capture' | 'generator'): void {
  const options = { backend, lazyLinesMin: 1 }
  const load = (source: Value, _name: Value, _mode: Value, env: Value): Ret => {
    let compiled: CompiledModule
    try {
      compiled = compileModule(engine.realm, source as string, 'p', options, undefined)
    } catch (thrown) {
      if (!(thrown instanceof SyntaxFailure)) throw thrown
      return ret2(undefined, thrown.message)
    }
    return new Module().begin(compiled, env)
  }
  const { globals } = engine.realm
  globals.setField('textLoad', globals.get('load'))
  globals.setField('load', load as LuaFn)
}

export interface Difference {
  readonly seed: number
  readonly side: string
  readonly report: string
}

export interface Comparison {
  /** Shrunk; the search stops after some. */
  readonly differences: readonly Difference[]
  /** Programs that lua5.4 did not finish: they prove nothing. */
  readonly discarded: number
}

const batchSize = 200

/** Compares `count` programs from `firstSeed` on; looks no further after `most` differences. */
export async function compare(
  firstSeed: number,
  count: number,
  sides: Readonly<Record<string, Side>>,
  most = 3,
  make: (seed: number) => Program = generate,
): Promise<Comparison> {
  const differences: Difference[] = []
  let discarded = 0
  for (let from = 0; from < count && differences.length < most; from += batchSize) {
    const size = Math.min(batchSize, count - from)
    const seeds = Array.from({ length: size }, (_, i) => firstSeed + from + i)
    const programs = seeds.map((seed) => make(seed))
    const texts = programs.map((program) => textOf(program))
    const expected = lua54(texts)
    const kept = [...texts.keys()].filter((i) => expected[i] !== undefined)
    discarded += size - kept.length
    for (const [side, run] of Object.entries(sides)) {
      const got = run(kept.map((i) => texts[i] as string))
      kept.forEach((i, k) => {
        if (got[k] === expected[i] || got[k] === undefined || differences.length >= most) return
        differences.push(explain(seeds[i] as number, side, run, programs[i] as Program))
      })
      // The test runner has messages to send meanwhile.
      await turn()
    }
  }
  return { differences, discarded }
}

function explain(seed: number, side: string, run: Side, program: Program): Difference {
  const differs = (candidate: Program) => {
    const text = [textOf(candidate)]
    const expected = lua54(text)[0]
    const got = run(text)[0]
    return expected !== undefined && got !== undefined && got !== expected
  }
  const small = shrink(program, differs)
  const text = textOf(small)
  const theirs = (lua54([text])[0] ?? '').split('\n')
  const mine = (run([text])[0] ?? '').split('\n')
  let at = 0
  while (at < theirs.length && theirs[at] === mine[at]) at++
  const around = (lines: string[]) => lines.slice(Math.max(0, at - 1), at + 2).join(' | ')
  const report = [
    `seed ${seed} on ${side}:`,
    text,
    `lua5.4 prints ${around(theirs)}`,
    `${side} prints ${around(mine)}`,
  ]
  return { seed, side, report: report.join('\n') }
}
