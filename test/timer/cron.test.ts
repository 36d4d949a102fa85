// Cron: what is parsed, what is refused and how, and the next time, over changes of the clock.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HostError } from '../../core/base/errors.ts'
import { Cron } from '../../core/timer/cron.ts'
import { namedZone, processZone, TimeZone } from '../../core/timer/time-zone.ts'

const seed = Number(process.env.MOON_SEED ?? Date.now() % 2 ** 31)
console.info(`cron.test.ts: MOON_SEED=${seed}`)

const utc = namedZone('UTC')
const berlin = namedZone('Europe/Berlin')

function at(text: string): number {
  return Date.parse(text)
}

/** The next `count` times after an instant, in UTC without seconds. */
function times(expression: string, after: string, count: number, zone = utc): string[] {
  const cron = new Cron(expression)
  const found: string[] = []
  let from = at(after)
  for (let i = 0; i < count; i++) {
    from = cron.nextAfter(from, zone)
    expect(from % 60_000).toBe(0)
    found.push(new Date(from).toISOString().slice(0, 16))
  }
  return found
}

describe('fields', () => {
  const cases: [string, string, string[]][] = [
    ['0 5 * * *', '2026-03-01T05:00Z', ['2026-03-02T05:00', '2026-03-03T05:00']],
    ['* * * * *', '2026-12-31T23:58:30Z', ['2026-12-31T23:59', '2027-01-01T00:00']],
    ['*/20 8-9 * * *', '2026-03-01T08:30Z', ['2026-03-01T08:40', '2026-03-01T09:00']],
    ['5,50-51 0 1 * *', '2026-01-01T00:05Z', ['2026-01-01T00:50', '2026-01-01T00:51']],
    ['0 0 31 * *', '2026-01-31T00:00Z', ['2026-03-31T00:00', '2026-05-31T00:00']],
    ['0 0 29 feb *', '2026-01-01T00:00Z', ['2028-02-29T00:00', '2032-02-29T00:00']],
    ['0 12 * JAN-mar/2 *', '2026-01-31T12:00Z', ['2026-03-01T12:00', '2026-03-02T12:00']],
    ['0 0 * * 7', '2026-11-21T00:00Z', ['2026-11-22T00:00', '2026-11-29T00:00']],
    ['0 0 * * sat-sun', '2026-11-20T00:00Z', ['2026-11-21T00:00', '2026-11-22T00:00']],
    ['0 0 * * fri-sun/2', '2026-11-20T00:00Z', ['2026-11-22T00:00', '2026-11-27T00:00']],
    ['  0\t0  * * 1-5 ', '2026-11-20T00:00Z', ['2026-11-23T00:00', '2026-11-24T00:00']],
    ['59 23 31 12 *', '2026-12-31T23:59Z', ['2027-12-31T23:59', '2028-12-31T23:59']],
  ]
  for (const [expression, after, expected] of cases) {
    test(`${expression} after ${after}`, () => {
      expect(times(expression, after, expected.length)).toEqual(expected)
    })
  }

  test('a date matches either day field when both are restricted', () => {
    const expected = ['2026-11-01T00:00', '2026-11-06T00:00', '2026-11-13T00:00']
    expect(times('0 0 13 * fri', '2026-10-31T00:00Z', 2)).toEqual(expected.slice(1))
    expect(times('0 0 1,13 * 5', '2026-10-31T00:00Z', 3)).toEqual(expected)
  })

  test('a date must match both day fields when one begins with *', () => {
    expect(times('0 0 */2 * mon', '2026-11-01T00:00Z', 2)).toEqual([
      '2026-11-09T00:00',
      '2026-11-23T00:00',
    ])
    expect(times('0 0 29 2 */7', '2096-02-28T00:00Z', 1)).toEqual(['2128-02-29T00:00'])
  })

  test('29 February of one weekday is found over the year 2100, 40 years away', () => {
    expect(times('0 0 29 2 */7', '2088-03-01T00:00Z', 1)).toEqual(['2128-02-29T00:00'])
  })

  test('names stand for their five fields', () => {
    const names: Record<string, string> = {
      '@hourly': '2026-05-05T11:00',
      '@daily': '2026-05-06T00:00',
      '@midnight': '2026-05-06T00:00',
      '@weekly': '2026-05-10T00:00',
      '@monthly': '2026-06-01T00:00',
      '@yearly': '2027-01-01T00:00',
      '@Annually': '2027-01-01T00:00',
    }
    for (const [name, expected] of Object.entries(names)) {
      expect(times(name, '2026-05-05T10:30Z', 1)).toEqual([expected])
    }
  })
})

