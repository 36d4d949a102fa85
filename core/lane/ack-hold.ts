// The ack rule: what a lane sends to the outside waits until what the lane had written is on disk.
//
// Core thread, one per lane. The lane puts a `spoolMark` before the first message that follows a
// write: the ticket of the lane's last transaction, and that of the request's own. Tickets of a lane
// only grow, so one queue keeps the order of everything that the lane sends, and no other lane waits.
// While nothing is pending a message passes at once: one comparison, no copy.
//
//   ring ─▶ take ──nothing pending──────────────────▶ deliver
//             └─▶ queue [ticket 7 │ 7 │ 9 …] ─release: durable ≥ 7─▶ deliver
//
// A ticket may be refused instead of becoming durable (the disk is full): what its own request had to
// say goes to `refuse`; what others of the lane had to say is delivered. The queue is bounded: once it
// `isFull` its owner stops reading the lane's ring, whose back-pressure stops the lane.

import { assert } from '../base/assert.ts'
import type { RecordVisitor } from '../thread/ring.ts'

/** What is known of one lane's tickets; both answer at once, from shared memory. */
export interface Tickets {
  /** The last ticket that is settled: durable, or refused. */
  settled(): number
  /** Whether a settled ticket was refused. */
  isRefused(ticket: number): boolean
}

export interface AckHoldOptions {
  readonly tickets: Tickets
  readonly deliver: RecordVisitor
  /** The message of a request whose own write was refused. */
  readonly refuse: RecordVisitor
  /** Payload bytes that may be held; a record more is taken, never a record less. */
  readonly bytesMax: number
}

interface Held {
  readonly kind: number
  readonly a: number
  readonly b: number
  readonly payload: Buffer
  readonly ticket: number
  readonly own: number
}

/** Each held message is counted with this much beside its payload. */
const overheadBytes = 64

export class AckHold {
  readonly #options: AckHoldOptions
  #ticket = 0
  #own = 0
  /** Nothing is pending: messages pass. */
  #isOpen = true
  #held: Held[] = []
  /** Messages of `#held` that have left already. */
  #gone = 0
  #bytes = 0
  #onEmpty: (() => void) | undefined
  /** Messages that had to wait, since the start. */
  waited = 0
  /** The most that was ever held. */
  highWaterBytes = 0

  constructor(options: AckHoldOptions) {
    this.#options = options
  }

  get heldMessages(): number {
    return this.#held.length - this.#gone
  }

  get heldBytes(): number {
    return this.#bytes
  }

  get isFull(): boolean {
    return this.#bytes >= this.#options.bytesMax
  }

  /** What follows was sent after the lane's transaction `ticket`; `own` is the request's own, or 0. */
  mark(ticket: number, own: number): void {
    this.#ticket = ticket
    this.#own = own
    this.#isOpen = own === 0 && this.heldMessages === 0 && this.#isSettled(ticket)
  }

  /** A message that leaves the lane: delivered now, or held as a copy. */
  take(kind: number, a: number, b: number, bytes: Buffer, start: number, end: number): void {
    if (this.#isOpen) return this.#options.deliver(kind, a, b, bytes, start, end)
    if (this.heldMessages === 0 && this.#isSettled(this.#ticket)) {
      return this.#pass(this.#own, kind, a, b, bytes, start, end)
    }
    const payload = Buffer.from(bytes.subarray(start, end))
    this.#held.push({ kind, a, b, payload, ticket: this.#ticket, own: this.#own })
    this.#bytes += payload.length + overheadBytes
    if (this.#bytes > this.highWaterBytes) this.highWaterBytes = this.#bytes
    this.waited++
  }

  /** Delivers what has become durable; called when the spool thread has rung. */
  release(): void {
    while (this.#gone < this.#held.length) {
      const next = this.#held[this.#gone] as Held
      if (!this.#isSettled(next.ticket)) return this.#compact()
      this.#gone++
      this.#bytes -= next.payload.length + overheadBytes
      const { kind, a, b, payload, own } = next
      this.#pass(own, kind, a, b, payload, 0, payload.length)
    }
    this.#compact()
    if (this.#own === 0 && this.#isSettled(this.#ticket)) this.#isOpen = true
    const then = this.#onEmpty
    this.#onEmpty = undefined
    then?.()
  }

  /** Runs `then` when nothing is held any more: now, or at the release of the last message. */
  whenEmpty(then: () => void): void {
    assert(this.#onEmpty === undefined, 'two wait for the end of what one lane had to say')
    if (this.heldMessages === 0) then()
    else this.#onEmpty = then
  }

  #pass(
    own: number,
    kind: number,
    a: number,
    b: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    const isRefused = own !== 0 && this.#options.tickets.isRefused(own)
    const to = isRefused ? this.#options.refuse : this.#options.deliver
    to(kind, a, b, bytes, start, end)
  }

  /** Tickets are u32 and wrap, so they are compared by their distance. */
  #isSettled(ticket: number): boolean {
    return ticket === 0 || ((this.#options.tickets.settled() - ticket) | 0) >= 0
  }

  #compact(): void {
    if (this.#gone < 1024 && this.#gone < this.#held.length) return
    this.#held.splice(0, this.#gone)
    this.#gone = 0
  }
}
