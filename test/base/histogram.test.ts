// The histogram against a sorted list: every quantile lies within the error that it promises.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Histogram } from '../../core/base/histogram.ts'

const shares = [0, 0.01, 0.5, 0.9, 0.99, 0.999, 1]

/** The exact percentile of a sorted list, as `percentile` defines it. */
function exact(sorted: readonly number[], share: number): number {
  return sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] as number
}

function of(values: readonly number[]): Histogram {
  const histogram = new Histogram()
  for (const value of values) histogram.record(value)
  return histogram
}

it('is never below the exact percentile, and at most 1/32 above', () => {
  const value = fc.oneof(fc.nat(100), fc.nat(100_000), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 200 }), (values) => {
      const histogram = of(values)
      const sorted = [...values].sort((a, b) => a - b)
      for (const share of shares) {
        const want = exact(sorted, share)
        const got = histogram.percentile(share)
        expect(got).toBeGreaterThanOrEqual(want)
        expect(got).toBeLessThanOrEqual(want + want / 32)
      }
      expect(histogram.max).toBe(sorted.at(-1))
      expect(histogram.count).toBe(values.length)
    }),
  )
})

it('keeps both sides of every power of two in buckets that hold them', () => {
  for (let bit = 0; bit <= 31; bit++) {
    for (const value of [2 ** bit - 1, 2 ** bit, 2 ** bit + 1]) {
      const got = of([value, 2 ** 32 - 1]).percentile(0.5)
      expect(got, `2^${bit}`).toBeGreaterThanOrEqual(value)
      expect(got, `2^${bit}`).toBeLessThanOrEqual(value + value / 32)
    }
  }
})

it('takes what is out of bounds as the nearest bound, and fractions as whole numbers', () => {
  expect(of([-1]).percentile(1)).toBe(0)
  expect(of([Number.NaN]).percentile(1)).toBe(0)
  expect(of([1.9]).percentile(1)).toBe(1)
  expect(of([2 ** 40]).max).toBe(2 ** 32 - 1)
  expect(of([]).percentile(0.5)).toBe(0)
  expect(of([]).mean).toBe(0)
})

it('adds up to what one histogram of all values would be', () => {
  const a = [1, 50, 700, 90_000]
  const b = [2, 2, 3_000_000]
  const sum = of(a)
  sum.add(of(b))
  const all = of([...a, ...b])
  for (const share of shares) expect(sum.percentile(share)).toBe(all.percentile(share))
  expect(sum.mean).toBe(all.mean)
  expect(sum.max).toBe(all.max)
})
