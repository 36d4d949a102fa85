// Calendar arithmetic of os.date and os.time: broken-down time both ways and strftime, C locale.
// Pure but for the process's time zone; any thread.
//
// Local time is what JavaScript's Date says of the TZ of the process. Fields that are out of range are
// normalised as mktime does (month 14 is February of the next year). ISO weeks are computed here.

import { AssertionError } from '../../../base/assert.ts'

/** C's struct tm in Lua's terms: year whole, month 1..12, wday 1 = Sunday, yday from 1. */
export interface BrokenDown {
  year: number
  month: number
  day: number
  hour: number
  min: number
  sec: number
  wday: number
  yday: number
  isdst: boolean
  /** Minutes east of UTC. */
  offsetMin: number
  utc: boolean
}

const dayNames = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const monthNames = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

function dayOfYear(year: number, month: number, day: number): number {
  return (utcMs(year, month - 1, day) - utcMs(year, 0, 1)) / 86_400_000 + 1
}

/** Date.UTC without its guess that years 0..99 mean 1900..1999. */
function utcMs(year: number, month: number, day: number): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month, day)
  return date.getTime()
}

/** The parts of `seconds` since 1970; undefined when the date cannot be represented. */
export function breakDown(seconds: number, utc: boolean): BrokenDown | undefined {
  const date = new Date(seconds * 1000)
  if (Number.isNaN(date.getTime())) return undefined
  const year = utc ? date.getUTCFullYear() : date.getFullYear()
  const month = (utc ? date.getUTCMonth() : date.getMonth()) + 1
  const day = utc ? date.getUTCDate() : date.getDate()
  const offsetMin = utc ? 0 : -date.getTimezoneOffset()
  return {
    year,
    month,
    day,
    hour: utc ? date.getUTCHours() : date.getHours(),
    min: utc ? date.getUTCMinutes() : date.getMinutes(),
    sec: utc ? date.getUTCSeconds() : date.getSeconds(),
    wday: (utc ? date.getUTCDay() : date.getDay()) + 1,
    yday: dayOfYear(year, month, day),
    isdst: !utc && offsetMin > standardOffsetMin(year),
    offsetMin,
    utc,
  }
}

/** The smaller of the January and July offsets: what the zone has outside daylight saving. */
function standardOffsetMin(year: number): number {
  const january = -localDate(year, 0, 1, 0, 0, 0).getTimezoneOffset()
  const july = -localDate(year, 6, 1, 0, 0, 0).getTimezoneOffset()
  return Math.min(january, july)
}

function localDate(
  year: number,
  month: number,
  day: number,
  hour: number,
  min: number,
  sec: number,
): Date {
  const date = new Date(2000, 0, 1)
  date.setFullYear(year, month, day)
  date.setHours(hour, min, sec, 0)
  return date
}

/** Seconds since 1970 of local time, fields normalised; NaN when that cannot be represented. */
export function localSeconds(
  fields: Pick<BrokenDown, 'year' | 'month' | 'day' | 'hour' | 'min' | 'sec'>,
  isdst: boolean | undefined,
): number {
  const { year, month, day, hour, min, sec } = fields
  const date = localDate(year, month - 1, day, hour, min, sec)
  const seconds = date.getTime() / 1000
  if (isdst === undefined || Number.isNaN(seconds)) return seconds
  // The caller read the clock in the other season than the date falls in: mktime moves it over.
  const actual = -date.getTimezoneOffset() > standardOffsetMin(date.getFullYear())
  if (actual === isdst) return seconds
  return isdst ? seconds - 3600 : seconds + (actual ? 3600 : 0)
}

/** Year and week after ISO 8601: the week belongs to the year that holds its Thursday. */
function isoWeek(t: BrokenDown): { year: number; week: number } {
  const weekday = (t.wday + 5) % 7
  const thursday = t.yday - 1 - weekday + 3
  if (thursday < 0) return { year: t.year - 1, week: weekOf(thursday + yearDays(t.year - 1)) }
  if (thursday >= yearDays(t.year)) return { year: t.year + 1, week: 1 }
  return { year: t.year, week: weekOf(thursday) }
}

