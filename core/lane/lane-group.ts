// All lanes of the host, as the core sees them: starts them, routes to them, replaces them, ends them.
//
// Core thread. A connection without a uid belongs to the lane of its id, a uid to the lane of its
// hash, so that one uid always lands in the same lane. Calls between lanes pass through here, ring
// to ring.
//
// A lane that is lost (lane-slot.ts) takes down nothing else: the other lanes and the gate hear of it
// (onLost: requests are answered, sessions opened anew), and a new thread takes its place. State in Lua
// (`state`, session.data, timers) is lost with it.

import { assert, must } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { HostError } from '../base/errors.ts'
import { isInspected } from '../base/inspected.ts'
import { limits } from '../base/limits.ts'
import type { CorePump } from '../thread/core-pump.ts'
import { message } from '../thread/messages.ts'
import type { RecordVisitor, RingReader } from '../thread/ring.ts'
import type { TimerPort } from '../timer/timer-port.ts'
import type { Timers } from '../timer/timers.ts'
import type { AckHold, Tickets } from './ack-hold.ts'
import type { LaneLink } from './lane-link.ts'
import type { LaneMemory } from './lane-memory.ts'
import { type CommonStart, LaneSlot } from './lane-slot.ts'
import type { LaneStats } from './lane-stats.ts'
import { LaneThreads } from './lane-threads.ts'
import { ownerOf } from './owner.ts'
import type { LaneReady } from './protocol.ts'
import type { ReloadCommand } from './reload-plan.ts'
import { Watchdog } from './watchdog.ts'

export interface LaneGroupOptions {
  readonly nodeName: string
  readonly memories: readonly LaneMemory[]
  readonly timerPorts: readonly TimerPort[]
  readonly coreBell: SharedArrayBuffer
  readonly memoryMb: number
  readonly pump: CorePump
  readonly timers: Timers
  readonly clock: Clock
  /** Asked at each start of a lane: the code of the day. */
  readonly start: () => CommonStart
  /** How long one run of Lua may take. */
  readonly runBudgetMs: () => number
  /** A message that is not between lanes: the gate's, the log's. */
  readonly onMessage: (lane: LaneLink, ...record: Parameters<RecordVisitor>) => void
  /** The route of a code, for the log; '' for none. */
  readonly routeName: (code: number) => string
  /**
   * A lane is gone, its rings are empty; a new one is being started.
   * @param requestId by which the log knows this loss
   */
  readonly onLost: (lane: number, requestId: string) => void
  /** What each lane has written: durable or not; left out where nothing is written. */
  readonly tickets?: (lane: number) => Tickets
  /** No new one can be started. */
  readonly onBroken: (error: Error) => void
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', text: string, data: object) => void
}

/** What can be read of one lane at any time. */
export interface LaneReport {
  readonly lane: number
  readonly isRunning: boolean
  /** How often a new thread took its place. */
  readonly replacements: number
  readonly stats: LaneStats
  readonly link: LaneLink
  readonly toCore: RingReader
  readonly hold: AckHold
}

export class LaneGroup {
  readonly #options: LaneGroupOptions
  readonly #slots: readonly LaneSlot[]
  readonly #watchdog: Watchdog
  readonly #threads: LaneThreads
  #stopping = false
  readonly #stopped = new Set<number>()

