// The client and the timer thread's work, step by step on one thread with a clock of our own.

import { describe, expect, test } from 'vitest'
import { HostError } from '../../core/base/errors.ts'
import { limits } from '../../core/base/limits.ts'
import type { Doorbell } from '../../core/thread/doorbell.ts'
import { TimerFixture } from './timer-fixture.ts'

const seed = Number(process.env.MOON_SEED ?? Date.now() % 2 ** 31)
console.info(`timer-client.test.ts: MOON_SEED=${seed}`)

const dayMs = 86_400_000

describe('after', () => {
  test('fires once, never early, within a tick and a millisecond', () => {
    const fixture = new TimerFixture()
    const fired: number[] = []
    const startMs = fixture.clock.monotonicMs()
    for (const ms of [0, 0.5, 1, 7, 255.2, 256, 20_000]) {
      fixture.client().after(ms, () => fired.push(fixture.clock.monotonicMs() - startMs - ms))
    }
    fixture.run(21_000, 0.25)
    expect(fired.length).toBe(7)
    expect(Math.min(...fired)).toBeGreaterThanOrEqual(-1e-6)
    expect(Math.max(...fired)).toBeLessThanOrEqual(2)
    expect(fixture.client().size).toBe(0)
  })

  test('timers of one due time fire in the order of the calls', () => {
    const fixture = new TimerFixture()
    const order: number[] = []
    for (let i = 0; i < 5000; i++) fixture.client().after(50, () => order.push(i))
    fixture.run(60)
    expect(order).toEqual(Array.from({ length: 5000 }, (_, i) => i))
  })

  test('a callback may add and cancel', () => {
    const fixture = new TimerFixture()
    const client = fixture.client()
    const seen: string[] = []
    const second = client.after(10, () => seen.push('second'))
    client.after(5, () => {
      seen.push('first')
      expect(client.cancel(second)).toBe(true)
      client.after(5, () => seen.push('third'))
    })
    fixture.run(30)
    expect(seen).toEqual(['first', 'third'])
  })

  test('further away than the wheel takes: 100 days fire after 100 days', () => {
    const fixture = new TimerFixture()
    let firings = 0
    fixture.client().after(100 * dayMs, () => firings++)
    fixture.run(100 * dayMs - 1, 3_600_000)
    expect(firings).toBe(0)
    fixture.run(3)
    expect(firings).toBe(1)
  })

  test('refuses what is no number of milliseconds', () => {
    const client = new TimerFixture().client()
    for (const ms of [Number.NaN, Number.POSITIVE_INFINITY, '5' as unknown as number]) {
      expect(() => client.after(ms, () => {})).toThrow(HostError)
    }
    expect(client.size).toBe(0)
  })
})

describe('every', () => {
  test('the nth firing is at start + n * period, whatever the thread is late by', () => {
    const fixture = new TimerFixture()
    const startMs = fixture.clock.monotonicMs()
    const late: number[] = []
    const all: number[] = []
    let n = 0
    fixture.client().every(100, (missed) => {
      n += 1 + missed
      all.push(missed)
      late.push(fixture.clock.monotonicMs() - startMs - n * 100)
    })
    fixture.run(60_000, 13.7)
    expect(n).toBe(Math.floor((fixture.clock.monotonicMs() - startMs - 2) / 100))
    expect(all.every((missed) => missed === 0)).toBe(true)
    expect(Math.min(...late)).toBeGreaterThanOrEqual(-1e-6)
    expect(Math.max(...late)).toBeLessThanOrEqual(14.7 + 2)
  })

  test('a late timer thread tells what was missed in one firing', () => {
    const fixture = new TimerFixture()
    const missed: number[] = []
    fixture.client().every(10, (count) => missed.push(count))
    fixture.run(10.5, 0.5)
    fixture.clock.advance(1000)
    fixture.run(12, 0.5)
    expect(missed).toEqual([0, 99, 0])
  })

  test('a late client is told what it missed in one call, and is not called in a burst', () => {
    const fixture = new TimerFixture()
    const missed: number[] = []
    fixture.client().every(10, (count) => missed.push(count))
    for (let i = 0; i < 1005; i++) {
      fixture.clock.advance(1)
      fixture.scheduler.turn()
    }
    expect(fixture.dispatch()).toBeGreaterThan(50)
    expect(missed).toEqual([99])
    fixture.run(10)
    expect(missed).toEqual([99, 0])
  })

  test('a period longer than the timer thread repeats keeps its times', () => {
    const fixture = new TimerFixture()
    const periodMs = 20 * dayMs
    const at: number[] = []
    const startMs = fixture.clock.monotonicMs()
    fixture.client().every(periodMs, (missed) => at.push(missed))
    for (let n = 1; n <= 3; n++) {
      fixture.run(startMs + n * periodMs - 1 - fixture.clock.monotonicMs(), dayMs)
      expect(at.length).toBe(n - 1)
      fixture.run(3)
      expect(at).toEqual(Array(n).fill(0))
    }
  })

  test('cancel in its own callback ends it', () => {
    const fixture = new TimerFixture()
    let firings = 0
    const handle = fixture.client().every(5, () => {
      firings++
      expect(fixture.client().cancel(handle)).toBe(true)
    })
    fixture.run(100)
    expect(firings).toBe(1)
    expect(fixture.client().size).toBe(0)
    expect(fixture.state.waiting).toBe(0)
  })

  test('refuses what is no whole number from 1', () => {
    const client = new TimerFixture().client()
    for (const ms of [0, -1, 16.7, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => client.every(ms, () => {})).toThrow(HostError)
    }
  })
})

