// A lane's numbers in shared memory: the lane writes them, the core reads them at any time.
//
//   cell  0   u32  asleepUs       microseconds asleep, modulo 2^32
//         1   u32  messages       records taken from the core, modulo 2^32
//         2   u32  fullWaits      times that the ring to the core was full, modulo 2^32
//         3   u32  sessions
//         4   u32  parked         coroutines that wait
//         5   u32  timers
//         6   u32  highWaterBytes the most that the ring to the core has held
//         7   u32  heapKib        V8's heap in use
//         8   u32  heapLimitKib
//         9   u32  luaKib         what the engine says that Lua values take
//        10   u32  entities       rows that are kept in memory
//        11   u32  entityKib      what they take
//
// One writer, so each cell is right by itself; no reader needs two of them from the same moment.
// A lane that replaces a dead one takes the memory over and counts on from what it finds, so that
// counters never go back. The lane publishes about every publishMs, and heap sizes, which cost more
// to ask for, every heapMs; a lane that is stuck publishes nothing, and counts as busy.

import { getHeapStatistics } from 'node:v8'

const cellCount = 12
const cell = {
  asleepUs: 0,
  messages: 1,
  fullWaits: 2,
  sessions: 3,
  parked: 4,
  timers: 5,
  highWaterBytes: 6,
  heapKib: 7,
  heapLimitKib: 8,
  luaKib: 9,
  entities: 10,
  entityKib: 11,
} as const

const publishMs = 100
const heapMs = 1000

export function allocateLaneStats(): SharedArrayBuffer {
  return new SharedArrayBuffer(cellCount * 4)
}

/** What a lane knows of itself when it is asked. */
export interface LaneGauges {
  readonly sessions: number
  readonly parked: number
  readonly timers: number
  readonly fullWaits: number
  readonly highWaterBytes: number
  readonly entities: number
  readonly entityBytes: number
  /** What the engine says that Lua values take; asked for rarely. */
  luaBytes(): number
}

/** The lane's side: told of each turn and each sleep. */
export class LaneMeter {
  readonly #cells: Int32Array
  readonly #gauges: LaneGauges
  /** What a lane before this one has counted. */
  readonly #fullWaitsBefore: number
  readonly #highWaterBytesBefore: number
  #asleepMs: number
  #messages: number
  #publishAtMs = 0
  #heapAtMs = 0

  constructor(memory: SharedArrayBuffer, gauges: LaneGauges) {
    this.#cells = new Int32Array(memory)
    this.#gauges = gauges
    this.#asleepMs = this.#load(cell.asleepUs) / 1000
    this.#messages = this.#load(cell.messages)
    this.#fullWaitsBefore = this.#load(cell.fullWaits)
    this.#highWaterBytesBefore = this.#load(cell.highWaterBytes)
  }

  /** After each turn of the loop. @param nowMs monotonic @param drained records taken in it */
  turn(nowMs: number, drained: number): void {
    this.#messages += drained
    if (nowMs < this.#publishAtMs) return
    this.#publishAtMs = nowMs + publishMs
    const gauges = this.#gauges
    this.#store(cell.asleepUs, Math.floor(this.#asleepMs * 1000))
    this.#store(cell.messages, this.#messages)
    this.#store(cell.fullWaits, this.#fullWaitsBefore + gauges.fullWaits)
    this.#store(cell.sessions, gauges.sessions)
    this.#store(cell.parked, gauges.parked)
    this.#store(cell.timers, gauges.timers)
    this.#store(cell.entities, gauges.entities)
    this.#store(cell.entityKib, Math.ceil(gauges.entityBytes / 1024))
    const highWaterBytes = Math.max(this.#highWaterBytesBefore, gauges.highWaterBytes)
    this.#store(cell.highWaterBytes, highWaterBytes)
    if (nowMs < this.#heapAtMs) return
    this.#heapAtMs = nowMs + heapMs
    const heap = getHeapStatistics()
    this.#store(cell.heapKib, Math.round(heap.used_heap_size / 1024))
    this.#store(cell.heapLimitKib, Math.round(heap.heap_size_limit / 1024))
    this.#store(cell.luaKib, Math.round(gauges.luaBytes() / 1024))
  }

  /** After a sleep. */
  slept(ms: number): void {
    this.#asleepMs += ms
  }

  #load(index: number): number {
    return Atomics.load(this.#cells, index) >>> 0
  }

  #store(index: number, value: number): void {
    Atomics.store(this.#cells, index, (value % 2 ** 32) | 0)
  }
}

/** The core's side. */
export class LaneStats {
  readonly #cells: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory)
  }

  /** Modulo 2^32: subtract two of them with `>>> 0`. */
  get asleepUs(): number {
    return this.#load(cell.asleepUs)
  }

  /** Modulo 2^32, too. */
  get messages(): number {
    return this.#load(cell.messages)
  }

  get fullWaits(): number {
    return this.#load(cell.fullWaits)
  }

  get sessions(): number {
    return this.#load(cell.sessions)
  }

  get parked(): number {
    return this.#load(cell.parked)
  }

  get timers(): number {
    return this.#load(cell.timers)
  }

  get highWaterBytes(): number {
    return this.#load(cell.highWaterBytes)
  }

  get heapBytes(): number {
    return this.#load(cell.heapKib) * 1024
  }

  get heapLimitBytes(): number {
    return this.#load(cell.heapLimitKib) * 1024
  }

  get entities(): number {
    return this.#load(cell.entities)
  }

  get entityBytes(): number {
    return this.#load(cell.entityKib) * 1024
  }

  get luaBytes(): number {
    return this.#load(cell.luaKib) * 1024
  }

  #load(index: number): number {
    return Atomics.load(this.#cells, index) >>> 0
  }
}
