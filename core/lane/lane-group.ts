// All lanes of the host, as the core sees them: starts them, routes to them, replaces them, ends them.
//
// Core thread. A connection without a uid belongs to the lane of its id, a uid to the lane of its
// hash, so that one uid always lands in the same lane. Calls between lanes pass through here, ring
// to ring.
//
//   starting ──ready──▶ up ──thread ended, or the watchdog gave it up──▶ lost ──▶ starting …
//
// What a lane sends waits until what it had written is on disk (ack-hold.ts).
//
// A lane that is lost takes down nothing else. In this order: what it had published is delivered, all
// that it was sent is dropped, the other lanes and the gate hear of it (onLost: requests are answered,
// sessions opened anew), and a new thread takes over the same rings, bell and timer port. State in Lua
// (`state`, session.data, timers) is lost with it. A lane that cannot be started again, time after
// time, is reported through onBroken: the process cannot go on.

import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { assert, must } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { HostError, messageOf } from '../base/errors.ts'
import { isInspected } from '../base/inspected.ts'
import { limits } from '../base/limits.ts'
import type { CorePump } from '../thread/core-pump.ts'
import { allocateDoorbell } from '../thread/doorbell.ts'
import { message, passesHold } from '../thread/messages.ts'
import { allocateRing, RingReader } from '../thread/ring.ts'
import { describeExit, type RunningWorker, type WorkerExit } from '../thread/worker.ts'
import type { TimerPort } from '../timer/timer-port.ts'
import type { Timers } from '../timer/timers.ts'
import { AckHold, type Deliver, type Tickets } from './ack-hold.ts'
import { ActivityView, allocateActivity } from './lane-activity.ts'
import { LaneLink } from './lane-link.ts'
import { allocateLaneStats, LaneStats } from './lane-stats.ts'
import { LaneThreads } from './lane-threads.ts'
import { ownerOf } from './owner.ts'
import type { LaneReady, LaneStart } from './protocol.ts'
import { refuseMessage } from './refused-message.ts'
import type { ReloadCommand } from './reload-plan.ts'
import { Watchdog } from './watchdog.ts'

/** Bytes of the ring in each direction between the core and a lane. */
const ringBytes = 4 * 1024 * 1024
/** Lives of a lane are told apart modulo this. */
const livesMax = 2 ** 16

/** The shared memory of one lane; it outlives the thread that uses it. */
export interface LaneMemory {
  readonly toLane: SharedArrayBuffer
  readonly toCore: SharedArrayBuffer
  readonly laneBell: SharedArrayBuffer
  readonly interrupt: SharedArrayBuffer
  readonly activity: SharedArrayBuffer
  readonly stats: SharedArrayBuffer
}

export function allocateLaneMemory(): LaneMemory {
  return {
    toLane: allocateRing(ringBytes),
    toCore: allocateRing(ringBytes),
    laneBell: allocateDoorbell(),
    interrupt: new SharedArrayBuffer(4),
    activity: allocateActivity(),
    stats: allocateLaneStats(),
  }
}

const nothingWritten: Tickets = { settled: () => 0, isRefused: () => false }

/** What every lane is started with, but for its own parts. */
export type CommonStart = Omit<
  LaneStart,
  'index' | 'lanes' | 'memory' | 'timerPort' | 'mailbox' | 'isCheck'
>

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
  readonly onMessage: (
    lane: LaneLink,
    kind: number,
    a: number,
    b: number,
    bytes: Buffer,
    start: number,
    end: number,
  ) => void
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

/** One lane over all of its lives. */
interface Slot {
  readonly link: LaneLink
  readonly activity: ActivityView
  readonly stats: LaneStats
  readonly reader: RingReader
  readonly hold: AckHold
  readonly visit: Deliver
  /** Its ring is not read: too much waits for the disk. */
  isPaused: boolean
  life: number
  state: 'starting' | 'up' | 'lost'
  worker: RunningWorker<LaneReady> | undefined
  mailbox: MessagePort | undefined
  /** Nothing that it still says is heard. */
  isMute: boolean
  /** Why the watchdog ended it, for the log. */
  endedBecause: string
  /** The requestId of what it lost when it last died. */
  lossId: string
  /** When it died, within the last minute. */
  deathsMs: number[]
  startFailures: number
}

