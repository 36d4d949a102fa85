// The timer thread for real: from the core, and from a second thread that blocks, as a lane does.
// Needs dist/ (npm run build), as every test that starts a worker.

import { Worker } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../core/base/clock.ts'
import { allocateDoorbell, Doorbell } from '../../core/thread/doorbell.ts'
import { RingReader } from '../../core/thread/ring.ts'
import { TimerClient } from '../../core/timer/timer-client.ts'
import type { TimerPort } from '../../core/timer/timer-port.ts'
import { startTimerService, type TimerService } from '../../core/timer/timer-service.ts'

let service: TimerService | undefined

afterEach(async () => {
  await service?.stop()
  service = undefined
})

/** Dispatches on this thread until `isDone`, sleeping on the bell as the core does. */
async function runUntil(
  isDone: () => boolean,
  client: TimerClient,
  port: TimerPort,
  bell: Doorbell,
): Promise<void> {
  const reader = new RingReader(port.firedRing)
  while (!isDone()) {
    const ticket = bell.ticket()
    client.flush()
    if (reader.drain(client.dispatch, 1000) > 0) continue
    bell.asleep()
    await bell.waitAsync(ticket)
    bell.awake()
  }
}

async function startOne() {
  const bellMemory = allocateDoorbell()
  service = await startTimerService([bellMemory])
  const port = service.ports[0] as TimerPort
  return { port, client: new TimerClient(port), bell: new Doorbell(bellMemory), service }
}

test('10,000 timers all fire, none early, and cancelled ones do not', async () => {
  const { port, client, bell, service } = await startOne()
  let early = 0
  let fired = 0
  let wrong = 0
  for (let i = 0; i < 10_000; i++) {
    const ms = (i * 7919) % 300
    const dueMs = systemClock.monotonicMs() + ms
    client.after(ms, () => {
      fired++
      if (systemClock.monotonicMs() < dueMs) early++
    })
    const handle = client.after(ms + 50, () => wrong++)
    client.cancel(handle)
  }
  await runUntil(() => client.size === 0 && client.unsent === 0, client, port, bell)
  expect({ fired, early, wrong }).toEqual({ fired: 10_000, early: 0, wrong: 0 })
  // One more round trip, after which the thread has counted all that came before it.
  let last = false
  client.after(1, () => (last = true))
  await runUntil(() => last, client, port, bell)
  expect(service.state.held).toBe(0)
})

test('a timer that is set while the thread sleeps for a later one wakes it', async () => {
  const { port, client, bell } = await startOne()
  const order: string[] = []
  const late = client.after(60_000, () => order.push('late'))
  client.after(20, () => {
    order.push('20')
    client.after(5, () => order.push('5 after 20'))
  })
  await runUntil(() => order.length === 2, client, port, bell)
  expect(order).toEqual(['20', '5 after 20'])
  expect(client.cancel(late)).toBe(true)
})

test('every keeps its times on the real clock', async () => {
  const { port, client, bell } = await startOne()
  const startMs = systemClock.monotonicMs()
  let counted = 0
  const handle = client.every(5, (missed) => {
    counted += 1 + missed
  })
  await runUntil(() => counted >= 40, client, port, bell)
  const passedMs = systemClock.monotonicMs() - startMs
  client.cancel(handle)
  expect(passedMs).toBeGreaterThanOrEqual(200)
  expect(counted).toBeLessThanOrEqual(passedMs / 5)
})

test('a thread that blocks uses its own port, beside the core', async () => {
  const coreBell = allocateDoorbell()
  service = await startTimerService([coreBell, allocateDoorbell()])
  const [corePort, lanePort] = service.ports as [TimerPort, TimerPort]
  const lane = new Worker(new URL('../fixtures/timer-lane-thread.mjs', import.meta.url), {
    workerData: { port: lanePort, timers: 40000 },
  })
  const report = new Promise((resolve, reject) => {
    lane.once('message', resolve)
    lane.once('error', reject)
  })
  const core = new TimerClient(corePort)
  let ticks = 0
  core.every(2, (missed) => {
    ticks += 1 + missed
  })
  await runUntil(() => ticks >= 50, core, corePort, new Doorbell(coreBell))
  expect(await report).toEqual({ fired: 40000, early: 0 })
})

test('stop ends the thread in order, also out of a long sleep', async () => {
  const { service } = await startOne()
  expect(await service.stop()).toEqual({ name: 'timer', code: 0, cause: undefined })
})
