// When a spare lane is started, taken, and ended; on a clock of its own, with threads that are none.
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../core/base/clock.ts'
import { limits } from '../../core/base/limits.ts'
import { SpareLane } from '../../core/lane/spare-lane.ts'
import type { Standby } from '../../core/thread/standby.ts'
import type { WorkerExit } from '../../core/thread/worker.ts'

/** A standby that is told when it is ready, or that it is not, and when it dies. */
function fakeStandby() {
  let die: (exit: WorkerExit) => void = () => {}
  const exited = new Promise<WorkerExit>((resolve) => {
    die = resolve
  })
  const calls = { terminated: 0 }
  const standby: Standby = {
    exited,
    start: () => Promise.reject(new Error('nobody starts it here')),
    terminate: async () => {
      calls.terminated++
    },
  }
  let ready: () => void = () => {}
  let refuse: (error: Error) => void = () => {}
  const started = new Promise<Standby>((resolve, reject) => {
    ready = () => resolve(standby)
    refuse = reject
  })
  return {
    standby,
    started,
    calls,
    ready: () => settle(ready),
    refuse: () => settle(() => refuse(new Error('no memory'))),
    die: () => settle(() => die({ name: 'spare lane', code: 7, cause: undefined })),
  }
}

/** Does it, and lets everything that waits for it run. */
async function settle(step: () => void): Promise<void> {
  step()
  await new Promise((resolve) => setImmediate(resolve))
}

function setUp() {
  const clock = new ManualClock()
  const threads: ReturnType<typeof fakeStandby>[] = []
  const told: string[] = []
  const calm = { is: true }
  const spare = new SpareLane({
    clock,
    start: () => {
      const thread = fakeStandby()
      threads.push(thread)
      return thread.started
    },
    isCalm: () => calm.is,
    log: (level, text) => told.push(`${level} ${text}`),
  })
  const pass = (ms: number) => {
    clock.advance(ms)
    spare.look()
  }
  return { spare, threads, told, calm, pass }
}

const calmMs = limits.laneSpareCalmMs

describe('the spare lane', () => {
  it('is started when all was calm for long enough, not a moment before, and once', () => {
    const { threads, pass } = setUp()
    pass(0)
    pass(calmMs - 1)
    expect(threads).toHaveLength(0)
    pass(1)
    expect(threads).toHaveLength(1)
    pass(10 * calmMs)
    expect(threads).toHaveLength(1)
  })

  it('counts the calm anew after a lane stood still', () => {
    const { threads, calm, pass } = setUp()
    pass(0)
    pass(calmMs - 1)
    calm.is = false
    pass(1)
    calm.is = true
    pass(1)
    pass(calmMs - 1)
    expect(threads).toHaveLength(0)
    pass(1)
    expect(threads).toHaveLength(1)
  })

  it('is taken once it is loaded, by one lane; the next follows after another calm', async () => {
    const { spare, threads, pass } = setUp()
    pass(0)
    pass(calmMs)
    expect([spare.isReady, spare.take()]).toEqual([false, undefined])
    await threads[0]?.ready()
    expect(spare.isReady).toBe(true)
    expect(spare.take()).toBe(threads[0]?.standby)
    expect([spare.isReady, spare.take()]).toEqual([false, undefined])
    pass(0)
    pass(calmMs - 1)
    expect(threads).toHaveLength(1)
    pass(1)
    expect(threads).toHaveLength(2)
  })

  it('is forgotten when it dies or cannot start, which is told, and started again', async () => {
    const { spare, threads, told, pass } = setUp()
    pass(0)
    pass(calmMs)
    await threads[0]?.ready()
    await threads[0]?.die()
    expect([spare.isReady, spare.take()]).toEqual([false, undefined])
    pass(0)
    pass(calmMs)
    await threads[1]?.refuse()
    expect(spare.take()).toBeUndefined()
    expect(told).toEqual([
      'debug a spare lane is ready',
      'warn the spare lane died with exit code 7',
      'warn no spare lane: no memory',
    ])
    pass(0)
    pass(calmMs)
    expect(threads).toHaveLength(3)
  })

  it('says nothing of the end of one that was taken', async () => {
    const { spare, threads, told, pass } = setUp()
    pass(0)
    pass(calmMs)
    await threads[0]?.ready()
    spare.take()
    await threads[0]?.die()
    expect(told).toEqual(['debug a spare lane is ready'])
  })

  it('is ended with the host, also while it is being started, and none follows', async () => {
    const one = setUp()
    one.pass(0)
    one.pass(calmMs)
    await one.threads[0]?.ready()
    await one.spare.end()
    expect(one.threads[0]?.calls.terminated).toBe(1)
    one.pass(10 * calmMs)
    expect([one.threads.length, one.spare.take()]).toEqual([1, undefined])

    const two = setUp()
    two.pass(0)
    two.pass(calmMs)
    await two.spare.end()
    await two.threads[0]?.ready()
    expect(two.threads[0]?.calls.terminated).toBe(1)
    expect(two.spare.take()).toBeUndefined()
  })
})
