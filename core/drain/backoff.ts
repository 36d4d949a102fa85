// Pauses between attempts: they double, with jitter, up to a limit. Any thread; pure but for the wait.

import { limits } from '../base/limits.ts'

export class Backoff {
  readonly #random: () => number
  #failures = 0

  constructor(random: () => number) {
    this.#random = random
  }

  /** Failed attempts in a row. */
  get failures(): number {
    return this.#failures
  }

  /** The pause before the next attempt: half of it fixed, half by chance. */
  nextMs(): number {
    const full = Math.min(limits.drainRetryMsMax, limits.drainRetryFirstMs * 2 ** this.#failures)
    this.#failures = Math.min(this.#failures + 1, 64)
    return full / 2 + (full / 2) * this.#random()
  }

  succeeded(): void {
    this.#failures = 0
  }
}

/** Waits `ms`, or until the signal says stop. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}

/** Lets the event loop go round once. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
