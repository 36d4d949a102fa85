// Metamethods of operators: finding and calling them, in tail position or cut to one value. Lanes.
//
// A metamethod may wait. An operator needs one value of its answer, so when the answer is YIELD a
// frame is parked that cuts the later answer down.

import { first } from './answer.ts'
import { Frame, park } from './frame.ts'
import { callMetamethod, metamethodOf } from './metatable.ts'
import { noSite, type Site } from './sites.ts'
import { MULTI, type Ret, type Value } from './value.ts'

/** Cuts the answer of a metamethod that waited to one value. */
class OneValueFrame extends Frame {
  resume(r: Ret): Ret {
    return one(r)
  }
}

/** One value of an answer that may be YIELD; the answer is a value or YIELD. */
export function one(r: Ret): Ret {
  return r === null ? park(new OneValueFrame()) : first(r)
}

class TruthFrame extends Frame {
  resume(r: Ret): Ret {
    return truth(r)
  }
}

/** The truth of an answer that may be YIELD; the answer is true, false or YIELD. */
export function truth(r: Ret): Ret {
  if (r === null) return park(new TruthFrame())
  const value = first(r)
  return value !== undefined && value !== false
}

class UntruthFrame extends Frame {
  resume(r: Ret): Ret {
    return untruth(r)
  }
}

/** The opposite of `truth`. */
export function untruth(r: Ret): Ret {
  return r === null ? park(new UntruthFrame()) : truth(r) === false
}

/** Calls the metamethod of `a`, else of `b`; MULTI, which is no answer of one, when neither has. */
export function binaryMetamethod(event: string, a: Value, b: Value, site: Site): Ret {
  let method = metamethodOf(a, event)
  if (method === undefined) method = metamethodOf(b, event)
  if (method === undefined) return MULTI
  return one(callNamed(event.slice(2), method, a, b, site))
}

/**
 * Calls an operator's metamethod; one that cannot be called is named in the error, unless a library
 * function had the operation done (`noSite`). `someSite` is one of generated code that is not known.
 */
export function callNamed(event: string, method: Value, a: Value, b: Value, site: Site): Ret {
  if (typeof method === 'function') return method(a, b)
  return callMetamethod(method, [a, b], site === noSite ? '' : ` (metamethod '${event}')`, site)
}
