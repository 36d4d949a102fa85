// Until when what lanes write may take effect. Any thread; one writer, the core.
//
// A slave of a cluster has players only while it holds its lease. A process can be stopped at any
// instruction, for any time, so whoever is about to write looks here, as late as it can: the spool
// thread before each group, the core before it hands commands to Redis. One number of 8 aligned bytes:
// it is read whole, and a reader that sees the one before sees a lease that ended earlier.

export class WriteLease {
  readonly memory: SharedArrayBuffer
  readonly #endsMs: Float64Array

  /** @param memory of another thread's; a new one, without an end, when left out */
  constructor(memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer(8)
    this.#endsMs = new Float64Array(this.memory)
    if (memory === undefined) this.#endsMs[0] = Number.POSITIVE_INFINITY
  }

  /** @param endsMs on the monotonic clock; 0 from now on nothing, Infinity without an end */
  set(endsMs: number): void {
    this.#endsMs[0] = endsMs
  }

  /** @param nowMs on the monotonic clock */
  isOver(nowMs: number): boolean {
    return nowMs >= (this.#endsMs[0] as number)
  }
}
