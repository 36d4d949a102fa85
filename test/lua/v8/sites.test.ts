// Places in a source share a number with their equals, on lines with few of them and with very many.
import { expect, it } from 'vitest'
import { addSite, siteOf } from '../../../core/lua/v8/sites.ts'

const chunk = 'lua/services/sites.lua'

it.each([1, 16, 17, 20_000])(
  '%i different places on one line each have a number, once',
  (count) => {
    const add = (i: number, line = 7) =>
      addSite({ chunk: `${chunk}${count}`, line, a: `${i}`, b: '' })
    const all = Array.from({ length: count }, (_, i) => add(i))
    expect(new Set(all).size).toBe(count)
    expect(all.map((id) => siteOf(id).a)).toEqual(all.map((_, i) => String(i)))
    expect(all.map((_, i) => add(i))).toEqual(all)
    expect(all).not.toContain(add(0, 8))
  },
)

it('places differ by each of their parts', () => {
  const site = { chunk, line: 1, a: 'x', b: 'y' }
  const others = [{ chunk: 'other.lua' }, { line: 2 }, { a: 'z' }, { b: 'z' }, { a: 'y', b: 'x' }]
  const numbers = [site, ...others.map((other) => ({ ...site, ...other }))].map(addSite)
  expect(new Set(numbers).size).toBe(numbers.length)
})
