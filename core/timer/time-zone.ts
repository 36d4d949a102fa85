// Local time: from an instant to the wall clock of a zone, and back. Any thread.
//
// An instant is milliseconds since 1970 UTC. A wall time is the same kind of number, read as if the
// wall clock showed UTC: 02:30 on a wall is the instant 02:30Z minus the zone's offset. Going back
// is not one to one when the clock is changed:
//
//   spring, 02:00 → 03:00              autumn, 03:00 → 02:00
//   wall  01:59 │ 03:00                wall  02:59 │ 02:00 … 02:59 │ 03:00
//             no 02:30                        first │ second 02:30
//
// `instantOf` takes the first of two, and the moment of the change for a wall time that never was.
// So it never goes back as the wall time grows; cron.ts relies on that.

import { must } from '../base/assert.ts'
import { HostError, messageOf } from '../base/errors.ts'

const dayMs = 86_400_000

export class TimeZone {
  readonly name: string
  readonly #offsetMs: (instantMs: number) => number

  /** @param offsetMs wall time minus instant, at an instant; it changes at most once in two days */
  constructor(name: string, offsetMs: (instantMs: number) => number) {
    this.name = name
    this.#offsetMs = offsetMs
  }

  /** Wall time minus instant, at this instant. */
  offsetMs(instantMs: number): number {
    return this.#offsetMs(instantMs)
  }

  /** What the wall clock shows at this instant. */
  wallOf(instantMs: number): number {
    return instantMs + this.#offsetMs(instantMs)
  }

  /** The first instant at which the wall clock shows this time, or leaps over it. */
  instantOf(wallMs: number): number {
    const before = this.#offsetMs(wallMs - dayMs)
    const after = this.#offsetMs(wallMs + dayMs)
    let early = wallMs - Math.max(before, after)
    if (this.wallOf(early) === wallMs) return early
    let late = wallMs - Math.min(before, after)
    if (this.wallOf(late) === wallMs) return late
    // The wall time was leapt over: find the change between the two guesses.
    while (late - early > 1) {
      const middle = Math.floor((early + late) / 2)
      if (this.#offsetMs(middle) === after) late = middle
      else early = middle
    }
    return late
  }
}

/** The zone of the process: the environment's TZ, or the machine's. */
export const processZone = new TimeZone(
  'local',
  (instantMs) => -60_000 * new Date(instantMs).getTimezoneOffset(),
)

/**
 * A zone of the IANA database: `Asia/Shanghai`, `Europe/Berlin`, `UTC`.
 * @throws HostError CONFIG when there is no such zone
 */
export function namedZone(name: string): TimeZone {
  const format = formatOf(name)
  return new TimeZone(name, (instantMs) => {
    const fields: Record<string, number> = {}
    for (const part of format.formatToParts(instantMs)) fields[part.type] = Number(part.value)
    const field = (type: string) => must(fields[type], type)
    const wallMs = Date.UTC(
      field('year'),
      field('month') - 1,
      field('day'),
      field('hour'),
      field('minute'),
      field('second'),
    )
    return wallMs - Math.floor(instantMs / 1000) * 1000
  })
}

function formatOf(name: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch (thrown) {
    throw new HostError('CONFIG', `time zone ${JSON.stringify(name)}: ${messageOf(thrown)}`)
  }
}
