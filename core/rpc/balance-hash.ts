// Consistent hash: a key stays at its node, and a node that comes or goes moves only its own share.
//
// Core thread. The circle of Karger et al. (1997): each node has `pointsPerWeight` places on it for each
// unit of its weight, a key belongs to the next place clockwise. A node that cannot be used is passed
// over for the moment; its keys come back to it afterwards. Without a key, the next in turn.

import { hashText, mixHash } from '../base/hash.ts'
import type { Balancer, Candidate } from './balance.ts'
import { RoundRobin } from './balance-round-robin.ts'

/** With 128, loads of equal nodes differ by about 10 %. */
const pointsPerWeight = 128

interface Circle {
  readonly hashes: Uint32Array
  /** Of each place: the candidate's index. */
  readonly owners: Uint16Array
}

export class ConsistentHash implements Balancer {
  readonly #withoutKey = new RoundRobin()
  #builtFor: readonly Candidate[] | undefined
  #circle: Circle = { hashes: new Uint32Array(0), owners: new Uint16Array(0) }

  pick(candidates: readonly Candidate[], key: string): number {
    if (key === '') return this.#withoutKey.pick(candidates)
    if (candidates !== this.#builtFor) {
      this.#circle = buildCircle(candidates)
      this.#builtFor = candidates
    }
    const { hashes, owners } = this.#circle
    const first = firstAtOrAfter(hashes, mixHash(hashText(key)))
    for (let step = 0; step < owners.length; step++) {
      const index = owners[(first + step) % owners.length] as number
      if (candidates[index]?.usable === true) return index
    }
    return -1
  }
}

function buildCircle(candidates: readonly Candidate[]): Circle {
  const places = candidates.flatMap(({ name, weight }, owner) =>
    Array.from({ length: Math.max(1, Math.round(weight * pointsPerWeight)) }, (_, i) => ({
      hash: mixHash(hashText(`${name}#${i}`)),
      owner,
    })),
  )
  places.sort((a, b) => a.hash - b.hash || a.owner - b.owner)
  return {
    hashes: Uint32Array.from(places, (place) => place.hash),
    owners: Uint16Array.from(places, (place) => place.owner),
  }
}

function firstAtOrAfter(hashes: Uint32Array, hash: number): number {
  let low = 0
  let high = hashes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((hashes[middle] as number) < hash) low = middle + 1
    else high = middle
  }
  return low
}
