// Each way of choosing a node, by itself.

import { describe, expect, it } from 'vitest'
import type { Balancer, Candidate } from '../../core/rpc/balance.ts'
import { ConsistentHash } from '../../core/rpc/balance-hash.ts'
import { LeastLoaded } from '../../core/rpc/balance-least-loaded.ts'
import { RandomChoice } from '../../core/rpc/balance-random.ts'
import { RoundRobin } from '../../core/rpc/balance-round-robin.ts'
import { Weighted } from '../../core/rpc/balance-weighted.ts'

const node = (name: string, more: Partial<Candidate> = {}): Candidate => ({
  name,
  weight: 1,
  inFlight: 0,
  usable: true,
  ...more,
})
const abc = [node('a'), node('b'), node('c')]

function names(balancer: Balancer, candidates: readonly Candidate[], count: number): string {
  return Array.from(
    { length: count },
    () => candidates[balancer.pick(candidates, '')]?.name ?? '-',
  ).join('')
}

const all: readonly [string, () => Balancer][] = [
  ['round robin', () => new RoundRobin()],
  ['random', () => new RandomChoice(Math.random)],
  ['weighted', () => new Weighted()],
  ['least loaded', () => new LeastLoaded()],
  ['hash', () => new ConsistentHash()],
]

describe('balancing', () => {
  it.each(all)('%s chooses only what can be used, and -1 when nothing can', (_, make) => {
    const some = [node('a', { usable: false }), node('b'), node('c', { usable: false })]
    const balancer = make()
    for (const key of ['', 'k', 'l', 'm']) expect(balancer.pick(some, key)).toBe(1)
    const none = some.map((each) => ({ ...each, usable: false }))
    expect(make().pick(none, 'k')).toBe(-1)
    expect(make().pick([], 'k')).toBe(-1)
  })

  it('round robin takes turns, also past one that comes back', () => {
    const balancer = new RoundRobin()
    expect(names(balancer, abc, 6)).toBe('abcabc')
    expect(names(balancer, [node('a'), node('b', { usable: false }), node('c')], 4)).toBe('acac')
  })

  it('random is fair', () => {
    let turn = 0
    const balancer = new RandomChoice(() => (turn++ % 300) / 300)
    const chosen = names(balancer, abc, 300)
    for (const name of 'abc') expect(chosen.split(name).length - 1).toBe(100)
  })

  it('weighted keeps the proportion and spreads it', () => {
    const candidates = [node('a', { weight: 5 }), node('b'), node('c')]
    expect(names(new Weighted(), candidates, 14)).toBe('aabacaaaabacaa')
  })

  it('least loaded takes the least, and turns among equals', () => {
    const candidates = [node('a', { inFlight: 3 }), node('b', { inFlight: 1 }), node('c')]
    expect(names(new LeastLoaded(), candidates, 3)).toBe('ccc')
    expect(names(new LeastLoaded(), abc, 6)).toBe('abcabc')
  })

  it('hash: a key stays, loads are even, and a lost node moves only its own keys', () => {
    const balancer = new ConsistentHash()
    const keys = Array.from({ length: 6000 }, (_, i) => `uid${i}`)
    const before = keys.map((key) => balancer.pick(abc, key))
    expect(keys.map((key) => balancer.pick(abc, key))).toEqual(before)
    for (const index of [0, 1, 2]) {
      const share = before.filter((each) => each === index).length / keys.length
      expect(share).toBeGreaterThan(0.23)
      expect(share).toBeLessThan(0.44)
    }
    const withoutB = [node('a'), node('b', { usable: false }), node('c')]
    const after = keys.map((key) => balancer.pick(withoutB, key))
    for (const [i, index] of before.entries()) {
      if (index !== 1) expect(after[i]).toBe(index)
    }
    const four = [...abc, node('d')]
    const moved = keys.filter((key, i) => balancer.pick(four, key) !== before[i])
    expect(moved.length / keys.length).toBeLessThan(0.36)
    expect(moved.every((key) => balancer.pick(four, key) === 3)).toBe(true)
  })

  it('hash: twice the weight, twice the keys', () => {
    const candidates = [node('a', { weight: 2 }), node('b')]
    const balancer = new ConsistentHash()
    const keys = Array.from({ length: 6000 }, (_, i) => `uid${i}`)
    const share = keys.filter((key) => balancer.pick(candidates, key) === 0).length / keys.length
    expect(share).toBeGreaterThan(0.57)
    expect(share).toBeLessThan(0.77)
  })
})
