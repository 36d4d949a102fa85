// How much may be sent again: a share of all calls, so that retries never pile load onto trouble.
//
// Core thread. Each call earns a share of one retry; what is not used is saved up to a bound. So the
// messages sent are at most (1 + share) × calls + the bound, whatever fails. (The token bucket of
// Finagle's RetryBudget.)

export class RetryBudget {
  readonly #share: number
  readonly #savedMax: number
  #saved: number
  /** Retries that were not granted. */
  refused = 0

  constructor(share: number, savedMax: number) {
    this.#share = share
    this.#savedMax = savedMax
    this.#saved = savedMax
  }

  /** A call was made. */
  earn(): void {
    this.#saved = Math.min(this.#savedMax, this.#saved + this.#share)
  }

  /** @returns whether one message may be sent again */
  take(): boolean {
    if (this.#saved < 1) {
      this.refused++
      return false
    }
    this.#saved--
    return true
  }
}
