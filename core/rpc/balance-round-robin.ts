// Round robin: each usable node in turn. Core thread.

import type { Balancer, Candidate } from './balance.ts'

export class RoundRobin implements Balancer {
  #next = 0

  pick(candidates: readonly Candidate[]): number {
    const count = candidates.length
    for (let step = 0; step < count; step++) {
      const index = (this.#next + step) % count
      if (candidates[index]?.usable !== true) continue
      this.#next = index + 1
      return index
    }
    return -1
  }
}
