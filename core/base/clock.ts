// Time, handed in so that tests can own it. Any thread.
//
// `monotonicMs` never jumps and drives timers and deadlines; `wallMs` may jump and is only for what
// people read and for ids. Both are milliseconds; monotonic has a fraction.

export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonicMs(): number
  /** Milliseconds since 1970-01-01T00:00:00Z; an integer. */
  wallMs(): number
}

/**
 * The machine's clock. CLOCK_MONOTONIC has one origin for all threads of a process, so times that
 * threads send each other can be compared (performance.now() starts anew in each worker).
 */
export const systemClock: Clock = {
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  wallMs: () => Date.now(),
}

/** A clock that moves only when told to. */
export class ManualClock implements Clock {
  #monotonicMs = 0
  #wallMs: number

  constructor(wallMs = Date.UTC(2026, 0, 1)) {
    this.#wallMs = wallMs
  }

  monotonicMs(): number {
    return this.#monotonicMs
  }

  wallMs(): number {
    return this.#wallMs
  }

  /** Moves both clocks forward by `ms`. */
  advance(ms: number): void {
    this.#monotonicMs += ms
    this.#wallMs += ms
  }

  /** Sets the wall clock alone, as an operator or NTP would. */
  setWall(wallMs: number): void {
    this.#wallMs = wallMs
  }
}
