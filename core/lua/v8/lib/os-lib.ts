// The part of the os library that scripts may have: time, date, clock, difftime. Lanes.
//
// The wall clock is the one that the engine was given. Field tables are read with metamethods, as
// PUC reads them, and os.time writes the normalised fields back.

import { vm } from '../run/state.ts'
import { Table } from '../run/table.ts'
import { makeFloat, type Ret, type Value } from '../run/value.ts'
import { checkInteger, checkString, checkTable, integerFrom, toNumber } from './args.ts'
import { type BrokenDown, breakDown, conversionLength, dateText, localSeconds } from './calendar.ts'
import { argError, checkSize, fail, spend } from './failure.ts'
import { getSync, setSync } from './sync.ts'

const dateFields = ['year', 'month', 'day', 'hour', 'min', 'sec', 'yday', 'wday', 'isdst'] as const

function setFields(t: Table, parts: BrokenDown): void {
  for (const name of dateFields) setSync(t, name, parts[name])
}

/** An integer field of a date table; `delta` is what C's struct tm counts it from. */
function dateField(t: Table, name: string, otherwise: number | undefined, delta: number): number {
  const v = getSync(t, name)
  const number = toNumber(v)
  const integer = number === undefined ? undefined : integerFrom(number)
  if (integer === undefined) {
    if (v !== undefined) fail(`field '${name}' is not an integer`)
    if (otherwise === undefined) fail(`field '${name}' missing in date table`)
    return otherwise
  }
  const fits = integer >= 0 ? integer <= 2147483647 + delta : integer >= -2147483648 + delta
  if (!fits) fail(`field '${name}' is out-of-bound`)
  return Number(integer)
}

function now(): number {
  return Math.floor(vm.realm.wallMs() / 1000)
}

function time(fields: Value): Ret {
  if (fields === undefined) return now()
  const t = checkTable(fields, 1, 'time')
  const parts = {
    year: dateField(t, 'year', undefined, 1900),
    month: dateField(t, 'month', undefined, 1),
    day: dateField(t, 'day', undefined, 0),
    hour: dateField(t, 'hour', 12, 0),
    min: dateField(t, 'min', 0, 0),
    sec: dateField(t, 'sec', 0, 0),
  }
  const isdst = getSync(t, 'isdst')
  const seconds = localSeconds(parts, isdst === undefined ? undefined : isdst !== false)
  const normal = Number.isNaN(seconds) ? undefined : breakDown(seconds, false)
  if (normal === undefined) fail('time result cannot be represented in this installation')
  setFields(t, normal)
  return seconds
}

function date(format: Value, at: Value): Ret {
  const text = format === undefined ? '%c' : checkString(format, 1, 'date')
  const seconds = at === undefined ? now() : Number(checkInteger(at, 2, 'date'))
  const utc = text.startsWith('!')
  const parts = breakDown(seconds, utc)
  if (parts === undefined) fail('date result cannot be represented in this installation')
  const rest = utc ? text.slice(1) : text
  if (rest === '*t') {
    const t = new Table()
    setFields(t, parts)
    return t
  }
  return dateString(rest, parts)
}

function dateString(format: string, parts: BrokenDown): string {
  let out = ''
  let from = 0
  for (let at = format.indexOf('%'); at >= 0; at = format.indexOf('%', from)) {
    out += format.slice(from, at)
    const length = conversionLength(format, at + 1)
    if (length === 0) {
      argError(1, 'date', `invalid conversion specifier '%${format.slice(at + 1)}'`)
    }
    spend(1)
    out += dateText(format.charAt(at + length), parts)
    checkSize(out.length)
    from = at + length + 1
  }
  return out + format.slice(from)
}

function clock(): Ret {
  const { user, system } = process.cpuUsage()
  return makeFloat((user + system) / 1e6)
}

function difftime(a: Value, b: Value): Ret {
  const to = Number(checkInteger(a, 1, 'difftime'))
  return makeFloat(to - Number(checkInteger(b, 2, 'difftime')))
}

export const osFunctions = { clock, date, difftime, time }