describe('cancel', () => {
  test('a timer whose firing is in the ring already is not called', () => {
    const fixture = new TimerFixture()
    let firings = 0
    const handle = fixture.client().after(5, () => firings++)
    fixture.scheduler.turn()
    fixture.clock.advance(10)
    fixture.scheduler.turn()
    expect(fixture.client().cancel(handle)).toBe(true)
    const reused = fixture.client().after(50, () => (firings += 100))
    expect(fixture.dispatch()).toBe(1)
    expect(firings).toBe(0)
    fixture.run(60)
    expect(firings).toBe(100)
    expect(fixture.client().cancel(reused)).toBe(false)
  })

  test('handles of fired, cancelled and unheard-of timers are refused', () => {
    const fixture = new TimerFixture()
    const client = fixture.client()
    const fired = client.after(1, () => {})
    fixture.run(5)
    const cancelled = client.after(1, () => {})
    expect(client.cancel(cancelled)).toBe(true)
    const alive = client.after(1000, () => {})
    for (const handle of [fired, cancelled, 0, -1, 0.5, Number.NaN, alive + 1, alive + 2 ** 21]) {
      expect(client.cancel(handle)).toBe(false)
    }
    expect(client.size).toBe(1)
  })
})

describe('limits', () => {
  test('timersMax timers fit, one more is refused and changes nothing', () => {
    const fixture = new TimerFixture({ timersMax: 100 })
    const client = fixture.client()
    let firings = 0
    for (let i = 0; i < 100; i++) client.after(10, () => firings++)
    expect(() => client.after(10, () => {})).toThrow(/100 timers/)
    expect(client.size).toBe(100)
    fixture.run(20)
    expect(firings).toBe(100)
    client.after(10, () => firings++)
    fixture.run(20)
    expect(firings).toBe(101)
  })

  test('a full ring of firings holds that client back, and loses or delays nothing else', () => {
    const fixture = new TimerFixture({ clients: 2, ringBytes: 1024 })
    let firings = 0
    let otherFirings = 0
    const periodic: number[] = []
    for (let i = 0; i < 1000; i++) {
      fixture.client(0).after(10, () => firings++)
      fixture.scheduler.turn()
      fixture.client(0).flush()
    }
    fixture.client(0).every(10, (missed) => periodic.push(missed))
    fixture.client(1).after(10, () => otherFirings++)
    // The first client does not read for a second.
    for (let i = 0; i < 1000; i++) {
      fixture.clock.advance(1)
      expect(fixture.scheduler.turn()).toBeLessThanOrEqual(i < 9 ? 1e9 : 3)
      fixture.dispatch(1)
    }
    expect(otherFirings).toBe(1)
    expect(firings).toBe(0)
    expect(fixture.state.held).toBeGreaterThan(800)
    expect(fixture.state.held).toBeLessThanOrEqual(1001)
    fixture.turn()
    expect(firings).toBe(1000)
    expect(periodic).toEqual([99])
    expect(fixture.state.held).toBe(0)
  })

  test('a held firing can be cancelled, and its slot used again', () => {
    const fixture = new TimerFixture({ ringBytes: 64 })
    const client = fixture.client()
    const seen: number[] = []
    const handles = []
    for (let i = 0; i < 20; i++) {
      handles.push(client.after(5, () => seen.push(i)))
      fixture.scheduler.turn()
      client.flush()
    }
    fixture.clock.advance(10)
    fixture.scheduler.turn()
    expect(fixture.state.held).toBeGreaterThan(10)
    for (const i of [19, 10, 11, 0]) {
      expect(client.cancel(handles[i] as number)).toBe(true)
      client.after(5, () => seen.push(100 + i))
      fixture.scheduler.turn()
      client.flush()
    }
    fixture.run(20)
    const kept = Array.from({ length: 20 }, (_, i) => i).filter((i) => ![19, 10, 11, 0].includes(i))
    expect(seen.slice(0, 16)).toEqual(kept)
    expect(seen.slice(16).sort()).toEqual([100, 110, 111, 119])
  })

  test('a full ring of commands keeps them, in order, until flush', () => {
    const fixture = new TimerFixture({ ringBytes: 256 })
    const client = fixture.client()
    const seen: number[] = []
    const handles = Array.from({ length: 500 }, (_, i) => client.after(20, () => seen.push(i)))
    expect(client.unsent).toBeGreaterThan(400)
    // Cancels what was sent, what was not, and reuses slots meanwhile.
    const cancelled = new Set([0, 1, 250, 499])
    for (const i of cancelled) expect(client.cancel(handles[i] as number)).toBe(true)
    for (const i of cancelled) expect(client.cancel(handles[i] as number)).toBe(false)
    for (let i = 500; i < 510; i++) client.after(20, () => seen.push(i))
    expect(client.flush()).toBe(false)
    fixture.run(40)
    expect(client.unsent).toBe(0)
    const expected = Array.from({ length: 510 }, (_, i) => i).filter((i) => !cancelled.has(i))
    expect(seen).toEqual(expected)
    expect(client.size).toBe(0)
    expect(fixture.state.waiting).toBe(0)
  })

  test('one turn takes timerCommandsPerTurnMax commands of a client, the next the rest', () => {
    const fixture = new TimerFixture()
    for (let i = 0; i < limits.timerCommandsPerTurnMax; i++) fixture.client().after(1e6, () => {})
    expect(fixture.scheduler.turn()).toBeGreaterThan(0)
    expect(fixture.state.waiting).toBe(limits.timerCommandsPerTurnMax)
    for (let i = 0; i <= limits.timerCommandsPerTurnMax; i++) fixture.client().after(1e6, () => {})
    expect(fixture.scheduler.turn()).toBe(0)
    expect(fixture.state.waiting).toBe(2 * limits.timerCommandsPerTurnMax)
    expect(fixture.scheduler.turn()).toBeGreaterThan(0)
  })
})

