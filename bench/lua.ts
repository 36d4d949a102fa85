// The Lua benchmark: every program of bench/lua on every engine, side by side in one run.
//
//   npm run bench:lua [-- --only handler,json] [--engines v8,lua5.4] [--window 0.5] [--json FILE]
//
// A program returns { run, check, messages? }. It is put into a frame that runs it once, checks the
// result, warms up, and then times it by os.clock (processor time, so that neighbours on the machine
// disturb less) in twelve short windows, each of one run at least; the best window counts. fengari,
// whose runs take up to seconds, is not warmed up and has three windows. Each measurement is a process
// of its own.
// Engines that are not installed are left out and named. Printed: microseconds per run, the ratio
// to lua5.4, the geometric mean over all programs, and microseconds per message for the handler.
// Exits 1 when a program fails or computes something wrong; a slow one is only told.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'

const root = fileURLToPath(new URL('../..', import.meta.url))
const programsFolder = join(root, 'bench/lua')
const interpreter = join(root, 'dist/tools/lua.js')

interface Engine {
  readonly name: string
  /** Warms up for so much of `--window`, and is then measured in so many windows of a sixth of it. */
  readonly warmUp: number
  readonly windows: number
  readonly command: readonly [file: string, ...args: string[]]
}

/** The order is that of the table. */
const engines: readonly Engine[] = [
  {
    name: 'v8',
    warmUp: 1,
    windows: 12,
    command: [process.execPath, interpreter, '--engine', 'v8'],
  },
  { name: 'lua5.4', warmUp: 1, windows: 12, command: ['lua5.4'] },
  { name: 'luajit', warmUp: 1, windows: 12, command: ['luajit'] },
  {
    name: 'fengari',
    warmUp: 0,
    windows: 3,
    command: [process.execPath, interpreter, '--engine', 'fengari'],
  },
]

interface Measured {
  readonly microseconds: number
  readonly messages: number
}

/** The program and the frame around it, as one file that any of the engines runs. */
function framed(program: string, { warmUp, windows }: Engine, windowS: number): string {
  return `local bench = (function()
${program}
end)()
local clock = os.clock
local ok, shown = bench.check(bench.run())
if not ok then error("wrong result: " .. tostring(shown), 0) end
local run = bench.run
local function measure(least)
  local runs, from = 0, clock()
  local spent
  repeat
    run()
    runs = runs + 1
    spent = clock() - from
  until spent >= least
  return spent / runs
end
measure(${windowS * warmUp})
local best = math.huge
for _ = 1, ${windows} do best = math.min(best, measure(${windowS / 6})) end
ok, shown = bench.check(run())
if not ok then error("wrong result after the run: " .. tostring(shown), 0) end
print(string.format("measured %.3f %d", best * 1e6, bench.messages or 0))
`
}

function measure(engine: Engine, file: string): Measured | string {
  const [command, ...args] = engine.command
  const done = spawnSync(command, [...args, file], { encoding: 'utf8', timeout: 180_000 })
  if (done.error !== undefined) return done.error.message
  const found = /measured ([\d.]+) (\d+)/.exec(done.stdout)
  if (done.status !== 0 || found === null) {
    return (done.stderr || done.stdout || `exit code ${done.status}`).trim().split('\n')[0] ?? ''
  }
  return { microseconds: Number(found[1]), messages: Number(found[2]) }
}

function isInstalled(engine: Engine): boolean {
  const [command, ...args] = engine.command
  return spawnSync(command, [...args, '-e', 'local x = 1']).status === 0
}

function geometricMean(ratios: readonly number[]): number {
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length)
}

function cell(text: string): string {
  return text.padStart(12)
}

function list(value: string): string[] {
  return value.split(',').filter((part) => part !== '')
}

interface Options {
  readonly only?: string[]
  readonly engines: string[]
  readonly window: number
  readonly json?: string
}

