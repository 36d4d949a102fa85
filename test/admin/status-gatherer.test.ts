// The status's arithmetic: rates over a second and a minute, busy shares, lanes that were replaced.
import { beforeEach, describe, expect, it } from 'vitest'
import type { RpcStatus } from '../../core/admin/status.ts'
import { StatusGatherer } from '../../core/admin/status-gatherer.ts'
import { ManualClock } from '../../core/base/clock.ts'
import type { Log } from '../../core/base/log.ts'
import type { Gate } from '../../core/gate/gate.ts'
import { RouteStats } from '../../core/gate/route-stats.ts'
import type { LaneReport } from '../../core/lane/lane-group.ts'
import { allocateLaneStats, LaneMeter, LaneStats } from '../../core/lane/lane-stats.ts'
import type { TimerState } from '../../core/timer/timer-port.ts'

let clock: ManualClock
let memory: SharedArrayBuffer
let meter: LaneMeter
let routeStats: RouteStats
let gateStats: Record<string, number>
let outbox: { packages: number; bytes: number }
let logged: { fields: Record<string, unknown>; text: string }[]
let gatherer: StatusGatherer
const gauges = {
  sessions: 4,
  parked: 2,
  timers: 3,
  fullWaits: 0,
  highWaterBytes: 100,
  entities: 12,
  entityBytes: 5000,
  luaBytes: () => 2048,
}
const ring = { capacityBytes: 1000, usedBytes: 10, highWaterBytes: 500, refusals: 1 }

beforeEach(() => {
  clock = new ManualClock()
  memory = allocateLaneStats()
  meter = new LaneMeter(memory, gauges)
  routeStats = new RouteStats()
  gateStats = { accepted: 0, refused: 0, requests: 0, notifies: 0, kicks: 0, bytesIn: 0 }
  outbox = { packages: 0, bytes: 0 }
  logged = []
  const gate = {
    sessions: { size: 7, boundSize: 5 },
    channels: { size: 1 },
    inFlight: { size: 2 },
    inbound: { blockedSessions: 0 },
    stats: gateStats,
    outbox,
    routeStats,
  } as unknown as Gate
  const lane = {
    lane: 0,
    isRunning: true,
    replacements: 0,
    stats: new LaneStats(memory),
    link: { ...ring, heldMessages: 0 },
    toCore: ring,
    hold: { heldMessages: 2, heldBytes: 300, highWaterBytes: 900, waited: 40 },
  } as unknown as LaneReport
  const log = {
    info: (fields: Record<string, unknown>, text: string) => logged.push({ fields, text }),
  } as unknown as Log
  gatherer = new StatusGatherer({
    about: { node: 'n', version: 'v', engine: 'v8' },
    clock,
    log,
    gate,
    lanes: () => [lane],
    routeName: (code) => (code === 1 ? 'bag.handler.look' : undefined),
    timerState: { waiting: 9, held: 0 } as TimerState,
    coreTimers: () => 6,
    rpc: () => ({}) as RpcStatus,
    data: () => null,
    cache: () => ({ entries: 0, bytes: 0, bytesMax: 0, hits: 0, misses: 0, evictions: 0 }),
  })
})

/** A second of work: so many requests, and the lane asleep for a share of it. */
function second(requests: number, asleepMs: number): void {
  for (let i = 0; i < requests; i++) {
    routeStats.request(1)
    routeStats.replied(1, 2)
  }
  gateStats.requests = (gateStats.requests ?? 0) + requests
  outbox.packages += requests
  meter.slept(asleepMs)
  clock.advance(1000)
  meter.turn(clock.monotonicMs(), requests)
  gatherer.tick()
}

describe('the status', () => {
  it('has no rates before its first second', () => {
    expect(gatherer.status().rates.second).toMatchObject({ messagesIn: 0, errors: 0 })
    expect(gatherer.status().latency).toMatchObject({ count: 0, p99Us: 0 })
  })

  it('tells the last second from the last minute', () => {
    for (let i = 0; i < 60; i++) second(10, 900)
    second(100, 900)
    const { rates, uptimeS } = gatherer.status()
    expect(uptimeS).toBe(61)
    expect(rates.second.messagesIn).toBe(100)
    // 59 seconds of 10 and one of 100.
    expect(rates.minute.messagesIn).toBe(11.5)
  })

  it('shows how busy a lane was in the last second', () => {
    second(1, 1000)
    second(1, 250)
    expect(gatherer.status().lanes[0]).toMatchObject({
      busyPercent: 75,
      messages: 2,
      sessions: 4,
      timers: 3,
      toLane: { highWaterBytes: 500, fullWaits: 1 },
      toCore: { highWaterBytes: 100 },
      heldForDisk: { messages: 2, bytes: 300, highWaterBytes: 900, waited: 40 },
      // Whole KiB.
      entities: { count: 12, bytes: 5120 },
    })
  })

  it('counts on over the wrap of a lane’s 32 bits, and over its replacement', () => {
    new Int32Array(memory)[1] = -3 // 2^32 - 3 messages
    meter = new LaneMeter(memory, gauges)
    second(1, 0)
    const before = gatherer.status().lanes[0]?.messages ?? 0
    second(5, 0)
    expect(gatherer.status().lanes[0]?.messages).toBe(before + 5)
    meter = new LaneMeter(memory, { ...gauges, highWaterBytes: 20 })
    second(2, 0)
    expect(gatherer.status().lanes[0]).toMatchObject({
      messages: before + 7,
      toCore: { highWaterBytes: 100 },
    })
  })

  it('sums errors by code, and names routes', () => {
    second(3, 0)
    routeStats.error(1, 404)
    routeStats.error(1, 404)
    routeStats.error(0, 401)
    const { messages, routes } = gatherer.status()
    expect(messages.errors).toEqual({ 401: 1, 404: 2 })
    expect(routes[0]).toMatchObject({
      route: 'bag.handler.look',
      requests: 3,
      errors: { 404: 2 },
      latency: { count: 3, maxUs: 2000 },
    })
    expect(routes[1]).toMatchObject({ route: '(no such route)', errors: { 401: 1 } })
  })

  it('writes one line a minute', () => {
    for (let i = 0; i < 59; i++) second(10, 500)
    expect(logged).toEqual([])
    second(10, 500)
    expect(logged).toHaveLength(1)
    expect(logged[0]).toMatchObject({
      text: 'status',
      fields: {
        sessions: 7,
        bound: 5,
        messagesInPerS: 10,
        lanesBusyPercent: [50],
        timers: 9,
        fullWaits: 1,
      },
    })
    for (let i = 0; i < 60; i++) second(10, 500)
    expect(logged).toHaveLength(2)
  })
})