describe('waking', () => {
  test('a message carries timerFiringsPerMessageMax firings; one more takes a second', () => {
    const fixture = new TimerFixture()
    const max = limits.timerFiringsPerMessageMax
    for (const [firings, messages] of [
      [max, 1],
      [max + 1, 2],
    ] as const) {
      for (let i = 0; i < firings; i++) fixture.client().after(5, () => {})
      fixture.scheduler.turn()
      fixture.clock.advance(10)
      fixture.scheduler.turn()
      expect(fixture.dispatch()).toBe(messages)
    }
  })

  test('a timer that is due after the next waking rings no bell; an earlier one does', () => {
    const fixture = new TimerFixture()
    const client = fixture.client()
    client.after(100, () => {})
    expect(fixture.scheduler.turn()).toBeLessThanOrEqual(101)
    const ticket = fixture.timerBell.ticket()
    const later = client.after(200, () => {})
    client.cancel(later)
    expect(fixture.timerBell.ticket()).toBe(ticket)
    client.after(50, () => {})
    expect(fixture.timerBell.ticket()).toBe(ticket + 1)
  })

  test('a client whose ring of commands was full is rung when there is room', () => {
    const fixture = new TimerFixture({ ringBytes: 256 })
    const bell = fixture.clientBells[0] as Doorbell
    for (let i = 0; i < 20; i++) fixture.client().after(3000, () => {})
    expect(fixture.client().unsent).toBeGreaterThan(0)
    const ticket = bell.ticket()
    fixture.scheduler.turn()
    expect(bell.ticket()).toBe(ticket + 1)
    fixture.scheduler.turn()
    expect(bell.ticket()).toBe(ticket + 1)
  })

  test('a ring that fills up rings the bell before it is full', () => {
    const fixture = new TimerFixture({ ringBytes: 4096 })
    const ticket = fixture.timerBell.ticket()
    for (let i = 0; i < 100; i++) fixture.client().after(3000, () => {})
    expect(fixture.client().unsent).toBe(0)
    expect(fixture.timerBell.ticket()).toBeGreaterThan(ticket)
  })

  test('firings of one turn come in one message and ring the client once', () => {
    const fixture = new TimerFixture()
    for (let i = 0; i < 700; i++) fixture.client().after(5, () => {})
    fixture.scheduler.turn()
    const bell = fixture.clientBells[0] as Doorbell
    const ticket = bell.ticket()
    fixture.clock.advance(20)
    fixture.scheduler.turn()
    expect(bell.ticket()).toBe(ticket + 1)
    expect(fixture.dispatch()).toBe(1)
  })
})

