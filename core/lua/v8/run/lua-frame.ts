// Parked activations of generated functions, and their twins. Lanes.
//
// A frame has exactly as many slots as its function keeps variables (`v0`, `v1`, …): one class for
// each number of slots, made when a chunk first needs it. The twin that continues a frame is compiled
// when the first activation of its function is continued; most functions never park and never have one.

import type { LuaFramePlace } from './frame.ts'
import { Frame, KEPT, parked } from './frame.ts'
import { luaName } from './function-name.ts'
import { pendingTail } from './tail-call.ts'
import { type Ret, YIELD } from './value.ts'

/** What continues the parked activations of one function. */
export type Twin = (frame: LuaFrame, r: Ret) => Ret | typeof KEPT

/** A function as far as parking is concerned. */
export class FunctionCode {
  readonly name: string
  readonly chunk: string
  readonly siteLines: readonly number[]
  private readonly compile: () => Twin
  private compiled: Twin | undefined

  constructor(name: string, chunk: string, siteLines: readonly number[], compile: () => Twin) {
    this.name = name
    this.chunk = chunk
    this.siteLines = siteLines
    this.compile = compile
  }

  get twin(): Twin {
    return (this.compiled ??= this.compile())
  }
}

/** A parked activation; subclasses add the slots. */
export class LuaFrame extends Frame {
  readonly code: FunctionCode
  pc: number
  constructor(code: FunctionCode, pc: number) {
    super()
    this.code = code
    this.pc = pc
  }

  resume(r: Ret): Ret | typeof KEPT {
    return this.code.twin(this, r)
  }

  override place(): LuaFramePlace | undefined {
    const { code } = this
    // A running activation stands on the JavaScript stack.
    if (this.pc === 0) return undefined
    return { chunk: code.chunk, line: code.siteLines[this.pc] ?? 0, name: luaName(code.name) }
  }
}

export type Park = (code: FunctionCode, pc: number, ...slots: unknown[]) => Ret

const parks: Park[] = []

/** The function that parks an activation with `slots` variables. */
export function parkFunction(slots: number): Park {
  return (parks[slots] ??= makePark(slots))
}

/** Frames are made by plain constructors: three levels of `super` would cost more than the rest. */
function makePark(slots: number): Park {
  const names = Array.from({ length: slots }, (_, i) => `v${i}`)
  const list = names.map((name) => `, ${name}`).join('')
  const stores = names.map((name) => `this.${name} = ${name};`).join(' ')
  const make = new Function(
    'prototype',
    'parked',
    'YIELD',
    `"use strict";
    function Frame${slots}(code, pc${list}) {
      this.next = undefined; this.code = code; this.pc = pc; ${stores}
    }
    Frame${slots}.prototype = Object.create(prototype);
    return function park(code, pc${list}) {
      const frame = new Frame${slots}(code, pc${list})
      if (parked.tail === undefined) parked.head = frame
      else parked.tail.next = frame
      parked.tail = frame
      return YIELD
    }`,
  )
  return make(LuaFrame.prototype, parked, YIELD) as Park
}

/**
 * The activation that is being continued parks again in its own frame.
 * @returns KEPT when that is all that was parked
 */
export function repark(): Ret | typeof KEPT {
  if (parked.head === undefined && pendingTail.fn === undefined) return KEPT
  parked.kept = true
  return YIELD
}

/** The generator back end: the suspended generator is the frame's whole state. */
class GeneratorFrame extends Frame {
  private readonly run: Generator<undefined, Ret, Ret>
  constructor(run: Generator<undefined, Ret, Ret>) {
    super()
    this.run = run
  }
  resume(r: Ret): Ret {
    return advance(this.run, r)
  }
}

function advance(run: Generator<undefined, Ret, Ret>, r: Ret): Ret {
  const step = run.next(r)
  if (step.done === true) return step.value
  const frame = new GeneratorFrame(run)
  if (parked.tail === undefined) parked.head = frame
  else parked.tail.next = frame
  parked.tail = frame
  return YIELD
}

/** Starts a function of the generator back end. */
export function generate(make: () => Generator<undefined, Ret, Ret>): Ret {
  return advance(make(), undefined)
}
