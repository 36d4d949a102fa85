// Random: each usable node with the same chance. Core thread.

import type { Balancer, Candidate } from './balance.ts'

export class RandomChoice implements Balancer {
  readonly #random: () => number

  /** @param random from 0 to below 1 */
  constructor(random: () => number) {
    this.#random = random
  }

  pick(candidates: readonly Candidate[]): number {
    let usable = 0
    for (const each of candidates) if (each.usable) usable++
    let wanted = Math.floor(this.#random() * usable)
    for (const [index, each] of candidates.entries()) {
      if (each.usable && wanted-- === 0) return index
    }
    return -1
  }
}
