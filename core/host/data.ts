// A host's way to its database: the spool thread, the drainer, the reads, and how far each has come.
//
// Core thread. Opened before the lanes, because a service's `init` may write and read; closed after
// them. A game that declares no tables has none of it. Order at the start: the spool recovers, the
// drainer migrates and begins on the backlog, queries wait for that. Order at the end: the lanes have
// ended, the spool writes what is in its rings, what waited for the disk is delivered, the drainer
// finishes (or leaves the rest to the next start), the reads close. The disk that cannot be trusted
// ends the process at once, with code 70.

import { mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { DataStatus } from '../admin/status.ts'
import { systemClock } from '../base/clock.ts'
import { exitCodes, type HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Log } from '../base/log.ts'
import { type DatabaseAddress, databaseAddress, shownUrl } from '../config/database-url.ts'
import type { HostConfig } from '../config/types.ts'
import { FollowedDrainer } from '../drain/followed.ts'
import { SupervisedDrainer } from '../drain/supervised.ts'
import type { Tickets } from '../lane/ack-hold.ts'
import type { LaneDatabase } from '../lane/lane-database.ts'
import type { LaneLink } from '../lane/lane-link.ts'
import { queryFlag } from '../lane/queries.ts'
import { type SpoolService, startSpoolService } from '../spool/spool-service.ts'
import { AppliedTickets } from '../store/applied-tickets.ts'
import { openReads } from '../store/open-reads.ts'
import { QueryService } from '../store/query-service.ts'
import type { CorePump } from '../thread/core-pump.ts'
import { message } from '../thread/messages.ts'
import type { WriteLease } from '../thread/write-lease.ts'
import type { Timers } from '../timer/timers.ts'

export interface HostDataOptions {
  readonly config: HostConfig
  /** From the root; `config` when left out. */
  readonly configFolder?: string
  readonly pump: CorePump
  readonly coreBell: SharedArrayBuffer
  readonly writeLease: WriteLease
  readonly timers: Timers
  readonly log: Log
  /** The disk cannot be trusted: nothing may be acknowledged any more. */
  readonly onDiskLost: (code: number) => void
}

export class HostData {
  readonly spool: SpoolService
  readonly drainer: SupervisedDrainer | FollowedDrainer
  readonly queries: QueryService
  /** What each lane is started with. */
  readonly forLanes: LaneDatabase
  readonly #applied: AppliedTickets
  readonly #pump: CorePump
  #isStopping = false

  private constructor(parts: {
    readonly spool: SpoolService
    readonly drainer: SupervisedDrainer | FollowedDrainer
    readonly queries: QueryService
    readonly forLanes: LaneDatabase
    readonly applied: AppliedTickets
    readonly options: HostDataOptions
  }) {
    const { spool, drainer, queries, forLanes, applied, options } = parts
    this.spool = spool
    this.drainer = drainer
    this.queries = queries
    this.forLanes = forLanes
    this.#applied = applied
    this.#pump = options.pump
    options.pump.beforeTurn(() => this.progressed())
    void spool.exited.then((exit) => {
      if (!this.#isStopping) options.onDiskLost(exit.code === 0 ? exitCodes.bug : exit.code)
    })
  }

  /**
   * Starts all of it.
   * @throws HostError in words for the user: SPOOL_LOCKED, SPOOL_DAMAGED, DISK, CONFIG for a database
   *   that does not fit config/schema
   */
  static async open(options: HostDataOptions): Promise<HostData> {
    const { config, log } = options
    const address = databaseAddress(config.db.url, config.root)
    const spool = await startSpoolService({
      root: resolve(config.root, config.spool.folder),
      node: config.node.name,
      dialect: address.dialect,
      policy: config.spool.policy,
      segmentBytesMax: config.spool.segmentBytesMax,
      lanes: config.lanes.count,
      coreBell: options.coreBell,
      writeLease: options.writeLease.memory,
      log: (level, text, fields) => log[level](fields ?? {}, text),
    })
    try {
      if (address.dialect === 'sqlite') mkdirSync(dirname(address.file), { recursive: true })
      const drainer = await openDrainer(options, spool.folder)
      const applied = new AppliedTickets(spool.tickets, config.lanes.count)
      const queries = await openQueries(options, address, spool, drainer)
      const forLanes: LaneDatabase = {
        ports: spool.ports,
        dialect: address.dialect,
        tables: config.schema,
        entityBytesMax: config.db.entityBytesMax,
        applied: applied.memory,
      }
      const { sequence } = spool.ready
      log.info({ database: shownUrl(config.db.url), sequence }, 'the database is open')
      return new HostData({ spool, drainer, queries, forLanes, applied, options })
    } catch (error) {
      await spool.stop()
      throw error
    }
  }

  /** The ack rule's view of one lane. */
  ticketsOf(lane: number): Tickets {
    const { tickets } = this.spool
    return {
      settled: () => tickets.settled(lane),
      isRefused: (ticket) => tickets.isRefused(lane, ticket),
    }
  }

  /** query: a lane asks the database. */
  query(link: LaneLink, id: number, ticket: number, bytes: Buffer, from: number, to: number): void {
    const { lives } = link
    const answer = (status: number, payload: Uint8Array): void => {
      // A lane that was replaced meanwhile uses the same numbers for other queries.
      if (link.lives !== lives) return
      link.send(message.queryResult, id, status, payload)
      this.#pump.schedule()
    }
    this.queries.ask({
      lane: link.index,
      ticket,
      seeAll: bytes[from] === queryFlag.seeAll,
      sql: bytes.toString('utf8', from + 1, to),
      answered: (rows) => answer(0, rows),
      failed: (error: HostError) => answer(error.status, Buffer.from(error.message)),
    })
  }

  /** The spool thread has written, or the drainer has applied. */
  progressed(): void {
    this.spool.readLog()
    this.#applied.advance(this.drainer.applied)
    this.queries.progressed()
  }

  /** Numbers for `status`. */
  report(): DataStatus {
    const { spool, drainer, queries } = this
    const durable = spool.tickets.sequence
    const { asked, waited, slow, failed, refused } = queries.stats
    const status = drainer.status
    return {
      spool: {
        durable,
        waitingBytes: spool.usedBytes(),
        waitingBytesMax: spool.ports.length * limits.spoolRingBytes,
        refusing: spool.tickets.isRefusing,
      },
      drainer: {
        state: status?.state ?? 'unknown',
        applied: drainer.applied,
        behind: Math.max(0, durable - drainer.applied),
        deadLetters: status?.deadLetters ?? 0,
        problem: drainer.problem ?? null,
      },
      queries: {
        underWay: queries.size,
        underWayMax: limits.queriesMax,
        waiting: queries.waiting,
        asked,
        waited,
        slow,
        failed,
        refused,
      },
    }
  }

  /** Writes what is in the rings; the lanes have ended. */
  async flush(): Promise<void> {
    this.#isStopping = true
    await this.spool.stop()
    this.spool.readLog()
  }

  /**
   * The drainer may finish what is on disk, for a while; the rest is for the next start.
   * @param sinceMs how long ago the host began to stop
   */
  async close(sinceMs: number): Promise<void> {
    await this.queries.close()
    const leftMs = Math.max(limits.drainFinishMs - sinceMs, limits.drainFinishMsMin)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, leftMs)
    })
    await Promise.race([this.drainer.stop(true), late])
    clearTimeout(timer)
  }
}

