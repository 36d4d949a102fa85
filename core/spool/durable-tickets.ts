// What became of each lane's transactions: shared memory that the spool thread writes.
//
// A lane numbers its transactions with tickets: u32 from 1 on, which wrap (0 is left out) and are
// compared by their distance. The spool thread settles them in order: each is on disk, or refused.
//
//   byte  0   u32 stop       1: the spool thread ends when its rings are empty
//         4   u32 refusing   1: there is no room on the disk; what comes is refused
//         8   u64 sequence   the last transaction on disk, over all lanes
//        16 + lane * laneBytes
//         0   u32 settled    the lane's last ticket that is on disk or refused
//         4   u32 issued     the last ticket that a life of the lane has given out
//         8   u32 epoch      counts up with each refusal: what the lane has begun before is refused, too
//        12   u32 ranges     how many ranges of refused tickets there ever were
//        16   rangesKept * { u32 from | u32 to }    the latest of them, at index ranges % rangesKept
//
// Order of stores: a refused range first, then `settled`; the file `durable` and `sequence` before
// `settled`. All are Atomics. So who sees a ticket settled also sees whether it was refused, and that
// `sequence` covers it. A range that is overwritten is rangesKept refusals old, each a probe apart
// (spoolProbeMs): the core asks about a ticket when it settles, long before.

import { assert } from '../base/assert.ts'

const stopCell = 0
const refusingCell = 1
const sequenceCell = 1
const headerCells = 4
const settledCell = 0
const issuedCell = 1
const epochCell = 2
const rangesCell = 3
const firstRangeCell = 4
const rangesKept = 64
const laneCells = firstRangeCell + 2 * rangesKept

/** The ticket after `ticket`. */
export function nextTicket(ticket: number): number {
  return (ticket + 1) >>> 0 || 1
}

/** Whether `ticket` is `other`, or was given out before it. */
export function isUpTo(ticket: number, other: number): boolean {
  return ((other - ticket) | 0) >= 0
}

export class DurableTickets {
  readonly #cells: Int32Array
  readonly #sequence: BigUint64Array

  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory)
    this.#sequence = new BigUint64Array(memory, 0, 2)
  }

  static allocate(lanes: number): SharedArrayBuffer {
    return new SharedArrayBuffer((headerCells + lanes * laneCells) * 4)
  }

  // --- any thread -------------------------------------------------------------------------------

  /** The lane's last settled ticket; 0 before the first. */
  settled(lane: number): number {
    return Atomics.load(this.#cells, this.#cell(lane, settledCell)) >>> 0
  }

  /** Whether a settled ticket of the lane was refused. */
  isRefused(lane: number, ticket: number): boolean {
    const count = Atomics.load(this.#cells, this.#cell(lane, rangesCell)) >>> 0
    for (let i = 1; i <= Math.min(count, rangesKept); i++) {
      const at = this.#range(lane, count - i)
      const from = Atomics.load(this.#cells, at) >>> 0
      const to = Atomics.load(this.#cells, at + 1) >>> 0
      if (isUpTo(from, ticket) && isUpTo(ticket, to)) return true
    }
    return false
  }

  /** The last transaction on disk, over all lanes; it covers every ticket that is settled by now. */
  get sequence(): number {
    return Number(Atomics.load(this.#sequence, sequenceCell))
  }

  /** Whether there is no room on the disk just now. */
  get isRefusing(): boolean {
    return Atomics.load(this.#cells, refusingCell) === 1
  }

  // --- a lane -----------------------------------------------------------------------------------

  /** The last ticket that this lane, or one that it replaces, has given out. */
  issued(lane: number): number {
    return Atomics.load(this.#cells, this.#cell(lane, issuedCell)) >>> 0
  }

  /** Before the ticket's record is in the ring: a successor must never give the ticket out again. */
  setIssued(lane: number, ticket: number): void {
    Atomics.store(this.#cells, this.#cell(lane, issuedCell), ticket | 0)
  }

  /** Counts the times that something of this lane's was refused. */
  epoch(lane: number): number {
    return Atomics.load(this.#cells, this.#cell(lane, epochCell)) >>> 0
  }

  // --- the core ---------------------------------------------------------------------------------

  requestStop(): void {
    Atomics.store(this.#cells, stopCell, 1)
  }

  // --- the spool thread -------------------------------------------------------------------------

  get isStopping(): boolean {
    return Atomics.load(this.#cells, stopCell) === 1
  }

  setRefusing(isRefusing: boolean): void {
    Atomics.store(this.#cells, refusingCell, isRefusing ? 1 : 0)
  }

  setSequence(sequence: number): void {
    Atomics.store(this.#sequence, sequenceCell, BigInt(sequence))
  }

  /** Notes that tickets are refused; `settle` follows. */
  refuse(lane: number, from: number, to: number): void {
    const countCell = this.#cell(lane, rangesCell)
    const count = Atomics.load(this.#cells, countCell) >>> 0
    const last = this.#range(lane, count - 1)
    if (count > 0 && nextTicket(Atomics.load(this.#cells, last + 1) >>> 0) === from) {
      Atomics.store(this.#cells, last + 1, to | 0)
    } else {
      const at = this.#range(lane, count)
      Atomics.store(this.#cells, at, from | 0)
      Atomics.store(this.#cells, at + 1, to | 0)
      Atomics.store(this.#cells, countCell, (count + 1) | 0)
    }
  }

  /** From here on, what the lane has begun before is refused. */
  nextEpoch(lane: number): void {
    Atomics.add(this.#cells, this.#cell(lane, epochCell), 1)
  }

  settle(lane: number, ticket: number): void {
    Atomics.store(this.#cells, this.#cell(lane, settledCell), ticket | 0)
  }

  #cell(lane: number, cell: number): number {
    const at = headerCells + lane * laneCells + cell
    assert(lane >= 0 && at < this.#cells.length, `there is no lane ${lane}`)
    return at
  }

  #range(lane: number, index: number): number {
    return this.#cell(lane, firstRangeCell) + 2 * ((index >>> 0) % rangesKept)
  }
}
