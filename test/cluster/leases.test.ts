// Master and slave without a network, on a clock that the test owns: leases, fencing, partitions.
import { describe, expect, it, vi } from 'vitest'
import { ManualClock } from '../../core/base/clock.ts'
import { limits } from '../../core/base/limits.ts'
import { Master } from '../../core/cluster/master.ts'
import { type PrepareRequest, protocolVersion } from '../../core/cluster/protocol.ts'
import { Slave } from '../../core/cluster/slave.ts'
import { readToken, signToken } from '../../core/cluster/token.ts'
import type { ClusterConfig, ClusterNode } from '../../core/config/types.ts'
import { WriteLease } from '../../core/thread/write-lease.ts'

const leaseMs = 3000
/** A slave lets go this long before its lease ends. */
const marginMs = leaseMs / 6
const secret = 'a secret of this test alone'
const row = (name: string, role: 'master' | 'slave', id: number): ClusterNode => ({
  name,
  role,
  host: '127.0.0.1',
  id,
  rpc: 7400 + id,
  tcp: 7500 + id,
  ws: false,
  http: false,
})
const nodes = [row('master', 'master', 1), row('a', 'slave', 2), row('b', 'slave', 3)]
const configOf = (name: string): ClusterConfig => ({
  secret,
  leaseMs,
  tokenMs: 30_000,
  route: 'login.handler.enter',
  nodes,
  self: nodes.find((node) => node.name === name) as ClusterNode,
  master: nodes[0] as ClusterNode,
})
const log = () => {}
const context = Buffer.from([1, 0])

function slaveOf(clock: ManualClock, name = 'a') {
  let registryLeaseEndsMs = 0
  const bound = new Set<string>()
  const gate = {
    isBound: (uid: string) => bound.has(uid),
    kick: vi.fn((uid: string) => void bound.delete(uid)),
    kickAll: vi.fn(() => bound.clear()),
  }
  const fenced = vi.fn()
  const lanes = { isUp: true, isEnding: false }
  const writeLease = new WriteLease()
  const slave = new Slave({
    config: configOf(name),
    clock,
    gate,
    lanes: { areUp: () => lanes.isUp, areEnding: () => lanes.isEnding },
    writeLease,
    registryLeaseEndsMs: () => registryLeaseEndsMs,
    fenced: (why) => {
      registryLeaseEndsMs = 0
      fenced(why)
    },
    log,
  })
  const renewAtRedis = () => {
    registryLeaseEndsMs = clock.monotonicMs() + leaseMs
    slave.check()
  }
  const renewAtMaster = () => {
    const answer = { granted: true, wantsReport: false }
    slave.renewed(slave.renewal(), answer, clock.monotonicMs())
  }
  const prepare = (uid: string, epoch = 1, more: Partial<PrepareRequest> = {}) => {
    const nonce = `n${uid}${epoch}`
    const request = { life: slave.life, uid, epoch, nonce, tokenMs: 30_000 }
    slave.prepare({ ...request, context: context.toString('base64'), ...more })
    return signToken({ uid, node: name, epoch, endsMs: clock.wallMs() + 30_000, nonce }, secret)
  }
  const enter = (uid: string) => {
    slave.accept(prepare(uid))
    expect(slave.bindRefusal(uid)).toBeUndefined()
    bound.add(uid)
  }
  return {
    slave,
    gate,
    fenced,
    lanes,
    writeLease,
    renewAtRedis,
    renewAtMaster,
    prepare,
    enter,
    bound,
  }
}

