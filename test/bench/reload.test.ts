// Promise G4 under load, in small; `npm run bench:reload` is the whole. And the judge can fail.
import { describe, expect, it } from 'vitest'
import { Judge } from '../../bench/reload/judge.ts'
import { runReloads } from '../../bench/reload/reload-run.ts'

describe('a reload under load', () => {
  it('fails no request, mixes no versions, keeps state, shows in every lane', async () => {
    const engine = process.env.MOONWHEEL_TEST_ENGINE ?? 'v8'
    const options = { engine, lanes: 3, players: 60, reloads: 8, thinkMs: 20, quietS: 0 }
    const { judge, closed, reloadUs } = await runReloads(options)
    expect(judge.firstFault).toBeUndefined()
    expect(judge).toMatchObject({ failed: 0, mixed: 0, stale: 0, miscounted: 0, seen: 9 })
    expect(judge.answers).toBeGreaterThan(200)
    expect(closed).toEqual([])
    expect(reloadUs.count).toBe(8)
  })
})

describe('canary: the judge sees', () => {
  const good = (version: number, calls: number) => ({
    code: 200,
    calls,
    versions: [version, version, version],
  })

  it('nothing wrong with a good run', () => {
    const judge = new Judge()
    expect(judge.take('a', 1, good(1, 1))).toBe(1)
    expect(judge.take('b', 1, good(2, 1))).toBe(2)
    // Sent before version 2 was seen.
    judge.take('a', 1, good(1, 2))
    expect(judge).toMatchObject({ faults: 0, answers: 3, seen: 2, firstFault: undefined })
  })

  it.each([
    ['an error', { code: 500 }, 'failed'],
    ['two versions in one message', { code: 200, calls: 2, versions: [2, 1, 2] }, 'mixed'],
    ['older code than was seen', good(1, 2), 'stale'],
    ['state that was lost', good(2, 1), 'miscounted'],
    ['a message that was handled twice', good(2, 3), 'miscounted'],
  ] as const)('%s', (_what, answer, counter) => {
    const judge = new Judge()
    judge.take('a', 1, good(2, 1))
    judge.take('a', 2, answer)
    expect(judge[counter]).toBe(1)
    expect(judge.firstFault).toMatch(/^a[: ]/)
  })
})
