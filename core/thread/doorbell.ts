// A doorbell: how one thread sleeps until any of its rings has something.
//
// Each thread that consumes rings owns one bell; every producer toward it rings the same bell.
//
//   cell 0   u32 rings    counts rings of the bell
//   cell 1   i32 asleep   1 while the owner sleeps, or has a waitAsync pending
//
// No ring is lost: the owner takes a ticket *before* it looks into its rings and sleeps only while
// the count still equals the ticket. A producer publishes its record first, then counts up, then
// looks at `asleep`. All four accesses are sequentially consistent, so either the owner sees the
// new count or the producer sees the sleeper. The notify (a system call) is paid only for a sleeper.

const ringsIndex = 0
const asleepIndex = 1

/** Shared memory for one bell. */
export function allocateDoorbell(): SharedArrayBuffer {
  return new SharedArrayBuffer(8)
}

/** The producers' side. Any number of threads. */
export class DoorbellButton {
  readonly #cells: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory)
  }

  ring(): void {
    Atomics.add(this.#cells, ringsIndex, 1)
    if (Atomics.load(this.#cells, asleepIndex) === 1) Atomics.notify(this.#cells, ringsIndex)
  }
}

/** The owner's side. One thread. */
export class Doorbell {
  readonly #cells: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory)
  }

  /** Take this before looking into the rings; hand it to `wait` when they were empty. */
  ticket(): number {
    return Atomics.load(this.#cells, ringsIndex)
  }

  /** Blocks until the bell has rung since the ticket, or `timeoutMs` have passed. Workers only. */
  wait(ticket: number, timeoutMs: number): void {
    Atomics.store(this.#cells, asleepIndex, 1)
    Atomics.wait(this.#cells, ringsIndex, ticket, timeoutMs)
    Atomics.store(this.#cells, asleepIndex, 0)
  }

  /**
   * The same for the core thread, which must not block. Call `asleep` first, look into the rings
   * once more, then this.
   * @returns a promise for the next ring, or undefined when it has rung since the ticket
   */
  waitAsync(ticket: number): Promise<unknown> | undefined {
    const waiting = Atomics.waitAsync(this.#cells, ringsIndex, ticket)
    return waiting.async ? waiting.value : undefined
  }

  /** From now on each ring notifies; a pending waitAsync wakes by the next one. */
  asleep(): void {
    Atomics.store(this.#cells, asleepIndex, 1)
  }

  /** From now on rings only count: the owner looks into its rings by itself. */
  awake(): void {
    Atomics.store(this.#cells, asleepIndex, 0)
  }
}