async function openDrainer(
  { config, configFolder, log, pump, timers }: HostDataOptions,
  folder: string,
): Promise<SupervisedDrainer | FollowedDrainer> {
  const onStatus = (): void => pump.schedule()
  if (!config.drain.auto) {
    const text = 'drain.auto is false: queries wait for the drainer that you run'
    log.info(`${text} (npm run drain -- --follow)`)
    return new FollowedDrainer(folder, timers, onStatus)
  }
  const drainer = new SupervisedDrainer({
    root: config.root,
    ...(configFolder === undefined ? {} : { configFolder }),
    node: config.node.name,
    random: Math.random,
    say: (words) => log.info(words),
    onStatus,
  })
  await drainer.start()
  return drainer
}

async function openQueries(
  { config, pump, coreBell, timers }: HostDataOptions,
  address: DatabaseAddress,
  { tickets }: SpoolService,
  drainer: SupervisedDrainer | FollowedDrainer,
): Promise<QueryService> {
  const { db } = config
  const bounds = {
    connectionsMax: db.poolConnectionsMax,
    rowsMax: db.resultRowsMax,
    bytesMax: db.resultBytesMax,
  }
  return new QueryService({
    source: await openReads(address, bounds, pump, coreBell),
    progress: {
      settledTicket: (lane) => tickets.settled(lane),
      durableSequence: () => tickets.sequence,
      appliedSequence: () => drainer.applied,
      drainerProblem: () => drainer.problem,
    },
    timers,
    clock: systemClock,
    timeoutMs: db.queryTimeoutMs,
    backlogTimeoutMs: limits.backlogTimeoutMs,
  })
}
