// One lane over all of its lives: its rings, the thread that has them now, what happens when it is lost.
//
// Core thread.
//
//   starting ──ready──▶ up ──thread ended, or the watchdog gave it up──▶ lost ──▶ starting …
//
// What a lane sends waits until what it had written is on disk (ack-hold.ts). When its thread is lost,
// what it had published is delivered, all that it was sent is dropped, onLost is told, and a new thread
// takes over the same rings, bell and timer port. One that cannot be started again, time after time, is
// reported through onBroken.

import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { CorePump } from '../thread/core-pump.ts'
import { message, passesHold } from '../thread/messages.ts'
import { type RecordVisitor, RingReader } from '../thread/ring.ts'
import { describeExit, type RunningWorker, type WorkerExit } from '../thread/worker.ts'
import type { TimerPort } from '../timer/timer-port.ts'
import type { Timers } from '../timer/timers.ts'
import { AckHold, type Tickets } from './ack-hold.ts'
import { ActivityView } from './lane-activity.ts'
import { LaneLink } from './lane-link.ts'
import type { LaneMemory } from './lane-memory.ts'
import { LaneStats } from './lane-stats.ts'
import type { LaneThreads } from './lane-threads.ts'
import type { LaneReady, LaneStart } from './protocol.ts'
import { refuseMessage } from './refused-message.ts'
import type { Watchdog } from './watchdog.ts'

/** Lives of a lane are told apart modulo this. */
const livesMax = 2 ** 16

const nothingWritten: Tickets = { settled: () => 0, isRefused: () => false }

/** What every lane is started with, but for its own parts. */
export type CommonStart = Omit<
  LaneStart,
  'index' | 'lanes' | 'memory' | 'timerPort' | 'mailbox' | 'isCheck'
>

export interface LaneSlotOptions {
  readonly index: number
  /** How many there are. */
  readonly lanes: number
  readonly nodeName: string
  readonly memory: LaneMemory
  readonly timerPort: TimerPort
  readonly coreBell: SharedArrayBuffer
  readonly pump: CorePump
  readonly timers: Timers
  readonly clock: Clock
  readonly watchdog: Watchdog
  readonly threads: LaneThreads
  /** Asked at each start: the code of the day. */
  readonly commonStart: () => CommonStart
  readonly runBudgetMs: () => number
  /** The route of a code, for the log; '' for none. */
  readonly routeName: (code: number) => string
  /** What it has written: durable or not; left out where nothing is written. */
  readonly tickets?: Tickets
  /** All lanes are being ended: none is started again. */
  readonly isStopping: () => boolean
  /** A message of this lane whose time has come. */
  readonly deliver: (from: LaneSlot, ...record: Parameters<RecordVisitor>) => void
  /** It is gone, its rings are empty; a new thread is being started. */
  readonly onLost: (slot: LaneSlot, requestId: string) => void
  /** No new one can be started. */
  readonly onBroken: (error: Error) => void
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', text: string, data: object) => void
}

export class LaneSlot {
  readonly link: LaneLink
  readonly activity: ActivityView
  readonly stats: LaneStats
  readonly reader: RingReader
  readonly hold: AckHold
  readonly visit: RecordVisitor = (kind, a, b, bytes, start, end) =>
    this.#taken(kind, a, b, bytes, start, end)
  life = 0
  state: 'starting' | 'up' | 'lost' = 'starting'
  worker: RunningWorker<LaneReady> | undefined
  mailbox: MessagePort | undefined
  /** Nothing that it still says is heard. */
  isMute = false
  /** Why it was ended, for the log. */
  endedBecause = ''
  readonly #options: LaneSlotOptions
  /** Its ring is not read: too much waits for the disk. */
  #isPaused = false
  /** The requestId of what it lost when it last died. */
  #lossId = ''
  /** When it died, within the last minute. */
  #deathsMs: number[] = []
  #startFailures = 0

  constructor(options: LaneSlotOptions) {
    this.#options = options
    const { index, memory, tickets = nothingWritten } = options
    const link = new LaneLink(index, memory.toLane, memory.laneBell)
    const deliver: RecordVisitor = (kind, a, b, bytes, start, end) =>
      options.deliver(this, kind, a, b, bytes, start, end)
    this.link = link
    this.activity = new ActivityView(memory.activity, memory.interrupt)
    this.stats = new LaneStats(memory.stats)
    this.reader = new RingReader(memory.toCore)
    this.hold = new AckHold({
      tickets,
      deliver,
      refuse: refuseMessage(deliver, (kind, wait, status, text) =>
        link.send(kind, wait, status, Buffer.from(text)),
      ),
      bytesMax: limits.ackHoldBytesMax,
    })
  }

