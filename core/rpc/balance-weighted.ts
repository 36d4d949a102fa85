// Weighted: nodes in proportion to their weights, spread out evenly. Core thread.
//
// The smooth weighted round robin of nginx (ngx_http_upstream_round_robin.c): each node gains its weight
// every time, the richest one is chosen and pays the sum of all. 5, 1, 1 gives a a b a c a a.

import type { Balancer, Candidate } from './balance.ts'

export class Weighted implements Balancer {
  readonly #credit = new Map<string, number>()

  pick(candidates: readonly Candidate[]): number {
    let best = -1
    let bestCredit = Number.NEGATIVE_INFINITY
    let total = 0
    for (const [index, { name, weight, usable }] of candidates.entries()) {
      if (!usable) continue
      total += weight
      const credit = (this.#credit.get(name) ?? 0) + weight
      this.#credit.set(name, credit)
      if (credit <= bestCredit) continue
      bestCredit = credit
      best = index
    }
    const chosen = candidates[best]
    if (chosen !== undefined) this.#credit.set(chosen.name, bestCredit - total)
    return best
  }
}
