// The harness of the timing wheel: runs a wheel and a plain sorted list side by side.
//
// The list knows no slots, no cascades and no wrapping: it keeps unwrapped due ticks and sorts by
// (due tick, order of adding). Every difference between the two is thrown as an error.
// wheel.test.ts drives it with random commands, and with wheels broken on purpose, which it must
// catch.

import { delayTicksMax } from '../../core/timer/wheel.ts'

/** What the harness needs of a wheel; a broken twin of TimingWheel has it too. */
export interface WheelLike {
  readonly nowTick: number
  readonly size: number
  add(delayTicks: number, a: number, b: number): number
  cancel(handle: number): boolean
  advance(toTick: number, onFire: (a: number, b: number, dueTick: number) => void): number
  nextDueTick(): number | undefined
}

interface ModelTimer {
  readonly due: number
  readonly serial: number
  readonly handle: number
}

/** What a firing timer does, chosen from its serial: most do nothing. */
export interface Reentry {
  readonly addDelay?: number
  readonly cancelPick?: number
}

export class WheelHarness {
  readonly #wheel: WheelLike
  readonly #reentryOf: (serial: number) => Reentry
  /** Sorted by due, then serial. */
  #waiting: ModelTimer[] = []
  readonly #past: number[] = []
  readonly #issued = new Set<number>()
  #now: number
  #serial = 0
  fired = 0

  constructor(wheel: WheelLike, reentryOf: (serial: number) => Reentry = () => ({})) {
    this.#wheel = wheel
    this.#reentryOf = reentryOf
    this.#now = wheel.nowTick
  }

  get waiting(): number {
    return this.#waiting.length
  }

  add(delayTicks: number): void {
    const serial = this.#serial++
    const handle = this.#wheel.add(delayTicks, serial >>> 0, ~serial >>> 0)
    check(Number.isSafeInteger(handle) && handle > 0, `handle ${handle}`)
    check(!this.#issued.has(handle), `handle ${handle} was given out before`)
    this.#issued.add(handle)
    const timer = { due: this.#now + Math.max(1, delayTicks), serial, handle }
    this.#waiting.splice(this.#after(timer.due), 0, timer)
  }

  /** Cancels the waiting timer at `pick` (a fraction below 1 of the list). */
  cancelWaiting(pick: number): void {
    const [timer] = this.#waiting.splice(Math.floor(pick * this.#waiting.length), 1)
    if (timer === undefined) return
    check(this.#wheel.cancel(timer.handle), `cancel of waiting timer ${timer.serial} was refused`)
    check(!this.#wheel.cancel(timer.handle), `timer ${timer.serial} was cancelled twice`)
    this.#past.push(timer.handle)
  }

  /** Cancels by the handle of a timer that has fired or was cancelled: must be refused. */
  cancelPast(pick: number): void {
    const handle = this.#past[Math.floor(pick * this.#past.length)]
    if (handle === undefined) return
    check(!this.#wheel.cancel(handle), `a past handle ${handle} cancelled something`)
  }

  advance(ticks: number): void {
    const target = this.#now + ticks
    let inWheel = 0
    const fired = this.#wheel.advance(target % 2 ** 32, (a, b, dueTick) => {
      inWheel++
      this.#expectFiring(a, b, dueTick, target)
    })
    check(fired === inWheel, `advance said ${fired} fired, ${inWheel} did`)
    const late = this.#waiting[0]
    check(late === undefined || late.due > target, `timer ${late?.serial} did not fire`)
    this.#now = target
    this.checkState()
  }

  /** Follows nextDueTick until something fires, as the timer thread does. */
  advanceToNext(): void {
    const first = this.#waiting[0]
    for (let step = 0; first !== undefined && this.#waiting[0] === first; step++) {
      check(step < 5, `five steps did not reach the tick ${first.due}`)
      const next = this.#wheel.nextDueTick()
      check(next !== undefined, 'timers wait, but nextDueTick has none')
      this.advance(((next as number) - (this.#now % 2 ** 32) + 2 ** 32) % 2 ** 32)
    }
  }

  checkState(): void {
    check(this.#wheel.size === this.#waiting.length, `size ${this.#wheel.size}`)
    check(this.#wheel.nowTick === this.#now % 2 ** 32, `now ${this.#wheel.nowTick}`)
    const next = this.#wheel.nextDueTick()
    const first = this.#waiting[0]
    check((next === undefined) === (first === undefined), `nextDueTick ${next}`)
    if (next === undefined || first === undefined) return
    const gap = (next - (this.#now % 2 ** 32) + 2 ** 32) % 2 ** 32
    check(this.#now + gap <= first.due, `nextDueTick is ${gap} away, past tick ${first.due}`)
  }

  #expectFiring(a: number, b: number, dueTick: number, target: number): void {
    const timer = this.#waiting.shift()
    check(timer !== undefined, `timer ${a} fired, but none waits`)
    const { due, serial, handle } = timer as ModelTimer
    check(a === serial >>> 0 && b === ~serial >>> 0, `timer ${a} fired instead of ${serial}`)
    check(dueTick === due % 2 ** 32, `timer ${serial} fired at ${dueTick} instead of ${due}`)
    check(due <= target, `timer ${serial} fired ${due - target} ticks early`)
    check(this.#wheel.nowTick === dueTick, 'now is not the tick that fires')
    check(!this.#wheel.cancel(handle), `timer ${serial} could be cancelled while it fires`)
    this.#past.push(handle)
    this.#now = due
    this.fired++
    const reentry = this.#reentryOf(serial)
    if (reentry.addDelay !== undefined) this.add(Math.min(reentry.addDelay, delayTicksMax))
    if (reentry.cancelPick !== undefined) this.cancelWaiting(reentry.cancelPick)
  }

  /** Where a timer with this due tick goes: behind all that are due at it or before. */
  #after(due: number): number {
    let low = 0
    let high = this.#waiting.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#waiting[middle] as ModelTimer).due <= due) low = middle + 1
      else high = middle
    }
    return low
  }
}

function check(condition: boolean, difference: string): void {
  if (!condition) throw new Error(`wheel and list differ: ${difference}`)
}
