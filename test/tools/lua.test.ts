// The stand-alone interpreter: its options, its exit codes and messages, as `lua` has them.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { projectFolder } from '../support/host-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'moon-lua-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function lua(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [`${projectFolder}dist/tools/lua.js`, ...args],
    { cwd: folder, encoding: 'utf8', input, timeout: 20_000 },
  )
  return { code: status, out: stdout, err: stderr }
}

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return name
}

describe.each(['v8', 'fengari'])('lua --engine %s', (engine) => {
  const run = (args: readonly string[], input = '') => lua(['--engine', engine, ...args], input)

  it('runs a script with its arguments', () => {
    const script = file('args.lua', 'print(..., #arg, arg[0], arg[2])')
    expect(run([script, 'one', 'two words'])).toEqual({
      code: 0,
      out: 'one\t2\targs.lua\ttwo words\n',
      err: '',
    })
  })

  it('runs statements in order, then the script, in the same globals', () => {
    const script = file('after.lua', 'print(x, y)')
    expect(run(['-e', 'x = 1', '-e', 'y = x + 1', script]).out).toBe('1\t2\n')
  })

  it('runs standard input', () => {
    expect(run(['-'], 'print("from input", ...)').out).toBe('from input\n')
  })

  it('skips a first line for the shell', () => {
    expect(run([file('shebang.lua', '#!/usr/bin/env lua\nprint(1)')]).out).toBe('1\n')
  })

  it('tells an error with its place and a traceback, and ends with 1', () => {
    const script = file('fails.lua', 'local function f()\n  error("no luck")\nend\nprint(1)\nf()')
    const { code, out, err } = run([script])
    expect(code).toBe(1)
    expect(out).toBe('1\n')
    expect(err).toMatch(/^lua: fails\.lua:2: no luck\nstack traceback:\n/)
    expect(err).toMatch(/fails\.lua:5: in main chunk/)
  })

  it('tells a syntax error with file and line', () => {
    const { code, err } = run([file('syntax.lua', 'x = 1\ny = = 2')])
    expect(code).toBe(1)
    expect(err).toMatch(/^lua: syntax\.lua:2: unexpected symbol near '='/)
  })

  it('tells an error in a statement', () => {
    const { code, err } = run(['-e', 'error("x")'])
    expect(code).toBe(1)
    expect(err).toMatch(/\(command line\)"?\]?:1: x/)
  })

  it('tells an error value that is no string', () => {
    expect(run(['-e', 'error({})'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^lua: .*\(?error object is a table value\)?/),
    })
    const text = 'error(setmetatable({}, { __tostring = function() return "mine" end }))'
    expect(run(['-e', text]).err).toMatch(/^lua: mine/)
  })

  it('ends with the code of os.exit', () => {
    expect(run(['-e', 'io.write("a") os.exit(7)'])).toMatchObject({ code: 7, out: 'a' })
    expect(run(['-e', 'os.exit(true)']).code).toBe(0)
    expect(run(['-e', 'os.exit(false)']).code).toBe(1)
  })

  it('cannot open what is not there', () => {
    expect(run(['none.lua'])).toEqual({ code: 1, out: '', err: 'lua: cannot open none.lua\n' })
  })
})

it('names what is wrong with its options, and says how it is used', () => {
  for (const [args, message] of [
    [['--nonsense'], "unrecognized option '--nonsense'"],
    [['-e'], "'-e' needs argument"],
    [['--engine', 'luajit', '-e', ''], "no engine 'luajit'"],
    [[], 'nothing to run'],
  ] as const) {
    const { code, err } = lua(args)
    expect(code).toBe(1)
    expect(err).toContain(`lua: ${message}\nusage:`)
  }
})

it('prints what v8 runs', () => {
  expect(lua(['--dump-js', '-e', 'local answer = 42 print(answer)']).out).toMatch(/answer = 42/)
})

it('turns on what debug.getupvalue needs for a script that names it', () => {
  const text = 'local up = 5 local function f() return up end print(debug.getupvalue(f, 1))'
  expect(lua([file('upvalue.lua', text)]).out).toBe('up\t5\n')
})

it('%p tells long strings that are equal from one that is the same, as lua does', () => {
  const script = file(
    'address.lua',
    `local address = function(s) return string.format("%p", s) end
local a, b = string.rep("a", 300), string.rep("aaa", 100)
print(a == b, address(a) == address(b), address(a) == address(a))
local unchanged, rebuilt = a:gsub("b", "c"), a:gsub(".", function(c) return c end)
print(address(unchanged) == address(a), rebuilt == a and address(rebuilt) == address(a))
print(address(string.rep("b", 40)) == address(string.rep("bb", 20)))
-- What has fallen out of memory is known again by another address.
local before = address(a)
for i = 1, 300 do address(a .. i) end
print(address(a) == before)`,
  )
  const expected = 'true\tfalse\ttrue\ntrue\tfalse\ntrue\nfalse\n'
  expect(lua([script])).toEqual({ code: 0, out: expected, err: '' })
})

it('leaves no natives of V8 within reach of a script', () => {
  expect(lua(['-e', 'print(load("return %DebugPrint(1)"))']).out).toMatch(
    /^nil\t.*unexpected symbol/,
  )
})
