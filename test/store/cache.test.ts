// The cache of a host: its limit of bytes, the order in which entries go, times to live, counters.
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../core/base/clock.ts'
import { encodePlain } from '../../core/lua/plain-codec.ts'
import { Cache } from '../../core/store/cache.ts'

/** An entry of 1-byte key and this value takes 128 bytes. */
const value = (text: string) => Buffer.from(text.padEnd(7))
const entry = 128

function setUp(bytesMax = 10 * entry) {
  const clock = new ManualClock()
  return { clock, cache: new Cache(bytesMax, clock) }
}

describe('Cache', () => {
  it('holds as many bytes as its limit and not one more', () => {
    const { cache } = setUp(2 * entry)
    cache.set('a', value('1'), 0)
    cache.set('b', value('2'), 0)
    expect([cache.size, cache.bytes, cache.stats.evictions]).toEqual([2, 2 * entry, 0])
    cache.set('b', Buffer.from('12345678'), 0)
    expect([cache.size, cache.bytes, cache.stats.evictions]).toEqual([1, entry + 1, 1])
    expect(cache.get('a')).toBeUndefined()
  })

  it('lets go first of what was used longest ago', () => {
    const { cache } = setUp(3 * entry)
    for (const key of ['a', 'b', 'c']) cache.set(key, value(key), 0)
    cache.get('a')
    cache.set('d', value('d'), 0)
    expect(['a', 'b', 'c', 'd'].filter((key) => cache.get(key) !== undefined)).toEqual([
      'a',
      'c',
      'd',
    ])
  })

  it('refuses what alone is larger than itself, and then has nothing under that key', () => {
    const { cache } = setUp(entry)
    expect(cache.set('a', value('fits'), 0)).toBe(true)
    expect(cache.set('a', Buffer.alloc(8), 0)).toBe(false)
    expect([cache.get('a'), cache.bytes]).toEqual([undefined, 0])
  })

  it('forgets when the time to live has passed, to the millisecond', () => {
    const { cache, clock } = setUp()
    cache.set('a', value('1'), 100)
    clock.advance(99)
    expect(cache.get('a')).toEqual(value('1'))
    clock.advance(1)
    expect([cache.get('a'), cache.size, cache.bytes]).toEqual([undefined, 0, 0])
    cache.set('a', value('1'), 100)
    clock.advance(100)
    expect(cache.del('a')).toBe(false)
  })

  it('counts, and keeps the time to live of a counter that is there', () => {
    const { cache, clock } = setUp()
    expect(cache.incr('n', 5, 100)).toBe(5)
    clock.advance(60)
    expect(cache.incr('n', -7, 100)).toBe(-2)
    clock.advance(40)
    expect(cache.incr('n', 1, 0)).toBe(1)
    clock.advance(1_000_000)
    expect(cache.incr('n', 2 ** 40, 0)).toBe(2 ** 40 + 1)
    expect(cache.incr('n', Number.MAX_SAFE_INTEGER, 0)).toBeUndefined()
    expect(cache.get('n')).toEqual(encodePlain([2 ** 40 + 1]))
  })

  it('does not count what is no whole number', () => {
    const { cache } = setUp()
    for (const [i, other] of [encodePlain(['5']), encodePlain([1.5]), encodePlain([])].entries()) {
      cache.set(`k${i}`, other, 0)
      expect(cache.incr(`k${i}`, 1, 0)).toBeUndefined()
      expect(cache.get(`k${i}`)).toEqual(other)
    }
  })

  it('lets go at once when its limit becomes smaller', () => {
    const { cache } = setUp()
    for (let i = 0; i < 10; i++) cache.set(String(i), value(''), 0)
    cache.bytesMax = 3 * entry
    expect([cache.size, cache.bytes]).toEqual([3, 3 * entry])
    expect(cache.get('9')).toBeDefined()
  })
})
