// The timing wheel against a sorted list, with random commands, and at its edges by hand.
// MOON_SEED=n repeats a run.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AssertionError } from '../../core/base/assert.ts'
import { HostError } from '../../core/base/errors.ts'
import { delayTicksMax, TimingWheel } from '../../core/timer/wheel.ts'
import { type Reentry, WheelHarness, type WheelLike } from './wheel-model.ts'

const seed = Number(process.env.MOON_SEED ?? Date.now() % 2 ** 31)
console.info(`wheel.test.ts: MOON_SEED=${seed}`)

/** Delays on both sides of every border between levels, and anything between them. */
const borders = [0, 1, 2, 63, 255, 256, 257, 2 ** 14, 2 ** 20, 2 ** 26, 2 ** 31, delayTicksMax]
const delays = fc.oneof(
  fc.integer({ min: 0, max: 600 }),
  fc
    .tuple(fc.constantFrom(...borders), fc.integer({ min: -2, max: 2 }))
    .map(([border, off]) => Math.min(delayTicksMax, Math.max(0, border + off))),
  fc.integer({ min: 0, max: delayTicksMax }),
)
const picks = fc.double({ min: 0, max: 0.999, noNaN: true })

class AddCommand implements fc.Command<Model, WheelHarness> {
  readonly ticks: number
  constructor(ticks: number) {
    this.ticks = ticks
  }
  check = () => true
  run(_model: Model, harness: WheelHarness): void {
    harness.add(this.ticks)
  }
  toString = () => `add(${this.ticks})`
}

class HarnessCommand implements fc.Command<Model, WheelHarness> {
  readonly name: 'cancelWaiting' | 'cancelPast' | 'advance'
  readonly value: number
  constructor(name: 'cancelWaiting' | 'cancelPast' | 'advance', value: number) {
    this.name = name
    this.value = value
  }
  check = () => true
  run(_model: Model, harness: WheelHarness): void {
    harness[this.name](this.value)
    harness.checkState()
  }
  toString = () => `${this.name}(${this.value})`
}

class NextCommand implements fc.Command<Model, WheelHarness> {
  check = () => true
  run(_model: Model, harness: WheelHarness): void {
    harness.advanceToNext()
  }
  toString = () => 'advanceToNext()'
}

type Model = Record<string, never>

const commands = fc.commands(
  [
    delays.map((ticks) => new AddCommand(ticks)),
    delays.map((ticks) => new AddCommand(ticks)),
    picks.map((pick) => new HarnessCommand('cancelWaiting', pick)),
    picks.map((pick) => new HarnessCommand('cancelPast', pick)),
    fc.integer({ min: 0, max: 700 }).map((ticks) => new HarnessCommand('advance', ticks)),
    delays.map((ticks) => new HarnessCommand('advance', ticks)),
    fc.constant(new NextCommand()),
  ],
  { maxCommands: 150 },
)

const starts = fc.oneof(
  fc.constantFrom(0, 255, 256, 2 ** 26 - 1, 2 ** 31 - 1, 2 ** 32 - 1, 2 ** 32 - 2 ** 26),
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
)

function holds(makeWheel: (start: number) => WheelLike, numRuns: number): void {
  fc.assert(
    fc.property(starts, commands, (start, list) => {
      fc.modelRun(() => ({ model: {}, real: new WheelHarness(makeWheel(start), reentry) }), list)
    }),
    { seed, numRuns },
  )
}

/** One firing in three adds or cancels, by delays that include those of the borders. */
function reentry(serial: number): Reentry {
  const mixed = Math.imul(serial + 1, 0x9e3779b1) >>> 0
  if (mixed % 6 === 0) return { addDelay: borders[(mixed >>> 8) % borders.length] as number }
  if (mixed % 6 === 1) return { cancelPick: (mixed >>> 8) / 2 ** 24 }
  return {}
}

