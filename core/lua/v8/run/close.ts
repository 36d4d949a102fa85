// To-be-closed variables (`local f <close> = …`, and the fourth value of a generic for). Lanes.
//
// As in PUC, each coroutine has a list of the values that wait to be closed (vm.toClose). A block
// that has such variables notes the list's height when it begins and calls `closeDown(height)` on
// every way out but an error. An error needs no handler in the block: whoever catches it (pcall,
// coroutine.close, the engine's border) calls `closeAfterError` down to its own height. Closing may
// wait; the frames here go on with the rest.

import { retArray, toArray } from './answer.ts'
import type { LuaThrow } from './errors.ts'
import { Frame, park } from './frame.ts'
import { metamethodOf } from './metatable.ts'
import { callNamed } from './operator-metamethod.ts'
import { throwAtSite } from './site-error.ts'
import { type Site, someSite } from './sites.ts'
import { vm } from './state.ts'
import { caught } from './thrown.ts'
import type { Ret, Value } from './value.ts'

/** Notes a value to be closed; nil and false are not noted. */
export function toBeClosed(v: Value, name: string, site: Site): void {
  if (v === undefined || v === false) return
  if (metamethodOf(v, '__close') === undefined) {
    throwAtSite(`variable '${name}' got a non-closable value`, site)
  }
  if (vm.toClose.length === 0) vm.toClose = [v]
  else vm.toClose.push(v)
}

class CloseFrame extends Frame {
  readonly height: number
  constructor(height: number) {
    super()
    this.height = height
  }
  resume(): Ret {
    return closeDown(this.height)
  }
}

/** Its metatable may have changed since the value was noted. */
function callClosing(v: Value, error: Value): Ret {
  return callNamed('close', metamethodOf(v, '__close'), v, error, someSite)
}

/** Closes what was noted above `height`, newest first; undefined or YIELD. */
export function closeDown(height: number): Ret {
  while (vm.toClose.length > height) {
    const v = vm.toClose.pop()
    if (callClosing(v, undefined) === null) {
      return park(new CloseFrame(height))
    }
  }
  return undefined
}

class CloseAfterErrorFrame extends Frame {
  readonly height: number
  readonly thrown: LuaThrow
  readonly done: (thrown: LuaThrow) => Ret
  constructor(height: number, thrown: LuaThrow, done: (thrown: LuaThrow) => Ret) {
    super()
    this.height = height
    this.thrown = thrown
    this.done = done
  }
  resume(): Ret {
    return closeAfterError(this.height, this.thrown, this.done)
  }
  override get catches(): boolean {
    return true
  }
  override fail(thrown: unknown): Ret {
    return closeAfterError(this.height, caught(thrown), this.done)
  }
}

/**
 * Closes what was noted above `height` with the error in hand (an error of a closing method takes
 * its place), then goes on with `done`.
 */
export function closeAfterError(
  height: number,
  thrown: LuaThrow,
  done: (thrown: LuaThrow) => Ret,
): Ret {
  let failure = thrown
  while (vm.toClose.length > height) {
    const v = vm.toClose.pop()
    try {
      if (callClosing(v, failure.value) === null) {
        return park(new CloseAfterErrorFrame(height, failure, done))
      }
    } catch (error) {
      failure = caught(error)
    }
  }
  return done(failure)
}

class ReturnFrame extends Frame {
  private readonly height: number
  constructor(height: number) {
    super()
    this.height = height
  }
  resume(r: Ret): Ret {
    return closeAndReturn(this.height, r)
  }
}

class KeepFrame extends Frame {
  private readonly values: readonly Value[]
  constructor(values: readonly Value[]) {
    super()
    this.values = values
  }
  resume(): Ret {
    return retArray(this.values)
  }
}

/**
 * Returns `r` out of a block with variables to be closed. `own`: the list's height before `r` was
 * made; what the callee noted itself is its own business.
 */
export function closeReturn(height: number, own: number, r: Ret): Ret {
  if (own <= height) return r
  return r === null ? park(new ReturnFrame(height)) : closeAndReturn(height, r)
}

function closeAndReturn(height: number, r: Ret): Ret {
  const values = toArray(r)
  return closeDown(height) === null ? park(new KeepFrame(values)) : retArray(values)
}
