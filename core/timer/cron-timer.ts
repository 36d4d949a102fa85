// A cron expression that fires on a thread's own timers. A lane, the core.
//
// Timers run on the monotonic clock, which does not follow when an operator or NTP sets the wall
// clock. So the way to the next firing is gone in legs, and after each the wall clock is read anew.
//
// Invariants
//   - One firing for each time that the expression names, late by `legMsMax` at most when the wall
//     clock was set forward over it. What lay in between is told as one firing, not as a burst.
//   - The wall clock set back repeats nothing that has fired, unless it is set back by more than
//     setBackMsMax: then it was wrong before, and the expression starts anew from the new time.

import { type Clock, systemClock } from '../base/clock.ts'
import type { Cron } from './cron.ts'
import { processZone, type TimeZone } from './time-zone.ts'
import type { Timers } from './timers.ts'

/** How long the wall clock is trusted. */
const legMsMax = 30_000
/** Three hours, as in Vixie's cron: more is a correction, not a change of the clock. */
const setBackMsMax = 10_800_000

export class CronTimer {
  readonly #timers: Timers
  readonly #cron: Cron
  readonly #callback: () => void
  readonly #clock: Clock
  readonly #zone: TimeZone
  #seenWallMs: number
  #nextMs: number
  #leg: number

  /** Calls `callback` at each time that `cron` names, from now on. @throws as TimerClient.after */
  constructor(
    timers: Timers,
    cron: Cron,
    callback: () => void,
    options: { readonly clock?: Clock; readonly zone?: TimeZone } = {},
  ) {
    this.#timers = timers
    this.#cron = cron
    this.#callback = callback
    this.#clock = options.clock ?? systemClock
    this.#zone = options.zone ?? processZone
    this.#seenWallMs = this.#clock.wallMs()
    this.#nextMs = cron.nextAfter(this.#seenWallMs, this.#zone)
    this.#leg = this.#startLeg()
  }

  /** When it fires next, in milliseconds since 1970. */
  get nextMs(): number {
    return this.#nextMs
  }

  /** @returns false when it was cancelled already */
  cancel(): boolean {
    return this.#timers.cancel(this.#leg)
  }

  #startLeg(): number {
    const waitMs = Math.max(0, this.#nextMs - this.#clock.wallMs())
    return this.#timers.after(Math.min(waitMs, legMsMax), this.#onLeg)
  }

  readonly #onLeg = (): void => {
    const nowMs = this.#clock.wallMs()
    const isDue = nowMs >= this.#nextMs
    const isCorrected = nowMs < this.#seenWallMs - setBackMsMax
    this.#seenWallMs = nowMs
    // The next leg first: the callback may cancel, or fail.
    if (isDue || isCorrected) this.#nextMs = this.#cron.nextAfter(nowMs, this.#zone)
    this.#leg = this.#startLeg()
    if (isDue) this.#callback()
  }
}
