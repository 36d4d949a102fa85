// How long a lane needs for its Lua files: compiling and running 10,000 lines, and reloading one file.
//
//   npm run bench:lua-startup [-- --lines 10000] [--file 250] [--rounds 5]
//
// Each round is a thread of its own with a new engine, as a lane is, so nothing has been compiled or
// warmed up by the round before. The files are services as people write them: handlers with table
// reads and writes, checks, replies, helpers, a loop; names differ from file to file.

import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { Command } from 'commander'
import { assert } from '../core/base/assert.ts'
import { createV8Engine } from '../core/lua/v8/engine.ts'

interface Work {
  readonly lines: number
  readonly fileLines: number
}

interface Spent {
  readonly wallMs: number
  /** Of the whole process, so V8's own threads count, too. */
  readonly cpuMs: number
}

interface Round {
  readonly load: Spent
  readonly reload: Spent
  readonly lines: number
}

const handler = (file: number, i: number, version: number): string => `
-- Sells item kind ${i} of shop ${file}.
function shop.handler.buy_${file}_${i}(session, msg)
  local role = session.role_${i % 7}
  local item = items[msg.item]
  if not item then
    return { code = 404, error = "no such item" }
  end
  local price = discount(role, item) + ${version}
  if role.gold < price then
    return { code = 402, error = "not enough gold" }
  end
  role.gold = role.gold - price
  local bag = role.bag
  bag[msg.item] = (bag[msg.item] or 0) + 1
  local total = 0
  for kind, count in pairs(bag) do
    total = total + count * (items[kind].price or 1)
  end
  if total > limit_${file} then
    log_line(("role %d has %s in its bag"):format(role.id, tostring(total)))
  end
  return { code = 200, gold = role.gold, total = total, kind_${i} = true }
end`

function service(file: number, lines: number, version = 0): string {
  const head = `local shop = { handler = {} }
local limit_${file} = 1000
local items = {}
local lines = {}
for i = 1, 100 do items[i] = { id = i, price = i % 17 + 1 } end
local function log_line(text) lines[#lines + 1] = text end
local function discount(role, item)
  if role.vip > 2 then return item.price - 1 end
  return item.price
end`
  const parts = [head]
  let count = head.split('\n').length + 1
  for (let i = 0; count < lines; i++) {
    const text = handler(file, i, version)
    parts.push(text)
    count += text.split('\n').length
  }
  return `${parts.join('\n')}\nreturn shop\n`
}

function runRound({ lines, fileLines }: Work): Round {
  const files: { path: string; source: Uint8Array }[] = []
  let total = 0
  for (let i = 0; total < lines; i++) {
    const text = service(i, fileLines)
    total += text.split('\n').length - 1
    files.push({ path: `lua/services/shop${i}.lua`, source: Buffer.from(text) })
  }
  const engine = createV8Engine({
    print: () => {},
    wallMs: () => 0,
    seed: [1n, 2n],
    stringBytesMax: 1 << 20,
  })
  const load = spent(() => {
    for (const { path, source } of files) engine.call(engine.modules.load(source, path))
  })
  const changed = Buffer.from(service(0, fileLines, 1))
  const reload = spent(() => {
    engine.modules.patch(changed, files[0]?.path ?? '').apply()
  })
  return { load, reload, lines: total }
}

function spent(work: () => void): Spent {
  const from = performance.now()
  const cpuFrom = process.cpuUsage()
  work()
  const cpu = process.cpuUsage(cpuFrom)
  return { wallMs: performance.now() - from, cpuMs: (cpu.user + cpu.system) / 1000 }
}

function inThread(work: Work): Promise<Round> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: work })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

async function main(): Promise<void> {
  const options = new Command('bench:lua-startup')
    .option('--lines <count>', 'lines of all services', Number, 10_000)
    .option('--file <lines>', 'lines of each file', Number, 250)
    .option('--rounds <count>', 'threads, one after the other', Number, 5)
    .parse()
    .opts<{ lines: number; file: number; rounds: number }>()
  const rounds: Round[] = []
  for (let i = 0; i < options.rounds; i++) {
    rounds.push(await inThread({ lines: options.lines, fileLines: options.file }))
  }
  const [first] = rounds
  assert(first !== undefined, 'no rounds')
  const shown = (all: readonly Spent[]) => {
    const wall = all.map((each) => each.wallMs)
    const cpu = all.map((each) => each.cpuMs)
    const best = `best ${Math.min(...wall).toFixed(1)} ms, ${Math.min(...cpu).toFixed(1)} ms`
    return `median ${median(wall).toFixed(1)} ms, ${median(cpu).toFixed(1)} ms of CPU; ${best}`
  }
  console.log(`${first.lines} lines, new lane: ${shown(rounds.map((round) => round.load))}`)
  console.log(`reload of ${options.file} lines: ${shown(rounds.map((round) => round.reload))}`)
}

if (isMainThread) await main()
else parentPort?.postMessage(runRound(workerData as Work))
