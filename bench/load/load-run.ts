// One run of the load client: open all connections, then requests on a fixed schedule, then figures.
//
// Open loop. Request g of the run is due at start + g * period / conns and belongs to connection
// g mod conns, so each connection has its own phase and nothing waits for a reply:
//
//   conn 0   |0----------|3----------|6---        period = 1000 / rate ms
//   conn 1   |   1----------|4----------|
//   conn 2   |      2----------|5---------        t ─▶
//
// A client that is late sends at once what is due, and a round trip counts from the time that the
// request was DUE: a stall of either side shows in every request that it held up. The due time is
// computed back from the reply's id, so nothing is stored for a request under way.
//
// The timer ticks once a millisecond, which adds half of one to the median; `late` in the report is
// that error, to be subtracted in thought. Failures before the start end the run with an error.

import { performance } from 'node:perf_hooks'
import { Connection, type Opened, type RunEvents, type Target } from './connection.ts'
import { firstId, idCount, RequestFrame } from './frame.ts'
import { Histogram } from './histogram.ts'
import { type ProcessUse, probeProcess } from './server-probe.ts'

export interface LoadOptions {
  readonly target: Target
  readonly conns: number
  /** Requests a second of each connection. */
  readonly ratePerS: number
  readonly secs: number
  /** Taken in turn. */
  readonly routes: readonly string[]
  /** Body templates, one for each route, or one for all. */
  readonly bodies: readonly string[]
  readonly loginRoute: string | undefined
  /** Connections opened a second. */
  readonly rampPerS: number
  /** The server's process, to report its use. */
  readonly pid: number | undefined
  /** How long replies may come after the last request. */
  readonly graceMs: number
  /** How long one connection may take to open and log in. */
  readonly openTimeoutMs: number
  readonly onPhase: (line: string) => void
}

/** Counts of a run, by what happened to the requests. */
export interface Tally {
  due: number
  sent: number
  replied: number
  /** Replies with a code from 400 on, by code. */
  readonly failed: Map<number, number>
  /** Due but not sent: the connection was gone, or its socket took no more. */
  unsent: number
  /** Replies that came before an earlier request's, or twice. */
  outOfOrder: number
  /** Replies to ids that were never sent. */
  unasked: number
  pushes: number
  readonly kicked: Map<string, number>
  readonly closed: Map<string, number>
}

export interface LoadResult {
  readonly tally: Tally
  readonly rtt: Histogram
  readonly late: Histogram
  /** From the first request to the last reply or the end of the grace. */
  readonly elapsedMs: number
  readonly clientCpuMs: number
  readonly clientRssBytes: number
  readonly server:
    | { readonly cpuMs: number; readonly rssBytes: number; readonly rssBytesMax: number }
    | undefined
}

/** Opens, runs and measures. @throws Error when a connection cannot be opened or logged in */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const run = new LoadRun(options)
  try {
    return await run.play()
  } finally {
    run.drop()
  }
}

/** Distinct kick and close reasons that are told apart; the rest count as "other". */
const reasonsMax = 20
const beatsPerSecond = 10