  /**
   * Starts its thread; its services' `init` has run when it resolves.
   * @returns whether it runs in the spare thread
   * @throws HostError SCRIPT when a service is broken
   */
  async start(): Promise<boolean> {
    const { memory, timerPort, coreBell, lanes, watchdog, threads } = this.#options
    const { index } = this.link
    const { port1, port2 } = new MessageChannel()
    port1.unref()
    this.mailbox?.close()
    this.mailbox = port1
    this.activity.reset()
    const data: LaneStart = {
      ...this.#options.commonStart(),
      index,
      lanes,
      memory: { ...memory, coreBell },
      timerPort,
      mailbox: port2,
    }
    watchdog.watch(index, this.activity, () => limits.laneLoadBudgetMs)
    const { worker, wasSpare } = await threads.start(data)
    this.worker = worker
    this.state = 'up'
    this.isMute = false
    this.endedBecause = ''
    watchdog.watch(index, this.activity, this.#options.runBudgetMs)
    void worker.exited.then((exit) => {
      if (!this.#options.isStopping()) this.#lost(exit)
    })
    return wasSpare
  }

  #lost(exit: WorkerExit): void {
    const { link } = this
    this.#options.watchdog.unwatch(link.index)
    const why = this.endedBecause || describeExit(exit)
    this.#lossId = this.#newLossId()
    const route = this.#route()
    const during = route === '' ? '' : ` in ${route}`
    this.#options.log('error', `lane ${link.index} is lost: ${why}${during}; starting a new one`, {
      lane: link.index,
      requestId: this.#lossId,
      ...(route === '' ? {} : { route }),
      cause: this.endedBecause === '' ? exit.cause?.stack : undefined,
    })
    this.state = 'lost'
    // What it published before its end counts: answers, pushes, calls. They may wait for the disk.
    this.reader.drain(this.visit, Number.POSITIVE_INFINITY)
    this.hold.whenEmpty(() => this.#bury())
  }

  /** What clients are told instead of the number of their request, which died with the lane. */
  #newLossId(): string {
    const serial = this.#options.clock.wallMs().toString(36)
    return `${this.#options.nodeName}-${this.link.index}-lost-${serial}`
  }

  /** The client's message that the lane is in the middle of; '' when it is none. */
  #route(): string {
    const { activity } = this
    const isRunning = (activity.run & 1) === 1
    return isRunning && activity.route !== 0 ? this.#options.routeName(activity.route) : ''
  }

  /** All that a lane had to say is said. */
  #bury(): void {
    if (this.#options.isStopping()) return
    this.life = (this.life + 1) % livesMax
    this.worker = undefined
    this.link.cutOff()
    this.#options.onLost(this, this.#lossId)
    this.#startAfter(this.#delayMs())
  }

  /** At once, unless it has died often lately: a lane that dies at each start must not eat the CPU. */
  #delayMs(): number {
    const nowMs = this.#options.clock.monotonicMs()
    this.#deathsMs = [...this.#deathsMs.filter((ms) => nowMs - ms < 60_000), nowMs]
    return this.#deathsMs.length > limits.laneQuickStartsMax ? limits.laneStartDelayMs : 0
  }

  #startAfter(delayMs: number): void {
    if (delayMs === 0) void this.#restart()
    else this.#options.timers.after(delayMs, () => void this.#restart())
  }

  async #restart(): Promise<void> {
    const { isStopping, log, onBroken, pump, watchdog } = this.#options
    if (isStopping()) return
    const { index } = this.link
    const beganMs = this.#options.clock.monotonicMs()
    this.state = 'starting'
    let spare: boolean
    try {
      spare = await this.start()
    } catch (error) {
      watchdog.unwatch(index)
      this.state = 'lost'
      if (isStopping()) return
      const times = ++this.#startFailures
      const text = `lane ${index} cannot be started again (${times}): ${messageOf(error)}`
      log('error', text, { lane: index })
      if (times >= limits.laneStartFailuresMax) onBroken(new Error(text))
      else this.#startAfter(limits.laneStartDelayMs)
      return
    }
    if (isStopping()) return void this.worker?.terminate()
    this.#startFailures = 0
    this.link.open()
    pump.schedule()
    const ms = Math.round(this.#options.clock.monotonicMs() - beganMs)
    log('info', `lane ${index} runs again, after ${ms} ms`, {
      lane: index,
      ms,
      spare,
    })
  }

  #taken(kind: number, a: number, b: number, bytes: Buffer, start: number, end: number): void {
    if (kind === message.spoolMark) return this.hold.mark(a, b)
    if (passesHold.has(kind)) return this.#options.deliver(this, kind, a, b, bytes, start, end)
    this.hold.take(kind, a, b, bytes, start, end)
    if (this.hold.isFull && !this.#isPaused) {
      this.#isPaused = true
      this.#options.pump.removeReader(this.reader)
    }
  }

  /** Before-turn step: the spool thread rings the core's bell when it has written. */
  release(): void {
    this.hold.release()
    if (!this.#isPaused || this.hold.isFull) return
    this.#isPaused = false
    this.#options.pump.addReader(this.reader, this.visit)
  }
}
