// The timers of one client, as the timer thread sees them: which wheel timer belongs to which slot,
// and which firings still have to be sent. Timer thread.
//
//                add                    due                     sent, once
//      free ───────────────▶ armed ───────────────▶ held ───────────────────▶ free
//                              ▲  in the wheel        │  in the held list
//                              └──────────────────────┘
//                                  sent, periodic
//
// cancel and reset lead from anywhere to free. Slots are rows of a table of six 32-bit words that
// doubles as the client takes higher slots; the held list runs through the table, first in first
// out.
//
// Invariants
//   - A slot has at most one firing held: while the client's ring is full, its periodic timers
//     wait, and what is held is bounded by the client's timersMax. Nothing is dropped, nobody else
//     waits.
//   - A periodic timer is set again when its firing has been sent, to the first start + n * period
//     that is not past. The client counts from the clock what lay in between (timer-client.ts).

import { assert } from '../base/assert.ts'
import { limits } from '../base/limits.ts'
import { DoorbellButton } from '../thread/doorbell.ts'
import { message } from '../thread/messages.ts'
import { RingWriter } from '../thread/ring.ts'
import type { TimerPort } from './timer-port.ts'
import { delayTicksMax, type TimingWheel } from './wheel.ts'

const rowWords = 6
/** Of the timer in this slot; 0 while the slot is free. */
const GENERATION = 0
const STATE = 1
const PERIOD = 2
/** The tick at which it is or was due, modulo 2^32. */
const DUE = 3
/** Armed: the wheel's handle in two words. Held: the neighbours in the held list. */
const HANDLE_LOW = 4
const HANDLE_HIGH = 5
const NEXT = 4
const PREV = 5

const armed = 1
const held = 2

const none = 0xffffffff
const firingBytes = 8

export class ClientTimers {
  readonly #wheel: TimingWheel
  readonly #client: number
  readonly #timersMax: number
  readonly #fired: RingWriter
  readonly #bell: DoorbellButton
  /** Firings in one message. */
  readonly #batchMax: number
  #rows = new Uint32Array(256 * rowWords)
  #epoch = 0
  #heldFirst = none
  #heldLast = none
  #held = 0