export class LaneGroup {
  readonly #options: LaneGroupOptions
  readonly #slots: readonly Slot[]
  readonly #watchdog: Watchdog
  readonly #threads: LaneThreads
  #stopping = false
  readonly #stopped = new Set<number>()

  private constructor(options: LaneGroupOptions) {
    this.#options = options
    this.#slots = options.memories.map((memory, index) => this.#slot(memory, index))
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
        for (const slot of group.#slots) group.#release(slot)
      })
    }
    for (const slot of group.#slots) pump.addReader(slot.reader, slot.visit)
    pump.schedule()
    const started = await Promise.allSettled(group.#slots.map((slot) => group.#startLane(slot)))
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
  state(lane: number): Slot['state'] {
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

  // --- lives ------------------------------------------------------------------------------------

  #slot(memory: LaneMemory, index: number): Slot {
    const link = new LaneLink(index, memory.toLane, memory.laneBell)
    const deliver: Deliver = (kind, a, b, bytes, start, end) =>
      this.#message(slot, kind, a, b, bytes, start, end)
    const hold = new AckHold({
      tickets: this.#options.tickets?.(index) ?? nothingWritten,
      deliver,
      refuse: refuseMessage(deliver, (kind, wait, status, text) =>
        link.send(kind, wait, status, Buffer.from(text)),
      ),
      bytesMax: limits.ackHoldBytesMax,
    })
    const slot: Slot = {
      link,
      activity: new ActivityView(memory.activity, memory.interrupt),
      stats: new LaneStats(memory.stats),
      reader: new RingReader(memory.toCore),
      hold,
      visit: (kind, a, b, bytes, start, end) => this.#taken(slot, kind, a, b, bytes, start, end),
      isPaused: false,
      life: 0,
      state: 'starting',
      worker: undefined,
      mailbox: undefined,
      isMute: false,
      endedBecause: '',
      lossId: '',
      deathsMs: [],
      startFailures: 0,
    }
    return slot
  }

  /** @returns whether it runs in the spare thread */
  async #startLane(slot: Slot): Promise<boolean> {
    const { memories, timerPorts, coreBell } = this.#options
    const { index } = slot.link
    const { port1, port2 } = new MessageChannel()
    port1.unref()
    slot.mailbox?.close()
    slot.mailbox = port1
    slot.activity.reset()
    const data: LaneStart = {
      ...this.#options.start(),
      index,
      lanes: this.#slots.length,
      memory: { ...must(memories[index], 'lane memory'), coreBell },
      timerPort: must(timerPorts[index], 'timer port'),
      mailbox: port2,
    }
    this.#watchdog.watch(index, slot.activity, () => limits.laneLoadBudgetMs)
    const { worker, wasSpare } = await this.#threads.start(data)
    slot.worker = worker
    slot.state = 'up'
    slot.isMute = false
    slot.endedBecause = ''
    this.#watchdog.watch(index, slot.activity, this.#options.runBudgetMs)
    void worker.exited.then((exit) => {
      if (!this.#stopping) this.#lost(slot, exit)
    })
    return wasSpare
  }

  #lost(slot: Slot, exit: WorkerExit): void {
    const { link } = slot
    this.#watchdog.unwatch(link.index)
    const why = slot.endedBecause || describeExit(exit)
    slot.lossId = this.#newLossId(slot)
    const route = this.#routeOf(slot)
    const during = route === '' ? '' : ` in ${route}`
    this.#options.log('error', `lane ${link.index} is lost: ${why}${during}; starting a new one`, {
      lane: link.index,
      requestId: slot.lossId,
      ...(route === '' ? {} : { route }),
      cause: slot.endedBecause === '' ? exit.cause?.stack : undefined,
    })
    slot.state = 'lost'
    // What it published before its end counts: answers, pushes, calls. They may wait for the disk.
    slot.reader.drain(slot.visit, Number.POSITIVE_INFINITY)
    slot.hold.whenEmpty(() => this.#bury(slot))
  }

  /** What clients are told instead of the number of their request, which died with the lane. */
  #newLossId({ link }: Slot): string {
    const serial = this.#options.clock.wallMs().toString(36)
    return `${this.#options.nodeName}-${link.index}-lost-${serial}`
  }

  /** The client's message that the lane is in the middle of; '' when it is none. */
  #routeOf({ activity }: Slot): string {
    const isRunning = (activity.run & 1) === 1
    return isRunning && activity.route !== 0 ? this.#options.routeName(activity.route) : ''
  }

  /** All that a lane had to say is said. */
  #bury(slot: Slot): void {
    const { link } = slot
    if (this.#stopping) return
    slot.life = (slot.life + 1) % livesMax
    slot.worker = undefined
    link.cutOff()
    for (const other of this.#slots) {
      if (other !== slot) this.send(other.link.index, message.laneLost, link.index, 0)
    }
    this.#options.onLost(link.index, slot.lossId)
    this.#startAfter(slot, this.#delayMs(slot))
  }

  /** At once, unless it has died often lately: a lane that dies at each start must not eat the CPU. */
  #delayMs(slot: Slot): number {
    const nowMs = this.#options.clock.monotonicMs()
    slot.deathsMs = [...slot.deathsMs.filter((ms) => nowMs - ms < 60_000), nowMs]
    return slot.deathsMs.length > limits.laneQuickStartsMax ? limits.laneStartDelayMs : 0
  }

  #startAfter(slot: Slot, delayMs: number): void {
    if (delayMs === 0) void this.#restart(slot)
    else this.#options.timers.after(delayMs, () => void this.#restart(slot))
  }

  async #restart(slot: Slot): Promise<void> {
    if (this.#stopping) return
    const { index } = slot.link
    const beganMs = this.#options.clock.monotonicMs()
    slot.state = 'starting'
    let spare: boolean
    try {
      spare = await this.#startLane(slot)
    } catch (error) {
      this.#watchdog.unwatch(index)
      slot.state = 'lost'
      if (this.#stopping) return
      const times = ++slot.startFailures
      const text = `lane ${index} cannot be started again (${times}): ${messageOf(error)}`
      this.#options.log('error', text, { lane: index })
      if (times >= limits.laneStartFailuresMax) this.#options.onBroken(new Error(text))
      else this.#startAfter(slot, limits.laneStartDelayMs)
      return
    }
    if (this.#stopping) return void slot.worker?.terminate()
    slot.startFailures = 0
    slot.link.open()
    this.#options.pump.schedule()
    const ms = Math.round(this.#options.clock.monotonicMs() - beganMs)
    this.#options.log('info', `lane ${index} runs again, after ${ms} ms`, {
      lane: index,
      ms,
      spare,
    })
  }

  // --- messages ---------------------------------------------------------------------------------

  #at(lane: number): Slot {
    return must(this.#slots[lane], `lane ${lane}`)
  }

  #taken(
    from: Slot,
    kind: number,
    a: number,
    b: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    if (kind === message.spoolMark) return from.hold.mark(a, b)
    if (passesHold.has(kind)) return this.#message(from, kind, a, b, bytes, start, end)
    from.hold.take(kind, a, b, bytes, start, end)
    if (from.hold.isFull && !from.isPaused) {
      from.isPaused = true
      this.#options.pump.removeReader(from.reader)
    }
  }

  /** Before-turn step: the spool thread rings the core's bell when it has written. */
  #release(slot: Slot): void {
    slot.hold.release()
    if (!slot.isPaused || slot.hold.isFull) return
    slot.isPaused = false
    this.#options.pump.addReader(slot.reader, slot.visit)
  }

  #message(
    from: Slot,
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
