// What a run of the load client says: a JSON object for programs, a page for people, warnings for both.
//
// Load client only, pure.

import type { LoadOptions, LoadResult } from './load-run.ts'

/** Beyond this the client's own lateness is a good part of what was measured. */
const lateP99MsMax = 5
const clientCpuPercentMax = 85

export interface Report {
  readonly proto: 'tcp' | 'ws'
  readonly conns: number
  readonly ratePerS: number
  readonly secs: number
  readonly routes: readonly string[]
  readonly sent: number
  readonly replied: number
  readonly sentPerS: number
  readonly repliedPerS: number
  /** By code, replies from 400 on. */
  readonly failed: Readonly<Record<string, number>>
  readonly lost: number
  readonly unsent: number
  readonly outOfOrder: number
  readonly unasked: number
  readonly pushes: number
  readonly kicked: Readonly<Record<string, number>>
  readonly closed: Readonly<Record<string, number>>
  /** A lost connection stays lost: it must show. */
  readonly reconnects: 0
  readonly rttMs: Percentiles
  /** How late the client itself sent. */
  readonly lateMs: Percentiles
  readonly client: Use
  readonly server: (Use & { readonly rssMibMax: number }) | undefined
  readonly clean: boolean
  readonly warnings: readonly string[]
}

export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly 'p99.9': number
  readonly max: number
  readonly mean: number
}

export interface Use {
  /** Of one core. */
  readonly cpuPercent: number
  /** Per request and its reply. */
  readonly cpuUsPerMessage: number
  readonly rssMib: number
}

/** Draws the figures together. */
export function makeReport(options: LoadOptions, result: LoadResult): Report {
  const { tally, elapsedMs, server } = result
  const lost = Math.max(0, tally.sent - tally.replied)
  const failures = [...tally.failed.values(), ...tally.kicked.values(), ...tally.closed.values()]
  const report = {
    proto: options.target.webSocket ? ('ws' as const) : ('tcp' as const),
    conns: options.conns,
    ratePerS: options.ratePerS,
    secs: options.secs,
    routes: options.routes,
    sent: tally.sent,
    replied: tally.replied,
    sentPerS: Math.round(tally.sent / options.secs),
    repliedPerS: Math.round((tally.replied * 1000) / elapsedMs),
    failed: Object.fromEntries(tally.failed),
    lost,
    unsent: tally.unsent,
    outOfOrder: tally.outOfOrder,
    unasked: tally.unasked,
    pushes: tally.pushes,
    kicked: Object.fromEntries(tally.kicked),
    closed: Object.fromEntries(tally.closed),
    reconnects: 0 as const,
    rttMs: percentiles(result.rtt),
    lateMs: percentiles(result.late),
    client: use(result.clientCpuMs, result.clientRssBytes, result),
    server: server && {
      ...use(server.cpuMs, server.rssBytes, result),
      rssMibMax: mib(server.rssBytesMax),
    },
    clean: lost + tally.unsent + tally.outOfOrder + tally.unasked + failures.length === 0,
  }
  return { ...report, warnings: warningsOf(report, options) }
}

function percentiles(histogram: LoadResult['rtt']): Percentiles {
  return {
    p50: round(histogram.percentileMs(50)),
    p90: round(histogram.percentileMs(90)),
    p99: round(histogram.percentileMs(99)),
    'p99.9': round(histogram.percentileMs(99.9)),
    max: round(histogram.maxMs),
    mean: round(histogram.meanMs),
  }
}

function use(cpuMs: number, rssBytes: number, result: LoadResult): Use {
  return {
    cpuPercent: Math.round((cpuMs * 100) / result.elapsedMs),
    cpuUsPerMessage: round((cpuMs * 1000) / Math.max(1, result.tally.sent)),
    rssMib: mib(rssBytes),
  }
}

function warningsOf(report: Omit<Report, 'warnings'>, options: LoadOptions): string[] {
  const warnings: string[] = []
  if (report.lateMs.p99 > lateP99MsMax || report.client.cpuPercent > clientCpuPercentMax) {
    warnings.push(
      `the client itself ran late (p99 ${report.lateMs.p99} ms, ${report.client.cpuPercent} % of a ` +
        'core): these figures describe it as much as the server',
    )
  }
  if (options.pid !== undefined && report.server === undefined) {
    warnings.push(`process ${options.pid} could not be read: no figures of the server`)
  }
  if (report.unsent > 0) {
    warnings.push(`${report.unsent} requests were not sent: their connection was gone or blocked`)
  }
  return warnings
}

/** The report as lines for a terminal. */
export function formatReport(report: Report): string {
  const { rttMs, lateMs, client, server } = report
  const lines: [string, string][] = [
    [
      'load',
      `${report.proto}, ${report.conns} connections x ${report.ratePerS}/s, ${report.secs} s`,
    ],
    ['routes', report.routes.join(', ')],
    ['sent', `${report.sent} (${report.sentPerS}/s), unsent ${report.unsent}`],
    ['replied', `${report.replied} (${report.repliedPerS}/s), lost ${report.lost}`],
    ['failed', counts(report.failed)],
    ['order', `${report.outOfOrder} out of order, ${report.unasked} unasked`],
    ['pushes', String(report.pushes)],
    ['kicked', counts(report.kicked)],
    ['closed', `${counts(report.closed)}, reconnects ${report.reconnects}`],
    ['rtt ms', line(rttMs)],
    ['late ms', line(lateMs)],
    ['client', useLine(client)],
    [
      'server',
      server === undefined
        ? 'not measured (--pid)'
        : `${useLine(server)}, at most ${server.rssMibMax} MiB`,
    ],
  ]
  const text = lines.map(([name, value]) => `${name.padEnd(8)} ${value}`)
  return [...text, ...report.warnings.map((warning) => `WARNING  ${warning}`)].join('\n')
}

const line = (p: Percentiles) =>
  `p50 ${p.p50}  p90 ${p.p90}  p99 ${p.p99}  p99.9 ${p['p99.9']}  max ${p.max}  mean ${p.mean}`
const useLine = (u: Use) =>
  `${u.cpuPercent} % of a core, ${u.cpuUsPerMessage} us per message, ${u.rssMib} MiB`

function counts(of: Readonly<Record<string, number>>): string {
  const parts = Object.entries(of).map(([what, times]) => `${what}: ${times}`)
  return parts.length === 0 ? '0' : parts.join(', ')
}

const round = (value: number) => Math.round(value * 100) / 100
const mib = (bytes: number) => Math.round(bytes / 1024 / 1024)