describe('refusals name the field and what was expected', () => {
  const cases: [string, string][] = [
    ['60 * * * *', 'minute: expected a number from 0 to 59, got "60"'],
    ['* 24 * * *', 'hour: expected a number from 0 to 23, got "24"'],
    ['* * 0 * *', 'day of month: expected a number from 1 to 31, got "0"'],
    ['* * * 13 *', 'month: expected a number from 1 to 12 or jan-dec, got "13"'],
    ['* * * * 8', 'day of week: expected a number from 0 to 7 or sun-sat, got "8"'],
    ['* * * * monday', 'day of week: expected a number from 0 to 7 or sun-sat, got "monday"'],
    ['jan * * * *', 'minute: expected a number from 0 to 59, got "jan"'],
    ['1,,2 * * * *', 'minute: expected a number from 0 to 59, got ""'],
    ['-5 * * * *', 'minute: expected a number from 0 to 59, got ""'],
    ['1.5 * * * *', 'minute: expected a number from 0 to 59, got "1.5"'],
    ['007 * * * *', 'minute: expected a number from 0 to 59, got "007"'],
    ['9-5 * * * *', 'minute: expected a range that does not run backwards, got "9-5"'],
    ['1-2-3 * * * *', 'minute: expected one "-" at most, got "1-2-3"'],
    ['*/0 * * * *', 'minute: expected a step from 1 to 59 after "/", got "0"'],
    ['* */24 * * *', 'hour: expected a step from 1 to 23 after "/", got "24"'],
    ['*/5/5 * * * *', 'minute: expected one "/" at most, got "*/5/5"'],
    ['5/10 * * * *', 'minute: expected a range or * before "/", got "5/10"'],
    ['0 0 31 4,6 *', 'day of month: expected a day that month 4, 6 has, got "31"'],
    ['0 0 L * *', 'day of month: expected a number from 1 to 31, got "l"'],
    ['', 'expected 5 fields (minute, hour, day of month, month, day of week), got 0'],
    ['0 0 * * * *', 'expected 5 fields (minute, hour, day of month, month, day of week), got 6'],
    ['@noon', 'expected one of @yearly'],
    ['0 0 * * 1'.padEnd(257, ' '), 'expected at most 256 characters, got 257'],
  ]
  for (const [expression, expected] of cases) {
    test(JSON.stringify(expression.slice(0, 30)), () => {
      expect(() => new Cron(expression)).toThrow(HostError)
      expect(() => new Cron(expression)).toThrow(expected)
    })
  }

  test('an expression of the longest length is read', () => {
    const expression = '0 0 * * 1'.padEnd(256, ' ')
    expect(times(expression, '2026-11-22T00:00Z', 1)).toEqual(['2026-11-23T00:00'])
  })

  test('a zone that does not exist', () => {
    expect(() => namedZone('Mars/Olympus')).toThrow(HostError)
  })
})

