// The cost of one add, one cancel and one firing with a million timers waiting: the wheel, the
// whole way of a lane's timer (client table, ring, timer thread's table, wheel; on one thread, so
// that it is all counted), a binary heap, Node's setTimeout. The same delays, up to an hour, in
// each.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ManualClock } from '../../core/base/clock.ts'
import { allocateDoorbell } from '../../core/thread/doorbell.ts'
import { TimerClient } from '../../core/timer/timer-client.ts'
import type { TimerPort } from '../../core/timer/timer-port.ts'
import { TimerScheduler } from '../../core/timer/timer-scheduler.ts'
import { allocateTimerPorts } from '../../core/timer/timer-service.ts'
import { TimingWheel } from '../../core/timer/wheel.ts'
import { median, printTable, seededRandom } from '../table.ts'
import { TimerHeap } from './heap.ts'

const delayMsMax = 3_600_000
const batch = 200_000

/** One engine under the load: timers are named 0 to n - 1. */
interface Subject {
  add(timer: number, delayMs: number): void
  cancel(timer: number): void
  /** Fires all; returns how many fired. Left out where time cannot be handed in. */
  fireAll?(): number
  /** Bytes held for the timers; left out where only the process's memory tells. */
  memoryBytes?(): number
  end(): void
}

interface Measured {
  readonly name: string
  readonly addUs: number
  readonly cancelUs: number
  readonly fireUs: number
  readonly bytes: number
}

const doNothing = () => {}

function wheelSubject(timers: number): Subject {
  const wheel = new TimingWheel(0)
  const handles = new Float64Array(timers)
  return {
    add: (timer, delayMs) => {
      handles[timer] = wheel.add(delayMs, timer, 0)
    },
    cancel: (timer) => {
      wheel.cancel(handles[timer] as number)
    },
    fireAll: () => {
      let fired = 0
      for (let tick = 1; wheel.size > 0; tick++) fired += wheel.advance(tick, doNothing)
      return fired
    },
    memoryBytes: () => wheel.memoryBytes,
    end: doNothing,
  }
}

function heapSubject(timers: number): Subject {
  const heap = new TimerHeap()
  const handles = new Int32Array(timers)
  return {
    add: (timer, delayMs) => {
      handles[timer] = heap.add(delayMs, timer)
    },
    cancel: (timer) => {
      heap.cancel(handles[timer] as number)
    },
    fireAll: () => {
      let fired = 0
      for (let tick = 1; heap.size > 0; tick++) fired += heap.advance(tick, doNothing)
      return fired
    },
    memoryBytes: () => heap.memoryBytes,
    end: doNothing,
  }
}

function clientSubject(timers: number): Subject {
  const clock = new ManualClock()
  const data = allocateTimerPorts([allocateDoorbell()], { clock })
  const scheduler = new TimerScheduler(data.ports, clock)
  const client = new TimerClient(data.ports[0] as TimerPort, clock)
  const handles = new Float64Array(timers)
  let sent = 0
  const takeTurn = () => {
    if (++sent % 4096 === 0) scheduler.turn()
  }
  return {
    add: (timer, delayMs) => {
      handles[timer] = client.after(delayMs, doNothing)
      takeTurn()
    },
    cancel: (timer) => {
      client.cancel(handles[timer] as number)
      takeTurn()
    },
    memoryBytes: () => {
      scheduler.turn()
      return scheduler.memoryBytes
    },
    end: doNothing,
  }
}

function timeoutSubject(timers: number): Subject {
  const handles: (NodeJS.Timeout | undefined)[] = new Array(timers).fill(undefined)
  return {
    add: (timer, delayMs) => {
      handles[timer] = setTimeout(doNothing, delayMs)
    },
    cancel: (timer) => clearTimeout(handles[timer]),
    end: () => {
      for (const handle of handles) clearTimeout(handle)
    },
  }
}

