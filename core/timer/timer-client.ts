// Timers for one thread: `after`, `every`, `cancel`, and the calls when they fire. A lane, the
// core.
//
// The timers run in the timer thread; here is only a table of what to call. A slot of the table and
// its generation are the timer's name on both sides (timer-port.ts draws the messages), so no call
// waits for an answer, and what comes back for a cancelled timer is recognised and passed over.
//
// The thread's own loop hands every `timerFired` record to `dispatch`, and calls `flush` each time
// before it sleeps; its bell is rung for firings, and when a full ring of commands has room again.
//
// Invariants
//   - The nth firing of `every` is due at start + n * period. Which n it is by now is read from the
//     clock, here: when this thread or the timer thread was late, one call tells how many firings
//     were missed, and what was sent for those is passed over.
//   - A full ring loses nothing and blocks nobody: the slot remembers the command, in a list
//     through the table, until `flush` finds room. A slot is free only when its last command is in
//     the ring.
//   - No allocation per timer but for the caller's closure, once the table has its size.
//
// What a callback throws is thrown by `dispatch`: a callback that may fail handles that itself.

import { assert } from '../base/assert.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { HostError } from '../base/errors.ts'
import { DoorbellButton } from '../thread/doorbell.ts'
import { message } from '../thread/messages.ts'
import { type RecordVisitor, RingWriter } from '../thread/ring.ts'
import { type TimerPort, TimerState } from './timer-port.ts'
import type { Timers } from './timers.ts'

/** Names one timer of this client, also after it is gone: generation * 2^21 + slot. */
export type TimerHandle = number

/** @param missed firings of `every` that are past and will not be told again; 0 for `after` */
type TimerCallback = (missed: number) => void

/** The longest period that the timer thread repeats by itself (12 days). */
const sentPeriodMsMax = 2 ** 30
const slotRange = 2 ** 21
const none = -1

/** Clocks of two threads are compared as sums of doubles, which round. */
const roundingMs = 0.001

/** What a slot still has to write to the ring. */
const nothing = 0
const add = 1
const cancel = 2
const free = 3

export class TimerClient implements Timers {
  readonly #clock: Clock
  readonly #commands: RingWriter
  readonly #bell: DoorbellButton
  readonly #state: TimerState
  readonly #client: number
  readonly #originMs: number
  readonly #epoch: number
  readonly #slotsMax: number

  readonly #callbacks: (TimerCallback | undefined)[] = []
  #generations = new Uint32Array(64)
  /** When it fires next, on the monotonic clock. */
  #dueMs = new Float64Array(64)
  /** 0 for a timer that fires once. */
  #periodMs = new Float64Array(64)
  #unsentCommand = new Uint8Array(64)
  /** The next free slot, or the next slot with an unsent command. */
  #next = new Int32Array(64)

  #slots = 0
  #freeFirst = none
  #size = 0
  #unsentFirst = none
  #unsentLast = none
  #unsent = 0
  #resetUnsent = true

  /** Takes over the port: timers that an earlier client left on it are dropped. */
  constructor(port: TimerPort, clock: Clock = systemClock) {
    assert(port.timersMax < slotRange, `timersMax ${port.timersMax}`)
    this.#clock = clock
    this.#commands = new RingWriter(port.commandRing)
    this.#bell = new DoorbellButton(port.timerBell)
    this.#state = new TimerState(port.state)
    this.#client = port.client
    this.#originMs = port.originMs
    this.#slotsMax = port.timersMax
    this.#epoch = this.#state.nextEpoch(port.client)
    this.flush()
  }

  /** Timers that wait. */
  get size(): number {
    return this.#size
  }

  /** Commands that wait for room in the ring to the timer thread. */
  get unsent(): number {
    return this.#unsent + (this.#resetUnsent ? 1 : 0)
  }

