// Timers over those of Node, for a program without a timer thread: tools, benchmarks, tests. One thread.

import type { Timers } from './timers.ts'

export class NodeTimers implements Timers {
  readonly #running = new Map<number, NodeJS.Timeout>()
  #last = 0

  after(ms: number, fire: () => void): number {
    const handle = ++this.#last
    const timer = setTimeout(() => {
      this.#running.delete(handle)
      fire()
    }, ms)
    this.#running.set(handle, timer)
    return handle
  }

  every(ms: number, fire: (missed: number) => void): number {
    this.#running.set(
      ++this.#last,
      setInterval(() => fire(0), ms),
    )
    return this.#last
  }

  cancel(handle: number): boolean {
    const timer = this.#running.get(handle)
    if (timer === undefined) return false
    clearTimeout(timer)
    return this.#running.delete(handle)
  }

  /** Ends all of them. */
  clear(): void {
    for (const timer of this.#running.values()) clearTimeout(timer)
    this.#running.clear()
  }
}
