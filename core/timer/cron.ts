// Cron expressions: from text to the instants that they name. Pure; any thread.
//
//   minute 0-59   hour 0-23   day of month 1-31   month 1-12   day of week 0-7 (0 and 7: Sunday)
//
// A field is a list of `*`, `5`, `1-5`, `*/10`, `8-20/2`, joined by commas; months and days of the
// week also go by their first three letters. Instead of the five fields: @hourly @daily @midnight
// @weekly @monthly @yearly @annually. When neither day field begins with `*`, a date matches if
// either of them does; else it must match both (as crontab(5) has it).
//
// When the clock is changed:
//   - An expression that names every hour (`0 * * * *`) goes by elapsed time: in an hour that comes
//     twice it fires twice, and an hour that is leapt over has no firings.
//   - Any other goes by the wall clock, once for each time that it names: in an hour that comes
//     twice the first time, and for times that are leapt over once, at the moment of the change.
//
// A text that is not understood is a HostError SCRIPT that names the field and what it expects.

import { assert, must } from '../base/assert.ts'
import { HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { processZone, type TimeZone } from './time-zone.ts'

const minuteMs = 60_000
const hourMs = 3_600_000
const dayMs = 86_400_000

/** 29 February on one day of the week comes after 40 years at the latest (over the year 2100). */
const daysSearchedMax = 41 * 366

interface Field {
  readonly name: string
  readonly min: number
  readonly max: number
  /** Words for min, min + 1 and so on. */
  readonly words: readonly string[]
}

const minuteField: Field = { name: 'minute', min: 0, max: 59, words: [] }
const hourField: Field = { name: 'hour', min: 0, max: 23, words: [] }
const dayField: Field = { name: 'day of month', min: 1, max: 31, words: [] }
const monthField: Field = {
  name: 'month',
  min: 1,
  max: 12,
  words: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
}
const weekdayField: Field = {
  name: 'day of week',
  min: 0,
  max: 7,
  words: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
}

const monthDaysMax = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

const nicknames: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
])

export class Cron {
  /** The expression as it was written. */
  readonly text: string
  readonly #minutes: readonly number[]
  readonly #hours: readonly number[]
  readonly #days: ReadonlySet<number>
  readonly #months: ReadonlySet<number>
  readonly #weekdays: ReadonlySet<number>
  /** Neither day field begins with `*`: one of them is enough. */
  readonly #eitherDay: boolean

