// Read-your-writes: a query runs when what it must see is in the database, and not before.
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../core/base/clock.ts'
import type { HostError } from '../../core/base/errors.ts'
import { limits } from '../../core/base/limits.ts'
import { QueryService, type Question } from '../../core/store/query-service.ts'

function service(before: { durable?: number; applied?: number } = {}) {
  const clock = new ManualClock()
  const state = {
    settled: 0,
    durable: before.durable ?? 0,
    applied: before.applied ?? 0,
    problem: undefined as string | undefined,
  }
  const late = new Map<number, () => void>()
  const ran: string[] = []
  const said: string[] = []
  const it = new QueryService({
    source: {
      query: async (sql, timeoutMs) => {
        ran.push(`${sql} ${timeoutMs}`)
        return new Uint8Array(0)
      },
      close: async () => {},
    },
    progress: {
      settledTicket: () => state.settled,
      durableSequence: () => state.durable,
      appliedSequence: () => state.applied,
      drainerProblem: () => state.problem,
    },
    timers: {
      after: (_ms, fn) => {
        late.set(late.size + 1, fn)
        return late.size
      },
      every: () => 0,
      cancel: (id) => late.delete(id),
    },
    clock,
    timeoutMs: 100,
    backlogTimeoutMs: 5000,
  })
  const ask = (sql: string, more: Partial<Question> = {}) =>
    it.ask({
      lane: 0,
      ticket: 0,
      seeAll: false,
      sql,
      answered: () => said.push(`${sql} answered`),
      failed: (error: HostError) => said.push(`${sql} ${error.code}`),
      ...more,
    })
  return { it, clock, state, late, ran, said, ask }
}

describe('a query', () => {
  it('runs at once in a session that wrote nothing', async () => {
    const { state, ran, said, ask } = service()
    state.durable = 50
    ask('a')
    await Promise.resolve()
    expect([ran, said]).toEqual([['a 100'], ['a answered']])
  })

  it('waits for its session’s write to be on disk, then to be applied, and no longer', () => {
    const { it: queries, state, ran, clock, ask } = service()
    ask('a', { ticket: 7 })
    state.settled = 6
    state.durable = 40
    queries.progressed()
    state.settled = 7
    state.durable = 41
    queries.progressed()
    expect(ran).toEqual([])
    // What others write meanwhile is none of its concern.
    state.durable = 60
    state.applied = 40
    queries.progressed()
    expect(ran).toEqual([])
    clock.advance(30)
    state.applied = 41
    queries.progressed()
    expect(ran).toEqual(['a 70'])
    expect(queries.stats).toMatchObject({ asked: 1, waited: 1 })
  })

  it('of seeAll waits for all that is durable', () => {
    const { it: queries, state, ran, ask } = service()
    state.durable = 3
    ask('a', { seeAll: true })
    expect(ran).toEqual([])
    state.applied = 3
    queries.progressed()
    expect(ran).toEqual(['a 100'])
  })

  it('waits for the backlog of before the start, with more patience', () => {
    const { it: queries, state, ran, ask } = service({ durable: 9, applied: 2 })
    ask('a')
    expect(ran).toEqual([])
    state.applied = 9
    queries.progressed()
    expect(ran).toEqual(['a 5000'])
  })

  it('fails when its time is over, saying how far the drainer is behind', () => {
    const { state, late, said, ask } = service()
    state.durable = 12
    let message = ''
    ask('a', {
      seeAll: true,
      failed: (error) => {
        said.push(error.code)
        message = error.message
      },
    })
    for (const fn of late.values()) fn()
    expect(said).toEqual(['TIMEOUT'])
    expect(message).toContain('after 100 ms 12 transactions')
    expect(message).toContain('(npm run drain -- --status)')
  })

  it('says why the drainer comes no further, and counts what was slow', () => {
    const { it: queries, state, clock, late, ask } = service()
    state.durable = 1
    state.problem = 'the database is down'
    let message = ''
    ask('a', { seeAll: true, failed: (error) => (message = error.message) })
    clock.advance(limits.querySlowMs)
    for (const fn of late.values()) fn()
    expect(message).toContain('(the database is down)')
    expect(queries.stats).toMatchObject({ failed: 1, slow: 0 })
    ask('b', { seeAll: true })
    clock.advance(limits.querySlowMs + 1)
    late.get(2)?.()
    expect(queries.stats).toMatchObject({ failed: 2, slow: 1 })
  })

  it('is refused when queriesMax are under way, and only then', async () => {
    const { it: queries, state, said, ask } = service()
    state.durable = 1
    for (let i = 0; i < limits.queriesMax; i++) ask('x', { seeAll: true })
    expect(said).toEqual([])
    ask('one too many', { seeAll: true })
    expect(said).toEqual(['one too many OVERLOADED'])
    expect(queries.size).toBe(limits.queriesMax)
    await queries.close()
    expect(said).toHaveLength(limits.queriesMax + 1)
    expect(said.at(-1)).toBe('x SHUTTING_DOWN')
  })
})
