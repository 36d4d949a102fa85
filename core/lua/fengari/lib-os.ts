// os.time, date, clock and difftime; nothing else of `os` exists here.
//
// Runs inside a Lua call. The wall clock is the engine's option; the time zone is the process's
// (TZ), as in C. os.date knows C99's conversions in the C locale.

import { machineOf } from './machine.ts'
import {
  addFunctions,
  arg,
  argError,
  checkInteger,
  checkNumber,
  checkTable,
  numberOf,
  optString,
  push,
  pushFloat,
  pushInteger,
  pushString,
  runErrorAt,
  setField,
} from './stack.ts'
import { type LState, newTable, type Table, TV, tableGetKey, tag } from './vm.ts'

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = [
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

/** A broken-down time. */
interface Parts {
  year: number
  month: number
  day: number
  hour: number
  min: number
  sec: number
  /** 0 is Sunday. */
  weekday: number
  /** 0 is the first of January. */
  yearday: number
  isdst: boolean
  offsetMinutes: number
  seconds: number
}

function partsOf(seconds: number, utc: boolean): Parts {
  const d = new Date(seconds * 1000)
  const year = utc ? d.getUTCFullYear() : d.getFullYear()
  const month = utc ? d.getUTCMonth() : d.getMonth()
  const day = utc ? d.getUTCDate() : d.getDate()
  const offset = (at: Date) => -at.getTimezoneOffset()
  const standard = Math.min(offset(new Date(year, 0, 1)), offset(new Date(year, 6, 1)))
  return {
    year,
    month: month + 1,
    day,
    hour: utc ? d.getUTCHours() : d.getHours(),
    min: utc ? d.getUTCMinutes() : d.getMinutes(),
    sec: utc ? d.getUTCSeconds() : d.getSeconds(),
    weekday: utc ? d.getUTCDay() : d.getDay(),
    yearday: Math.round((Date.UTC(year, month, day) - Date.UTC(year, 0, 1)) / 86_400_000),
    isdst: !utc && offset(d) > standard,
    offsetMinutes: utc ? 0 : offset(d),
    seconds,
  }
}

const two = (n: number): string => String(n).padStart(2, '0')

/** ISO 8601 week number and its year. */
function isoWeek(p: Parts): { week: number; year: number } {
  const monday = (p.weekday + 6) % 7
  const thursday = new Date(Date.UTC(p.year, p.month - 1, p.day - monday + 3))
  const year = thursday.getUTCFullYear()
  const week = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * 86_400_000)) + 1
  return { week, year }
}

function zone(p: Parts): string {
  const minutes = Math.abs(p.offsetMinutes)
  return `${p.offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`
}

const hour12 = (p: Parts): number => (p.hour % 12 === 0 ? 12 : p.hour % 12)

const conversions: Record<string, (p: Parts) => string> = {
  a: (p) => (days[p.weekday] ?? '').slice(0, 3),
  A: (p) => days[p.weekday] ?? '',
  b: (p) => (months[p.month - 1] ?? '').slice(0, 3),
  B: (p) => months[p.month - 1] ?? '',
  c: (p) => strftime('%a %b %e %H:%M:%S %Y', p) ?? '',
  C: (p) => two(Math.floor(p.year / 100)),
  d: (p) => two(p.day),
  D: (p) => strftime('%m/%d/%y', p) ?? '',
  e: (p) => String(p.day).padStart(2),
  F: (p) => strftime('%Y-%m-%d', p) ?? '',
  g: (p) => two(isoWeek(p).year % 100),
  G: (p) => String(isoWeek(p).year),
  h: (p) => (months[p.month - 1] ?? '').slice(0, 3),
  H: (p) => two(p.hour),
  I: (p) => two(hour12(p)),
  j: (p) => String(p.yearday + 1).padStart(3, '0'),
  m: (p) => two(p.month),
  M: (p) => two(p.min),
  n: () => '\n',
  p: (p) => (p.hour < 12 ? 'AM' : 'PM'),
  r: (p) => strftime('%I:%M:%S %p', p) ?? '',
  R: (p) => strftime('%H:%M', p) ?? '',
  s: (p) => String(p.seconds),
  S: (p) => two(p.sec),
  t: () => '\t',
  T: (p) => strftime('%H:%M:%S', p) ?? '',
  u: (p) => String(p.weekday === 0 ? 7 : p.weekday),
  U: (p) => two(Math.floor((p.yearday + 7 - p.weekday) / 7)),
  V: (p) => two(isoWeek(p).week),
  w: (p) => String(p.weekday),
  W: (p) => two(Math.floor((p.yearday + 7 - ((p.weekday + 6) % 7)) / 7)),
  x: (p) => strftime('%m/%d/%y', p) ?? '',
  X: (p) => strftime('%H:%M:%S', p) ?? '',
  y: (p) => two(p.year % 100),
  Y: (p) => String(p.year),
  z: zone,
  Z: (p) => (p.offsetMinutes === 0 ? 'UTC' : zone(p)),
  '%': () => '%',
}