  /**
   * Calls `callback` once, not before `ms` have passed.
   * @param ms any finite number; negative counts as 0
   * @throws HostError SCRIPT for other numbers, OVERLOADED when this thread has too many timers
   */
  after(ms: number, callback: () => void): TimerHandle {
    if (!Number.isFinite(ms)) throw refusal('after', 'a number of milliseconds', ms)
    return this.#start(Math.max(0, ms), 0, callback)
  }

  /**
   * Calls `callback` at start + n * periodMs for n = 1, 2, …
   * @param callback is told how many firings before this one were missed, because a thread was late
   * @throws HostError SCRIPT unless `periodMs` is a whole number from 1; OVERLOADED as `after`
   */
  every(periodMs: number, callback: (missed: number) => void): TimerHandle {
    if (!Number.isSafeInteger(periodMs) || periodMs < 1) {
      throw refusal('every', 'a whole number of milliseconds from 1', periodMs)
    }
    return this.#start(periodMs, periodMs, callback)
  }

  /** Its callback will not be called again. @returns false when the timer was gone already */
  cancel(handle: TimerHandle): boolean {
    const generation = Math.floor(handle / slotRange)
    const slot = handle - generation * slotRange
    if (!(slot < this.#slots) || this.#generations[slot] !== generation) return false
    if (this.#callbacks[slot] === undefined) return false
    this.#callbacks[slot] = undefined
    this.#size--
    const unsent = this.#unsentCommand[slot]
    // An add that has not been sent needs no cancel; its slot is free when the list comes to it.
    if (unsent === add) this.#unsentCommand[slot] = free
    else this.#send(slot, cancel)
    return true
  }

  /**
   * Calls what has fired; give it every `timerFired` record of the port's ring of firings.
   * Callbacks may add and cancel.
   */
  readonly dispatch: RecordVisitor = (kind, _a, epoch, bytes, start, end) => {
    assert(kind === message.timerFired, `ring message ${kind} from the timer thread`)
    if (epoch !== this.#epoch) return
    const nowMs = this.#clock.monotonicMs() + roundingMs
    for (let at = start; at < end; at += 8) {
      const slot = bytes.readUInt32LE(at)
      if (this.#generations[slot] === bytes.readUInt32LE(at + 4)) this.#fire(slot, nowMs)
    }
  }

  /**
   * Sends what did not fit into the ring before.
   * @returns whether all is sent; if not, this thread's bell will be rung when there is room
   */
  flush(): boolean {
    if (this.#resetUnsent) {
      if (!this.#commands.write(message.timerReset, 0, this.#epoch)) return this.#full()
      this.#resetUnsent = false
    }
    while (this.#unsentFirst !== none) {
      const slot = this.#unsentFirst
      if (!this.#write(slot, this.#unsentCommand[slot] as number)) return false
      this.#unsentFirst = this.#next[slot] as number
      if (this.#unsentFirst === none) this.#unsentLast = none
      this.#unsent--
      this.#sent(slot)
    }
    return true
  }

  #start(delayMs: number, periodMs: number, callback: TimerCallback): TimerHandle {
    const slot = this.#take()
    this.#callbacks[slot] = callback
    this.#dueMs[slot] = this.#clock.monotonicMs() + delayMs
    this.#periodMs[slot] = periodMs
    this.#size++
    this.#send(slot, add)
    return (this.#generations[slot] as number) * slotRange + slot
  }

  #fire(slot: number, nowMs: number): void {
    const callback = this.#callbacks[slot]
    if (callback === undefined) return
    const dueMs = this.#dueMs[slot] as number
    const periodMs = this.#periodMs[slot] as number
    // The timer thread repeats short periods by itself. What is further away than the wheel takes
    // comes back early and is sent again here, as is each firing of a long period.
    const repeats = periodMs !== 0 && periodMs <= sentPeriodMsMax
    if (dueMs > nowMs) {
      if (!repeats) this.#send(slot, add)
      return
    }
    if (periodMs === 0) {
      this.#callbacks[slot] = undefined
      this.#size--
      this.#release(slot)
      callback(0)
      return
    }
    const missed = Math.floor((nowMs - dueMs) / periodMs)
    this.#dueMs[slot] = dueMs + (missed + 1) * periodMs
    if (!repeats) this.#send(slot, add)
    callback(missed)
  }

  /** Writes a slot's command to the ring, or keeps it for `flush`. */
  #send(slot: number, command: number): void {
    this.#unsentCommand[slot] = command
    if (this.unsent === 0 && this.#write(slot, command)) {
      this.#sent(slot)
      return
    }
    this.#next[slot] = none
    if (this.#unsentLast === none) this.#unsentFirst = slot
    else this.#next[this.#unsentLast] = slot
    this.#unsentLast = slot
    this.#unsent++
    this.flush()
  }

  #sent(slot: number): void {
    const command = this.#unsentCommand[slot]
    this.#unsentCommand[slot] = nothing
    if (command !== add) this.#release(slot)
  }

  /** @returns false when the ring is full */
  #write(slot: number, command: number): boolean {
    if (command === free) return true
    const generation = this.#generations[slot] as number
    if (command === cancel) {
      if (!this.#commands.write(message.timerCancel, slot, generation)) return this.#full()
      this.#wake(false)
      return true
    }
    const at = this.#commands.reserve(message.timerAdd, slot, generation, 16)
    if (at < 0) return this.#full()
    const periodMs = this.#periodMs[slot] as number
    const dueMs = this.#dueMs[slot] as number
    const bytes = this.#commands.bytes
    bytes.writeDoubleLE(dueMs, at)
    bytes.writeUInt32LE(periodMs <= sentPeriodMsMax ? periodMs : 0, at + 8)
    bytes.writeUInt32LE(0, at + 12)
    this.#commands.commit(16)
    this.#wake(this.#state.isBeforeWaking(Math.ceil(dueMs - this.#originMs)))
    return true
  }

  /** Rings the timer thread's bell if it must hear of a command before it wakes by itself. */
  #wake(isUrgent: boolean): void {
    if (isUrgent || this.#commands.usedBytes * 2 > this.#commands.capacityBytes) this.#bell.ring()
  }

  #full(): false {
    this.#state.wantRoom(this.#client)
    this.#bell.ring()
    return false
  }

  #take(): number {
    const slot = this.#freeFirst
    if (slot !== none) {
      this.#freeFirst = this.#next[slot] as number
      return slot
    }
    if (this.#slots >= this.#slotsMax) {
      throw new HostError('OVERLOADED', `this thread has ${this.#size} timers, it may have no more`)
    }
    if (this.#slots === this.#generations.length) this.#grow()
    this.#callbacks.push(undefined)
    this.#generations[this.#slots] = 1
    return this.#slots++
  }

  #release(slot: number): void {
    const generation = ((this.#generations[slot] as number) + 1) >>> 0
    this.#generations[slot] = generation === 0 ? 1 : generation
    this.#next[slot] = this.#freeFirst
    this.#freeFirst = slot
  }

  #grow(): void {
    const slots = Math.min(this.#slots * 2, this.#slotsMax)
    const generations = new Uint32Array(slots)
    const dueMs = new Float64Array(slots)
    const periodMs = new Float64Array(slots)
    const unsentCommand = new Uint8Array(slots)
    const next = new Int32Array(slots)
    generations.set(this.#generations)
    dueMs.set(this.#dueMs)
    periodMs.set(this.#periodMs)
    unsentCommand.set(this.#unsentCommand)
    next.set(this.#next)
    this.#generations = generations
    this.#dueMs = dueMs
    this.#periodMs = periodMs
    this.#unsentCommand = unsentCommand
    this.#next = next
  }
}

function refusal(name: string, expected: string, got: number): HostError {
  return new HostError('SCRIPT', `timer.${name}: expected ${expected}, got ${got}`)
}
