// The registry against a real Redis, reached through a proxy that a test can cut.
import { connect, createServer, type Socket } from 'node:net'
import { Redis } from 'ioredis'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../core/base/clock.ts'
import { decodeEntry, type NodeEntry, RedisRegistry } from '../../core/rpc/registry-redis.ts'
import type { Timers } from '../../core/timer/timers.ts'
import { hasRedis, redisPrefix, redisUrl, removeRedisKeys } from '../support/redis.ts'

const withRedis = await hasRedis()
const prefix = redisPrefix()
const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})
afterAll(async () => {
  if (withRedis) await removeRedisKeys(prefix)
})

const timers: Timers = {
  after: (ms, fire) => Number(setTimeout(fire, ms)),
  every: (ms, fire) => {
    const timer = setInterval(() => fire(0), ms)
    ends.push(() => clearInterval(timer))
    return 1
  },
  cancel: () => true,
}

/** A way to Redis that can be cut and mended. */
async function proxy() {
  const { hostname, port } = new URL(redisUrl)
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer((near) => {
    if (isCut) return void near.destroy()
    const far = connect({ host: hostname, port: Number(port || 6379) })
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
    }
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    isCut = true
    for (const socket of sockets) socket.destroy()
  }
  ends.push(() => {
    cut()
    server.close()
  })
  return {
    url: `redis://127.0.0.1:${(server.address() as { port: number }).port}`,
    cut,
    mend: () => {
      isCut = false
    },
  }
}

function open(url: string): Redis {
  const redis = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: 0 })
  redis.on('error', () => {})
  ends.push(() => redis.disconnect())
  return redis
}

let serial = 0
function entry(name: string, more: Partial<NodeEntry> = {}): NodeEntry {
  const incarnation = `i${++serial}`
  const base = { name, incarnation, host: '127.0.0.1', port: 7400, weight: 1, draining: false }
  return { ...base, services: ['bag'], meta: {}, ...more }
}

function registry(space: string, leaseMs = 300, url = redisUrl) {
  const changed = vi.fn()
  const replaced = vi.fn()
  const givenUp = vi.fn()
  const log = vi.fn()
  const it = new RedisRegistry({
    redis: open(url),
    events: open(url),
    prefix: `${prefix}${space}:`,
    leaseMs,
    clock: systemClock,
    timers,
    changed,
    replaced,
    givenUp,
    log,
  })
  ends.push(() => it.stop())
  return { it, changed, replaced, givenUp, log }
}

const names = (it: RedisRegistry) => [...it.entries.keys()].sort()
const soon = (check: () => void) => vi.waitFor(check, { timeout: 5000, interval: 5 })

