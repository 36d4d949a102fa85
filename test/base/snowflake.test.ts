// Snowflake ids: unique and growing whatever the clock does, and their parts where the layout says.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { AssertionError } from '../../core/base/assert.ts'
import { ManualClock } from '../../core/base/clock.ts'
import { laneIndexMax, nodeIdMax, SnowflakeMaker } from '../../core/base/snowflake.ts'

const epochMs = Date.UTC(2026, 0, 1)

it('has time, node, lane and serial where its layout says', () => {
  const clock = new ManualClock(epochMs + 123_456_789)
  const maker = new SnowflakeMaker(clock, nodeIdMax, laneIndexMax)
  maker.next()
  const id = BigInt(maker.next())
  expect(id >> 22n).toBe(123_456_789n)
  expect((id >> 12n) & 1023n).toBe(1023n)
  expect((id >> 8n) & 15n).toBe(15n)
  expect(id & 255n).toBe(1n)
})

it('grows strictly, also when a millisecond is used up and when the clock is set back', () => {
  const moves = fc.array(fc.integer({ min: -5000, max: 5000 }), { maxLength: 30 })
  fc.assert(
    fc.property(moves, (deltas) => {
      const clock = new ManualClock(epochMs + 10_000)
      const maker = new SnowflakeMaker(clock, 1, 2)
      let last = -1n
      for (const delta of deltas) {
        clock.setWall(clock.wallMs() + delta)
        for (let i = 0; i < 300; i++) {
          const id = BigInt(maker.next())
          expect(id > last).toBe(true)
          last = id
        }
      }
    }),
  )
})

it('makers of other nodes and lanes never make the same id', () => {
  const clock = new ManualClock(epochMs + 5)
  const ids = new Set<string>()
  for (const node of [0, 1, nodeIdMax]) {
    for (const lane of [0, 1, laneIndexMax]) {
      const maker = new SnowflakeMaker(clock, node, lane)
      for (let i = 0; i < 1000; i++) ids.add(maker.next())
    }
  }
  expect(ids.size).toBe(9000)
})

it.each([
  [nodeIdMax + 1, 0],
  [0, laneIndexMax + 1],
  [-1, 0],
])('node %i, lane %i do not exist', (node, lane) => {
  expect(() => new SnowflakeMaker(new ManualClock(), node, lane)).toThrow(AssertionError)
})
