// The watchdog on its own clock, and the promise that it never ends an innocent run.
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../core/base/clock.ts'
import { ActivityView, allocateActivity, LaneActivity } from '../../core/lane/lane-activity.ts'
import { Watchdog } from '../../core/lane/watchdog.ts'

function setUp() {
  const memory = allocateActivity()
  const interrupt = new SharedArrayBuffer(4)
  const lane = new LaneActivity(memory, interrupt)
  const view = new ActivityView(memory, interrupt)
  const flag = new Int32Array(interrupt)
  const clock = new ManualClock()
  const told: string[] = []
  const watchdog = new Watchdog({
    clock,
    yieldMs: 500,
    onInterrupt: (_lane, route, ms) => told.push(`interrupt route ${route} after ${ms}`),
    onStuck: (_lane, _route, ms) => told.push(`stuck after ${ms}`),
  })
  watchdog.watch(0, view, () => 500)
  const pass = (ms: number) => {
    clock.advance(ms)
    watchdog.look()
  }
  return { lane, view, flag, told, pass, watchdog }
}

describe('the watchdog', () => {
  it('leaves a run alone at its budget less one, and interrupts it at its budget', () => {
    const { lane, flag, told, pass } = setUp()
    lane.begin(7)
    pass(0)
    pass(499)
    expect(told).toEqual([])
    pass(1)
    expect(told).toEqual(['interrupt route 7 after 500'])
    expect(flag[0]).toBe(1)
    lane.end()
    expect(flag[0]).toBe(0)
  })

  it('gives a lane up that does not yield in time, and says so once', () => {
    const { lane, told, pass } = setUp()
    lane.begin(7)
    pass(0)
    pass(500)
    pass(499)
    expect(told).toHaveLength(1)
    pass(1)
    pass(1000)
    expect(told).toEqual(['interrupt route 7 after 500', 'stuck after 1000'])
  })

  it('gives a lane up that stands still outside of any run', () => {
    const { told, pass } = setUp()
    pass(999)
    expect(told).toEqual([])
    pass(1)
    expect(told).toEqual(['stuck after 1000'])
  })

  it('sees progress in many short runs, and in the turns of an idle lane', () => {
    const { lane, told, pass } = setUp()
    for (let i = 0; i < 50; i++) {
      lane.begin(1)
      pass(100)
      lane.end()
      pass(100)
      lane.turn()
    }
    expect(told).toEqual([])
  })

  it('does not touch a run that ended between the look and the mark', () => {
    const { lane, view, flag } = setUp()
    lane.begin(1)
    const { run } = view
    lane.end()
    lane.begin(2)
    expect(view.interrupt(run)).toBe(false)
    expect(flag[0]).toBe(0)
    lane.end()
  })

  it('knows how long the lane that has stood longest stands', () => {
    const { lane, pass, watchdog } = setUp()
    pass(100)
    lane.turn()
    pass(100)
    expect(watchdog.longestStandMs).toBe(0)
    pass(100)
    pass(150)
    expect(watchdog.longestStandMs).toBe(250)
    lane.turn()
    pass(10)
    expect(watchdog.longestStandMs).toBe(0)
    pass(100)
    watchdog.unwatch(0)
    pass(100)
    expect(watchdog.longestStandMs).toBe(0)
  })

  it('forgets a lane that it no longer watches', () => {
    const { lane, told, pass, watchdog } = setUp()
    lane.begin(1)
    watchdog.unwatch(0)
    pass(5000)
    expect(told).toEqual([])
  })
})
