// Snowflake ids: unique over nodes, lanes and time, roughly ordered. Lane thread, one maker each.
//
//   63   62 ............ 22   21 ...... 12   11 .... 8   7 .... 0
//   0    ms since 2026-01-01     node id       lane       serial        (41, 10, 4 and 8 bits)
//
// Ids leave as decimal strings: JSON readers and 32-bit Lua lose digits of 64-bit numbers. When a
// millisecond's serials are used up, or the wall clock was set back, the maker goes on in the last
// millisecond's future instead of waiting; it is ahead of the clock until that catches up.

import { assert } from './assert.ts'
import type { Clock } from './clock.ts'

const epochMs = Date.UTC(2026, 0, 1)
export const nodeIdMax = 1023
export const laneIndexMax = 15

export class SnowflakeMaker {
  readonly #clock: Clock
  readonly #place: bigint
  #lastMs = 0
  #serial = 0

  constructor(clock: Clock, nodeId: number, laneIndex: number) {
    assert(nodeId >= 0 && nodeId <= nodeIdMax, `node id ${nodeId}`)
    assert(laneIndex >= 0 && laneIndex <= laneIndexMax, `lane ${laneIndex}`)
    this.#clock = clock
    this.#place = (BigInt(nodeId) << 12n) | (BigInt(laneIndex) << 8n)
  }

  /** @returns the next id in decimal */
  next(): string {
    const nowMs = Math.max(this.#clock.wallMs() - epochMs, 0)
    if (nowMs > this.#lastMs) {
      this.#lastMs = nowMs
      this.#serial = 0
    } else if (++this.#serial > 255) {
      this.#lastMs++
      this.#serial = 0
    }
    return ((BigInt(this.#lastMs) << 22n) | this.#place | BigInt(this.#serial)).toString()
  }
}
