// Values that may come before or after somebody waits for them. Test process only.
//
// First come, first served on both sides; a waiter that gives up is withdrawn and misses nothing.

/** The two ends of a promise that somebody waits for. */
export interface Waiter<T> {
  resolve(value: T): void
  reject(error: Error): void
}

/** Values that came before somebody asked, and those who asked before it came. */
export class Inbox<T> {
  readonly #values: { value: T }[] = []
  readonly #askers: Waiter<T>[] = []

  put(value: T): void {
    const asker = this.#askers.shift()
    if (asker === undefined) this.#values.push({ value })
    else asker.resolve(value)
  }

  shift(): { value: T } | undefined {
    return this.#values.shift()
  }

  /** Hands the next value to `waiter`; returns what withdraws it. */
  await(waiter: Waiter<T>): () => void {
    this.#askers.push(waiter)
    return () => {
      const at = this.#askers.indexOf(waiter)
      if (at >= 0) this.#askers.splice(at, 1)
    }
  }
}