describe.skipIf(!withRedis)('RedisRegistry', () => {
  it('shows each node to the others, long before a heartbeat, and what they serve', async () => {
    const [a, b] = [registry('show', 60_000), registry('show', 60_000)]
    await soon(() => expect([a.it.isUp, b.it.isUp]).toEqual([true, true]))
    a.it.announce(entry('a'))
    b.it.announce(entry('b', { services: ['bag', 'mail'] }))
    await soon(() =>
      expect([names(a.it), names(b.it)]).toEqual([
        ['a', 'b'],
        ['a', 'b'],
      ]),
    )
    const [routes] = a.changed.mock.lastCall ?? []
    expect(routes.services).toEqual([
      { service: 'bag', balance: undefined, nodes: ['a', 'b'] },
      { service: 'mail', balance: undefined, nodes: ['b'] },
    ])
    a.it.announce({ ...(a.it.entries.get('a') as NodeEntry), draining: true })
    await soon(() => expect(b.it.entries.get('a')?.draining).toBe(true))
    await a.it.remove()
    await soon(() => expect(names(b.it)).toEqual(['b']))
  })

  it('lets a node go whose process does not renew, when its lease has ended', async () => {
    const [a, b] = [registry('lease'), registry('lease')]
    a.it.announce(entry('a'))
    await soon(() => expect(names(b.it)).toEqual(['a']))
    expect(a.it.leaseEndsMs).toBeGreaterThan(systemClock.monotonicMs())
    a.it.stop()
    const { leaseEndsMs } = a.it
    await soon(() => expect(names(b.it)).toEqual([]))
    expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(leaseEndsMs - 5)
  })

  it('a late removal or renewal by an old process leaves its successor alone', async () => {
    const [old, fresh, other] = [registry('again'), registry('again'), registry('again')]
    old.it.announce(entry('a', { port: 1 }))
    await soon(() => expect(other.it.entries.get('a')?.port).toBe(1))
    fresh.it.announce(entry('a', { port: 2 }))
    await soon(() => expect(other.it.entries.get('a')?.port).toBe(2))
    await old.it.remove()
    await soon(() => expect(fresh.it.leaseEndsMs).toBeGreaterThan(0))
    const seen = new Redis(redisUrl)
    expect(JSON.parse((await seen.get(`${prefix}again:node:a`)) ?? '{}').port).toBe(2)
    seen.disconnect()
    expect(names(other.it)).toEqual(['a'])
  })

  it('tells the old process that another one has its name', async () => {
    const [old, fresh] = [registry('twice'), registry('twice')]
    old.it.announce(entry('a'))
    await soon(() => expect(names(fresh.it)).toEqual(['a']))
    fresh.it.announce(entry('a'))
    await soon(() => expect(old.replaced).toHaveBeenCalledOnce())
    expect(old.it.leaseEndsMs).toBe(0)
    expect(fresh.replaced).not.toHaveBeenCalled()
  })

  it('gives up an incarnation without an entry, for good, and none that has one', async () => {
    const [a, master] = [registry('over'), registry('over')]
    const first = entry('a')
    a.it.announce(first)
    await soon(() => expect([names(master.it), master.it.isCertain]).toEqual([['a'], true]))
    expect(await master.it.giveUp('a', first.incarnation)).toBe(false)
    await a.it.remove()
    expect(await master.it.giveUp('a', first.incarnation)).toBe(true)
    a.it.announce(first)
    await soon(() => expect(a.givenUp).toHaveBeenCalled())
    expect([a.it.leaseEndsMs, names(master.it)]).toEqual([0, []])
    a.it.announce(entry('a'))
    await soon(() => expect(names(master.it)).toEqual(['a']))
    expect(a.replaced).not.toHaveBeenCalled()
  })

  it('keeps the last known table while Redis is away, and says so once', async () => {
    const way = await proxy()
    const [a, b] = [registry('away'), registry('away', 300, way.url)]
    a.it.announce(entry('a'))
    await soon(() => expect(names(b.it)).toEqual(['a']))
    await soon(() => expect(b.it.isCertain).toBe(true))
    way.cut()
    await soon(() => expect(b.it.isUp).toBe(false))
    a.it.stop()
    const gone = open(redisUrl)
    await vi.waitFor(async () => expect(await gone.exists(`${prefix}away:node:a`)).toBe(0), 5000)
    expect([names(b.it), b.it.isCertain]).toEqual([['a'], false])
    const words = () => b.log.mock.calls.map(([, text]) => String(text))
    expect(words().filter((text) => text.includes('last known table of 1 nodes'))).toHaveLength(1)
    way.mend()
    await soon(() => expect(words()).toContain('the registry is back'))
    expect(names(b.it)).toEqual(['a'])
    await soon(() => expect([names(b.it), b.it.isCertain]).toEqual([[], true]))
  })
})

it('what is no entry is not taken for one', () => {
  const good = entry('a')
  expect(decodeEntry(JSON.stringify(good))).toEqual(good)
  for (const text of ['', 'null', '1', '[]', '{}', JSON.stringify({ ...good, port: '1' })]) {
    expect(decodeEntry(text)).toBeUndefined()
  }
  expect(decodeEntry(JSON.stringify({ ...good, services: [1] }))).toBeUndefined()
})
