// The Redis benchmark: `npm run bench:redis`. Guards redis.call from Lua to Redis and back.
//
// A host in this process runs a service that sends GETs one after the other, and again from 64
// coroutines. Beside it, in turns of 1,000, the same from plain ioredis, and from a bare socket that
// writes the same bytes each time and looks at no answer: what Node and the machine take at the
// least. Turns are short, so that on a machine with other work some of each are undisturbed; printed
// are the best and the median turn, for 10,000, and what one call takes: the median of a turn, and of
// these the median. That last figure hardly depends on what else the machine does. Needs Redis at
// 127.0.0.1:6379 (or MOONWHEEL_TEST_REDIS). Exits 1 when the best misses a target.

import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Redis } from 'ioredis'
import { loadConfig } from '../core/config/load.ts'
import { startHost } from '../core/host/host.ts'
import { encodeCommand } from '../core/store/resp.ts'
import { median, printTable, quantile } from './table.ts'

const url = process.env.MOONWHEEL_TEST_REDIS ?? 'redis://127.0.0.1:6379'
const calls = 10_000
/** GETs of one turn. */
const slice = 1000
const turns = 24
const targetMs = { one: 600, many: 100 } as const
const prefix = `moonwheel-bench:${process.pid}:`

const service = `local load = service "load"
local key, go, result = "${prefix}key", "${prefix}go", "${prefix}result"

local function one_by_one()
  local started_ms, times_us = clock.mono_ms(), {}
  local before_ms = started_ms
  for i = 1, ${slice} do
    redis.call("GET", key)
    local now_ms = clock.mono_ms()
    times_us[i], before_ms = (now_ms - before_ms) * 1000, now_ms
  end
  table.sort(times_us)
  return before_ms - started_ms, times_us[${slice} // 2]
end

local function at_once(coroutines)
  local left, started_ms, ended_ms = coroutines, clock.mono_ms(), nil
  for _ = 1, coroutines do
    fork(function()
      for _ = 1, ${slice} // coroutines do
        redis.call("GET", key)
      end
      left = left - 1
      if left == 0 then
        ended_ms = clock.mono_ms()
      end
    end)
  end
  while not ended_ms do
    sleep(5)
  end
  return ended_ms - started_ms
end

function load.init()
  redis.call("SET", key, "0123456789abcdef", "EX", 600)
  fork(function()
    while true do
      local coroutines = redis.call("LPOP", go)
      if coroutines then
        coroutines = tonumber(coroutines)
        local ms, call_us
        if coroutines == 1 then
          ms, call_us = one_by_one()
        else
          ms, call_us = at_once(coroutines), 0
        end
        redis.call("RPUSH", result, ms .. " " .. call_us)
      end
      sleep(5)
    end
  end)
end
return load
`

function makeGame(): string {
  const root = mkdtempSync(join(tmpdir(), 'moonwheel-bench-'))
  const files = {
    'lua/services/load.lua': service,
    'config/services.lua': 'return { { name = "load" } }\n',
    'config/host.lua': `return {
  lanes = { count = 1, run_budget_ms = 10000 },
  listen = { tcp = false, ws = false, http = false },
  redis = { url = "${url}" },
  log = { level = "warn", pretty = false },
}\n`,
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

const redis = new Redis(url, { maxRetriesPerRequest: 0 })

/** What one turn took. */
interface Turn {
  readonly ms: number
  /** The median of its calls, one by one; 0 when they were under way together. */
  readonly callUs: number
}

async function fromLua(coroutines: number): Promise<Turn> {
  await redis.rpush(`${prefix}go`, coroutines)
  const answer = await redis.blpop(`${prefix}result`, 60)
  const [ms = Number.NaN, callUs = Number.NaN] = (answer?.[1] ?? '').split(' ').map(Number)
  return { ms, callUs }
}

/** Times calls that follow one another. */
class Stopwatch {
  readonly #timesUs = new Float64Array(slice)
  readonly #startedMs = performance.now()
  #lastMs = this.#startedMs
  #count = 0

  /** A call has ended, and the next begins. */
  lap(): void {
    const nowMs = performance.now()
    this.#timesUs[this.#count++] = (nowMs - this.#lastMs) * 1000
    this.#lastMs = nowMs
  }

  get turn(): Turn {
    return { ms: this.#lastMs - this.#startedMs, callUs: quantile(this.#timesUs, 0.5) }
  }
}

async function ioredisOneByOne(): Promise<Turn> {
  const watch = new Stopwatch()
  for (let i = 0; i < slice; i++) {
    await redis.get(`${prefix}key`)
    watch.lap()
  }
  return watch.turn
}

async function ioredisAtOnce(coroutines: number): Promise<Turn> {
  const startedMs = performance.now()
  const one = async (): Promise<void> => {
    for (let i = 0; i < Math.floor(slice / coroutines); i++) await redis.get(`${prefix}key`)
  }
  await Promise.all(Array.from({ length: coroutines }, one))
  return { ms: performance.now() - startedMs, callUs: 0 }
}

/** A socket that does nothing but send a command when the answer to the last one has come. */
async function openBare(): Promise<() => Promise<Turn>> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port || 6379), noDelay: true })
  await once(socket, 'connect')
  socket.unref()
  const command = encodeCommand('GET', [Buffer.from(`${prefix}key`)])
  return () =>
    new Promise((resolve) => {
      const watch = new Stopwatch()
      let left = slice
      const answered = (): void => {
        watch.lap()
        if (--left > 0) return void socket.write(command)
        socket.off('data', answered)
        resolve(watch.turn)
      }
      socket.on('data', answered)
      socket.write(command)
    })
}

const root = makeGame()
const host = await startHost(loadConfig({ root }), 'bench')
const bare = await openBare()
const ways = [
  { name: 'Lua, one by one', run: () => fromLua(1), turns: [] as Turn[] },
  { name: 'ioredis, one by one', run: ioredisOneByOne, turns: [] as Turn[] },
  { name: 'bare socket, one by one', run: bare, turns: [] as Turn[] },
  { name: 'Lua, 64 at once', run: () => fromLua(64), turns: [] as Turn[] },
  { name: 'ioredis, 64 at once', run: () => ioredisAtOnce(64), turns: [] as Turn[] },
]
for (let turn = -2; turn < turns; turn++) {
  for (const way of ways) {
    const took = await way.run()
    if (turn >= 0) way.turns.push(took) // the first two are a warm-up
  }
}
/** Of one way: the best and the median turn, for all calls, and one call's median. */
const results = ways.map(({ name, turns }) => {
  const ms = turns.map((turn) => (turn.ms * calls) / slice)
  return {
    name,
    best: Math.min(...ms),
    median: median(ms),
    callUs: median(turns.map((t) => t.callUs)),
  }
})
console.info(`node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`)
console.info(
  `ms for ${calls} GETs, best target: ${targetMs.one} one by one, ${targetMs.many} by 64`,
)
printTable(
  ['', 'best', 'median', 'one call, µs'],
  results.map(({ name, best, median, callUs }) => [
    name,
    best.toFixed(0),
    median.toFixed(0),
    callUs === 0 ? '' : callUs.toFixed(1),
  ]),
)
await redis.del(`${prefix}key`, `${prefix}go`, `${prefix}result`)
redis.disconnect()
await host.stop('the benchmark has ended')
rmSync(root, { recursive: true, force: true })
const best = (name: string): number => results.find((each) => each.name === name)?.best ?? 0
const isMet = best('Lua, one by one') <= targetMs.one && best('Lua, 64 at once') <= targetMs.many
process.exitCode = isMet ? 0 : 1
