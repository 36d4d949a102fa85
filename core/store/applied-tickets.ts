// Each lane's last transaction that is in the database, as lanes can see it: shared memory.
//
// Core thread writes, lanes read (an entity is evicted only behind it). The drainer speaks of
// sequences and a lane of tickets. So for each lane one pair is kept: a ticket that was settled, and
// the sequence that was durable at that moment; when the sequence is applied, so is the ticket.
//
//   u32 × lanes   the lane's last applied ticket (or refused: nothing of it is missing)

import type { DurableTickets } from '../spool/durable-tickets.ts'

interface Pair {
  ticket: number
  sequence: number
}

export class AppliedTickets {
  readonly memory: SharedArrayBuffer
  readonly #cells: Uint32Array
  readonly #tickets: Pick<DurableTickets, 'settled' | 'sequence'>
  readonly #pairs: Pair[]

  constructor(tickets: Pick<DurableTickets, 'settled' | 'sequence'>, lanes: number) {
    this.memory = new SharedArrayBuffer(4 * lanes)
    this.#cells = new Uint32Array(this.memory)
    this.#tickets = tickets
    this.#pairs = Array.from({ length: lanes }, () => ({ ticket: 0, sequence: 0 }))
  }

  /** The drainer has applied everything up to this sequence. */
  advance(applied: number): void {
    for (let lane = 0; lane < this.#pairs.length; lane++) {
      const pair = this.#pairs[lane] as Pair
      if (pair.sequence > applied) continue
      Atomics.store(this.#cells, lane, pair.ticket)
      const settled = this.#tickets.settled(lane)
      if (settled === pair.ticket) continue
      pair.ticket = settled
      // Read after the ticket, so that it covers it.
      pair.sequence = this.#tickets.sequence
    }
  }
}
