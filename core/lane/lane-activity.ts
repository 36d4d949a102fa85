// What a lane is doing, in shared memory: the lane writes it, the watchdog of the core reads it.
//
//   cell 0  i32 run     counts up when a run of Lua code begins and when it ends: odd while one is
//                       under way (30 bits); the core adds bit 30 to a run that shall end
//        1  i32 route   the route code of the run; 0 when it is not a client's message
//        2  i32 turns   counts up with each turn of the lane's loop, at least every 50 ms
//        3  i32 asked   counts up when the core has put a command into the lane's mailbox
//
//   interrupt  i32      the engine ends what it runs while this is not 0 (core/lua/engine.ts)
//
// No innocent run is ended. The core marks the run that it means by compare-and-swap in the very cell
// that the lane changes at the run's end, so exactly one of them comes first:
//
//   core first   the run is marked, then `interrupt` is set. The lane's own swap at the end fails, so
//                it waits for the flag (the core is about to set it), clears it, and goes on.
//   lane first   the core's swap fails, the flag stays 0.
//
// There is no start time in here: reading a clock twice for each message would cost more than all of
// this. The core notes when it first sees a run, and looks often enough.

import { assert } from '../base/assert.ts'

const runCell = 0
const routeCell = 1
const turnsCell = 2
const askedCell = 3
const cellCount = 4

const markBit = 1 << 30
const countMask = markBit - 1

/** Shared memory of one lane's activity; it outlives the lane's thread. */
export function allocateActivity(): SharedArrayBuffer {
  return new SharedArrayBuffer(cellCount * 4)
}

/** The lane's side. */
export class LaneActivity {
  readonly #cells: Int32Array
  readonly #interrupt: Int32Array
  #run = 0
  #turns = 0

  constructor(memory: SharedArrayBuffer, interrupt: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory)
    this.#interrupt = new Int32Array(interrupt)
  }

  /** A run of Lua code begins. */
  begin(route: number): void {
    assert((this.#run & 1) === 0, 'a run began inside another one')
    this.#run = (this.#run + 1) & countMask
    this.#cells[routeCell] = route
    Atomics.store(this.#cells, runCell, this.#run)
  }

  /** It is over, however it ended; from here on the interrupt flag is down. */
  end(): void {
    const run = this.#run
    this.#run = (run + 1) & countMask
    if (Atomics.compareExchange(this.#cells, runCell, run, this.#run) === run) return
    while (Atomics.load(this.#interrupt, 0) === 0) Atomics.wait(this.#interrupt, 0, 0, 1)
    Atomics.store(this.#interrupt, 0, 0)
    Atomics.store(this.#cells, runCell, this.#run)
  }

  /** One turn of the loop. */
  turn(): void {
    this.#turns = (this.#turns + 1) | 0
    Atomics.store(this.#cells, turnsCell, this.#turns)
  }

  /** How often the core has put something into the mailbox. */
  get asked(): number {
    return Atomics.load(this.#cells, askedCell)
  }
}

/** The core's side. */
export class ActivityView {
  readonly #cells: Int32Array
  readonly #interrupt: Int32Array

  constructor(memory: SharedArrayBuffer, interrupt: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory)
    this.#interrupt = new Int32Array(interrupt)
  }

  /** The number of the latest run; odd while it is under way. */
  get run(): number {
    return Atomics.load(this.#cells, runCell) & countMask
  }

  get route(): number {
    return Atomics.load(this.#cells, routeCell)
  }

  get turns(): number {
    return Atomics.load(this.#cells, turnsCell)
  }

  /** Ends the run with this number; @returns false when it is over already */
  interrupt(run: number): boolean {
    if (Atomics.compareExchange(this.#cells, runCell, run, run | markBit) !== run) return false
    Atomics.store(this.#interrupt, 0, 1)
    Atomics.notify(this.#interrupt, 0)
    return true
  }

  /** Something is in the lane's mailbox; the caller rings its bell. */
  ask(): void {
    Atomics.add(this.#cells, askedCell, 1)
  }

  /** For the next life of the lane: as if nothing had run. Only while no thread uses it. */
  reset(): void {
    this.#cells.fill(0)
    this.#interrupt.fill(0)
  }
}
