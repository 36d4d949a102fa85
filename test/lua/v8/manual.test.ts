// The rules of the manual, one by one: the chunks of manual/ compare what they got with what it says.
//
// They run on both back ends of the compiling engine and, where it is installed, in lua5.4, so that an
// expectation which is wrong itself does not pass unnoticed.

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { createV8Engine } from '../../../core/lua/v8/engine.ts'

const folder = fileURLToPath(new URL('manual/', import.meta.url))
const files = readdirSync(folder).filter((name) => name.endsWith('.lua'))

/** `check(name, got, want)` compares lists, nils too; prints what differs, and how many were made. */
const prelude = `local checks = 0
local function check(name, got, want, count)
  checks = checks + 1
  for i = 1, count or 16 do
    if got[i] ~= want[i] then
      print(name .. ", value " .. i .. ": got " .. tostring(got[i]) .. ", expected " .. tostring(want[i]))
    end
  end
end `
const epilogue = '\nprint("checks: " .. checks)'

const textOf = (file: string) => prelude + readFileSync(folder + file, 'latin1') + epilogue
const lua54 = spawnSync('lua5.4', ['-v']).status === 0 ? 'lua5.4' : undefined

/** The lines that a chunk prints. */
function onOurs(backend: 'capture' | 'generator', file: string): string[] {
  const lines: string[] = []
  const engine = createV8Engine({
    backend,
    print: (line) => lines.push(line),
    wallMs: () => 1_700_000_000_000,
    seed: [1n, 2n],
    stringBytesMax: 1 << 24,
  })
  engine.call(engine.load(Buffer.from(textOf(file), 'latin1'), file))
  return lines
}

function onLua54(file: string): string[] {
  const done = spawnSync('lua5.4', ['-'], { input: Buffer.from(textOf(file), 'latin1') })
  return `${done.stdout.toString('latin1')}${done.stderr}`.trimEnd().split('\n')
}

describe.each(files)('%s', (file) => {
  const least = (readFileSync(folder + file, 'latin1').match(/^check\(/gm) ?? []).length
  const allChecked = [`checks: ${least}`]

  it.each(['capture', 'generator'] as const)('holds on the %s back end', (backend) => {
    expect(least).toBeGreaterThan(20)
    expect(onOurs(backend, file)).toEqual(allChecked)
  })

  it.skipIf(lua54 === undefined)(
    `holds in lua5.4${lua54 === undefined ? ' (it is not installed)' : ''}`,
    () => expect(onLua54(file)).toEqual(allChecked),
  )
})

it('the check can fail', () => {
  const engine = createV8Engine({
    print: (line) => lines.push(line),
    wallMs: () => 0,
    seed: [1n, 2n],
    stringBytesMax: 1 << 20,
  })
  const lines: string[] = []
  const text = `${prelude}check("wrong", { 1 }, { 2 })\ncheck("missing", {}, { [3] = 1 })`
  engine.call(engine.load(Buffer.from(text), 'canary'))
  expect(lines).toEqual([
    'wrong, value 1: got 1, expected 2',
    'missing, value 3: got nil, expected 1',
  ])
})
