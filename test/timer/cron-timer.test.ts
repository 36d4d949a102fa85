// A cron expression on timers, with a wall clock that is set while it waits.

import { expect, test } from 'vitest'
import { Cron } from '../../core/timer/cron.ts'
import { CronTimer } from '../../core/timer/cron-timer.ts'
import { namedZone } from '../../core/timer/time-zone.ts'
import { TimerFixture } from './timer-fixture.ts'

const zone = namedZone('UTC')

function startAt(wall: string, expression: string) {
  const fixture = new TimerFixture()
  fixture.clock.setWall(Date.parse(wall))
  const fired: string[] = []
  const note = () => fired.push(new Date(fixture.clock.wallMs()).toISOString().slice(0, 16))
  const timer = new CronTimer(fixture.client(), new Cron(expression), note, {
    clock: fixture.clock,
    zone,
  })
  return { fixture, fired, timer }
}

test('fires at each time that the expression names, and not before', () => {
  const { fixture, fired, timer } = startAt('2026-11-21T11:58:59Z', '*/5 12 * * *')
  expect(timer.nextMs).toBe(Date.parse('2026-11-21T12:00Z'))
  fixture.run(60_999, 500)
  expect(fired).toEqual([])
  fixture.run(600_010, 500)
  expect(fired).toEqual(['2026-11-21T12:00', '2026-11-21T12:05', '2026-11-21T12:10'])
})

test('follows a wall clock that is set forward: one firing for all that was passed', () => {
  const { fixture, fired } = startAt('2026-11-21T11:00Z', '*/5 12 * * *')
  fixture.run(60_000, 500)
  fixture.clock.setWall(Date.parse('2026-11-21T12:31Z'))
  fixture.run(31_000, 500)
  expect(fired).toEqual(['2026-11-21T12:31'])
  fixture.run(240_000, 500)
  expect(fired).toEqual(['2026-11-21T12:31', '2026-11-21T12:35'])
})

test('follows a wall clock that is set back: nothing fires twice', () => {
  const { fixture, fired } = startAt('2026-11-21T11:59:30Z', '0 * * * *')
  fixture.run(31_000, 500)
  expect(fired).toEqual(['2026-11-21T12:00'])
  fixture.clock.setWall(Date.parse('2026-11-21T11:59Z'))
  fixture.run(120_000, 500)
  expect(fired).toEqual(['2026-11-21T12:00'])
  fixture.run(3_600_000, 5000)
  expect(fired).toEqual(['2026-11-21T12:00', '2026-11-21T13:00'])
})

test('starts anew from a wall clock that is set back by more than three hours', () => {
  const { fixture, fired, timer } = startAt('2027-11-21T11:59:30Z', '0 5 * * *')
  fixture.run(20_000, 500)
  fixture.clock.setWall(Date.parse('2026-11-21T04:59Z'))
  fixture.run(91_000, 500)
  expect(fired).toEqual(['2026-11-21T05:00'])
  expect(timer.nextMs).toBe(Date.parse('2026-11-22T05:00Z'))
})

test('cancel ends it, also from its own callback', () => {
  const { fixture, fired, timer } = startAt('2026-11-21T11:59Z', '* * * * *')
  fixture.run(61_000, 500)
  expect(timer.cancel()).toBe(true)
  expect(timer.cancel()).toBe(false)
  fixture.run(600_000, 5000)
  expect(fired).toEqual(['2026-11-21T12:00'])
  expect(fixture.client().size).toBe(0)
})
