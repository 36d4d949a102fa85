// Runs generated programs on lua5.4 and on both back ends of the compiling engine, and compares.
//
// A difference comes back as a report: the seed, the shrunk program, and what each side printed. The
// seed alone makes the program again: DIFF_SEED=<seed> DIFF_COUNT=1.

import { spawnSync } from 'node:child_process'
import { type LuaEngine, LuaError } from '../../../core/lua/engine.ts'
import { createV8Engine } from '../../../core/lua/v8/engine.ts'
import { driverScript, outputs } from './driver.ts'
import { generate } from './generate.ts'
import { type Program, shrink, textOf } from './program.ts'

export const oracleMissing = spawnSync('lua5.4', ['-v']).status !== 0
export const whyMissing = 'lua5.4 is not installed: nothing to compare with'

/** Runs program texts; one output for each. */
export type Side = (texts: readonly string[]) => string[]

export const lua54: Side = (texts) => {
  const runner = 'assert(load(io.read("a"), "=driver"))()'
  const done = spawnSync('lua5.4', ['-e', runner], {
    input: Buffer.from(driverScript(texts), 'latin1'),
    encoding: 'latin1',
    maxBuffer: 1024 * 1024 * 1024,
  })
  if (done.status !== 0) throw new Error(`lua5.4 failed: ${done.stderr}`)
  return outputs(done.stdout.trimEnd().split('\n'), texts.length)
}

/** Our engine with one of its back ends. */
export function ours(backend: 'capture' | 'generator'): Side {
  return (texts) => {
    const lines: string[] = []
    const engine: LuaEngine = createV8Engine({
      backend,
      print: (line) => lines.push(...line.split('\n')),
      wallMs: () => 1_700_000_000_000,
      seed: [1n, 2n],
      stringBytesMax: 1 << 24,
    })
    try {
      engine.call(engine.load(Buffer.from(driverScript(texts), 'latin1'), 'driver'))
    } catch (error) {
      if (!(error instanceof LuaError)) throw error
      lines.push(`driver failed: ${error.message}`, error.traceback)
    }
    return outputs(lines, texts.length)
  }
}

export interface Difference {
  readonly seed: number
  readonly side: string
  readonly report: string
}

const batchSize = 200

/**
 * Compares `count` programs from `firstSeed` on.
 * @returns the differences, shrunk; it stops looking after `most` of them
 */
export function compare(
  firstSeed: number,
  count: number,
  sides: Readonly<Record<string, Side>>,
  most = 3,
): Difference[] {
  const differences: Difference[] = []
  for (let from = 0; from < count && differences.length < most; from += batchSize) {
    const seeds = Array.from(
      { length: Math.min(batchSize, count - from) },
      (_, i) => firstSeed + from + i,
    )
    const programs = seeds.map(generate)
    const texts = programs.map((program) => textOf(program))
    const expected = lua54(texts)
    for (const [side, run] of Object.entries(sides)) {
      const got = run(texts)
      seeds.forEach((seed, i) => {
        if (got[i] === expected[i] || differences.length >= most) return
        differences.push(explain(seed, side, run, programs[i] as Program))
      })
    }
  }
  return differences
}

function explain(seed: number, side: string, run: Side, program: Program): Difference {
  const differs = (candidate: Program) => {
    const text = [textOf(candidate)]
    return run(text)[0] !== lua54(text)[0]
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