describe('a slave', () => {
  it('lives while either Redis or the master renews its lease', () => {
    const clock = new ManualClock()
    const { slave, renewAtRedis, renewAtMaster, fenced } = slaveOf(clock)
    expect(slave.isLive).toBe(false)
    for (const renew of [renewAtRedis, renewAtMaster, renewAtMaster, renewAtRedis]) {
      renew()
      clock.advance(leaseMs - marginMs - 1)
      slave.check()
      expect(slave.isLive).toBe(true)
    }
    expect(fenced).not.toHaveBeenCalled()
  })

  it('lets go of everybody before its lease ends, and begins another life with nobody', () => {
    const clock = new ManualClock()
    const { slave, gate, renewAtRedis, prepare, enter, fenced } = slaveOf(clock)
    renewAtRedis()
    enter('mei')
    const token = prepare('ada')
    const { life } = slave
    clock.advance(leaseMs - marginMs - 1)
    slave.check()
    expect([slave.players, fenced.mock.calls.length]).toEqual([1, 0])
    clock.advance(1)
    slave.check()
    expect(gate.kickAll).toHaveBeenCalledOnce()
    expect([slave.players, slave.isLive, slave.life === life]).toEqual([0, false, false])
    expect(() => slave.accept(token)).toThrow('has lost its cluster')
    renewAtRedis()
    expect(() => slave.accept(token)).toThrow('was used, or replaced')
    expect(() => prepare('bob', 1, { life })).toThrow('no lease')
    expect(slave.bindRefusal('mei')).toContain('only cluster.accept')
  })

  it('takes nobody before its lanes run', () => {
    const clock = new ManualClock()
    const { slave, lanes, renewAtRedis, prepare } = slaveOf(clock)
    lanes.isUp = false
    renewAtRedis()
    expect(slave.isLive).toBe(false)
    expect(() => prepare('mei')).toThrow('no lease')
    lanes.isUp = true
    slave.check()
    expect(slave.isLive).toBe(true)
    prepare('mei')
  })

  it('lends its lease to those who write, and nothing while lanes of an earlier life end', () => {
    const clock = new ManualClock()
    const { slave, lanes, writeLease, renewAtRedis, fenced } = slaveOf(clock)
    const mayWrite = () => !writeLease.isOver(clock.monotonicMs())
    slave.check()
    expect(mayWrite()).toBe(true)
    renewAtRedis()
    // Nobody checks meanwhile: the process stands still, or is in the middle of a turn.
    clock.advance(leaseMs - marginMs - 1)
    expect(mayWrite()).toBe(true)
    clock.advance(1)
    expect(mayWrite()).toBe(false)
    fenced.mockImplementation(() => {
      lanes.isUp = false
      lanes.isEnding = true
    })
    renewAtRedis()
    slave.giveUp('the test says so')
    renewAtRedis()
    expect([slave.isLive, mayWrite()]).toEqual([false, false])
    lanes.isEnding = false
    slave.check()
    expect([slave.isLive, mayWrite()]).toEqual([false, true])
    lanes.isUp = true
    slave.check()
    expect([slave.isLive, mayWrite()]).toEqual([true, true])
  })

  it('a process that was stopped for a minute lets go before it takes anything', () => {
    const clock = new ManualClock()
    const { slave, renewAtRedis, prepare } = slaveOf(clock)
    renewAtRedis()
    const token = prepare('mei')
    clock.advance(60_000)
    expect(() => slave.accept(token)).toThrow('has lost its cluster')
    expect(slave.stats.fenced).toBe(1)
  })

  it('an answer to an earlier life renews nothing', () => {
    const clock = new ManualClock()
    const { slave, renewAtMaster } = slaveOf(clock)
    renewAtMaster()
    const late = slave.renewal()
    clock.advance(leaseMs)
    slave.check()
    slave.renewed(late, { granted: true, wantsReport: false }, clock.monotonicMs())
    expect(slave.isLive).toBe(false)
  })

  it('lets go at once when the master has given it up', () => {
    const clock = new ManualClock()
    const { slave, renewAtRedis, renewAtMaster, enter } = slaveOf(clock)
    renewAtRedis()
    renewAtMaster()
    enter('mei')
    slave.renewed(slave.renewal(), { granted: false, wantsReport: false }, clock.monotonicMs())
    expect([slave.isLive, slave.players]).toEqual([false, 0])
  })

  it('tells who has left, and whom it has, on the way or there', () => {
    const clock = new ManualClock()
    const { slave, renewAtRedis, enter, prepare, bound } = slaveOf(clock)
    renewAtRedis()
    enter('mei')
    enter('ada')
    prepare('bob', 7)
    expect(slave.report().players).toEqual([
      ['bob', 7],
      ['mei', 1],
      ['ada', 1],
    ])
    bound.delete('mei')
    expect(slave.renewal()).toMatchObject({ left: ['mei'], players: 2 })
    expect(slave.renewal().left).toEqual([])
  })

  it('a token lasts as long as it says, and an arrival ten seconds', () => {
    const clock = new ManualClock()
    const { slave, renewAtRedis, prepare } = slaveOf(clock)
    renewAtRedis()
    const old = prepare('mei')
    const early = prepare('ada')
    clock.advance(leaseMs)
    slave.check()
    renewAtRedis()
    // The lease has ended meanwhile, so both are forgotten; a new life has its own.
    expect(() => slave.accept(old)).toThrow('was used, or replaced')
    const token = prepare('mei', 2, { tokenMs: 100 })
    clock.advance(99)
    slave.accept(token)
    expect(() => slave.accept(early)).toThrow('was used, or replaced')
    const late = prepare('bob', 1, { tokenMs: 100 })
    clock.advance(100)
    expect(() => slave.accept(late)).toThrow('too old')
    for (let ms = 0; ms < limits.clusterArrivalMs; ms += 1000) {
      clock.advance(1000)
      renewAtRedis()
    }
    expect(slave.bindRefusal('mei')).toContain('only cluster.accept')
  })
})