describe('when the clock is changed', () => {
  // Berlin 2026: 29 March 02:00 → 03:00 at 01:00Z, 25 October 03:00 → 02:00 at 01:00Z.
  test('a time that is leapt over fires once, at the change', () => {
    const expected = ['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30']
    expect(times('30 2 * * *', '2026-03-28T00:00Z', 3, berlin)).toEqual(expected)
    expect(times('*/10 2 29 3 *', '2026-03-29T00:00Z', 2, berlin)).toEqual([
      '2026-03-29T01:00',
      '2027-03-29T00:00',
    ])
    expect(times('0 2,3 * * *', '2026-03-29T00:00Z', 2, berlin)).toEqual([
      '2026-03-29T01:00',
      '2026-03-30T00:00',
    ])
  })

  test('a time that comes twice fires the first time only, also when asked in between', () => {
    const expected = ['2026-10-24T00:30', '2026-10-25T00:30', '2026-10-26T01:30']
    expect(times('30 2 * * *', '2026-10-24T00:00Z', 3, berlin)).toEqual(expected)
    expect(times('30 2 * * *', '2026-10-25T00:45Z', 1, berlin)).toEqual(['2026-10-26T01:30'])
    expect(times('30 2 * * *', '2026-10-25T01:10Z', 1, berlin)).toEqual(['2026-10-26T01:30'])
    expect(times('*/30 2,3 * * *', '2026-10-24T23:00Z', 4, berlin)).toEqual([
      '2026-10-25T00:00',
      '2026-10-25T00:30',
      '2026-10-25T02:00',
      '2026-10-25T02:30',
    ])
  })

  test('an expression for every hour goes by elapsed time', () => {
    expect(times('30 * * * *', '2026-03-28T23:45Z', 3, berlin)).toEqual([
      '2026-03-29T00:30',
      '2026-03-29T01:30',
      '2026-03-29T02:30',
    ])
    expect(times('30 * * * *', '2026-10-24T23:45Z', 3, berlin)).toEqual([
      '2026-10-25T00:30',
      '2026-10-25T01:30',
      '2026-10-25T02:30',
    ])
  })

  test('a midnight that is leapt over, and one that comes twice', () => {
    // Cairo 2026: 24 April 00:00 → 01:00; Havana 2026: 1 November 01:00 → 00:00.
    const cairo = namedZone('Africa/Cairo')
    expect(times('0 0 * * *', '2026-04-23T00:00Z', 2, cairo)).toEqual([
      '2026-04-23T22:00',
      '2026-04-24T21:00',
    ])
    const havana = namedZone('America/Havana')
    expect(times('30 0 * * *', '2026-11-01T00:00Z', 2, havana)).toEqual([
      '2026-11-01T04:30',
      '2026-11-02T05:30',
    ])
    expect(times('30 * 1 11 *', '2026-11-01T04:00Z', 3, havana)).toEqual([
      '2026-11-01T04:30',
      '2026-11-01T05:30',
      '2026-11-01T06:30',
    ])
  })

  test('a change of half an hour', () => {
    // Lord Howe 2026: 5 April 02:00 → 01:30 at 15:00Z, 4 October 02:00 → 02:30 at 15:30Z.
    const lordHowe = namedZone('Australia/Lord_Howe')
    expect(times('45 1 * * *', '2026-04-04T14:30Z', 2, lordHowe)).toEqual([
      '2026-04-04T14:45',
      '2026-04-05T15:15',
    ])
    expect(times('15 2 * * *', '2026-10-03T15:00Z', 2, lordHowe)).toEqual([
      '2026-10-03T15:30',
      '2026-10-04T15:15',
    ])
  })

  test('a day that never was fires at the change', () => {
    // Samoa went from 29 to 31 December 2011.
    const apia = namedZone('Pacific/Apia')
    expect(times('0 12 30 12 *', '2011-12-29T00:00Z', 1, apia)).toEqual(['2011-12-30T10:00'])
  })

  test('the zone of the process follows TZ', () => {
    const before = process.env.TZ
    try {
      for (const name of ['America/New_York', 'Asia/Kolkata', 'Europe/Berlin']) {
        process.env.TZ = name
        const cron = new Cron('30 2 * * *')
        const zone = namedZone(name)
        for (let from = at('2026-03-01T00:00Z'); from < at('2026-12-01T00:00Z'); ) {
          const next = cron.nextAfter(from, zone)
          expect(cron.nextAfter(from)).toBe(next)
          expect(processZone.offsetMs(next)).toBe(zone.offsetMs(next))
          from = next
        }
      }
    } finally {
      if (before === undefined) delete process.env.TZ
      else process.env.TZ = before
    }
  })
})