function readOptions(): Options {
  return new Command('bench:lua')
    .option('--only <names>', 'programs to run, by name', list)
    .option(
      '--engines <names>',
      'engines to run them on',
      list,
      engines.map((e) => e.name),
    )
    .option('--window <seconds>', 'processor time to warm up; twice that to measure', Number, 0.6)
    .option('--json <file>', 'also write the figures as JSON')
    .parse()
    .opts<Options>()
}

type Row = Record<string, Measured | string>

function printRow(name: string, row: Row, used: readonly Engine[]): void {
  const base = row['lua5.4']
  let line = name.padEnd(12)
  for (const engine of used) {
    const value = row[engine.name]
    line += cell(typeof value === 'object' ? value.microseconds.toFixed(1) : 'failed')
  }
  for (const engine of used) {
    const value = row[engine.name]
    if (engine.name === 'lua5.4') continue
    const known = typeof value === 'object' && typeof base === 'object'
    line += cell(known ? (value.microseconds / base.microseconds).toFixed(2) : '-')
  }
  console.log(line)
  for (const [engine, value] of Object.entries(row)) {
    if (typeof value === 'string') console.log(`  ${engine}: ${value}`)
  }
}

function printMeans(rows: ReadonlyMap<string, Row>, used: readonly Engine[]): void {
  for (const engine of used) {
    if (engine.name === 'lua5.4') continue
    const ratios: number[] = []
    let worst = ''
    let worstRatio = 0
    for (const [name, row] of rows) {
      const value = row[engine.name]
      const base = row['lua5.4']
      if (typeof value !== 'object' || typeof base !== 'object') continue
      const ratio = value.microseconds / base.microseconds
      ratios.push(ratio)
      if (ratio > worstRatio) {
        worst = name
        worstRatio = ratio
      }
    }
    if (ratios.length === 0) continue
    const mean = geometricMean(ratios).toFixed(3)
    console.log(
      `${engine.name}: geometric mean ${mean} x lua5.4 over ${ratios.length} programs; ` +
        `slowest beside it: ${worst} (${worstRatio.toFixed(2)} x)`,
    )
  }
}

function printMessages(rows: ReadonlyMap<string, Row>): void {
  for (const [name, row] of rows) {
    const texts: string[] = []
    for (const [engine, value] of Object.entries(row)) {
      if (typeof value !== 'object' || value.messages === 0) continue
      texts.push(`${engine} ${(value.microseconds / value.messages).toFixed(3)}`)
    }
    if (texts.length > 0) console.log(`${name}, microseconds per message: ${texts.join(', ')}`)
  }
}

function main(): number {
  const options = readOptions()
  const chosen = engines.filter((engine) => options.engines.includes(engine.name))
  const used = chosen.filter(isInstalled)
  for (const engine of chosen) {
    if (!used.includes(engine)) console.log(`${engine.name} does not run here: left out`)
  }
  const names = readdirSync(programsFolder)
    .filter((file) => file.endsWith('.lua'))
    .map((file) => basename(file, '.lua'))
    .filter((name) => options.only === undefined || options.only.includes(name))
  const folder = mkdtempSync(join(tmpdir(), 'moonwheel-bench-'))
  const rows = new Map<string, Row>()
  let failed = false
  console.log(`microseconds per run (best of short windows), node ${process.version}`)
  const heads = used.map((e) => cell(e.name)).join('')
  const ratioHeads = used.filter((e) => e.name !== 'lua5.4').map((e) => cell(`${e.name}/lua`))
  console.log('program'.padEnd(12) + heads + ratioHeads.join(''))
  try {
    for (const name of names) {
      const file = join(folder, `${name}.lua`)
      const program = readFileSync(join(programsFolder, `${name}.lua`), 'utf8')
      const row: Row = {}
      for (const engine of used) {
        writeFileSync(file, framed(program, engine, options.window))
        row[engine.name] = measure(engine, file)
      }
      failed ||= Object.values(row).some((value) => typeof value === 'string')
      rows.set(name, row)
      printRow(name, row, used)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  printMeans(rows, used)
  printMessages(rows)
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify(Object.fromEntries(rows), null, 2)}\n`)
  }
  return failed ? 1 : 0
}

process.exitCode = main()