function masterOf(clock: ManualClock) {
  const entries = new Map<string, string>()
  const over = new Set<string>()
  const registry = {
    certain: true,
    lifeOf: (node: string) => entries.get(node),
    isCertain: () => registry.certain,
    refresh: () => Promise.resolve(),
    giveUp: (node: string, life: string) => {
      if (!registry.certain || entries.get(node) === life) return Promise.resolve(false)
      over.add(life)
      return Promise.resolve(true)
    },
  }
  const calls: string[] = []
  const refusing = new Set<string>()
  const master = new Master({
    config: configOf('master'),
    clock,
    registry,
    call: <T>(node: string, method: string, body: object) => {
      calls.push(`${method} ${node} ${(body as { uid: string }).uid}`)
      if (refusing.has(node)) return Promise.reject(new Error('no answer'))
      return Promise.resolve({} as T)
    },
    sleep: (ms) => {
      clock.advance(ms)
      return Promise.resolve()
    },
    log,
  })
  const renew = (node: string, life: string, more: object = {}) => {
    const request = { version: protocolVersion, node, life, players: 0, draining: false, left: [] }
    const answer = master.renew({ ...request, ...more })
    if (answer.wantsReport) master.report({ node, life, players: [] })
    return answer
  }
  const placeOf = async (uid: string) => (await master.place(uid, context)).node.name
  return { master, registry, entries, over, calls, refusing, renew, placeOf }
}

