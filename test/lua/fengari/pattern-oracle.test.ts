// The matcher against PUC Lua: random subjects and patterns, the same answers and errors.
//
// Skipped where there is no lua5.4. The seed is printed; MOON_SEED repeats a run.

import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { createFengariEngine } from '../../../core/lua/fengari/engine.ts'
import { Xoshiro } from '../../../core/lua/fengari/rng.ts'

const oracle = spawnSync('lua5.4', ['-v']).status === 0
if (!oracle) console.log('pattern oracle skipped: lua5.4 is not installed')

const pieces = (
  'a b c . %a %d %s %w %x %p %u %l %A %S [abc] [^a] [a-c] [%w_] [^%d] ( ) () %1 %2 %b() %f[%w] ' +
  '^ $ * + - ? %% %. [ ] %'
).split(' ')
const letters = ['a', 'b', 'c', 'A', '1', ' ', '_', '(', ')', '.', '%']

/** Lua source that runs every case and prints one line of results for each. */
function program(seed: bigint, count: number): string {
  const rng = new Xoshiro([seed, 0n])
  const pick = (from: readonly string[]): string => from[rng.upTo(from.length - 1)] ?? ''
  const text = (from: readonly string[], most: number): string =>
    Array.from({ length: rng.upTo(most) }, () => pick(from)).join('')
  const cases = Array.from({ length: count }, () => {
    const pattern = text(pieces, 7)
    return `{${JSON.stringify(text(letters, 12))}, ${JSON.stringify(pattern)}}`
  })
  return `
    local out = {}
    local function show(...)
      local t = table.pack(...)
      for i = 1, t.n do t[i] = tostring(t[i]):gsub("^[^:]*:%d+: ", "") end
      return table.concat(t, "|")
    end
    for i, c in ipairs { ${cases.join(',\n')} } do
      local s, p = c[1], c[2]
      out[#out + 1] = s .. "  " .. p .. "  " .. show(pcall(string.find, s, p)) .. "  "
        .. show(pcall(string.gsub, s, p, "<%0>")) .. "  "
        .. show(pcall(function() local n = {} for a, b in s:gmatch(p) do n[#n + 1] = tostring(a) .. tostring(b) end return table.concat(n, ",") end))
    end
    print(table.concat(out, "\\n"))`
}

/** What the program prints in our engine. */
function runOurs(source: string): string[] {
  const lines: string[] = []
  const engine = createFengariEngine({
    print: (line) => lines.push(...line.split('\n')),
    wallMs: () => 0,
    seed: [1n, 1n],
    stringBytesMax: 1 << 24,
  })
  engine.call(engine.load(Buffer.from(source), 'cases'))
  return lines
}

function runTheirs(source: string): string[] {
  const ran = spawnSync('lua5.4', ['-'], { input: source, encoding: 'latin1' })
  expect(ran.stderr).toBe('')
  return ran.stdout.trimEnd().split('\n')
}

it.skipIf(!oracle)('answers as lua5.4 does', () => {
  const seed = BigInt(process.env.MOON_SEED ?? Date.now())
  console.log(`pattern oracle: MOON_SEED=${seed}`)
  const source = program(seed, 1500)
  expect(runOurs(source).map((line) => line.trimEnd())).toEqual(
    runTheirs(source).map((line) => line.trimEnd()),
  )
})

it.skipIf(!oracle)('canary: a find that is off by one is noticed', () => {
  const source = program(1n, 50)
  const broken = `local string = setmetatable({ find = function(s, p)
    local a = _G.string.find(s, p)
    return a and a + 1
  end }, { __index = _G.string })\n${source}`
  expect(runOurs(broken)).not.toEqual(runTheirs(source))
})