const weekOf = (day: number) => Math.floor(day / 7) + 1

function yearDays(year: number): number {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 366 : 365
}

const pad = (value: number, width: number, fill = '0') => {
  const text = String(Math.abs(value)).padStart(value < 0 ? width - 1 : width, fill)
  return value < 0 ? `-${text}` : text
}

/** The conversions that C99 allows; the two below only after `E` and `O`. */
const plainConversions = 'aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%'
const afterE = 'cCxXyY'
const afterO = 'deHImMSuUVwWy'

/** How many characters after `%` make a valid conversion at `at`; 0 when none do. */
export function conversionLength(format: string, at: number): number {
  const c = format.charAt(at)
  if (c === '') return 0
  if (plainConversions.includes(c)) return 1
  const next = format.charAt(at + 1)
  if (next === '') return 0
  if (c === 'E' && afterE.includes(next)) return 2
  return c === 'O' && afterO.includes(next) ? 2 : 0
}

/** One strftime conversion, without `%`, `E` or `O`. */
export function dateText(conversion: string, t: BrokenDown): string {
  const hour12 = t.hour % 12 === 0 ? 12 : t.hour % 12
  switch (conversion) {
    case 'a':
      return (dayNames[t.wday - 1] as string).slice(0, 3)
    case 'A':
      return dayNames[t.wday - 1] as string
    case 'b':
    case 'h':
      return (monthNames[t.month - 1] as string).slice(0, 3)
    case 'B':
      return monthNames[t.month - 1] as string
    case 'C':
      // glibc does not pad it.
      return String(Math.floor(t.year / 100))
    case 'd':
      return pad(t.day, 2)
    case 'e':
      return pad(t.day, 2, ' ')
    case 'g':
      return pad(((isoWeek(t).year % 100) + 100) % 100, 2)
    case 'G':
      return String(isoWeek(t).year)
    case 'H':
      return pad(t.hour, 2)
    case 'I':
      return pad(hour12, 2)
    case 'j':
      return pad(t.yday, 3)
    case 'm':
      return pad(t.month, 2)
    case 'M':
      return pad(t.min, 2)
    case 'p':
      return t.hour < 12 ? 'AM' : 'PM'
    case 'S':
      return pad(t.sec, 2)
    case 'u':
      return String(((t.wday + 5) % 7) + 1)
    case 'U':
      return pad(Math.floor((t.yday + 6 - (t.wday - 1)) / 7), 2)
    case 'V':
      return pad(isoWeek(t).week, 2)
    case 'w':
      return String(t.wday - 1)
    case 'W':
      return pad(Math.floor((t.yday + 6 - ((t.wday + 5) % 7)) / 7), 2)
    case 'y':
      return pad(((t.year % 100) + 100) % 100, 2)
    case 'Y':
      return String(t.year)
    default:
      return compositeText(conversion, t)
  }
}

function compositeText(conversion: string, t: BrokenDown): string {
  const all = (letters: string, separator: string) =>
    [...letters].map((letter) => dateText(letter, t)).join(separator)
  switch (conversion) {
    case 'c':
      return `${all('abe', ' ')} ${dateText('T', t)} ${t.year}`
    case 'D':
    case 'x':
      return all('mdy', '/')
    case 'F':
      return all('Ymd', '-')
    case 'n':
      return '\n'
    case 't':
      return '\t'
    case 'r':
      return `${all('IMS', ':')} ${dateText('p', t)}`
    case 'R':
      return all('HM', ':')
    case 'T':
    case 'X':
      return all('HMS', ':')
    case 'z': {
      const size = Math.abs(t.offsetMin)
      return `${t.offsetMin < 0 ? '-' : '+'}${pad(Math.floor(size / 60), 2)}${pad(size % 60, 2)}`
    }
    case 'Z':
      return t.utc ? 'GMT' : zoneName(t)
    case '%':
      return '%'
    default:
      throw new AssertionError(`unknown strftime conversion ${conversion}`)
  }
}

function zoneName(t: BrokenDown): string {
  const date = localDate(t.year, t.month - 1, t.day, t.hour, t.min, t.sec)
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(date)
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? ''
}
