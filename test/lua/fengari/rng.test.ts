// xoshiro256** gives the numbers of PUC Lua 5.4 for the same seed, and uniform integers.

import { expect, it } from 'vitest'
import { Xoshiro } from '../../../core/lua/fengari/rng.ts'

it('gives the outputs of lua5.4 after math.randomseed(42)', () => {
  const rng = new Xoshiro([42n, 0n])
  const outputs = Array.from({ length: 4 }, () => {
    rng.next()
    return rng.high.toString(16).padStart(8, '0') + rng.low.toString(16).padStart(8, '0')
  })
  expect(outputs).toEqual([
    'ee49b4f7660276e5',
    '73a81c109b785431',
    '8c00881aa3bfbd4b',
    'cb28abfc09025d55',
  ])
})

it('draws integers evenly, also from intervals wider than 32 bits', () => {
  const rng = new Xoshiro([3n, 4n])
  for (const max of [2, 9, 2 ** 40]) {
    const draws = Array.from({ length: 20_000 }, () => rng.upTo(max))
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...draws)).toBeLessThanOrEqual(max)
    const mean = draws.reduce((a, b) => a + b) / draws.length
    expect(Math.abs(mean / (max / 2) - 1)).toBeLessThan(0.03)
  }
  expect(rng.upTo(0)).toBe(0)
})
