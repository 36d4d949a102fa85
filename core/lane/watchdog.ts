// The watchdog: notices lanes that do not come back, interrupts them, and at last gives them up.
//
// Core thread; `look` is called every watchdogLookMs. A lane makes progress when its run counter or
// its loop counter moves (lane-activity.ts). Standing still has two steps:
//
//   in one run of Lua for budgetMs      the run is interrupted: the engine ends it with LuaKilled
//   still there laneYieldMs later       onStuck: the lane has to be replaced
//
// A lane that stands still outside of a run (our own code, a garbage collection without end) is not
// interrupted, and is stuck after both times together. Times are counted from the look that first saw
// the lane where it is, so they are up to one interval longer than they say, never shorter.

import type { Clock } from '../base/clock.ts'
import type { ActivityView } from './lane-activity.ts'

export interface WatchdogOptions {
  readonly clock: Clock
  readonly yieldMs: number
  /** A run was interrupted after `ms`. */
  readonly onInterrupt: (lane: number, route: number, ms: number) => void
  /** The lane does not yield; it stood for `ms`. Told once, until `watch` is called again. */
  readonly onStuck: (lane: number, route: number, ms: number) => void
}

interface Watched {
  readonly activity: ActivityView
  readonly budgetMs: () => number
  run: number
  turns: number
  sinceMs: number
  interruptedMs: number | undefined
}

export class Watchdog {
  readonly #options: WatchdogOptions
  readonly #watched = new Map<number, Watched>()
  #lookedMs = 0

  constructor(options: WatchdogOptions) {
    this.#options = options
  }

  /** Begins to watch a lane, or begins anew. */
  watch(lane: number, activity: ActivityView, budgetMs: () => number): void {
    this.#watched.set(lane, {
      activity,
      budgetMs,
      run: activity.run,
      turns: activity.turns,
      sinceMs: this.#options.clock.monotonicMs(),
      interruptedMs: undefined,
    })
  }

  unwatch(lane: number): void {
    this.#watched.delete(lane)
  }

  /** How long, at the last look, the lane that has stood longest had not moved. */
  get longestStandMs(): number {
    let longest = 0
    for (const { sinceMs } of this.#watched.values()) {
      longest = Math.max(longest, this.#lookedMs - sinceMs)
    }
    return longest
  }

  look(): void {
    const nowMs = this.#options.clock.monotonicMs()
    this.#lookedMs = nowMs
    for (const [lane, watched] of this.#watched) this.#lookAt(lane, watched, nowMs)
  }

  #lookAt(lane: number, watched: Watched, nowMs: number): void {
    const { activity } = watched
    const { run, turns } = activity
    if (run !== watched.run || turns !== watched.turns) {
      watched.run = run
      watched.turns = turns
      watched.sinceMs = nowMs
      watched.interruptedMs = undefined
      return
    }
    const stoodMs = nowMs - watched.sinceMs
    const budgetMs = watched.budgetMs()
    if (watched.interruptedMs !== undefined) {
      if (nowMs - watched.interruptedMs >= this.#options.yieldMs)
        this.#stuck(lane, watched, stoodMs)
    } else if ((run & 1) === 1) {
      if (stoodMs < budgetMs || !activity.interrupt(run)) return
      watched.interruptedMs = nowMs
      this.#options.onInterrupt(lane, activity.route, stoodMs)
    } else if (stoodMs >= budgetMs + this.#options.yieldMs) {
      this.#stuck(lane, watched, stoodMs)
    }
  }

  #stuck(lane: number, watched: Watched, stoodMs: number): void {
    this.#watched.delete(lane)
    this.#options.onStuck(lane, watched.activity.route, stoodMs)
  }
}
