// A table beside a plain Map under random writes: same contents, a true border, whole iterations.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tableFunctions } from '../../../core/lua/v8/lib/table-lib.ts'
import { found, Table } from '../../../core/lua/v8/run/table.ts'
import type { Value } from '../../../core/lua/v8/run/value.ts'

type Step =
  | { op: 'set'; key: Value; value: Value }
  | { op: 'fill'; from: number; count: number; down: boolean }
  | { op: 'clear'; from: number; count: number; down: boolean }
  | { op: 'append'; value: number }
  | { op: 'insert'; at: number; value: number }
  | { op: 'remove'; at: number }
  | { op: 'constructor'; items: Value[] }
  | { op: 'sweep' }

/** Keys of every part: the sequence, arr's tail (up to 128), beyond it, floats, names. */
const key = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 12 }) },
  { weight: 3, arbitrary: fc.integer({ min: 100, max: 140 }) },
  { weight: 2, arbitrary: fc.integer({ min: 250, max: 270 }) },
  fc.constantFrom<Value>(0, -1, 2.5, 1_000_000, 'a', 'b', '7', true),
)
const count = fc.integer({ min: 1, max: 300 })
const start = fc.constantFrom(1, 2, 60, 120, 128, 129, 255, 257)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      op: fc.constant('set' as const),
      key,
      value: fc.option(fc.nat(), { nil: undefined }),
    }),
  },
  fc.record({ op: fc.constant('fill' as const), from: start, count, down: fc.boolean() }),
  fc.record({ op: fc.constant('clear' as const), from: start, count, down: fc.boolean() }),
  { weight: 4, arbitrary: fc.record({ op: fc.constant('append' as const), value: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('insert' as const), at: fc.nat(20), value: fc.nat() }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('remove' as const), at: fc.nat(20) }) },
  fc.record({
    op: fc.constant('constructor' as const),
    items: fc.array(fc.option(fc.nat(), { nil: undefined }), { minLength: 1, maxLength: 6 }),
  }),
  fc.record({ op: fc.constant('sweep' as const) }),
)

class Pair {
  readonly table = new Table()
  readonly model = new Map<Value, Value>()

  set(key: Value, value: Value): void {
    this.table.set(key, value)
    if (value === undefined) this.model.delete(key)
    else this.model.set(key, value)
  }

  private each(from: number, count: number, down: boolean, run: (key: number) => void): void {
    for (let i = 0; i < count; i++) run(down ? from + count - 1 - i : from + i)
  }

  apply(step: Step): void {
    const { table, model } = this
    const border = table.length()
    switch (step.op) {
      case 'set':
        return this.set(step.key, step.value)
      case 'fill':
        return this.each(step.from, step.count, step.down, (key) => this.set(key, -key))
      case 'clear':
        return this.each(step.from, step.count, step.down, (key) => this.set(key, undefined))
      case 'append':
        table.append(step.value)
        model.set(border + 1, step.value)
        return
      case 'insert':
        if (step.at < 1 || step.at > border) return
        tableFunctions.insert(table, step.at, step.value)
        for (let i = border; i >= step.at; i--) this.move(i, i + 1)
        model.set(step.at, step.value)
        return
      case 'remove':
        if (step.at < 1 || step.at > border) return
        expect(tableFunctions.remove(table, step.at)).toBe(model.get(step.at))
        for (let i = step.at; i < border; i++) this.move(i + 1, i)
        model.delete(border)
        return
      case 'constructor':
        table.setItems([...step.items])
        step.items.forEach((value, i) => {
          if (value === undefined) model.delete(i + 1)
          else model.set(i + 1, value)
        })
        return
      case 'sweep':
        return this.sweep()
    }
  }

  private move(from: number, to: number): void {
    const value = this.model.get(from)
    if (value === undefined) this.model.delete(to)
    else this.model.set(to, value)
  }

  /** A traversal that takes every second key out under its own feet. */
  private sweep(): void {
    const seen = new Map(this.model)
    let odd = false
    for (let more = this.table.next(undefined); more; ) {
      const { key } = found
      expect(seen.delete(key)).toBe(true)
      odd = !odd
      if (odd) this.set(key, undefined)
      more = this.table.next(key)
    }
    expect(seen.size).toBe(0)
  }

  /** All of it beside the model; one `expect` for each key would take most of the time. */
  check(): void {
    const { table, model } = this
    const border = table.length()
    expect(border === 0 || model.has(border)).toBe(true)
    expect(model.has(border + 1)).toBe(false)
    const wrong: Value[] = []
    for (let k = 1; k <= 300; k++) if (table.get(k) !== model.get(k)) wrong.push(k)
    const seen = new Map<Value, Value>()
    for (let more = table.next(undefined); more; more = table.next(found.key)) {
      if (seen.has(found.key) || model.get(found.key) !== found.value) wrong.push(found.key)
      seen.set(found.key, found.value)
    }
    expect(wrong).toEqual([])
    expect(seen.size).toBe(model.size)
  }
}

describe('a table', () => {
  it('holds what a map holds, and its length is a border', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const pair = new Pair()
        for (const each of steps) {
          pair.apply(each)
          pair.check()
        }
      }),
      { numRuns: 300 },
    )
  })

  it('has no length while its small keys are no sequence', () => {
    const table = new Table()
    for (let key = 128; key > 1; key--) {
      table.set(key, key)
      expect(table.length()).toBe(0)
    }
    table.set(1, 1)
    expect(table.length()).toBe(128)
  })

  it('goes back to an array of its own items after a key far out is gone', () => {
    const table = new Table()
    table.set(100, 'far')
    table.set(100, undefined)
    for (let i = 1; i <= 200; i++) table.append(i)
    expect(table.isWhole).toBe(true)
    expect(table.map).toBeUndefined()
  })
})