  /**
   * @param text five fields, or a name such as `@daily`
   * @throws HostError SCRIPT: `cron "61 * * * *": minute: expected a number from 0 to 59, got "61"`
   */
  constructor(text: string) {
    this.text = text
    const fields = splitFields(text)
    const values = (field: Field, index: number) => {
      const source = must(fields[index], field.name)
      return [...parseField(text, field, source)].sort((a, b) => a - b)
    }
    this.#minutes = values(minuteField, 0)
    this.#hours = values(hourField, 1)
    this.#days = new Set(values(dayField, 2))
    this.#months = new Set(values(monthField, 3))
    this.#weekdays = new Set(values(weekdayField, 4).map((day) => day % 7))
    this.#eitherDay = fields[2]?.[0] !== '*' && fields[4]?.[0] !== '*'
    if (!this.#eitherDay) this.#expectPossibleDay()
  }

  /**
   * The first instant after `afterMs` at which the expression fires.
   * @param afterMs milliseconds since 1970 UTC
   * @param zone whose wall clock the expression means; the process's own if left out
   */
  nextAfter(afterMs: number, zone: TimeZone = processZone): number {
    const wallMs = zone.wallOf(afterMs)
    let day = wallMs - (((wallMs % dayMs) + dayMs) % dayMs)
    for (let searched = 0; searched <= daysSearchedMax; searched++, day += dayMs) {
      if (!this.#matchesDate(new Date(day))) continue
      const next = this.#nextWithin(day, afterMs, zone)
      if (next !== undefined) return next
    }
    assert(false, `cron ${JSON.stringify(this.text)} has no next time`)
  }

  #matchesDate(date: Date): boolean {
    if (!this.#months.has(date.getUTCMonth() + 1)) return false
    const day = this.#days.has(date.getUTCDate())
    const weekday = this.#weekdays.has(date.getUTCDay())
    return this.#eitherDay ? day || weekday : day && weekday
  }

  /** The first firing after `afterMs` on the date that begins at the wall time `day`, if any. */
  #nextWithin(day: number, afterMs: number, zone: TimeZone): number | undefined {
    const start = zone.instantOf(day)
    const end = zone.instantOf(day + dayMs)
    if (end <= afterMs) return undefined
    const offset = zone.offsetMs(start)
    const steady = zone.offsetMs(start - 1) === offset && zone.offsetMs(end) === offset
    if (!steady && this.#hours.length === 24) return this.#nextElapsed(start, end, afterMs, zone)
    for (const hour of this.#hours) {
      for (const minute of this.#minutes) {
        const wallMs = day + hour * hourMs + minute * minuteMs
        const instant = steady ? wallMs - offset : zone.instantOf(wallMs)
        if (instant > afterMs) return instant
      }
    }
    return undefined
  }

  /** On a day when the clock is changed: looks at each minute that passes. */
  #nextElapsed(start: number, end: number, afterMs: number, zone: TimeZone): number | undefined {
    const later = Math.floor(afterMs / minuteMs) * minuteMs + minuteMs
    for (let instant = Math.max(start, later); instant < end; instant += minuteMs) {
      const minute = new Date(zone.wallOf(instant)).getUTCMinutes()
      if (this.#minutes.includes(minute)) return instant
    }
    return undefined
  }

  #expectPossibleDay(): void {
    const first = Math.min(...this.#days)
    const months = [...this.#months]
    if (months.some((month) => first <= must(monthDaysMax[month - 1], 'month'))) return
    throw complaint(this.text, dayField, `a day that month ${months.join(', ')} has`, String(first))
  }
}

function splitFields(text: string): string[] {
  if (text.length > limits.cronCharsMax) {
    const max = limits.cronCharsMax
    throw new HostError('SCRIPT', `cron: expected at most ${max} characters, got ${text.length}`)
  }
  const trimmed = text.trim().toLowerCase()
  if (trimmed.startsWith('@')) {
    const fields = nicknames.get(trimmed)
    if (fields !== undefined) return fields.split(' ')
    const known = [...nicknames.keys()].join(' ')
    throw new HostError('SCRIPT', `cron ${JSON.stringify(text)}: expected one of ${known}`)
  }
  const fields = trimmed === '' ? [] : trimmed.split(/[ \t]+/)
  if (fields.length === 5) return fields
  throw new HostError(
    'SCRIPT',
    `cron ${JSON.stringify(text)}: expected 5 fields ` +
      `(minute, hour, day of month, month, day of week), got ${fields.length}`,
  )
}

/** The values that a field names; 0 and 7 both for Sunday. */
function parseField(text: string, field: Field, source: string): Set<number> {
  const values = new Set<number>()
  for (const item of source.split(',')) {
    const [range = '', step, ...more] = item.split('/')
    if (more.length > 0) throw complaint(text, field, 'one "/" at most', item)
    const [from, to] = parseRange(text, field, range)
    let by = 1
    if (step !== undefined) {
      if (from === to) throw complaint(text, field, 'a range or * before "/"', item)
      by = parseStep(text, field, step)
    }
    for (let value = from; value <= to; value += by) values.add(value)
  }
  return values
}

function parseRange(text: string, field: Field, range: string): [number, number] {
  // `*` of the day of week is 0-6: with 7 in it, `*/7` would mean Sunday twice.
  if (range === '*') return [field.min, field === weekdayField ? 6 : field.max]
  const [first = '', last, ...more] = range.split('-')
  const from = parseValue(text, field, first)
  if (last === undefined) return [from, from]
  if (more.length > 0) throw complaint(text, field, 'one "-" at most', range)
  // A week may end with its Sunday: `fri-sun`.
  const to = last === 'sun' && from > 0 ? 7 : parseValue(text, field, last)
  if (to < from) throw complaint(text, field, 'a range that does not run backwards', range)
  return [from, to]
}

function parseValue(text: string, field: Field, source: string): number {
  const word = field.words.indexOf(source)
  if (word >= 0) return field.min + word
  const value = /^\d{1,2}$/.test(source) ? Number(source) : Number.NaN
  if (value >= field.min && value <= field.max) return value
  const words = field.words.length === 0 ? '' : ` or ${field.words[0]}-${field.words.at(-1)}`
  throw complaint(text, field, `a number from ${field.min} to ${field.max}${words}`, source)
}

function parseStep(text: string, field: Field, source: string): number {
  const step = /^\d{1,2}$/.test(source) ? Number(source) : 0
  if (step >= 1 && step <= field.max) return step
  throw complaint(text, field, `a step from 1 to ${field.max} after "/"`, source)
}

function complaint(text: string, field: Field, expected: string, got: string): HostError {
  const where = `cron ${JSON.stringify(text)}: ${field.name}`
  return new HostError('SCRIPT', `${where}: expected ${expected}, got ${JSON.stringify(got)}`)
}