/** C's strftime in the C locale; undefined when a conversion is unknown. */
function strftime(format: string, p: Parts): string | undefined {
  let known = true
  const text = format.replace(/%(?:E(?=[cCxXyY])|O(?=[deHImMSuUVwWy]))?([\s\S]?)/g, (_all, c) => {
    const convert = Object.hasOwn(conversions, c) ? conversions[c] : undefined
    if (convert === undefined) known = false
    return convert === undefined ? '' : convert(p)
  })
  return known ? text : undefined
}

function setParts(L: LState, table: Table, p: Parts): void {
  const set = (name: string, n: number) => setField(L, table, name, new TV(tag.integer, n))
  set('year', p.year)
  set('month', p.month)
  set('day', p.day)
  set('hour', p.hour)
  set('min', p.min)
  set('sec', p.sec)
  set('yday', p.yearday + 1)
  set('wday', p.weekday + 1)
  setField(L, table, 'isdst', new TV(tag.boolean, p.isdst))
}

const nowSeconds = (L: LState): number => Math.floor(machineOf(L).options.wallMs() / 1000)

function date(L: LState): number {
  let format = optString(L, 1, '%c')
  const seconds = arg(L, 2).type === tag.nil ? nowSeconds(L) : checkInteger(L, 2)
  const utc = format.startsWith('!')
  if (utc) format = format.slice(1)
  if (Math.abs(seconds) > 8.64e12) {
    return runErrorAt(L, 'date result cannot be represented in this installation')
  }
  const parts = partsOf(seconds, utc)
  if (format.startsWith('*t')) {
    const table = newTable(L)
    setParts(L, table, parts)
    push(L, tag.table, table)
    return 1
  }
  const text = strftime(format, parts)
  if (text === undefined) return argError(L, 1, `invalid conversion specifier in '${format}'`)
  pushString(L, text)
  return 1
}

function field(L: LState, table: Table, name: string, otherwise: number | undefined): number {
  const v = tableGetKey(table, name)
  if (v.type === tag.nil) {
    return otherwise ?? runErrorAt(L, `field '${name}' missing in date table`)
  }
  const n = numberOf(v)
  if (n === undefined || !Number.isInteger(n)) {
    return runErrorAt(L, `field '${name}' is not an integer`)
  }
  return n
}

function time(L: LState): number {
  if (arg(L, 1).type === tag.nil) {
    pushInteger(L, nowSeconds(L))
    return 1
  }
  const table = checkTable(L, 1)
  const d = new Date(2000, 0, 1)
  const year = field(L, table, 'year', undefined)
  const month = field(L, table, 'month', undefined)
  const day = field(L, table, 'day', undefined)
  d.setFullYear(year, month - 1, day)
  const hour = field(L, table, 'hour', 12)
  d.setHours(hour, field(L, table, 'min', 0), field(L, table, 'sec', 0), 0)
  const seconds = d.getTime() / 1000
  if (Number.isNaN(seconds)) {
    return runErrorAt(L, 'time result cannot be represented in this installation')
  }
  setParts(L, table, partsOf(seconds, false))
  pushInteger(L, seconds)
  return 1
}

/** Opens `os` into `globals`. */
export function openOs(L: LState, globals: Table): void {
  const os = newTable(L)
  addFunctions(L, os, {
    clock: (at) => {
      const used = process.cpuUsage()
      pushFloat(at, (used.user + used.system) / 1e6)
      return 1
    },
    date,
    difftime: (at) => {
      pushFloat(at, checkNumber(at, 1) - (arg(at, 2).type === tag.nil ? 0 : checkNumber(at, 2)))
      return 1
    },
    time,
  })
  setField(L, globals, 'os', new TV(tag.table, os))
}
