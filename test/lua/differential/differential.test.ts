// Random programs on lua5.4, on both back ends, and as modules that could be reloaded: 2,000 here,
// 100,000 with `npm run test:long`. The first seed is printed in the test's name;
// DIFF_SEED and DIFF_COUNT choose others.

import { describe, expect, it } from 'vitest'
import { generate } from './generate.ts'
import { compare, lua54, oracleMissing, ours, type Side, whyMissing } from './harness.ts'

const isLong = process.env.MOONWHEEL_LONG === '1'
const seed = Number(process.env.DIFF_SEED ?? 1)
const count = Number(process.env.DIFF_COUNT ?? (isLong ? 100_000 : 2_000))

describe.skipIf(oracleMissing)(`random programs${oracleMissing ? ` (${whyMissing})` : ''}`, () => {
  it(`do the same as in lua5.4 (${count} from seed ${seed})`, { timeout: 7_200_000 }, async () => {
    const sides = {
      capture: ours('capture'),
      generator: ours('generator'),
      module: ours('capture', true),
    }
    const { differences, discarded } = await compare(seed, count, sides)
    expect(differences.map((difference) => difference.report).join('\n\n')).toBe('')
    expect(discarded).toBeLessThanOrEqual(count / 100)
  })

  const idioms = isLong ? count : 100
  it(`… made of idioms (${idioms} from seed ${seed})`, { timeout: 7_200_000 }, async () => {
    const sides = { capture: ours('capture'), module: ours('capture', true) }
    const make = (of: number) => generate(of, true)
    const { differences } = await compare(seed, idioms, sides, 3, make)
    expect(differences.map((difference) => difference.report).join('\n\n')).toBe('')
  })

  it('the comparison can fail, and shrinks what failed', { timeout: 120_000 }, async () => {
    // The canary: a side that gets multiplication wrong.
    const wrong: Side = (texts) => lua54(texts.map((text) => text.replaceAll(' * ', ' + ')))
    const { differences } = await compare(1, 60, { wrong }, 1)
    expect(differences[0]?.report).toContain('lua5.4 prints')
    expect(differences[0]?.report.split('\n').length).toBeLessThan(40)
  })

  it('a program that cannot be parsed is an answer, and those around it still run', () => {
    for (const side of [lua54, ours('capture'), ours('generator'), ours('capture', true)]) {
      const outputs = side(['show(1)', 'x =', 'show(3)'])
      expect(outputs[1]).toContain("raised 'p:1: unexpected symbol near")
      expect(outputs[2]).toContain('3\nreturned 0')
    }
  })

  it('an endless program is cut off, and those around it still run', () => {
    const endless = 'while true do pcall(error) end'
    const outputs = lua54(['show(1)', endless, 'show(3)'])
    expect(outputs[0]).toContain('1\nreturned 0')
    expect(outputs[1]).toBeUndefined()
    expect(outputs[2]).toContain('3\nreturned 0')
    expect(ours('capture')(['show(3)'])).toEqual([outputs[2]])
    expect(ours('capture')([endless])[0]).toContain('driver failed: it took more than')
  })
})
