// The arithmetic metamethods of strings. Lanes.
//
// The operators read numerals themselves; these run only when an operand is a string that spells no
// number, or beside one. They are there for their effect on order and words: a string on the left
// is asked before the metamethod of the operand on the right, and complains in its own way.

import { add, div, idiv, mod, mul, pow, sub, unm } from '../run/arith.ts'
import { call } from '../run/call.ts'
import { metamethodOf, typeOf } from '../run/metatable.ts'
import { one } from '../run/operator-metamethod.ts'
import type { Ret, Value } from '../run/value.ts'
import { toNumber } from './args.ts'
import { fail } from './failure.ts'

function metamethod(event: string, compute: (a: Value, b: Value) => Ret) {
  return (a: Value, b: Value): Ret => {
    const x = toNumber(a)
    const y = toNumber(b)
    if (x !== undefined && y !== undefined) return compute(x, y)
    const other = typeof b === 'string' ? undefined : metamethodOf(b, event)
    if (other !== undefined) return one(call(other, a, b))
    fail(`attempt to ${event.slice(2)} a '${typeOf(a)}' with a '${typeOf(b)}'`)
  }
}

/** `__add` and its kind, for the string metatable. */
export const stringMetamethods = {
  __add: metamethod('__add', add),
  __div: metamethod('__div', div),
  __idiv: metamethod('__idiv', idiv),
  __mod: metamethod('__mod', mod),
  __mul: metamethod('__mul', mul),
  __pow: metamethod('__pow', pow),
  __sub: metamethod('__sub', sub),
  __unm: metamethod('__unm', (a) => unm(a)),
}
