// Any value as text: tostring, print and %s. Lanes.
//
// A table, function or coroutine gets a number for its address when it is first printed; numbers rise
// and are never used twice, so equal text means the same object.

import { LuaFloat } from '../../engine.ts'
import { first } from '../run/answer.ts'
import { callSync } from '../run/call.ts'
import { metamethodOf, typeNameOf } from '../run/metatable.ts'
import { numberText } from '../run/number-text.ts'
import { Table } from '../run/table.ts'
import type { Value } from '../run/value.ts'
import { fail } from './failure.ts'

const addresses = new WeakMap<object, string>()
let lastAddress = 0x550000000000

/** A pseudo-address that no object has. */
export function freshAddress(): string {
  lastAddress += 32
  return `0x${lastAddress.toString(16).padStart(12, '0')}`
}

/** The pseudo-address of a table, function or coroutine. */
export function addressOf(value: object): string {
  let address = addresses.get(value)
  if (address === undefined) {
    address = freshAddress()
    addresses.set(value, address)
  }
  return address
}

/** What `tostring(v)` answers, metamethods consulted. */
export function toText(v: Value): string {
  switch (typeof v) {
    case 'string':
      return v
    case 'number':
    case 'bigint':
      return numberText(v)
    case 'undefined':
      return 'nil'
    case 'boolean':
      return v ? 'true' : 'false'
    case 'function':
      return `function: ${addressOf(v)}`
    default:
      if (v instanceof LuaFloat) return numberText(v)
      return objectText(v)
  }
}

function objectText(v: Exclude<Value, undefined | boolean | number | bigint | string>): string {
  if (v instanceof Table && v.meta === undefined) return `table: ${addressOf(v)}`
  const method = metamethodOf(v, '__tostring')
  if (method === undefined) return `${typeNameOf(v)}: ${addressOf(v)}`
  const text = first(callSync(method, v))
  if (typeof text === 'string') return text
  if (typeof text === 'number' || typeof text === 'bigint' || text instanceof LuaFloat) {
    return numberText(text)
  }
  fail("'__tostring' must return a string")
}