// A zone whose clock is changed at two instants of a year, cheap enough to ask for every minute.
const changing = new TimeZone('test', (instantMs) =>
  instantMs >= at('2026-03-29T01:00Z') && instantMs < at('2026-10-25T01:00Z')
    ? 7_200_000
    : 3_600_000,
)

describe('for any expression and instant', () => {
  const field = (min: number, max: number) =>
    fc.oneof(
      fc.constant('*'),
      fc.integer({ min: 1, max: Math.min(9, max) }).map((step) => `*/${step}`),
      fc.uniqueArray(fc.integer({ min, max }), { minLength: 1, maxLength: 3 }).map(String),
    )
  const expressions = fc
    .tuple(field(0, 59), field(0, 23), field(1, 28), fc.constant('*'), field(0, 7))
    .map((fields) => fields.join(' '))
  const nearChanges = fc
    .tuple(
      fc.constantFrom('2026-03-29T01:00Z', '2026-10-25T01:00Z', '2026-07-01T00:00Z'),
      fc.integer({ min: -10_800_000, max: 10_800_000 }),
    )
    .map(([text, offMs]) => at(text) + offMs)

  /** Looks at every minute and matches the texts of the fields, the slow and plain way. */
  function slowNext(expression: string, afterMs: number): number {
    const [minute = '', hour = '', day = '', , weekday = ''] = expression.split(' ')
    const names = (source: string, value: number, min: number) =>
      source.split(',').some((item) => {
        if (item === '*') return true
        if (item.startsWith('*/')) return (value - min) % Number(item.slice(2)) === 0
        return Number(item) === value
      })
    const minutes = Array.from({ length: 60 }, (_, value) => names(minute, value, 0))
    const hours = Array.from({ length: 24 }, (_, value) => names(hour, value, 0))
    const everyHour = hour === '*' || hour === '*/1'
    let wallSeen = changing.wallOf(afterMs)
    // In the second pass of an hour, what the first pass showed has been seen.
    for (let back = 1; back <= 60; back++) {
      wallSeen = Math.max(wallSeen, changing.wallOf(afterMs - back * 60_000))
    }
    for (let instant = Math.floor(afterMs / 60_000) * 60_000 + 60_000; ; instant += 60_000) {
      const wall = changing.wallOf(instant)
      const first = everyHour ? wall : Math.floor(wallSeen / 60_000) * 60_000 + 60_000
      wallSeen = Math.max(wallSeen, wall)
      for (let shown = first; shown <= wall; shown += 60_000) {
        if (!minutes[(shown / 60_000) % 60] || !hours[Math.floor(shown / 3_600_000) % 24]) continue
        const date = new Date(shown)
        const onDay = names(day, date.getUTCDate(), 1)
        const sunday = names(weekday, 7, 0) && !weekday.startsWith('*')
        const weekdayShown = date.getUTCDay()
        const onWeekday = names(weekday, weekdayShown, 0) || (weekdayShown === 0 && sunday)
        const both = day.startsWith('*') || weekday.startsWith('*')
        if (both ? onDay && onWeekday : onDay || onWeekday) return instant
      }
    }
  }

  test('the next time is the one that a walk over every minute finds', () => {
    fc.assert(
      fc.property(expressions, nearChanges, (expression, after) => {
        expect(new Cron(expression).nextAfter(after, changing)).toBe(slowNext(expression, after))
      }),
      { seed, numRuns: 150 },
    )
  })
})
