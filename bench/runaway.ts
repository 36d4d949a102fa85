// `npm run bench:runaway [-- --engine fengari]`: what good players of one lane feel while a service
// runs wild in the other.
//
// Good players send on a fixed schedule to lane 1, round after round in three ways: by themselves
// (quiet), beside a process of a stranger that only computes (burn), and with a culprit in lane 0, who
// asks for the next runaway as soon as he has his 503 (wild). A runaway takes a core while it lasts,
// and so does the stranger: on a machine without a core to spare, burn is what wild is to be measured
// by. Prints how long each runaway took to be ended, and the latencies side by side. Exits 1 when a
// connection was closed, a good player got an error, a runaway was not answered with 503, or wild's
// p99 is more than twice the greater of the two others.

import { spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { hashText } from '../core/base/hash.ts'
import { Histogram } from '../core/base/histogram.ts'
import { startBenchHost } from './host/bench-host.ts'
import { openPlayers, type Player } from './host/player.ts'
import { gameFiles } from './runaway/game.ts'
import { runaways } from './runaway/handlers.ts'

const goodPlayers = 50
const goodRatePerS = 10
const windowMs = 3000

interface Faults {
  errors: number
  unended: number
}

/** So many uids that belong to this lane of two. */
function uidsOf(lane: number, count: number): string[] {
  const uids: string[] = []
  for (let i = 0; uids.length < count; i++) {
    if (hashText(`u${i}`) % 2 === lane) uids.push(`u${i}`)
  }
  return uids
}

/** Sends of all players on a fixed schedule for a while; a late answer counts from when it was due. */
async function goodWindow(players: readonly Player[], times: Histogram, faults: Faults) {
  const beganMs = performance.now()
  const stepMs = 1000 / (goodRatePerS * players.length)
  const total = Math.round(windowMs / stepMs)
  let sent = 0
  let answered = 0
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      for (; sent < total && beganMs + sent * stepMs <= performance.now(); sent++) {
        const dueMs = beganMs + sent * stepMs
        players[sent % players.length]?.send('wild.handler.good', {}, (body) => {
          times.record((performance.now() - dueMs) * 1000)
          if (!body.includes('200')) faults.errors++
          if (++answered === total) resolve()
        })
      }
      if (sent === total) clearInterval(timer)
    }, 1)
  })
}

/** The same beside a process that only computes. */
async function besideBurner(window: () => Promise<void>): Promise<void> {
  const burner = spawn(process.execPath, ['-e', 'for (;;) {}'])
  try {
    await window()
  } finally {
    burner.kill('SIGKILL')
  }
}

const { values } = parseArgs({ options: { engine: { type: 'string', default: 'v8' } } })
const { model = 'unknown' } = cpus()[0] ?? {}
console.info(`node ${process.version}, ${cpus().length} x ${model}, ${values.engine}`)
const host = await startBenchHost(gameFiles(values.engine))
const faults: Faults = { errors: 0, unended: 0 }
let isSlow = false
try {
  const good = await openPlayers(host.tcpPort, uidsOf(1, goodPlayers), 'login.handler.as')
  const [culprit] = await openPlayers(host.tcpPort, uidsOf(0, 1), 'login.handler.as')
  await goodWindow(good, new Histogram(), faults)
  for (const name of runaways) {
    const [quiet, burn] = [new Histogram(), new Histogram()]
    const [wild, ended] = [new Histogram(), new Histogram()]
    for (let round = 0; round < 2; round++) {
      await goodWindow(good, quiet, faults)
      await besideBurner(() => goodWindow(good, burn, faults))
      const beganMs = performance.now()
      const running = goodWindow(good, wild, faults)
      while (performance.now() - beganMs < windowMs - 1000) {
        const askedMs = performance.now()
        const body = await culprit?.request(`wild.handler.${name}`, {})
        ended.record((performance.now() - askedMs) * 1000)
        if (!body?.includes('503')) faults.unended++
      }
      await running
    }
    const p99 = (times: Histogram): number => times.percentile(0.99) / 1000
    const ratio = p99(wild) / Math.max(p99(quiet), p99(burn))
    isSlow ||= ratio > 2
    const ms = (us: number): string => (us / 1000).toFixed(0)
    console.info(
      `${name.padEnd(8)} ${String(ended.count).padStart(2)} ended after ${ms(ended.percentile(0.5))} ms` +
        ` (max ${ms(ended.max)}); others' p99 ms: quiet ${p99(quiet).toFixed(1)}, ` +
        `burn ${p99(burn).toFixed(1)}, wild ${p99(wild).toFixed(1)}: x ${ratio.toFixed(2)}`,
    )
  }
  const closed = [...good, culprit].flatMap((player) => player?.ended ?? [])
  console.info(`closed ${closed.length}, errors ${faults.errors}, not ended ${faults.unended}`)
  const lanes = (await host.admin('lanes')) as { replacements: number }[]
  console.info(`lanes replaced: ${lanes.map((lane) => lane.replacements).join(', ')}`)
  console.info(`target: others' p99 at most doubled: ${isSlow ? 'MISSED' : 'met'}`)
  const isBad = closed.length + faults.errors + faults.unended > 0 || isSlow
  process.exitCode = isBad ? 1 : 0
  for (const player of [...good, culprit]) player?.close()
} finally {
  await host.stop()
}
