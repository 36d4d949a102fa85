// The RPC benchmark: `npm run bench:rpc [-- --quick]`. Calls a second between two processes.
//
// 64-byte bodies, 1 and 64 calls under way, closed loop: each answer starts the next call. Every library
// takes its turn in each round, so that a busy machine is busy for all; the median round counts. Guards
// core/rpc: exits 1 when ours is under 5 times @grpc/grpc-js with 64 under way.

import { spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Histogram } from '../core/base/histogram.ts'
import { bodyBytes, type Caller, type Contender } from './rpc/contender.ts'
import { contenders } from './rpc/contenders.ts'

const isQuick = process.argv.includes('--quick')
const rounds = isQuick ? 1 : 5
const runMs = isQuick ? 500 : 1500
const warmUpMs = isQuick ? 500 : 1000
const targetRatio = 5

interface Result {
  readonly perS: number
  readonly p99Us: number
}

interface Running {
  readonly contender: Contender
  readonly caller: Caller
  readonly stop: () => void
  readonly results: Map<number, Result[]>
}

async function start(contender: Contender): Promise<Running> {
  const script = fileURLToPath(new URL('./rpc/serve.js', import.meta.url))
  const child = spawn(process.execPath, [script, contender.name], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const port = await new Promise<number>((resolve, reject) => {
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
      const found = /^port (\d+)$/m.exec(text)
      if (found !== null) resolve(Number(found[1]))
    })
    child.once('exit', () => reject(new Error(`the server of ${contender.name} ended`)))
  })
  const caller = await contender.connect(port)
  const stop = (): void => {
    caller.close()
    child.kill()
  }
  return { contender, caller, stop, results: new Map() }
}

/** Keeps `inFlight` calls under way for `ms`, then waits for the last answers. */
function run({ caller }: Running, inFlight: number, ms: number): Promise<Result> {
  const body = Buffer.alloc(bodyBytes, 'x')
  const latency = new Histogram()
  const started = process.hrtime.bigint()
  const endNs = started + BigInt(ms) * 1_000_000n
  return new Promise((resolve, reject) => {
    let open = inFlight
    const next = (): void => {
      const sent = process.hrtime.bigint()
      caller.call(body, (problem) => {
        if (problem !== undefined) return reject(problem)
        const now = process.hrtime.bigint()
        latency.record(Number(now - sent) / 1000)
        if (now < endNs) return next()
        if (--open > 0) return
        const seconds = Number(now - started) / 1e9
        resolve({ perS: latency.count / seconds, p99Us: latency.percentile(0.99) })
      })
    }
    for (let i = 0; i < inFlight; i++) next()
  })
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

function row(cells: readonly string[]): string {
  return cells.map((cell, i) => (i === 0 ? cell.padEnd(16) : cell.padStart(12))).join('')
}

const all: Running[] = []
for (const contender of contenders) all.push(await start(contender))
for (const inFlight of [1, 64]) {
  for (const each of all) await run(each, inFlight, warmUpMs)
  for (let round = 0; round < rounds; round++) {
    for (const each of all) {
      const result = await run(each, inFlight, runMs)
      each.results.set(inFlight, [...(each.results.get(inFlight) ?? []), result])
    }
  }
}
for (const each of all) each.stop()

const ours = all.find(({ contender }) => contender.name === 'moonwheel')
const rateOf = (each: Running | undefined, inFlight: number): number =>
  median((each?.results.get(inFlight) ?? []).map(({ perS }) => perS))

console.info(`node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`)
console.info(`${bodyBytes}-byte bodies, median of ${rounds} rounds of ${runMs} ms`)
let isReached = true
for (const inFlight of [1, 64]) {
  console.info(`\n${row([`${inFlight} in flight`, 'calls/s', 'p99 us', 'ours is'])}`)
  for (const each of all) {
    const perS = rateOf(each, inFlight)
    const p99Us = median((each.results.get(inFlight) ?? []).map((result) => result.p99Us))
    const ratio = rateOf(ours, inFlight) / perS
    console.info(
      row([each.contender.name, perS.toFixed(0), p99Us.toFixed(0), `${ratio.toFixed(1)} x`]),
    )
    if (each.contender.name === '@grpc/grpc-js' && inFlight === 64) isReached = ratio >= targetRatio
  }
}
console.info(`\n5 x grpc-js with 64 in flight: ${isReached ? 'reached' : 'missed'}`)
process.exit(isReached ? 0 : 1)