class LoadRun implements RunEvents {
  readonly #options: LoadOptions
  readonly #connections: Connection[] = []
  readonly #rtt = new Histogram()
  readonly #late = new Histogram()
  readonly #tally: Tally = {
    due: 0,
    sent: 0,
    replied: 0,
    failed: new Map(),
    unsent: 0,
    outOfOrder: 0,
    unasked: 0,
    pushes: 0,
    kicked: new Map(),
    closed: new Map(),
  }
  readonly #periodMs: number
  #startMs = 0
  #heartbeatTimer: NodeJS.Timeout | undefined
  #rssBytesMax = 0
  #dropping = false

  constructor(options: LoadOptions) {
    this.#options = options
    this.#periodMs = 1000 / options.ratePerS
  }

  async play(): Promise<LoadResult> {
    const { onPhase, conns, pid } = this.#options
    const openedAt = performance.now()
    const opened = await this.#openAll()
    const tookS = ((performance.now() - openedAt) / 1000).toFixed(1)
    onPhase(`${conns} connections open in ${tookS} s`)
    this.#buildFrames(opened)
    const before = pid === undefined ? undefined : probeProcess(pid)
    const cpuBefore = process.cpuUsage()
    const probing = setInterval(() => this.#probe(), 1000)
    await this.#sendAll()
    await this.#drain()
    clearInterval(probing)
    const cpu = process.cpuUsage(cpuBefore)
    return {
      tally: this.#tally,
      rtt: this.#rtt,
      late: this.#late,
      elapsedMs: performance.now() - this.#startMs,
      clientCpuMs: (cpu.user + cpu.system) / 1000,
      clientRssBytes: process.memoryUsage.rss(),
      server: this.#serverUse(before),
    }
  }

  drop(): void {
    this.#dropping = true
    clearInterval(this.#heartbeatTimer)
    for (const connection of this.#connections) connection.fail('the run is over')
  }

  // --- RunEvents ---

  reply(connection: Connection, id: number, code: number): void {
    const n = id - firstId
    const { conns, ratePerS, secs } = this.#options
    if (n < 0 || n >= ratePerS * secs) {
      this.#tally.unasked++
      return
    }
    const dueMs = this.#startMs + (n * conns + connection.index) * (this.#periodMs / conns)
    this.#rtt.record(performance.now() - dueMs)
    if (n < connection.nextReply) this.#tally.outOfOrder++
    else connection.nextReply = n + 1
    this.#tally.replied++
    if (code >= 400) count(this.#tally.failed, code)
  }

  push(): void {
    this.#tally.pushes++
  }

  kicked(reason: string): void {
    countReason(this.#tally.kicked, reason)
  }

  closed(_connection: Connection, why: string): void {
    if (!this.#dropping) countReason(this.#tally.closed, why)
  }

  // --- phases ---

  async #openAll(): Promise<Opened[]> {
    const { conns, rampPerS, openTimeoutMs } = this.#options
    const opening: Promise<Opened>[] = []
    const startMs = performance.now()
    let failure: Error | undefined
    while (opening.length < conns && failure === undefined) {
      const due = Math.min(conns, 1 + Math.floor(((performance.now() - startMs) * rampPerS) / 1000))
      while (opening.length < due) {
        const opened = this.#open(opening.length)
        opened.catch((error: Error) => (failure ??= error))
        opening.push(opened)
      }
      if (opening.length < conns) await sleep(2)
    }
    return deadline(Promise.all(opening), openTimeoutMs, 'the last connections to log in')
  }

  #open(index: number): Promise<Opened> {
    const { target, loginRoute } = this.#options
    const name = `bench-${process.pid}-${index}`
    const login =
      loginRoute === undefined ? undefined : { route: loginRoute, body: JSON.stringify({ name }) }
    const connection = new Connection(index, target, login, this)
    this.#connections.push(connection)
    connection.opening.then(
      ({ heartbeatS }) => this.#keepAlive(heartbeatS),
      () => undefined, // #openAll reports it
    )
    return connection.opening
  }

  #buildFrames(opened: readonly Opened[]): void {
    const { routes, bodies, target } = this.#options
    for (const [index, connection] of this.#connections.entries()) {
      const { uid, codeOf } = opened[index] as Opened
      const peer = opened[(index + 1) % opened.length]?.uid ?? ''
      connection.frames = routes.map((route, i) => {
        const template = bodies[i] ?? bodies[0] ?? '{}'
        const values = { uid, peer, conn: index }
        return new RequestFrame(codeOf[route] ?? route, template, values, target.webSocket)
      })
    }
  }

  /**
   * From the first connection on, sends heartbeats where nothing else was sent. Each connection is
   * looked at twice in an interval, so none is silent for a whole one; the looks are spread evenly.
   */
  #keepAlive(heartbeatS: number): void {
    if (heartbeatS <= 0 || this.#heartbeatTimer !== undefined || this.#dropping) return
    const slices = Math.max(1, Math.floor((heartbeatS / 2) * beatsPerSecond))
    let slice = 0
    this.#heartbeatTimer = setInterval(() => {
      slice = (slice + 1) % slices
      for (let i = slice; i < this.#connections.length; i += slices) {
        const connection = this.#connections[i] as Connection
        if (!connection.active) connection.sendHeartbeat()
        connection.active = false
      }
    }, 1000 / beatsPerSecond)
  }

  #sendAll(): Promise<void> {
    const { conns, ratePerS, secs } = this.#options
    const total = conns * Math.min(idCount, Math.floor(ratePerS * secs))
    const stepMs = this.#periodMs / conns
    const tally = this.#tally
    this.#startMs = performance.now() + stepMs
    return new Promise((resolve) => {
      const tick = () => {
        const nowMs = performance.now()
        const due = Math.min(total, Math.floor((nowMs - this.#startMs) / stepMs) + 1)
        for (let g = tally.due; g < due; g++) {
          this.#late.record(nowMs - this.#startMs - g * stepMs)
          const connection = this.#connections[g % conns] as Connection
          if (connection.sendRequest(Math.floor(g / conns))) tally.sent++
          else tally.unsent++
        }
        tally.due = Math.max(tally.due, due)
        if (tally.due < total) setTimeout(tick, 1)
        else resolve()
      }
      setTimeout(tick, 1)
    })
  }

  /** Waits for the replies under way, as long as the grace allows. */
  async #drain(): Promise<void> {
    const untilMs = performance.now() + this.#options.graceMs
    while (this.#tally.replied < this.#tally.sent && performance.now() < untilMs) await sleep(2)
  }

  #probe(): void {
    const use = this.#options.pid === undefined ? undefined : probeProcess(this.#options.pid)
    this.#rssBytesMax = Math.max(this.#rssBytesMax, use?.rssBytes ?? 0)
  }

  #serverUse(before: ProcessUse | undefined): LoadResult['server'] {
    const after = this.#options.pid === undefined ? undefined : probeProcess(this.#options.pid)
    if (before === undefined || after === undefined) return undefined
    return {
      cpuMs: after.cpuMs - before.cpuMs,
      rssBytes: after.rssBytes,
      rssBytesMax: Math.max(this.#rssBytesMax, after.rssBytes),
    }
  }
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function countReason(counts: Map<string, number>, reason: string): void {
  count(counts, counts.has(reason) || counts.size < reasonsMax ? reason : 'other')
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

async function deadline<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