describe('a client that takes over a port', () => {
  test('hears nothing of its predecessor, whose timers are dropped', () => {
    const fixture = new TimerFixture({ ringBytes: 4096 })
    let ghosts = 0
    let firings = 0
    for (let i = 0; i < 50; i++) fixture.client().after(5, () => ghosts++)
    for (let i = 0; i < 20; i++) fixture.client().every(5, () => ghosts++)
    fixture.scheduler.turn()
    fixture.clock.advance(10)
    fixture.scheduler.turn()
    fixture.client().after(500, () => ghosts++)
    const next = fixture.replaceClient(0)
    for (let i = 0; i < 100; i++) next.after(5, () => firings++)
    fixture.run(1000)
    expect([ghosts, firings]).toEqual([0, 100])
    expect(fixture.state.waiting).toBe(0)
  })

  test('does so even when its predecessor left a full ring', () => {
    const fixture = new TimerFixture({ ringBytes: 256 })
    let ghosts = 0
    let firings = 0
    for (let i = 0; i < 100; i++) fixture.client().after(5, () => ghosts++)
    // The resets of those in between take the last bytes.
    let next = fixture.replaceClient(0)
    while (next.unsent === 0) next = fixture.replaceClient(0)
    next.after(5, () => firings++)
    expect(next.unsent).toBe(2)
    // Now there is room, but the reset must still go first.
    fixture.scheduler.turn()
    next.after(5, () => firings++)
    fixture.run(50)
    expect([ghosts, firings]).toEqual([0, 2])
  })
})

describe('over random use with small rings', () => {
  test('each timer is called exactly as often as it should be', () => {
    let state = Math.imul(seed, 0x9e3779b1) | 1
    const random = () => {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      return (state >>> 0) / 2 ** 32
    }
    const fixture = new TimerFixture({ clients: 3, ringBytes: 512 })
    const now = () => fixture.clock.monotonicMs()
    interface Used {
      readonly client: number
      readonly handle: number
      readonly startMs: number
      readonly ms: number
      readonly isPeriodic: boolean
      calls: number
      isCancelled: boolean
      counted: number
      endedMs: number | undefined
    }
    const used: Used[] = []
    let isWindingDown = false
    const start = (client: number) => {
      const ms = Math.floor(2 ** (random() * 10)) + 1
      const isPeriodic = random() < 0.2
      const timers = fixture.client(client)
      const handle = isPeriodic
        ? timers.every(ms, (missed) => called(timer, missed))
        : timers.after(ms, () => called(timer, 0))
      const timer: Used = {
        client,
        handle,
        startMs: now(),
        ms,
        isPeriodic,
        calls: 0,
        isCancelled: false,
        counted: 0,
        endedMs: undefined,
      }
      used.push(timer)
    }
    const called = (timer: Used, missed: number) => {
      timer.calls++
      timer.counted += 1 + missed
      // Plain throws: this runs half a million times.
      if (timer.endedMs !== undefined) throw new Error('called after its end')
      const dueMs = timer.startMs + timer.counted * timer.ms
      if (dueMs > now() + 1e-3) throw new Error(`called ${dueMs - now()} ms early`)
      if (!timer.isPeriodic) timer.endedMs = now()
      if (!isWindingDown && random() < 0.1) start(timer.client)
    }
    for (let i = 0; i < 10_000; i++) {
      const choice = random()
      const client = Math.floor(random() * 3)
      if (choice < 0.25) start(client)
      else if (choice < 0.4) {
        const timer = used[Math.floor(random() * used.length)]
        if (timer === undefined) continue
        const isAlive = timer.endedMs === undefined
        expect(fixture.client(timer.client).cancel(timer.handle)).toBe(isAlive)
        if (isAlive) timer.isCancelled = true
        timer.endedMs ??= now()
      } else if (choice < 0.6) fixture.clock.advance(random() * 3)
      else if (choice < 0.8) fixture.scheduler.turn()
      else if (choice < 0.9) fixture.client(client).flush()
      else fixture.dispatch(client)
    }
    isWindingDown = true
    fixture.run(1100, 2.3)
    for (const timer of used) {
      if (!timer.isPeriodic) expect(timer.calls).toBe(timer.isCancelled ? 0 : 1)
      else if (!timer.isCancelled) {
        // A firing is due at the next whole tick; up to then it may be missing from the count.
        const passedMs = now() - timer.startMs
        expect(timer.counted).toBeGreaterThanOrEqual(Math.floor((passedMs - 2) / timer.ms))
        expect(fixture.client(timer.client).cancel(timer.handle)).toBe(true)
      }
    }
    fixture.run(10)
    expect(used.filter((timer) => timer.calls > 0).length).toBeGreaterThan(500)
    expect(fixture.clients.map((client) => client.size)).toEqual([0, 0, 0])
    expect([fixture.state.waiting, fixture.state.held]).toEqual([0, 0])
  })
})