/** A small generator, so that the long run is the same for a seed. */
function xorshift(from: number): () => number {
  let state = Math.imul(from, 0x9e3779b1) | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

function longRun(wheel: WheelLike, operations: number) {
  const random = xorshift(seed)
  const harness = new WheelHarness(wheel, reentry)
  let mostWaiting = 0
  for (let i = 0; i < operations; i++) {
    const choice = random()
    const delay = Math.floor(random() * 2 ** (random() * 32))
    if (choice < 0.56) harness.add(Math.min(delay, delayTicksMax))
    else if (choice < 0.75) harness.cancelWaiting(random())
    else if (choice < 0.8) harness.cancelPast(random())
    else if (choice < 0.997) harness.advanceToNext()
    else harness.advance(Math.floor(2 ** (random() * 29)))
    mostWaiting = Math.max(mostWaiting, harness.waiting)
  }
  return { harness, mostWaiting }
}

describe('the wheel does what a sorted list does', () => {
  test('for any list of commands, from any starting tick', () => {
    holds((start) => new TimingWheel(start, { timersAtFirst: 1 }), 400)
  })

  test('over 100,000 random operations across the 2^32 wrap', () => {
    const wheel = new TimingWheel(2 ** 32 - 2 ** 23, { timersAtFirst: 1 })
    const { harness, mostWaiting } = longRun(wheel, 100_000)
    expect(harness.fired).toBeGreaterThan(10_000)
    expect(mostWaiting).toBeGreaterThan(200)
    while (harness.waiting > 0) harness.advanceToNext()
  })

  const broken: Record<string, (start: number) => WheelLike> = {
    'says that it cancelled, but did not': (start) =>
      new (class extends TimingWheel {
        override cancel = (handle: number) => handle % 2 === 0 || super.cancel(handle)
      })(start),
    'fires long delays one tick early': (start) =>
      new (class extends TimingWheel {
        override add(delay: number, a: number, b: number) {
          return super.add(delay >= 2 ** 14 ? delay - 1 : delay, a, b)
        }
      })(start),
    'sleeps past the next due tick': (start) =>
      new (class extends TimingWheel {
        override nextDueTick() {
          const tick = super.nextDueTick()
          return tick === undefined ? undefined : (tick + 1) % 2 ** 32
        }
      })(start),
    'forgets one timer in a jump': (start) =>
      new (class extends TimingWheel {
        override advance(to: number, onFire: (a: number, b: number, due: number) => void) {
          let skipped = 0
          const far = (to - this.nowTick) >>> 0 > 2 ** 20
          return super.advance(to, (a, b, due) => {
            if (far && skipped++ === 0) return
            onFire(a, b, due)
          })
        }
      })(start),
  }
  for (const [how, make] of Object.entries(broken)) {
    test(`canary: a wheel that ${how} is caught`, () => {
      const caught = expect(() => holds(make, 400))
      caught.toThrow(
        expect.objectContaining({
          cause: expect.objectContaining({
            message: expect.stringContaining('wheel and list differ'),
          }),
        }),
      )
    })
  }
})

describe('edges', () => {
  function firings(wheel: TimingWheel, toTick: number): [number, number][] {
    const seen: [number, number][] = []
    wheel.advance(toTick, (a, _b, due) => seen.push([a, due]))
    return seen
  }

  test('timers of one due tick fire in the order of adding, wherever they were added from', () => {
    const wheel = new TimingWheel(0)
    wheel.add(70_000, 1, 0)
    firings(wheel, 60_000)
    wheel.add(10_000, 2, 0)
    firings(wheel, 69_999)
    wheel.add(1, 3, 0)
    expect(firings(wheel, 70_000)).toEqual([
      [1, 70_000],
      [2, 70_000],
      [3, 70_000],
    ])
  })

  test('a delay of 0 fires at the next tick, not in the tick that adds it', () => {
    const wheel = new TimingWheel(10)
    const seen: number[] = []
    wheel.add(0, 1, 0)
    wheel.advance(11, (a) => {
      seen.push(a)
      wheel.add(0, a + 1, 0)
    })
    expect(seen).toEqual([1])
    expect(wheel.nextDueTick()).toBe(12)
  })

  test('payload words and due ticks above 2^31 come back unsigned', () => {
    const wheel = new TimingWheel(2 ** 32 - 1)
    wheel.add(2 ** 31 + 5, 0xffffffff, 0x80000000)
    const seen: number[][] = []
    wheel.advance(2 ** 31 + 4, (a, b, due) => seen.push([a, b, due]))
    expect(seen).toEqual([[0xffffffff, 0x80000000, 2 ** 31 + 4]])
  })

  test('the longest delay fires at its tick and not one before; a longer one is a bug', () => {
    const wheel = new TimingWheel(7)
    wheel.add(delayTicksMax, 1, 0)
    const due = (7 + delayTicksMax) % 2 ** 32
    expect(firings(wheel, due - 1)).toEqual([])
    expect(firings(wheel, due)).toEqual([[1, due]])
    for (const delay of [delayTicksMax + 1, -1, Number.NaN]) {
      expect(() => wheel.add(delay, 0, 0)).toThrow(AssertionError)
    }
  })

  test('the pool takes timersMax timers; one more is refused and changes nothing', () => {
    const wheel = new TimingWheel(0, { timersMax: 5, timersAtFirst: 1 })
    for (let i = 0; i < 5; i++) wheel.add(10 + i, i, 0)
    expect(() => wheel.add(1, 9, 0)).toThrow(HostError)
    expect(wheel.size).toBe(5)
    expect(firings(wheel, 10)).toEqual([[0, 10]])
    wheel.add(1, 5, 0)
    expect(firings(wheel, 20).map(([a]) => a)).toEqual([1, 5, 2, 3, 4])
  })

  test('nonsense handles are refused', () => {
    const wheel = new TimingWheel(0)
    wheel.add(5, 0, 0)
    const bad = [0, -1, 1, 511, 2 ** 24 + 511, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, 0.5]
    for (const handle of bad) expect(wheel.cancel(handle)).toBe(false)
    expect(wheel.size).toBe(1)
  })

  test('a callback may cancel the timer that comes after it in the same tick', () => {
    const wheel = new TimingWheel(0)
    const handles = [1, 2, 3].map((a) => wheel.add(4, a, 0))
    const seen: number[] = []
    wheel.advance(4, (a) => {
      seen.push(a)
      if (a === 1) expect(wheel.cancel(handles[1] as number)).toBe(true)
    })
    expect(seen).toEqual([1, 3])
  })

  test('a callback that throws loses only its own timer', () => {
    const wheel = new TimingWheel(0)
    for (const a of [1, 2, 3]) wheel.add(4, a, 0)
    expect(() =>
      wheel.advance(9, () => {
        throw new Error('from the callback')
      }),
    ).toThrow('from the callback')
    expect(wheel.nowTick).toBe(4)
    expect(firings(wheel, 9)).toEqual([
      [2, 4],
      [3, 4],
    ])
  })

  test('advance inside advance is a bug', () => {
    const wheel = new TimingWheel(0)
    wheel.add(1, 0, 0)
    expect(() => wheel.advance(1, () => wheel.advance(2, () => {}))).toThrow(AssertionError)
  })

  test('a node costs 24 bytes, whatever the number of timers', () => {
    const wheel = new TimingWheel(0, { timersAtFirst: 1024 })
    const empty = wheel.memoryBytes
    for (let i = 0; i < 2048; i++) wheel.add(i, 0, 0)
    expect(wheel.memoryBytes - empty).toBe(1024 * 24)
  })
})