describe('a master', () => {
  it('places players evenly, each again where he is', async () => {
    const { renew, placeOf, calls } = masterOf(new ManualClock())
    renew('a', 'a1')
    renew('b', 'b1')
    const places = [
      await placeOf('u1'),
      await placeOf('u2'),
      await placeOf('u3'),
      await placeOf('u4'),
    ]
    expect(places.sort()).toEqual(['a', 'a', 'b', 'b'])
    const [first] = [await placeOf('u1')]
    expect(await placeOf('u1')).toBe(first)
    expect(calls.filter((call) => call.endsWith('u1'))).toHaveLength(3)
  })

  it('gives a token that names node and player, and is signed', async () => {
    const { master, renew } = masterOf(new ManualClock())
    renew('a', 'a1')
    renew('b', 'b1', { draining: true })
    const { token } = await master.place('mei', context)
    expect(readToken(token, secret)).toMatchObject({ uid: 'mei', node: 'a' })
    expect(readToken(token, `${secret}!`)).toBeUndefined()
  })

  // Each row: what the master still hears, and whether the player may be placed elsewhere.
  it.each([
    ['Redis has its entry', { entry: true, certain: true, waitMs: 60_000 }, false],
    ['nobody knows, Redis is away', { entry: false, certain: false, waitMs: 60_000 }, false],
    ['our own lease still holds', { entry: false, certain: true, waitMs: leaseMs - 1 }, false],
    ['both leases have ended', { entry: false, certain: true, waitMs: leaseMs }, true],
  ])('a silent slave, %s', async (_, { entry, certain, waitMs }, isPlacedAnew) => {
    const clock = new ManualClock()
    const { renew, placeOf, registry, entries, refusing, over } = masterOf(clock)
    clock.advance(leaseMs)
    renew('a', 'a1')
    renew('b', 'b1', { draining: true })
    expect(await placeOf('mei')).toBe('a')
    if (entry) entries.set('a', 'a1')
    registry.certain = certain
    refusing.add('a')
    clock.advance(waitMs)
    renew('b', 'b1')
    if (isPlacedAnew) {
      expect(await placeOf('mei')).toBe('b')
      expect([...over]).toEqual(['a1'])
      expect(renew('a', 'a1')).toEqual({ granted: false, wantsReport: false })
    } else {
      await expect(placeOf('mei')).rejects.toThrow('no answer')
      expect(renew('a', 'a1').granted).toBe(true)
    }
  })

  it('started anew, places nobody until every slave has told or is gone for certain', async () => {
    const clock = new ManualClock()
    const { master, renew, placeOf, entries } = masterOf(clock)
    entries.set('b', 'b1')
    renew('a', 'a1')
    await expect(placeOf('mei')).rejects.toThrow('being put together')
    expect(master.isFormed).toBe(false)
    master.renew({ version: 1, node: 'b', life: 'b1', players: 1, draining: false, left: [] })
    expect(master.isFormed).toBe(false)
    master.report({ node: 'b', life: 'b1', players: [['mei', 5]] })
    renew('a', 'a1')
    expect(await placeOf('mei')).toBe('b')
  })

  it('started anew, takes a slave without an entry for gone one lease later and not before', async () => {
    const clock = new ManualClock()
    const { master, renew } = masterOf(clock)
    renew('a', 'a1')
    clock.advance(leaseMs - 1)
    expect(master.isFormed).toBe(false)
    clock.advance(1)
    expect(master.isFormed).toBe(true)
  })

  it('moves the players of a slave that drains, after it has let go of them', async () => {
    const { renew, placeOf, calls, refusing } = masterOf(new ManualClock())
    renew('a', 'a1')
    renew('b', 'b1', { draining: true })
    expect(await placeOf('mei')).toBe('a')
    renew('a', 'a1', { draining: true })
    renew('b', 'b1')
    refusing.add('a')
    await expect(placeOf('mei')).rejects.toThrow('no answer')
    refusing.delete('a')
    expect(await placeOf('mei')).toBe('b')
    expect(calls.slice(-2)).toEqual(['release a mei', 'prepare b mei'])
  })

  it('a new life of a slave has nobody', async () => {
    const { master, renew, placeOf } = masterOf(new ManualClock())
    renew('a', 'a1')
    renew('b', 'b1', { draining: true })
    await placeOf('mei')
    renew('a', 'a2')
    expect([master.players, renew('a', 'a1').granted]).toEqual([0, false])
  })

  it('places one player once at a time', async () => {
    const { renew, placeOf } = masterOf(new ManualClock())
    renew('a', 'a1')
    renew('b', 'b1')
    const places = await Promise.all(Array.from({ length: 20 }, () => placeOf('mei')))
    expect(new Set(places).size).toBe(1)
  })
})
