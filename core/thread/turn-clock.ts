// The time, read rarely: once for many uses in one turn of a loop. Any thread, one owner.
//
// Reading the clock for every message would cost more than counting it. The owner calls `expire`
// where its loop begins something new; between two such calls the time is read again after every
// `usesMax` uses, so a long turn does not stand still.

import type { Clock } from '../base/clock.ts'

const usesMax = 64

export class TurnClock {
  readonly #clock: Clock
  #uses = 0
  #nowMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Monotonic milliseconds, of this turn. */
  nowMs(): number {
    if (this.#uses > 0) {
      this.#uses--
      return this.#nowMs
    }
    this.#uses = usesMax
    return (this.#nowMs = this.#clock.monotonicMs())
  }

  /** The next use reads the clock. */
  expire(): void {
    this.#uses = 0
  }
}
