// pcall, xpcall and error. Lanes; hot: a handler that expects trouble calls pcall for each message.
//
// A protected call notes what a raised error would leave behind (the message handler, the count of
// frames that cannot be parked, the height of the to-be-closed list) and restores it. When the
// callee waits, a frame keeps the notes; the coroutine driver hands it the later answer or the
// error. While it
// waits, vm.handler stays this call's own: the coroutine keeps it until it goes on.
//
// LuaKilled and AssertionError pass through: `caught` throws them again.

import { ret2, retArray, retPrepend } from '../run/answer.ts'
import { call } from '../run/call.ts'
import { closeAfterError } from '../run/close.ts'
import { type LuaThrow, throwValue } from '../run/errors.ts'
import { Frame, type LuaFramePlace, park } from '../run/frame.ts'
import { typeNameOf } from '../run/metatable.ts'
import { noSite, sitePosition } from '../run/sites.ts'
import { vm } from '../run/state.ts'
import { caught } from '../run/thrown.ts'
import { positionOf } from '../run/traceback.ts'
import type { LuaFn, Ret, Value } from '../run/value.ts'
import { checkIndex } from './args.ts'
import { argError } from './failure.ts'

type Handler = LuaFn | false | undefined

class ProtectedFrame extends Frame {
  private readonly own: Handler
  private readonly outer: Handler
  private readonly height: number

  constructor(own: Handler, outer: Handler, height: number) {
    super()
    this.own = own
    this.outer = outer
    this.height = height
  }

  override resume(r: Ret): Ret {
    vm.handler = this.outer
    return retPrepend(true, r)
  }

  override get catches(): boolean {
    return true
  }

  /** A level of its own, as luaPcall on the stack is: a position is not looked for beyond it. */
  override place(): LuaFramePlace {
    return { chunk: '', line: 0, name: this.own === false ? 'pcall' : 'xpcall' }
  }

  override fail(thrown: unknown): Ret {
    // It could be parked, so nothing above it forbade that.
    return failed(thrown, this.own, this.outer, 0, this.height)
  }
}

function failed(
  thrown: unknown,
  own: Handler,
  outer: Handler,
  noYield: number,
  height: number,
): Ret {
  vm.handler = own
  vm.noYield = noYield
  return closeAfterError(height, caught(thrown), (failure: LuaThrow) => {
    vm.handler = outer
    return ret2(false, failure.value)
  })
}

export function luaPcall(f: Value, ...args: Value[]): Ret {
  const outer = vm.handler
  const noYield = vm.noYield
  const height = vm.toClose.length
  vm.handler = false
  try {
    const r = call(f, ...args)
    if (r === null) return park(new ProtectedFrame(false, outer, height))
    vm.handler = outer
    return retPrepend(true, r)
  } catch (thrown) {
    return failed(thrown, false, outer, noYield, height)
  }
}

export function luaXpcall(f: Value, handler: Value, ...args: Value[]): Ret {
  if (typeof handler !== 'function') refuseHandler(handler)
  const own = handler
  const outer = vm.handler
  const noYield = vm.noYield
  const height = vm.toClose.length
  vm.handler = own
  try {
    const r = call(f, ...args)
    if (r === null) return park(new ProtectedFrame(own, outer, height))
    vm.handler = outer
    return retPrepend(true, r)
  } catch (thrown) {
    return failed(thrown, own, outer, noYield, height)
  }
}

/** As typeError, but for the frame of xpcall, which is a level of its own where a position is looked for. */
function refuseHandler(handler: Value): never {
  const got = typeNameOf(handler)
  throwValue(`${positionOf(2)}bad argument #2 to 'xpcall' (function expected, got ${got})`)
}

/** `error(value, level)`: text gets the position of the function at that level in front. */
export function luaError(value: Value, level: Value): Ret {
  const site = vm.errorSite
  vm.errorSite = noSite
  const at = level === undefined ? 1 : checkIndex(level, 2, 'error')
  if (typeof value === 'string' && at === 1 && site !== noSite)
    throwValue(sitePosition(site) + value)
  if (typeof value === 'string' && at > 0) throwValue(positionOf(at) + value)
  throwValue(value)
}

/** `assert(value, message, …)`: a message that is text gets the caller's position in front. */
export function luaAssert(...args: Value[]): Ret {
  const [value, message] = args
  if (value !== undefined && value !== false) return retArray(args)
  if (args.length === 0) argError(1, 'assert', 'value expected')
  const told = args.length > 1 ? message : 'assertion failed!'
  throwValue(typeof told === 'string' ? positionOf(1) + told : told)
}