  private constructor(options: LaneGroupOptions) {
    this.#options = options
    this.#watchdog = new Watchdog({
      clock: options.clock,
      yieldMs: limits.laneYieldMs,
      onInterrupt: (lane, code, ms) => {
        const route = options.routeName(code)
        const what = route === '' ? 'a run of Lua' : route
        const text = `lane ${lane}: ${what} has run for ${Math.round(ms)} ms; it is ended`
        options.log('warn', text, { lane, ...(route === '' ? {} : { route }), ms })
      },
      onStuck: (lane, _route, ms) => {
        const slot = this.#at(lane)
        slot.endedBecause = `it did not come back for ${Math.round(ms)} ms`
        void slot.worker?.terminate()
      },
    })
    this.#threads = new LaneThreads({
      memoryMb: options.memoryMb,
      clock: options.clock,
      isCalm: () =>
        this.#slots.every((slot) => slot.state === 'up') &&
        this.#watchdog.longestStandMs <= 2 * limits.watchdogLookMs,
      log: options.log,
    })
    this.#slots = options.memories.map((memory, index) => this.#slot(memory, index))
  }

  /**
   * Starts all lanes; services are loaded and their `init` has run when it returns.
   * @throws HostError SCRIPT when a service is broken; then no lane is left running
   */
  static async start(options: LaneGroupOptions): Promise<LaneGroup> {
    const group = new LaneGroup(options)
    const { pump } = options
    pump.afterTurn(() => {
      for (const { link } of group.#slots) link.flush()
    })
    if (options.tickets !== undefined) {
      pump.beforeTurn(() => {
        for (const slot of group.#slots) slot.release()
      })
    }
    for (const slot of group.#slots) pump.addReader(slot.reader, slot.visit)
    pump.schedule()
    const started = await Promise.allSettled(group.#slots.map((slot) => slot.start()))
    const failed = started.find((each) => each.status === 'rejected')
    if (failed !== undefined) {
      await group.terminate()
      throw (failed as PromiseRejectedResult).reason
    }
    if (isInspected()) {
      // A debugger stops a lane for as long as it likes.
      options.log('warn', 'the inspector is open: lanes that stand still are not ended', {})
    } else {
      options.timers.every(limits.watchdogLookMs, () => {
        group.#watchdog.look()
        group.#threads.look()
      })
    }
    return group
  }

  /** What each lane has found in its services when it started. */
  get ready(): readonly LaneReady[] {
    return this.#slots.map((slot) => must(slot.worker, 'lane').ready)
  }

  get count(): number {
    return this.#slots.length
  }

  get links(): readonly LaneLink[] {
    return this.#slots.map((slot) => slot.link)
  }

  /** The lanes as they are now, for the status. */
  reports(): LaneReport[] {
    return this.#slots.map((slot, lane) => ({
      lane,
      isRunning: slot.state === 'up',
      replacements: slot.life,
      stats: slot.stats,
      link: slot.link,
      toCore: slot.reader,
      hold: slot.hold,
    }))
  }

  /** `up` while it runs its services, `lost` from its death to its next start. */
  state(lane: number): LaneSlot['state'] {
    return this.#at(lane).state
  }

  /** All run, and none is on its way out. */
  get areUp(): boolean {
    return this.#slots.every((slot) => slot.state === 'up' && !slot.isMute)
  }

  /** Some that were to be replaced have not ended, or what they wrote is not settled. */
  get areEnding(): boolean {
    return this.#slots.some((slot) => slot.isMute && slot.worker !== undefined)
  }

  laneOfConnection(sid: number): number {
    return sid % this.#slots.length
  }

  laneOfUid(uid: string): number {
    return ownerOf(uid, this.#slots.length)
  }

  tryRequest(
    lane: number,
    kind: number,
    sid: number,
    messageId: number,
    routeCode: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): boolean {
    return this.#at(lane).link.tryRequest(kind, sid, messageId, routeCode, bytes, start, end)
  }

  send(lane: number, kind: number, a: number, b: number, payload?: Uint8Array): void {
    this.#at(lane).link.send(kind, a, b, payload)
    this.#options.pump.schedule()
  }

  hasRoom(lane: number): boolean {
    return this.#at(lane).link.hasRoom
  }

  /** Puts a command into a lane's mailbox; it is seen between two messages. */
  command(lane: number, command: ReloadCommand): void {
    const { mailbox, activity, link } = this.#at(lane)
    mailbox?.postMessage(command)
    activity.ask()
    link.ring()
  }

  /** Lets every lane run its services' `stop`, then ends it; those that do not come back are ended. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true
    for (const { link } of this.#slots) this.send(link.index, message.stop, 0, 0)
    const all = Promise.all(this.#slots.map((slot) => slot.worker?.exited))
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs)
    })
    await Promise.race([all, late])
    clearTimeout(timer)
    await this.terminate()
  }

  /** For the end, when what the lanes wrote is settled: delivers the last that they had to say. */
  deliverRest(): void {
    for (const slot of this.#slots) {
      slot.reader.drain(slot.visit, Number.POSITIVE_INFINITY)
      slot.hold.release()
    }
  }

  /** Lanes that have run all of their `stop` functions. */
  get stoppedLanes(): number {
    return this.#stopped.size
  }

  /**
   * Ends every lane at once and starts new ones. Nothing that they have said and nobody has heard yet,
   * or say before their end, has any effect.
   */
  replaceAll(why: string): void {
    for (const slot of this.#slots) {
      if (slot.state !== 'up') continue
      slot.isMute = true
      slot.endedBecause = why
      void slot.worker?.terminate()
    }
  }

  async terminate(): Promise<void> {
    this.#stopping = true
    await Promise.all([this.#threads.end(), ...this.#slots.map((slot) => slot.worker?.terminate())])
  }

  #slot(memory: LaneMemory, index: number): LaneSlot {
    const options = this.#options
    return new LaneSlot({
      index,
      lanes: options.memories.length,
      nodeName: options.nodeName,
      memory,
      timerPort: must(options.timerPorts[index], 'timer port'),
      coreBell: options.coreBell,
      pump: options.pump,
      timers: options.timers,
      clock: options.clock,
      watchdog: this.#watchdog,
      threads: this.#threads,
      commonStart: options.start,
      runBudgetMs: options.runBudgetMs,
      routeName: options.routeName,
      ...(options.tickets === undefined ? {} : { tickets: options.tickets(index) }),
      isStopping: () => this.#stopping,
      deliver: (from, kind, a, b, bytes, start, end) =>
        this.#message(from, kind, a, b, bytes, start, end),
      onLost: (slot, requestId) => this.#lost(slot, requestId),
      onBroken: options.onBroken,
      log: options.log,
    })
  }

  /** The other lanes hear of it before anything of its next life. */
  #lost(lost: LaneSlot, requestId: string): void {
    for (const { link } of this.#slots) {
      if (link !== lost.link) this.send(link.index, message.laneLost, lost.link.index, 0)
    }
    this.#options.onLost(lost.link.index, requestId)
  }

  #at(lane: number): LaneSlot {
    return must(this.#slots[lane], `lane ${lane}`)
  }

  #message(
    from: LaneSlot,
    kind: number,
    a: number,
    b: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    if (from.isMute) return
    const { index } = from.link
    if (kind === message.rpcRequest) {
      const origin = (from.life << 8) | index
      this.#at(b).link.send(kind, a, origin, bytes.subarray(start, end))
    } else if (kind === message.rpcResult) {
      const asker = this.#at(b & 0xff)
      // The lane that asked may have been replaced; its successor uses the same numbers.
      if (asker.life !== b >>> 8) return
      const status = bytes.readUInt32LE(start)
      asker.link.send(kind, a, status, bytes.subarray(start + 4, end))
    } else if (kind === message.entityChanged) {
      this.#at(a).link.send(kind, 0, 0, bytes.subarray(start, end))
    } else if (kind === message.stopped) {
      this.#stopped.add(index)
    } else {
      assert(kind >= message.reply, `a lane sent message kind ${kind}`)
      this.#options.onMessage(from.link, kind, a, b, bytes, start, end)
    }
  }
}

/** The routes that all lanes have. @throws HostError SCRIPT when they differ */
export function agreedRoutes(all: readonly (readonly string[])[]): readonly string[] {
  const first = must(all[0], 'lane 0')
  for (const [index, routes] of all.entries()) {
    if (routes.join() === first.join()) continue
    const text = `lane ${index} has other handlers than lane 0: ${routes.join(', ')}`
    throw new HostError('SCRIPT', text)
  }
  return first
}
