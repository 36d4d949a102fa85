// Gathers the numbers of gate, lanes, timers and process into one status. Core thread.
//
// Counters live where they are counted; this reads them. Once a second `tick` takes a sample, from
// which rates and busy shares over the last second and minute are made; once a minute it writes one
// line to the log. Reading the status costs milliseconds and nothing is kept for it in between.

import type { Clock } from '../base/clock.ts'
import { Histogram } from '../base/histogram.ts'
import { limits } from '../base/limits.ts'
import type { Log } from '../base/log.ts'
import type { Gate } from '../gate/gate.ts'
import type { RouteNumbers } from '../gate/route-stats.ts'
import type { LaneReport } from '../lane/lane-group.ts'
import type { TimerState } from '../timer/timer-port.ts'
import type {
  CacheStatus,
  DataStatus,
  HostStatus,
  LaneStatus,
  LatencyStatus,
  RatesStatus,
  RouteStatus,
  RpcStatus,
} from './status.ts'

const samplesKept = 61
const ticksPerLogLine = 60

export interface StatusParts {
  readonly about: { readonly node: string; readonly version: string; readonly engine: string }
  readonly clock: Clock
  readonly log: Log
  readonly gate: Gate
  readonly lanes: () => readonly LaneReport[]
  /** The name of a route's code, while it has one. */
  readonly routeName: (code: number) => string | undefined
  readonly timerState: TimerState
  readonly coreTimers: () => number
  readonly rpc: () => RpcStatus
  readonly data: () => DataStatus | null
  readonly cache: () => CacheStatus
}

/** Counters of one moment; rates are differences of two. */
interface Sample {
  readonly atMs: number
  readonly messagesIn: number
  readonly messagesOut: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly errors: number
  readonly accepted: number
}

interface LaneCounts {
  asleepUs: number
  messages: number
  /** Total since the start, beyond the 32 bits of the lane's own count. */
  messagesTotal: number
  busyPercent: number
}

export class StatusGatherer {
  readonly #parts: StatusParts
  readonly #startedMs: number
  readonly #startedAt: string
  readonly #samples: Sample[] = []
  readonly #lanes: LaneCounts[] = []
  #loop = performance.eventLoopUtilization()
  #coreBusyPercent = 0
  #sampledMs: number
  #ticks = 0

  constructor(parts: StatusParts) {
    this.#parts = parts
    this.#startedMs = parts.clock.monotonicMs()
    this.#sampledMs = this.#startedMs
    this.#startedAt = new Date(parts.clock.wallMs()).toISOString()
    this.#samples.push(this.#sample(this.#startedMs))
  }

