// Random programs on lua5.4 and on both back ends: 2,000 here, 100,000 with `npm run test:long`.
// The first seed is printed in the test's name; DIFF_SEED and DIFF_COUNT choose others.

import { describe, expect, it } from 'vitest'
import { compare, lua54, oracleMissing, ours, type Side, whyMissing } from './harness.ts'

const isLong = process.env.MOONWHEEL_LONG === '1'
const seed = Number(process.env.DIFF_SEED ?? 1)
const count = Number(process.env.DIFF_COUNT ?? (isLong ? 100_000 : 2_000))

describe.skipIf(oracleMissing)(`random programs${oracleMissing ? ` (${whyMissing})` : ''}`, () => {
  it(`do the same as in lua5.4 (${count} from seed ${seed})`, { timeout: 3_600_000 }, () => {
    const sides = { capture: ours('capture'), generator: ours('generator') }
    const differences = compare(seed, count, sides)
    expect(differences.map((difference) => difference.report).join('\n\n')).toBe('')
  })

  it('the comparison can fail, and shrinks what failed', () => {
    // The canary: a side that gets subtraction wrong where it follows an opening parenthesis.
    const wrong: Side = (texts) => lua54(texts.map((text) => text.replaceAll(' - ', ' + ')))
    const [difference] = compare(1, 200, { wrong }, 1)
    expect(difference?.report).toContain('lua5.4 prints')
    expect(difference?.report.split('\n').length).toBeLessThan(40)
  })
})
