// The sequence of a table has an end before V8's own: there the process would be aborted.

import { expect, it } from 'vitest'
import { limits } from '../../../core/base/limits.ts'
import { Table } from '../../../core/lua/v8/run/table.ts'

it('takes the last item of the limit and refuses one more', () => {
  const max = limits.luaArrayItemsMax
  const table = new Table(undefined, 0, new Array(max - 1))
  table.append(1)
  expect(table.length()).toBe(max)
  expect(() => table.append(1)).toThrow(RangeError)
  expect(table.length()).toBe(max)
})