  constructor(wheel: TimingWheel, port: TimerPort) {
    this.#wheel = wheel
    this.#client = port.client
    this.#timersMax = port.timersMax
    this.#fired = new RingWriter(port.firedRing)
    this.#bell = new DoorbellButton(port.clientBell)
    const fitting = Math.floor(this.#fired.payloadBytesMax / firingBytes)
    this.#batchMax = Math.min(limits.timerFiringsPerMessageMax, fitting)
  }

  /** Firings that wait to be sent. */
  get held(): number {
    return this.#held
  }

  /** Bytes of the table. */
  get memoryBytes(): number {
    return this.#rows.byteLength
  }

  /** A client begins anew: what its predecessor left behind is dropped. */
  reset(epoch: number): void {
    const rows = this.#rows
    for (let row = 0; row < rows.length; row += rowWords) {
      if (rows[row + STATE] === armed) this.#disarm(row)
    }
    this.#rows = new Uint32Array(256 * rowWords)
    this.#heldFirst = none
    this.#heldLast = none
    this.#held = 0
    this.#epoch = epoch
  }

  /** @param delayTicks from the wheel's now; what is longer than the wheel takes fires early */
  add(slot: number, generation: number, delayTicks: number, periodTicks: number): void {
    assert(slot < this.#timersMax, `timer slot ${slot} of client ${this.#client}`)
    this.#reach(slot)
    const row = slot * rowWords
    assert(this.#rows[row + GENERATION] === 0, `timer slot ${slot} is in use`)
    this.#rows[row + GENERATION] = generation
    this.#rows[row + PERIOD] = periodTicks
    this.#arm(slot, delayTicks)
  }

  /** Does nothing when that timer's firing is on its way already. */
  cancel(slot: number, generation: number): void {
    const row = slot * rowWords
    const rows = this.#rows
    if (rows[row + GENERATION] !== generation) return
    if (rows[row + STATE] === armed) this.#disarm(row)
    else this.#unhold(slot)
    rows[row + GENERATION] = 0
    rows[row + STATE] = 0
  }

  /** The wheel has fired this slot. */
  hold(slot: number, dueTick: number): void {
    const rows = this.#rows
    const row = slot * rowWords
    rows[row + STATE] = held
    rows[row + DUE] = dueTick
    rows[row + NEXT] = none
    rows[row + PREV] = this.#heldLast
    if (this.#heldLast === none) this.#heldFirst = slot
    else rows[this.#heldLast * rowWords + NEXT] = slot
    this.#heldLast = slot
    this.#held++
  }

  /** Rings the client's bell: there is room for its commands. */
  wake(): void {
    this.#bell.ring()
  }

  /** Writes what is held to the client's ring, as much as it takes, and rings its bell once. */
  send(): void {
    if (this.#held === 0) return
    const heldBefore = this.#held
    while (this.#held > 0 && this.#sendBatch());
    if (this.#held < heldBefore) this.wake()
  }

  /** @returns whether the ring took a message */
  #sendBatch(): boolean {
    let count = Math.min(this.#held, this.#batchMax)
    let at = this.#reserve(count)
    // A ring with little room gets a shorter message.
    while (at < 0 && count > 1) at = this.#reserve((count >>>= 1))
    if (at < 0) return false
    const bytes = this.#fired.bytes
    for (let i = 0; i < count; i++, at += firingBytes) {
      const slot = this.#heldFirst
      bytes.writeUInt32LE(slot, at)
      bytes.writeUInt32LE(this.#rows[slot * rowWords + GENERATION] as number, at + 4)
      this.#unhold(slot)
      this.#afterSent(slot)
    }
    this.#fired.commit(count * firingBytes)
    return true
  }

  #reserve(count: number): number {
    return this.#fired.reserve(message.timerFired, 0, this.#epoch, count * firingBytes)
  }

  #afterSent(slot: number): void {
    const rows = this.#rows
    const row = slot * rowWords
    const period = rows[row + PERIOD] as number
    if (period === 0) {
      rows[row + GENERATION] = 0
      rows[row + STATE] = 0
      return
    }
    const sinceDue = (this.#wheel.nowTick - (rows[row + DUE] as number)) >>> 0
    this.#arm(slot, period - (sinceDue % period))
  }

  #arm(slot: number, delayTicks: number): void {
    const delay = Math.min(delayTicks, delayTicksMax)
    const handle = this.#wheel.add(delay, this.#client, slot)
    const rows = this.#rows
    const row = slot * rowWords
    rows[row + STATE] = armed
    rows[row + HANDLE_LOW] = handle
    rows[row + HANDLE_HIGH] = handle / 2 ** 32
  }

  #disarm(row: number): void {
    const low = this.#rows[row + HANDLE_LOW] as number
    const high = this.#rows[row + HANDLE_HIGH] as number
    assert(this.#wheel.cancel(high * 2 ** 32 + low), 'an armed timer is not in the wheel')
  }

  #unhold(slot: number): void {
    const rows = this.#rows
    const row = slot * rowWords
    const next = rows[row + NEXT] as number
    const previous = rows[row + PREV] as number
    if (previous === none) this.#heldFirst = next
    else rows[previous * rowWords + NEXT] = next
    if (next === none) this.#heldLast = previous
    else rows[next * rowWords + PREV] = previous
    this.#held--
  }

  #reach(slot: number): void {
    const rows = this.#rows.length / rowWords
    if (slot < rows) return
    const grown = new Uint32Array(
      Math.min(Math.max(rows * 2, slot + 1), this.#timersMax) * rowWords,
    )
    grown.set(this.#rows)
    this.#rows = grown
  }
}
