// The stand-alone Lua interpreter: npm run -s lua -- [options] [script [args]]. Main thread.
//
//   -e STAT            runs a statement; may be repeated      --engine v8|fengari   (default v8)
//   --backend B        capture (default) or generator: v8     --dump-js             prints what v8 runs
//   --debug            debug.sethook, debug.getupvalue and its kind work: slow, with v8; the default
//                      for a script whose text names them
//   -                  runs standard input
//
// Has io, os.exit, os.getenv and a part of debug, which services do not have. Messages go to standard
// error as `lua:` writes them; exit code 1 when the script fails.

import { readFileSync, writeSync } from 'node:fs'
import { isMainThread, Worker } from 'node:worker_threads'
import { messageOf } from '../core/base/errors.ts'
import { limits } from '../core/base/limits.ts'
import { type LuaEngine, LuaError, LuaKilled, type LuaValue } from '../core/lua/engine.ts'
import { createV8Engine } from '../core/lua/v8/engine.ts'
import { openDebug } from './lua-debug.ts'
import { OutputBuffer, openIo } from './lua-io.ts'
import { openPackage } from './lua-package.ts'
import { isSameString } from './lua-string-identity.ts'

const stackSizeMb = 64
const heapMb = 4096

const usage = `usage: npm run -s lua -- [options] [script [args]]
  -e STAT              run a Lua statement
  --engine v8|fengari  the engine (default v8)
  --backend NAME       capture (default) or generator, with v8
  --debug              make debug.sethook, debug.getupvalue and its kind work (slow), with v8;
                       the default for a script that names them
  --dump-js            print the JavaScript that v8 runs
  -                    run standard input
`

interface Invocation {
  engine: string
  backend: 'capture' | 'generator'
  upvalues: boolean
  hooks: boolean
  dumpJs: boolean
  statements: string[]
  script: string | undefined
  args: string[]
}

class UsageError extends Error {}

/** What a script names of these it gets without --debug. */
const upvalueFunctions = /\bdebug\s*\.\s*(?:[gs]etupvalue|upvalueid|upvaluejoin)\b/
const hookFunctions = /\bdebug\s*\.\s*sethook\b/

function parseArguments(argv: readonly string[]): Invocation {
  const invocation: Invocation = {
    engine: 'v8',
    backend: 'capture',
    upvalues: false,
    hooks: false,
    dumpJs: false,
    statements: [],
    script: undefined,
    args: [],
  }
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] as string
    const value = (): string => {
      const next = argv[++i]
      if (next === undefined) throw new UsageError(`'${argument}' needs argument`)
      return next
    }
    if (argument === '-e') invocation.statements.push(value())
    else if (argument === '--engine') invocation.engine = value()
    else if (argument === '--backend') {
      invocation.backend = value() === 'generator' ? 'generator' : 'capture'
    } else if (argument === '--debug') invocation.upvalues = invocation.hooks = true
    else if (argument === '--dump-js') invocation.dumpJs = true
    else if (argument.startsWith('-') && argument !== '-') {
      throw new UsageError(`unrecognized option '${argument}'`)
    } else {
      invocation.script = argument
      invocation.args = argv.slice(i + 1)
      break
    }
  }
  if (invocation.script === undefined && invocation.statements.length === 0) {
    throw new UsageError('nothing to run')
  }
  return invocation
}

async function makeEngine(invocation: Invocation, output: OutputBuffer): Promise<LuaEngine> {
  const seedNow = process.hrtime.bigint()
  const options = {
    print: (line: string) => output.write(`${line}\n`),
    wallMs: () => Date.now(),
    seed: [seedNow, BigInt(process.pid)] as const,
    stringBytesMax: limits.luaToolStringBytesMax,
  }
  if (invocation.engine === 'v8') {
    const dump = (_: string, text: string) =>
      output.write(`${Buffer.from(text).toString('latin1')}\n`)
    const engine = createV8Engine({
      ...options,
      backend: invocation.backend,
      writableLibrary: true,
      dumpable: true,
      isSameString,
      debugUpvalues: invocation.upvalues,
      debugHooks: invocation.hooks,
      ...(invocation.dumpJs ? { dump } : {}),
    })
    openDebug(engine, invocation.hooks)
    return engine
  }
  if (invocation.engine !== 'fengari') throw new UsageError(`no engine '${invocation.engine}'`)
  const { createFengariEngine } = await import('../core/lua/fengari/engine.ts')
  return createFengariEngine(options)
}

function runChunk(engine: LuaEngine, source: Uint8Array, name: string, args: LuaValue[]): void {
  engine.call(engine.load(source, name), ...args)
}

function setArgTable(engine: LuaEngine, invocation: Invocation): void {
  const table = engine.newTable()
  engine.rawSet(table, 0, invocation.script ?? 'lua')
  invocation.args.forEach((argument, i) => {
    engine.rawSet(table, i + 1, Buffer.from(argument).toString('latin1'))
  })
  engine.rawSet(engine.globals, 'arg', table)
}

function report(output: OutputBuffer, message: string): void {
  output.flush()
  writeSync(2, Buffer.from(`lua: ${message}\n`, 'latin1'))
}

async function main(argv: readonly string[]): Promise<number> {
  const output = new OutputBuffer()
  try {
    const invocation = parseArguments(argv)
    const { script } = invocation
    const source = script === undefined ? undefined : readFileSync(script === '-' ? 0 : script)
    const text = source?.toString('latin1') ?? ''
    invocation.upvalues ||= upvalueFunctions.test(text)
    invocation.hooks ||= hookFunctions.test(text)
    const engine = await makeEngine(invocation, output)
    openIo(engine, output)
    openPackage(engine)
    setArgTable(engine, invocation)
    for (const statement of invocation.statements) {
      runChunk(engine, Buffer.from(statement), '(command line)', [])
    }
    if (script !== undefined && source !== undefined) {
      const name = script === '-' ? 'stdin' : script
      const args = invocation.args.map((a) => Buffer.from(a).toString('latin1'))
      runChunk(engine, source, name, args)
    }
    output.flush()
    return 0
  } catch (thrown) {
    if (thrown instanceof UsageError) {
      writeSync(2, `lua: ${thrown.message}\n${usage}`)
      return 1
    }
    if (thrown instanceof LuaError || thrown instanceof LuaKilled) {
      const trace = thrown.traceback === '' ? '' : `\n${thrown.traceback}`
      report(output, thrown.message + trace)
      return 1
    }
    if (thrown instanceof Error && 'path' in thrown && 'syscall' in thrown) {
      report(output, `cannot open ${Buffer.from(String(thrown.path)).toString('latin1')}`)
      return 1
    }
    throw thrown
  }
}

/** A thread of its own, because only there the stack can be made as deep as Lua's. */
function startThread(): void {
  const worker = new Worker(new URL(import.meta.url), {
    argv: process.argv.slice(2),
    resourceLimits: { stackSizeMb, maxOldGenerationSizeMb: heapMb },
  })
  worker.on('error', (thrown) => {
    writeSync(2, `lua: ${messageOf(thrown)}\n`)
    process.exitCode = 1
  })
  worker.on('exit', (code) => {
    process.exitCode ||= code
  })
}

if (isMainThread) startThread()
else process.exit(await main(process.argv.slice(2)))
