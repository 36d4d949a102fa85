// Cron timers of a lane on a clock that the test owns: fires when it names, follows a clock that is set.
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../core/base/clock.ts'
import type { Lane } from '../../core/lane/lane.ts'
import { LuaTimers } from '../../core/lane/lua-timers.ts'
import type { LuaFunction } from '../../core/lua/engine.ts'

/** As much of a lane as LuaTimers uses; `after` timers fire as the clock passes them. */
function setUp(wallMs: number) {
  const clock = new ManualClock(wallMs)
  const due: { atMs: number; fire: () => void }[] = []
  const fired: number[] = []
  const lane = {
    clock,
    engine: { placeOf: () => 'lua/services/x.lua:1' },
    timers: {
      after: (ms: number, fire: () => void) => due.push({ atMs: clock.monotonicMs() + ms, fire }),
    },
    listen: () => {},
    newTask: (origin: { done: () => void }) => ({ origin }),
    run: (task: { origin: { done: () => void } }) => {
      fired.push(clock.wallMs())
      task.origin.done()
    },
  }
  const pass = (ms: number) => {
    const end = clock.monotonicMs() + ms
    for (;;) {
      const next = due.filter((each) => each.atMs <= end).sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      due.splice(due.indexOf(next), 1)
      clock.advance(Math.max(0, next.atMs - clock.monotonicMs()))
      next.fire()
    }
    clock.advance(end - clock.monotonicMs())
  }
  const timers = new LuaTimers(lane as unknown as Lane)
  return { timers, clock, fired, pass }
}

const fn = {} as LuaFunction
const minuteMs = 60_000
const start = new Date(2026, 0, 15, 12, 0, 30).getTime()

describe('timer.cron', () => {
  it('fires at each time that it names', () => {
    const { timers, fired, pass } = setUp(start)
    timers.cron('*/5 * * * *', fn, '')
    pass(12 * minuteMs)
    const at = (minute: number) => new Date(2026, 0, 15, 12, minute).getTime()
    expect(fired).toEqual([at(5), at(10)])
  })

  it('notices a wall clock that was set forward, and one that was set back', () => {
    const { timers, clock, fired, pass } = setUp(start)
    timers.cron('0 13 * * *', fn, '')
    clock.setWall(new Date(2026, 0, 15, 12, 59, 50).getTime())
    pass(minuteMs)
    expect(fired).toHaveLength(1)
    clock.setWall(start)
    pass(2 * 60 * minuteMs)
    expect(fired).toHaveLength(2)
  })

  it('does not fire twice for one time, however often it looks', () => {
    const { timers, fired, pass } = setUp(start)
    timers.cron('0 13 * * *', fn, '')
    for (let i = 0; i < 1000; i++) pass(5000)
    expect(fired).toHaveLength(1)
  })
})
