// Deadlines of calls: one wheel for all of them, so that a call costs no timer of its own.
//
// Core thread. A deadline is kept to within `rpcTickMs`. While no deadline stands for a second, nothing
// ticks.

import type { Clock } from '../base/clock.ts'
import { limits } from '../base/limits.ts'
import type { Timers } from '../timer/timers.ts'
import { TimingWheel } from '../timer/wheel.ts'

const idleTicksMax = Math.ceil(1000 / limits.rpcTickMs)

export class Deadlines {
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #onDue: (id: number, kind: number) => void
  readonly #wheel: TimingWheel
  readonly #originMs: number
  #ticker = 0
  #idleTicks = 0

  /** @param onDue hears the two numbers that `add` was given; it must not throw */
  constructor(clock: Clock, timers: Timers, onDue: (id: number, kind: number) => void) {
    this.#clock = clock
    this.#timers = timers
    this.#onDue = onDue
    this.#originMs = clock.monotonicMs()
    this.#wheel = new TimingWheel(0, { timersAtFirst: 1024 })
  }

  /** @returns a handle for `cancel`, never 0 */
  add(delayMs: number, id: number, kind: number): number {
    if (this.#ticker === 0) {
      this.#advance()
      this.#ticker = this.#timers.every(limits.rpcTickMs, () => this.#tick())
    }
    return this.#wheel.add(Math.ceil(delayMs), id, kind)
  }

  cancel(handle: number): void {
    this.#wheel.cancel(handle)
  }

  stop(): void {
    if (this.#ticker !== 0) this.#timers.cancel(this.#ticker)
    this.#ticker = 0
  }

  #tick(): void {
    this.#advance()
    this.#idleTicks = this.#wheel.size === 0 ? this.#idleTicks + 1 : 0
    if (this.#idleTicks < idleTicksMax) return
    this.#idleTicks = 0
    this.stop()
  }

  #advance(): void {
    const tick = Math.floor(this.#clock.monotonicMs() - this.#originMs)
    this.#wheel.advance(tick >>> 0, this.#onDue)
  }
}
