// Least loaded: the node with the fewest of our calls under way; among equals, in turn. Core thread.

import type { Balancer, Candidate } from './balance.ts'

export class LeastLoaded implements Balancer {
  #next = 0

  pick(candidates: readonly Candidate[]): number {
    const count = candidates.length
    let best = -1
    let load = Number.POSITIVE_INFINITY
    for (let step = 0; step < count; step++) {
      const index = (this.#next + step) % count
      const each = candidates[index] as Candidate
      if (!each.usable || each.inFlight >= load) continue
      load = each.inFlight
      best = index
    }
    if (best >= 0) this.#next = best + 1
    return best
  }
}