/** Collects garbage and tells what remains. */
function memoryNow(): number {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function microseconds(count: number, work: () => void): number {
  const start = process.hrtime.bigint()
  work()
  return Number(process.hrtime.bigint() - start) / 1000 / count
}

function measure(name: string, timers: number, make: (timers: number) => Subject): Measured {
  const random = seededRandom(20_261_121)
  const delays = Uint32Array.from({ length: timers }, () => 1 + Math.floor(random() * delayMsMax))
  const order = Uint32Array.from({ length: timers }, (_, i) => i)
  for (let i = timers - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1))
    const held = order[i] as number
    order[i] = order[other] as number
    order[other] = held
  }
  const before = memoryNow()
  const subject = make(timers)
  for (let timer = 0; timer < timers; timer++) subject.add(timer, delays[timer] as number)
  // What only the process tells includes the array that keeps the handles.
  const bytes = (subject.memoryBytes?.() ?? memoryNow() - before) / timers
  const addUs: number[] = []
  const cancelUs: number[] = []
  // A fifth of all goes and comes back, in random order, until each has done so.
  for (let from = 0; from + batch <= timers; from += batch) {
    cancelUs.push(
      microseconds(batch, () => {
        for (let i = from; i < from + batch; i++) subject.cancel(order[i] as number)
      }),
    )
    addUs.push(
      microseconds(batch, () => {
        for (let i = from; i < from + batch; i++) {
          const timer = order[i] as number
          subject.add(timer, delays[timer] as number)
        }
      }),
    )
  }
  let fired = 0
  const fireUs = microseconds(timers, () => {
    fired = subject.fireAll?.() ?? timers
  })
  if (fired !== timers) throw new Error(`${name}: ${fired} of ${timers} fired`)
  subject.end()
  return {
    name,
    addUs: median(addUs),
    cancelUs: median(cancelUs),
    fireUs: subject.fireAll === undefined ? Number.NaN : fireUs,
    bytes,
  }
}

/** The longest stop that a cascade can cause: all timers in one slot of a high level. */
function worstCascadeMs(timers: number): number {
  const wheel = new TimingWheel(0)
  const random = seededRandom(7)
  for (let i = 0; i < timers; i++) wheel.add(2 ** 20 + Math.floor(random() * 2 ** 20), i, 0)
  return microseconds(1, () => wheel.advance(2 ** 20, doNothing)) / 1000
}

/** Runs and prints this part. @returns whether the targets are met */
export function benchOperations(timers: number, rounds: number): boolean {
  const subjects: [string, (timers: number) => Subject][] = [
    ['wheel', wheelSubject],
    ['client + ring + wheel', clientSubject],
    ['binary heap', heapSubject],
    ['setTimeout', timeoutSubject],
  ]
  const all = new Map<string, Measured[]>(subjects.map(([name]) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, make] of subjects) all.get(name)?.push(measure(name, timers, make))
  }
  const middle = (name: string, field: 'addUs' | 'cancelUs' | 'fireUs' | 'bytes') =>
    median((all.get(name) ?? []).map((measured) => measured[field]))
  const cell = (name: string, field: 'addUs' | 'cancelUs' | 'fireUs', digits: number) => {
    const value = middle(name, field)
    if (Number.isNaN(value)) return ['-', '-']
    return [value.toFixed(digits), `${(value / middle('wheel', field)).toFixed(1)}x`]
  }
  console.info(`\n${timers} timers waiting, medians of ${rounds} rounds; ratios to the wheel`)
  printTable(
    ['', 'add µs', '', 'cancel µs', '', 'fire µs', '', 'bytes/timer'],
    subjects.map(([name]) => [
      name,
      ...cell(name, 'addUs', 3),
      ...cell(name, 'cancelUs', 3),
      ...cell(name, 'fireUs', 3),
      middle(name, 'bytes').toFixed(1),
    ]),
  )
  console.info(`worst cascade, all ${timers} in one slot: ${worstCascadeMs(timers).toFixed(1)} ms`)
  const ok =
    middle('wheel', 'addUs') <= 0.3 &&
    middle('wheel', 'cancelUs') <= 0.3 &&
    middle('wheel', 'bytes') <= 40
  console.info(`target: add, cancel <= 0.3 µs, <= 40 bytes: ${ok ? 'met' : 'MISSED'}`)
  return ok
}