  /** Call once a second. */
  tick(): void {
    const nowMs = this.#parts.clock.monotonicMs()
    const passedMs = nowMs - this.#sampledMs
    if (passedMs <= 0) return
    this.#sampledMs = nowMs
    this.#samples.push(this.#sample(nowMs))
    if (this.#samples.length > samplesKept) this.#samples.shift()
    for (const lane of this.#parts.lanes()) this.#sampleLane(lane, passedMs)
    const loop = performance.eventLoopUtilization()
    this.#coreBusyPercent = percent(performance.eventLoopUtilization(loop, this.#loop).utilization)
    this.#loop = loop
    if (++this.#ticks % ticksPerLogLine === 0) this.#writeLogLine()
  }

  status(): HostStatus {
    const { about, clock, gate, timerState, coreTimers } = this.#parts
    const nowMs = clock.monotonicMs()
    const routes = [...gate.routeStats]
    const memory = process.memoryUsage()
    return {
      node: about.node,
      version: about.version,
      pid: process.pid,
      engine: about.engine,
      startedAt: this.#startedAt,
      uptimeS: Math.floor((nowMs - this.#startedMs) / 1000),
      process: {
        rssBytes: memory.rss,
        coreHeapBytes: memory.heapUsed,
        coreBusyPercent: this.#coreBusyPercent,
      },
      sessions: {
        open: gate.sessions.size,
        bound: gate.sessions.boundSize,
        accepted: gate.stats.accepted,
        refused: gate.stats.refused,
        kicked: gate.stats.kicks,
        blocked: gate.inbound.blockedSessions,
        channels: gate.channels.size,
      },
      messages: {
        requests: gate.stats.requests,
        notifies: gate.stats.notifies,
        inFlight: gate.inFlight.size,
        packagesOut: gate.outbox.packages,
        bytesIn: gate.stats.bytesIn,
        bytesOut: gate.outbox.bytes,
        errors: sumErrors(routes),
      },
      rates: { second: this.#rates(2), minute: this.#rates(samplesKept) },
      latency: latencyOf(sumLatency(routes)),
      timers: { waiting: timerState.waiting, held: timerState.held, core: coreTimers() },
      rpc: this.#parts.rpc(),
      data: this.#parts.data(),
      cache: this.#parts.cache(),
      lanes: this.#parts.lanes().map((lane) => this.#laneStatus(lane)),
      routes: routes
        .map((route) => this.#routeStatus(route))
        .sort((a, b) => b.requests + b.notifies - a.requests - a.notifies),
    }
  }

  #sample(atMs: number): Sample {
    const { gate } = this.#parts
    return {
      atMs,
      messagesIn: gate.stats.requests + gate.stats.notifies,
      messagesOut: gate.outbox.packages,
      bytesIn: gate.stats.bytesIn,
      bytesOut: gate.outbox.bytes,
      errors: gate.routeStats.errorCount,
      accepted: gate.stats.accepted,
    }
  }

  #sampleLane({ lane, stats }: LaneReport, passedMs: number): void {
    const { asleepUs, messages } = stats
    const before = this.#lanes[lane]
    if (before === undefined) {
      this.#lanes[lane] = { asleepUs, messages, messagesTotal: messages, busyPercent: 0 }
      return
    }
    const asleepMs = ((asleepUs - before.asleepUs) >>> 0) / 1000
    before.busyPercent = percent(1 - Math.min(1, asleepMs / passedMs))
    before.messagesTotal += (messages - before.messages) >>> 0
    before.asleepUs = asleepUs
    before.messages = messages
  }

  #laneStatus(report: LaneReport): LaneStatus {
    const { lane, isRunning, replacements, stats, link, toCore, hold } = report
    const counts = this.#lanes[lane]
    const since = counts === undefined ? stats.messages : (stats.messages - counts.messages) >>> 0
    return {
      lane,
      state: isRunning ? 'running' : 'down',
      replacements,
      sessions: stats.sessions,
      parked: stats.parked,
      timers: stats.timers,
      messages: (counts?.messagesTotal ?? 0) + since,
      busyPercent: counts?.busyPercent ?? 0,
      heapBytes: stats.heapBytes,
      heapLimitBytes: stats.heapLimitBytes,
      luaBytes: stats.luaBytes,
      toLane: {
        capacityBytes: link.capacityBytes,
        usedBytes: link.usedBytes,
        highWaterBytes: link.highWaterBytes,
        fullWaits: link.refusals,
      },
      toCore: {
        capacityBytes: toCore.capacityBytes,
        usedBytes: toCore.usedBytes,
        highWaterBytes: stats.highWaterBytes,
        fullWaits: stats.fullWaits,
      },
      heldMessages: link.heldMessages,
      heldForDisk: {
        messages: hold.heldMessages,
        bytes: hold.heldBytes,
        bytesMax: limits.ackHoldBytesMax,
        highWaterBytes: hold.highWaterBytes,
        waited: hold.waited,
      },
      entities: { count: stats.entities, bytes: stats.entityBytes },
    }
  }

  #routeStatus({ code, requests, notifies, errors, latency }: RouteNumbers): RouteStatus {
    return {
      route: this.#parts.routeName(code) ?? '(no such route)',
      requests,
      notifies,
      errors: Object.fromEntries(errors),
      latency: latencyOf(latency),
    }
  }

  /** Over the last `count` samples, or as many as there are. */
  #rates(count: number): RatesStatus {
    const last = this.#samples.at(-1)
    const first = this.#samples.at(-Math.min(count, this.#samples.length))
    const seconds = ((last?.atMs ?? 0) - (first?.atMs ?? 0)) / 1000
    const rate = (field: keyof Sample): number =>
      seconds === 0 ? 0 : round(((last?.[field] ?? 0) - (first?.[field] ?? 0)) / seconds)
    return {
      messagesIn: rate('messagesIn'),
      messagesOut: rate('messagesOut'),
      bytesIn: rate('bytesIn'),
      bytesOut: rate('bytesOut'),
      errors: rate('errors'),
      accepted: rate('accepted'),
    }
  }

  #writeLogLine(): void {
    const { sessions, rates, latency, process: own, timers, lanes } = this.status()
    const { minute } = rates
    const fields = {
      sessions: sessions.open,
      bound: sessions.bound,
      messagesInPerS: minute.messagesIn,
      messagesOutPerS: minute.messagesOut,
      errorsPerS: minute.errors,
      p50Us: latency.p50Us,
      p99Us: latency.p99Us,
      rssMb: Math.round(own.rssBytes / 1024 ** 2),
      coreBusyPercent: own.coreBusyPercent,
      lanesBusyPercent: lanes.map((lane) => lane.busyPercent),
      timers: timers.waiting,
      fullWaits: lanes.reduce(
        (sum, lane) => sum + lane.toLane.fullWaits + lane.toCore.fullWaits,
        0,
      ),
    }
    this.#parts.log.info(fields, 'status')
  }
}

/** The percentiles of a histogram of microseconds. */
export function latencyOf(histogram: Histogram): LatencyStatus {
  return {
    count: histogram.count,
    p50Us: histogram.percentile(0.5),
    p90Us: histogram.percentile(0.9),
    p99Us: histogram.percentile(0.99),
    p999Us: histogram.percentile(0.999),
    maxUs: histogram.max,
    meanUs: Math.round(histogram.mean),
  }
}

function sumLatency(routes: readonly RouteNumbers[]): Histogram {
  const sum = new Histogram()
  for (const { latency } of routes) if (latency.count > 0) sum.add(latency)
  return sum
}

function sumErrors(routes: readonly RouteNumbers[]): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const { errors } of routes) {
    for (const [code, count] of errors) sum[code] = (sum[code] ?? 0) + count
  }
  return sum
}

const percent = (share: number): number => round(100 * share)
const round = (value: number): number => Math.round(value * 10) / 10
