// What a client's message costs the server on each engine: the demo game under the same load.
//
//   npm run bench:engines [-- --conns 2000] [--rate 4] [--secs 10] [--rounds 3]
//
// Every round starts a host for each engine and transport in turn, with the project's own config/ and
// lua/, and sends `battle.handler.move` and `battle.handler.attack` on a fixed schedule (bench/load).
// 8,000 messages a second are what both engines carry: of a host that falls behind, the processor time
// per message says little. Server and client share the machine, so the columns to compare are the
// processor times; they are the medians of the rounds. Exits 1 when a message was lost or failed.

import { readdirSync, readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { must } from '../core/base/assert.ts'
import { startBenchHost } from './host/bench-host.ts'
import { runLoad } from './load/load-run.ts'
import { makeReport, type Report } from './load/report.ts'
import { median, printTable } from './table.ts'

const engines = ['v8', 'fengari'] as const
const transports = ['tcp', 'ws'] as const

interface Flags {
  readonly conns: number
  readonly rate: number
  readonly secs: number
  readonly rounds: number
}

/** The project's folder, also when this runs compiled. */
const project = fileURLToPath(
  new URL(import.meta.url.includes('/dist/') ? '../..' : '..', import.meta.url),
)

function demoGame(): Record<string, string> {
  const files: Record<string, string> = {}
  for (const folder of ['config', 'lua']) {
    for (const entry of readdirSync(join(project, folder), { recursive: true, encoding: 'utf8' })) {
      const path = join(folder, entry)
      if (/\.(lua|proto)$/.test(path)) files[path] = readFileSync(join(project, path), 'utf8')
    }
  }
  return files
}

async function measure(
  engine: string,
  transport: (typeof transports)[number],
  flags: Flags,
): Promise<Report> {
  const host = await startBenchHost(demoGame(), { MOONWHEEL_LUA_ENGINE: engine })
  try {
    const webSocket = transport === 'ws'
    const port = webSocket ? host.wsPort : host.tcpPort
    const options = {
      target: { webSocket, host: '127.0.0.1', port, path: '/' },
      conns: flags.conns,
      ratePerS: flags.rate,
      secs: flags.secs,
      routes: ['battle.handler.move', 'battle.handler.attack'],
      bodies: ['{"x":{{rand:100}},"y":{{rand:100}}}', '{"target":"dummy","skill":1}'],
      loginRoute: 'login.handler.guest',
      rampPerS: 500,
      pid: host.pid,
      graceMs: 5000,
      openTimeoutMs: 30_000,
      onPhase: () => {},
    }
    return makeReport(options, await runLoad(options))
  } finally {
    await host.stop()
  }
}

async function main(): Promise<number> {
  const flags = new Command('bench:engines')
    .option('--conns <count>', 'connections', Number, 2000)
    .option('--rate <count>', 'messages a second of each', Number, 4)
    .option('--secs <seconds>', 'how long', Number, 10)
    .option('--rounds <count>', 'rounds, all engines and transports in each', Number, 3)
    .parse()
    .opts<Flags>()
  const reports = new Map<string, Report[]>()
  const names = transports.flatMap((transport) =>
    engines.map((engine) => ({ engine, transport, name: `${engine}, ${transport}` })),
  )
  for (let round = 1; round <= flags.rounds; round++) {
    for (const { engine, transport, name } of names) {
      const report = await measure(engine, transport, flags)
      reports.set(name, [...(reports.get(name) ?? []), report])
      const cpu = report.server?.cpuUsPerMessage.toFixed(1)
      console.info(`round ${round}: ${name}: ${cpu} µs; load average ${loadavg()[0]?.toFixed(1)}`)
    }
  }
  const rows = names.map(({ name }) => {
    const all = must(reports.get(name), 'each was measured')
    const of = (figure: (report: Report) => number) => median(all.map(figure))
    const server = (report: Report) => report.server?.cpuUsPerMessage ?? Number.NaN
    return [
      name,
      String(all.reduce((sum, { sent }) => sum + sent, 0)),
      String(all.reduce((sum, { lost, unsent }) => sum + lost + unsent, 0)),
      String(all.flatMap(({ failed }) => Object.values(failed)).reduce((a, b) => a + b, 0)),
      of(server).toFixed(1),
      `${Math.min(...all.map(server)).toFixed(1)} to ${Math.max(...all.map(server)).toFixed(1)}`,
      of(({ client }) => client.cpuUsPerMessage).toFixed(1),
      of(({ rttMs }) => rttMs.p50).toFixed(1),
      of(({ rttMs }) => rttMs.p99).toFixed(1),
      of((report) => report.server?.rssMibMax ?? Number.NaN).toFixed(0),
    ]
  })
  const titles = ['engine, transport', 'sent', 'lost', 'failed', 'server µs', 'all rounds']
  printTable([...titles, 'client µs', 'p50 ms', 'p99 ms', 'RSS MiB'], rows)
  const isClean = [...reports.values()].flat().every(({ clean }) => clean)
  return isClean ? 0 : 1
}

process.exitCode = await main()
