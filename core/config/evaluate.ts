// Evaluates one config file in its own sandbox and takes the table it returns out as plain data.
//
// Core thread and tools. Each file gets a fresh fengari engine: the standard library, `env`, the
// words of a prelude (table-schema.ts), and nothing of the host; globals are sealed, so a forgotten
// `local` is an error; `print` writes to stderr. A step limit ends a runaway file. Nothing is
// thrown: what goes wrong is added to the problems, and the result is undefined.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { HostError, messageOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { bytesToText, textToBytes } from '../lua/bytes.ts'
import { type LuaEngine, LuaError, LuaKilled, type LuaTable } from '../lua/engine.ts'
import { createFengariEngine } from '../lua/fengari/engine.ts'
import { luaToPlain, type Path } from './lua-values.ts'
import { Positions } from './positions.ts'
import type { Problems } from './problems.ts'
import type { PlainValue } from './types.ts'

/** Where files are, what `env` reads, and where problems go. */
export interface Sources {
  readonly root: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly problems: Problems
}

/** What a file returned, and where its fields are written. */
export interface Evaluated {
  readonly value: PlainValue
  readonly positions: Positions
}

/** A config file as text; undefined (and a problem) when it cannot be read. */
function readSource(sources: Sources, file: string): Uint8Array | undefined {
  try {
    return readFileSync(join(sources.root, file))
  } catch (thrown) {
    sources.problems.add({ file, line: undefined, field: '', message: messageOf(thrown) })
    return undefined
  }
}

/**
 * Evaluates `file` (a path from the root) and returns its table.
 * @param prelude Lua source that defines helpers before the file runs
 */
export function evaluate(sources: Sources, file: string, prelude?: string): Evaluated | undefined {
  const source = readSource(sources, file)
  if (source === undefined) return undefined
  const fail = (message: string, line?: number): undefined => {
    sources.problems.add({ file, line, field: '', message })
    return undefined
  }
  const engine = sandbox(sources)
  try {
    if (prelude !== undefined) engine.call(engine.load(Buffer.from(prelude), 'prelude'))
    engine.sealGlobals()
    const [value] = engine.call(engine.load(source, file))
    const positions = new Positions(Buffer.from(source).toString('utf8'))
    if (engine.typeOf(value) !== 'table') {
      return fail(`must end with: return { ... } (it returned ${engine.typeOf(value)})`)
    }
    let clean = true
    const plain = luaToPlain(engine, value as LuaTable, [], (path: Path, message) => {
      clean = false
      const line = positions.lineOf(path)
      sources.problems.add({ file, line, field: path.join('.'), message })
    })
    return clean && plain !== undefined ? { value: plain, positions } : undefined
  } catch (thrown) {
    if (!(thrown instanceof LuaError) && !(thrown instanceof LuaKilled)) throw thrown
    return failedRun(thrown, file, fail)
  }
}

/** Reports a Lua error with the line that its message or traceback names. */
function failedRun(
  thrown: LuaError | LuaKilled,
  file: string,
  fail: (message: string, line?: number) => undefined,
): undefined {
  const { message } = thrown
  const prefix = `${file}:`
  if (message.startsWith(prefix)) {
    const found = /^(\d+): ([\s\S]*)$/.exec(message.slice(prefix.length))
    if (found !== null) return fail(found[2] ?? message, Number(found[1]))
  }
  const at = thrown.traceback.indexOf(prefix)
  const line =
    at === -1 ? Number.NaN : Number.parseInt(thrown.traceback.slice(at + prefix.length), 10)
  return fail(message, Number.isNaN(line) ? undefined : line)
}

function sandbox(sources: Sources): LuaEngine {
  const engine = createFengariEngine({
    print: (line) => console.error(bytesToText(line)),
    wallMs: () => Date.now(),
    seed: [1n, 0n],
    stringBytesMax: limits.luaStringBytesMax,
    stepsMax: limits.configStepsMax,
  })
  const env = engine.hostFunction('env', (name, otherwise) => {
    if (typeof name !== 'string')
      throw new HostError('CONFIG', 'env needs the name of a variable: env "NAME"')
    const found = sources.env[bytesToText(name)]
    if (found === undefined || found === '') {
      if (otherwise !== undefined) return otherwise
      throw new HostError(
        'CONFIG',
        `the environment variable ${name} is not set, and env got no default`,
      )
    }
    if (typeof otherwise === 'number') {
      const n = Number(found)
      if (Number.isFinite(n)) return n
      throw new HostError(
        'CONFIG',
        `the environment variable ${name} must be a number, not '${found}'`,
      )
    }
    if (typeof otherwise === 'boolean') return found === 'true' || found === '1'
    return textToBytes(found)
  })
  engine.rawSet(engine.globals, 'env', env)
  return engine
}
