// The table of idempotency keys by itself: once, for how long, and how much of it.

import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../core/base/clock.ts'
import { OnceTable } from '../../core/rpc/once-table.ts'
import { failed, type Outcome, succeeded } from '../../core/rpc/outcome.ts'

function table(limits = {}) {
  const clock = new ManualClock()
  const rules = { keptMs: 1000, keptMsMin: 100, entriesMax: 3, bytesMax: 10_000, ...limits }
  const once = new OnceTable(rules, clock)
  const heard: Outcome[] = []
  const begin = (name: string, body = 'body') =>
    once.begin(name, Buffer.from(body), (outcome) => void heard.push(outcome))
  const run = (name: string, size = 10): void => {
    expect(begin(name)).toBe('new')
    once.finish(name, succeeded(Buffer.alloc(size)))
  }
  return { clock, once, heard, begin, run }
}

describe('once', () => {
  it('the second arrival waits for the first, the third gets what is stored', () => {
    const { once, heard, begin } = table()
    expect(begin('a')).toBe('new')
    expect(begin('a')).toBe('known')
    expect(heard).toHaveLength(0)
    const answer = Buffer.from('answer')
    once.finish('a', succeeded(answer))
    answer.fill(0)
    expect(begin('a')).toBe('known')
    const bodies = heard.map(({ body }) => Buffer.from(body).toString())
    expect(bodies.slice(1)).toEqual(['answer', 'answer'])
    expect(heard).toHaveLength(3)
  })

  it('failures are answers; what was not run may run', () => {
    const { once, heard, begin } = table()
    begin('a')
    once.finish('a', failed('INTERNAL', 'oh'))
    expect(begin('a')).toBe('known')
    expect(heard.map(({ code }) => code)).toEqual([500, 500])
    begin('b')
    once.finish('b', failed('OVERLOADED', 'no', { notRun: true }))
    expect(begin('b')).toBe('new')
    once.finish('b', failed('STORAGE_FULL', 'nothing was changed'))
    expect(begin('b')).toBe('new')
    once.cancel('b')
    expect(begin('b')).toBe('new')
  })

  it('another body under the same key is refused, before and after the end', () => {
    const { once, heard, begin } = table()
    begin('a', 'one')
    begin('a', 'two')
    once.finish('a', succeeded(Buffer.alloc(0)))
    begin('a', 'two')
    expect(heard.map(({ code }) => code)).toEqual([409, 0, 409])
  })

  it('an answer is kept for its time and not longer', () => {
    const { clock, once, begin, run } = table()
    run('a')
    clock.advance(999)
    expect(begin('a')).toBe('known')
    clock.advance(1)
    expect(begin('a')).toBe('new')
    expect(once.size).toBe(1)
  })

  it('at the limit the oldest goes, but none that is young or awaited', () => {
    const { clock, once, heard, begin, run } = table()
    for (const name of ['a', 'b', 'c']) run(name)
    expect(once.size).toBe(3)
    expect(begin('d')).toBe('known')
    expect(heard.at(-1)).toMatchObject({ code: 503, notRun: true })
    clock.advance(100)
    expect(begin('d')).toBe('new')
    expect([once.size, once.dropped]).toEqual([3, 1])
    expect(begin('b')).toBe('known')
  })

  it('bytes are counted and given back', () => {
    const { clock, once, begin, run } = table({ entriesMax: 1000, bytesMax: 5000 })
    run('a', 4000)
    expect(once.bytes).toBeGreaterThan(4000)
    clock.advance(100)
    run('b', 4000)
    expect(once.dropped).toBe(0)
    // Over the limit by one answer: the old one goes, and the young one stays.
    run('c', 4000)
    expect(once.dropped).toBe(1)
    expect(begin('d')).toBe('known')
    clock.advance(100)
    expect(begin('d')).toBe('new')
    once.cancel('d')
    clock.advance(1000)
    run('z', 0)
    expect(once.bytes).toBeLessThan(600)
  })
})
