// The timers of services: `timer.after`, `timer.every`, `timer.cron` of lua/lib/timer.lua.
//
// Lane thread. A firing runs the function as a task of its own, so it may wait; while the call before
// still waits, a firing of `every` is counted as missed instead. What the function raises is logged
// by the lane with its traceback and ends this one call only.
//
// While a reload tries out new code (begin … commit or abort), nothing of it is final: new timers
// start at the commit, and a cancelled one goes on until then. After an abort nothing has happened.
//
// A cron timer looks at the wall clock at least every cronLookMs, so that a clock that was set is
// noticed.

import { HostError } from '../base/errors.ts'
import type { LuaFunction } from '../lua/engine.ts'
import { Cron } from '../timer/cron.ts'
import { type Lane, logLevel } from './lane.ts'
import type { Failure, Task } from './task.ts'

const cronLookMs = 30_000

interface LuaTimer {
  readonly id: number
  readonly fn: LuaFunction
  /** `every 1000 ms`, for messages. */
  readonly what: string
  /** Where its function is written, or else where the timer was started: file:line. */
  readonly place: string
  readonly start: () => number
  /** Of the thread's timers; 0 until it has started. */
  handle: number
  busy: boolean
  missed: number
  /** It was said that it runs old code. */
  told: boolean
}

export class LuaTimers {
  readonly #lane: Lane
  readonly #timers = new Map<number, LuaTimer>()
  #nextId = 1
  /** During a reload: timers that are to start, and those that are to be cancelled. */
  #staged: { readonly started: LuaTimer[]; readonly cancelled: Set<number> } | undefined

  constructor(lane: Lane) {
    this.#lane = lane
    lane.listen('timer', {
      returned: (task) => this.#ended(task, undefined),
      failed: (task, failure) => this.#ended(task, failure),
    })
  }

  get size(): number {
    return this.#timers.size
  }

  after(ms: number, fn: LuaFunction, caller: string): number {
    if (!Number.isFinite(ms)) throw new HostError('SCRIPT', 'timer.after: expected milliseconds')
    return this.#add(fn, caller, `after ${ms} ms`, (timer) =>
      this.#lane.timers.after(ms, () => {
        this.#timers.delete(timer.id)
        this.#fire(timer, 0)
      }),
    )
  }

  every(ms: number, fn: LuaFunction, caller: string): number {
    if (!Number.isSafeInteger(ms) || ms < 1) {
      const text = `timer.every: expected a whole number of milliseconds from 1, got ${ms}`
      throw new HostError('SCRIPT', text)
    }
    return this.#add(fn, caller, `every ${ms} ms`, (timer) =>
      this.#lane.timers.every(ms, (missed) => this.#fire(timer, missed)),
    )
  }

  /** @throws HostError SCRIPT for an expression that is not understood */
  cron(text: string, fn: LuaFunction, caller: string): number {
    const cron = new Cron(text)
    const { clock } = this.#lane
    let lookedMs = clock.wallMs()
    let dueMs = cron.nextAfter(lookedMs)
    const arm = (timer: LuaTimer): number => {
      const waitMs = Math.min(Math.max(1, dueMs - clock.wallMs()), cronLookMs)
      return this.#lane.timers.after(waitMs, () => look(timer))
    }
    const look = (timer: LuaTimer): void => {
      const nowMs = clock.wallMs()
      const isDue = nowMs >= dueMs
      if (isDue || nowMs < lookedMs) dueMs = cron.nextAfter(nowMs)
      lookedMs = nowMs
      timer.handle = arm(timer)
      if (isDue) this.#fire(timer, 0)
    }
    return this.#add(fn, caller, `cron "${text}"`, arm)
  }

  /** @returns whether it was waiting */
  cancel(id: number): boolean {
    const timer = this.#timers.get(id)
    if (timer === undefined) return false
    if (this.#staged !== undefined) {
      if (this.#staged.cancelled.has(id)) return false
      this.#staged.cancelled.add(id)
      return true
    }
    this.#timers.delete(id)
    this.#lane.timers.cancel(timer.handle)
    return true
  }

  /** From now on new timers and cancels are only noted. */
  begin(): void {
    this.#staged = { started: [], cancelled: new Set() }
  }

  abort(): void {
    const staged = this.#staged
    this.#staged = undefined
    for (const timer of staged?.started ?? []) this.#timers.delete(timer.id)
  }

  /**
   * Carries out what was noted.
   * @returns a warning for each timer whose function is the old code of one of `files`
   */
  commit(files: ReadonlySet<string>): readonly string[] {
    const staged = this.#staged
    this.#staged = undefined
    for (const id of staged?.cancelled ?? []) this.cancel(id)
    const fresh = new Set(staged?.started)
    for (const timer of fresh) {
      if (this.#timers.has(timer.id)) timer.handle = timer.start()
    }
    const old = [...this.#timers.values()].filter((timer) => !fresh.has(timer))
    return old.flatMap((timer) => this.#tellOld(timer, files))
  }

  #tellOld(timer: LuaTimer, files: ReadonlySet<string>): string[] {
    const file = timer.place.replace(/:\d+$/, '')
    if (timer.told || !files.has(file)) return []
    // Where functions are replaced, only one that the new text does not have runs old code.
    if (this.#lane.engine.modules?.runsLatest(timer.fn) === true) return []
    timer.told = true
    const text =
      `${timer.place}: a timer (${timer.what}) still runs old code; ` +
      'cancel it in __reload(old) to replace it'
    this.#lane.log(logLevel.warn, text)
    return [text]
  }

  #add(fn: LuaFunction, caller: string, what: string, start: (timer: LuaTimer) => number): number {
    const { engine } = this.#lane
    const timer: LuaTimer = {
      id: this.#nextId++,
      fn,
      what,
      place: engine.placeOf?.(fn) ?? caller,
      start: () => start(timer),
      handle: 0,
      busy: false,
      missed: 0,
      told: false,
    }
    if (this.#staged === undefined) timer.handle = timer.start()
    else this.#staged.started.push(timer)
    this.#timers.set(timer.id, timer)
    return timer.id
  }

  #fire(timer: LuaTimer, missed: number): void {
    if (timer.busy) {
      timer.missed += 1 + missed
      return
    }
    timer.busy = true
    const total = timer.missed + missed
    timer.missed = 0
    const name = timer.place === '' ? 'timer' : `timer ${timer.place}`
    const task = this.#lane.newTask({
      kind: 'timer',
      name,
      done: () => {
        timer.busy = false
      },
    })
    this.#lane.run(task, timer.fn, total)
  }

  #ended(task: Task, failure: Failure | undefined): void {
    const { origin } = task
    this.#lane.release(task)
    if (origin.kind !== 'timer') return
    origin.done()
    // An error with a code was not logged where it was raised, and nobody else hears of this one.
    if (failure?.table === undefined) return
    this.#lane.log(logLevel.warn, `${origin.name} failed: ${failure.detail}`)
  }
}
