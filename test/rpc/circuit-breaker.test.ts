// The circuit of one node, and the budget for sending again, by themselves.

import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../core/base/clock.ts'
import { CircuitBreaker } from '../../core/rpc/circuit-breaker.ts'
import { RetryBudget } from '../../core/rpc/retry-budget.ts'

function breaker() {
  const clock = new ManualClock()
  const rules = { failuresInRowMax: 3, window: 10, openMs: 100, openMsMax: 350 }
  const circuit = new CircuitBreaker(rules, clock, () => 0.5)
  const fail = (times: number): void => {
    for (let i = 0; i < times; i++) circuit.failed()
  }
  return { clock, circuit, fail }
}

describe('a circuit', () => {
  it('opens at the limit of failures in a row and not before', () => {
    const { circuit, fail } = breaker()
    fail(2)
    circuit.succeeded()
    fail(2)
    expect(circuit.allows).toBe(true)
    fail(1)
    expect([circuit.allows, circuit.state]).toEqual([false, 'open'])
  })

  it('opens when half of the last calls failed', () => {
    const { circuit } = breaker()
    for (let i = 0; i < 4; i++) {
      circuit.succeeded()
      circuit.failed()
    }
    circuit.succeeded()
    expect(circuit.state).toBe('closed')
    circuit.failed()
    expect(circuit.state).toBe('open')
  })

  it('lets one call through when its time is over; the pause doubles, up to its limit', () => {
    const { clock, circuit, fail } = breaker()
    fail(3)
    for (const ms of [100, 200, 350, 350]) {
      clock.advance(ms - 1)
      expect(circuit.allows).toBe(false)
      clock.advance(1)
      expect([circuit.allows, circuit.state]).toEqual([true, 'half_open'])
      circuit.began()
      expect(circuit.allows).toBe(false)
      circuit.failed()
    }
    expect(circuit.opened).toBe(5)
  })

  it('closes when that call works, and begins anew', () => {
    const { clock, circuit, fail } = breaker()
    fail(3)
    clock.advance(100)
    circuit.began()
    circuit.succeeded()
    expect(circuit.state).toBe('closed')
    fail(2)
    expect(circuit.state).toBe('closed')
    fail(1)
    clock.advance(100)
    expect(circuit.allows).toBe(true)
  })

  it('a call that ends without a word about the node lets the next one try', () => {
    const { clock, circuit, fail } = breaker()
    fail(3)
    clock.advance(100)
    circuit.began()
    circuit.abandoned()
    expect(circuit.allows).toBe(true)
  })
})

describe('the retry budget', () => {
  it('grants a share of the calls and what was saved, never more', () => {
    const budget = new RetryBudget(0.2, 5)
    let granted = 0
    for (let i = 0; i < 1000; i++) {
      budget.earn()
      while (budget.take()) granted++
    }
    expect(granted).toBeGreaterThanOrEqual(203)
    expect(granted).toBeLessThanOrEqual(205)
  })

  it('saves up to its bound', () => {
    const budget = new RetryBudget(0.2, 5)
    for (let i = 0; i < 1000; i++) budget.earn()
    let granted = 0
    while (budget.take()) granted++
    expect(granted).toBe(5)
    expect(budget.refused).toBe(1)
  })
})
