// Library functions beside lua5.4's: the same calls on both sides, answers compared as text.
//
// `compareCalls` writes one Lua program for all calls, runs it in one lua5.4 process, makes the
// same calls on our functions, and reports the first differences. An answer is written so that
// nothing is lost: kind of number, bits of a float, bytes of a string, words of an error (without
// its position). lua5.4 is the oracle; where it is missing, the caller skips and says so.

import { spawnSync } from 'node:child_process'
import { LuaFloat } from '../../../../core/lua/engine.ts'
import { installLibrary } from '../../../../core/lua/v8/lib/install.ts'
import { toArray } from '../../../../core/lua/v8/run/answer.ts'
import { LuaThrow } from '../../../../core/lua/v8/run/errors.ts'
import { vm } from '../../../../core/lua/v8/run/state.ts'
import { Table } from '../../../../core/lua/v8/run/table.ts'
import type { LuaFn, Value } from '../../../../core/lua/v8/run/value.ts'

export interface Call {
  /** As Lua finds it: `string.rep`. */
  readonly fn: string
  readonly args: readonly Value[]
}

export const oracleMissing = spawnSync('lua5.4', ['-v']).status !== 0
export const whyMissing = 'lua5.4 is not installed: nothing to compare with'

/** Points `vm` at a fresh realm with the library in it. */
export function freshRealm(): void {
  vm.realm = {
    globals: new Table(),
    stringBytesMax: 16 * 1024 * 1024,
    print: () => {},
    wallMs: () => 1_700_000_000_000,
    seed: [1n, 2n],
    interrupt: new Int32Array(1),
    stepsMax: Number.POSITIVE_INFINITY,
    isSameString: undefined,
    stringMeta: undefined,
    typeMeta: new Map(),
  }
  installLibrary(vm.realm, { compile: () => () => undefined, readOnly: false })
}

/** The library function of that name. */
export function libraryFunction(name: string): LuaFn {
  let at: Value = vm.realm.globals
  for (const part of name.split('.')) at = (at as Table).get(part)
  return at as LuaFn
}

const hex = (text: string) => Buffer.from(text, 'latin1').toString('hex')

function floatText(n: number): string {
  if (Number.isNaN(n)) return 'f:nan'
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(n)
  return `f:${bytes.toString('hex')}`
}

/** A value as both sides write it. */
export function valueText(v: Value): string {
  if (v === undefined) return 'nil'
  if (typeof v === 'boolean') return String(v)
  if (typeof v === 'bigint') return `i:${v}`
  if (typeof v === 'number') return Number.isInteger(v) ? `i:${v}` : floatText(v)
  if (v instanceof LuaFloat) return floatText(v.n)
  if (typeof v === 'string') return `s:${hex(v)}`
  return v instanceof Table ? 'table' : 'function'
}

/** What our function answers. */
export function ourAnswer({ fn, args }: Call): string {
  try {
    return toArray(libraryFunction(fn)(...args))
      .map(valueText)
      .join(' ')
  } catch (thrown) {
    if (!(thrown instanceof LuaThrow)) throw thrown
    return `error ${typeof thrown.value === 'string' ? hex(thrown.value) : valueText(thrown.value)}`
  }
}

/** A Lua expression of a value. */
export function literal(v: Value): string {
  if (v === undefined) return 'nil'
  if (typeof v === 'string') {
    return `"${[...v].map((c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`).join('')}"`
  }
  if (typeof v === 'bigint' && v === -0x8000000000000000n) return 'math.mininteger'
  if (typeof v === 'number' && !Number.isInteger(v)) return floatLiteral(v)
  if (v instanceof LuaFloat) return floatLiteral(v.n)
  return v instanceof Table ? '{}' : String(v)
}

function floatLiteral(n: number): string {
  if (Number.isNaN(n)) return '(0/0)'
  if (!Number.isFinite(n)) return n > 0 ? '(1/0)' : '(-1/0)'
  if (Object.is(n, -0)) return '-0.0'
  const text = n.toExponential()
  return text.includes('.') ? text : text.replace('e', '.0e')
}

const prelude = `
local pack, unpack, fmt = table.pack, table.unpack, string.format
local function hex(s) return (s:gsub(".", function(c) return fmt("%02x", c:byte()) end)) end
local function text(v)
  local t = math.type(v)
  if t == "integer" then return "i:" .. v end
  if t == "float" then return v ~= v and "f:nan" or "f:" .. hex(string.pack(">d", v)) end
  if type(v) == "string" then return "s:" .. hex(v) end
  if v == nil or type(v) == "boolean" then return tostring(v) end
  return type(v)
end
local function answer(ok, ...)
  if not ok then
    local e = ...
    if type(e) ~= "string" then print("error " .. text(e)) return end
    print("error " .. hex((e:gsub("^oracle:%d+: ", "")))) return
  end
  local all = pack(...)
  for i = 1, all.n do all[i] = text(all[i]) end
  print(table.concat(all, " "))
end
`

/** Runs a Lua program in lua5.4. @returns its lines */
export function runOracle(program: string): string[] {
  const runner = 'assert(load(io.read("a"), "=oracle"))()'
  const done = spawnSync('lua5.4', ['-e', runner], {
    input: Buffer.from(program, 'latin1'),
    encoding: 'latin1',
    maxBuffer: 256 * 1024 * 1024,
    env: { ...process.env, TZ: process.env.TZ ?? 'UTC' },
  })
  if (done.status !== 0) throw new Error(`lua5.4 failed: ${done.stderr}`)
  return done.stdout.split('\n')
}

/** The calls whose answers differ, as readable lines; at most ten. */
export function compareCalls(calls: readonly Call[]): string[] {
  const program = calls
    .map(({ fn, args }) => `answer(pcall(function() return (${fn}(${args.map(literal)})) end))`)
    // Parentheses would cut the answer to one value: keep all of them, but no tail call, which
    // would take the function's name out of error messages.
    .map((line) =>
      line.replace(
        /return \((.*)\) end\)\)$/s,
        'local r = pack($1) return unpack(r, 1, r.n) end))',
      ),
    )
    .join('\n')
  const theirs = runOracle(prelude + program)
  const differences: string[] = []
  calls.forEach((call, i) => {
    const ours = ourAnswer(call)
    if (ours === theirs[i] || differences.length >= 10) return
    const show = (text = '') =>
      text.replace(
        /(error |s:)([0-9a-f]*)/g,
        (_, kind, bytes) =>
          `${kind}${JSON.stringify(Buffer.from(bytes, 'hex').toString('latin1'))}`,
      )
    differences.push(
      `${call.fn}(${call.args.map(readable).join(', ')})\n  ours   ${show(ours)}\n  theirs ${show(theirs[i])}`,
    )
  })
  return differences
}

const readable = (v: Value) => (typeof v === 'string' ? JSON.stringify(v) : literal(v))
