// Requests per route: latency, failures by code, and the bound on how many routes are told apart.

import { expect, it } from 'vitest'
import { limits } from '../../core/base/limits.ts'
import { InFlight } from '../../core/gate/in-flight.ts'
import { otherErrors, RouteStats } from '../../core/gate/route-stats.ts'

it('counts each route apart, also codes beyond the first arrays', () => {
  const stats = new RouteStats()
  for (const code of [1, 1, 255, 256, 65_535]) stats.request(code)
  stats.notify(300)
  stats.replied(1, 2)
  stats.error(1, 404)
  stats.error(0, 404)
  const seen = [...stats].map(({ code, requests, notifies, errors, latency }) => ({
    code,
    requests,
    notifies,
    errors: [...errors],
    samples: latency.count,
  }))
  expect(seen).toEqual([
    { code: 0, requests: 0, notifies: 0, errors: [[404, 1]], samples: 0 },
    { code: 1, requests: 2, notifies: 0, errors: [[404, 1]], samples: 1 },
    { code: 255, requests: 1, notifies: 0, errors: [], samples: 0 },
    { code: 256, requests: 1, notifies: 0, errors: [], samples: 0 },
    { code: 300, requests: 0, notifies: 1, errors: [], samples: 0 },
    { code: 65_535, requests: 1, notifies: 0, errors: [], samples: 0 },
  ])
  expect(stats.errorCount).toBe(2)
})

it('counts error codes together after errorCodesPerRouteMax different ones', () => {
  const stats = new RouteStats()
  const max = limits.errorCodesPerRouteMax
  for (let i = 0; i < max + 2; i++) stats.error(1, 400 + i)
  stats.error(1, 400)
  const errors = [...stats][0]?.errors
  expect(errors?.size).toBe(max + 1)
  expect(errors?.get(otherErrors)).toBe(2)
  expect(errors?.get(400)).toBe(2)
  expect(errors?.get(400 + max - 1)).toBe(1)
})

it('hands out what is in flight in order for each session, and reuses its slots', () => {
  const inFlight = new InFlight()
  const sessions = Array.from({ length: 3 }, () => ({ flightFirst: -1, flightLast: -1 }))
  const model: number[][] = [[], [], []]
  let random = 7
  let id = 0
  for (let step = 0; step < 20_000; step++) {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0
    const which = random % 3
    const session = sessions[which] as (typeof sessions)[number]
    const queue = model[which] as number[]
    if ((random >>> 8) % 100 === 0) {
      inFlight.clear(session)
      queue.length = 0
    } else if ((random >>> 16) % 2 === 0 || queue.length === 0) {
      inFlight.push(session, 2, ++id, id % 65_536, id / 2)
      queue.push(id)
    } else {
      const slot = inFlight.shift(session)
      const want = queue.shift() as number
      expect(inFlight.messageId(slot)).toBe(want)
      expect(inFlight.routeCode(slot)).toBe(want % 65_536)
      expect(inFlight.receivedMs(slot)).toBe(want / 2)
    }
    expect(inFlight.size).toBe(model.reduce((sum, each) => sum + each.length, 0))
  }
  expect(() => inFlight.shift({ flightFirst: -1, flightLast: -1 })).toThrow(/nothing/)
})
