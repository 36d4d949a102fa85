// One node's circuit: after too many failures nothing is sent there for a while.
//
// Core thread. A failure is a connection that was lost or could not be made, a call that got no answer
// in time, and an answer that says "overloaded"; what a method answers is no failure, whatever its code.
//
//             failures in a row, or half of the last ones
//    closed ─────────────────────────────────────────────▶ open ──── its time is over ───┐
//      ▲                                                    ▲                            ▼
//      └───────────────── the one call worked ──────────────┴── it did not (longer) ── half open

import type { Clock } from '../base/clock.ts'

export interface BreakerRules {
  readonly failuresInRowMax: number
  /** Half of this many last calls failed: open. */
  readonly window: number
  readonly openMs: number
  readonly openMsMax: number
}

export class CircuitBreaker {
  readonly #rules: BreakerRules
  readonly #clock: Clock
  readonly #random: () => number
  #inRow = 0
  /** The last outcomes, 1 for a failure, as a ring. */
  readonly #last: Uint8Array
  #next = 0
  #known = 0
  #failures = 0
  #isOpen = false
  #untilMs = 0
  #openMs: number
  #isProbing = false
  /** Times that it opened. */
  opened = 0

  constructor(rules: BreakerRules, clock: Clock, random: () => number) {
    this.#rules = rules
    this.#clock = clock
    this.#random = random
    this.#openMs = rules.openMs
    this.#last = new Uint8Array(rules.window)
  }

  get state(): 'closed' | 'open' | 'half_open' {
    if (!this.#isOpen) return 'closed'
    return this.#clock.monotonicMs() >= this.#untilMs ? 'half_open' : 'open'
  }

  /** Whether a call may be sent now. */
  get allows(): boolean {
    return !this.#isOpen || (!this.#isProbing && this.#clock.monotonicMs() >= this.#untilMs)
  }

  /** A call is being sent. */
  began(): void {
    if (this.#isOpen) this.#isProbing = true
  }

  succeeded(): void {
    this.#inRow = 0
    if (this.#isOpen) this.#close()
    else this.#count(0)
  }

  failed(): void {
    this.#inRow++
    if (this.#isOpen) {
      // Calls from before it opened change nothing; the one that was let through does.
      if (this.#isProbing) this.#open(Math.min(this.#openMs * 2, this.#rules.openMsMax))
      return
    }
    this.#count(1)
    const { failuresInRowMax, window } = this.#rules
    const isHalf = this.#known === window && this.#failures * 2 >= window
    if (this.#inRow >= failuresInRowMax || isHalf) this.#open(this.#rules.openMs)
  }

  /** The call that was let through ended without a word about the node (its caller gave up). */
  abandoned(): void {
    this.#isProbing = false
  }

  #count(failure: 0 | 1): void {
    if (this.#known === this.#last.length) this.#failures -= this.#last[this.#next] as number
    else this.#known++
    this.#last[this.#next] = failure
    this.#failures += failure
    this.#next = (this.#next + 1) % this.#last.length
  }

  #open(forMs: number): void {
    this.#isOpen = true
    this.#isProbing = false
    this.#openMs = forMs
    this.opened++
    // Callers must not all come back at the same moment.
    this.#untilMs = this.#clock.monotonicMs() + forMs * (0.8 + 0.4 * this.#random())
  }

  #close(): void {
    this.#isOpen = false
    this.#isProbing = false
    this.#known = 0
    this.#failures = 0
    this.#next = 0
    this.#openMs = this.#rules.openMs
  }
}
