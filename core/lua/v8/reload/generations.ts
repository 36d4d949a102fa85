// The texts that a module has had, and how the closures of older ones come to run newer ones. Lanes.
//
// From the first reload on, the point of each function of a replaced generation leads to the newest
// generation that has a function of its path and is not newer than the running coroutine:
//
//   closure made by generation 1 ─▶ its point ─▶ Way ─▶ function of the same path in generation 3
//
// A Way finds that anew after each reload; between reloads it remembers it. So old generations are
// held by their own closures alone, and 1,000 reloads take no more memory than `generationsMax` do:
// the newest ones are kept for coroutines that have waited since. One that has waited through more
// reloads than that runs the oldest kept one in what it calls. A function that newer texts lack is
// kept by its path, `removedMax` of them; after that its closures run the text they were made from.

import { assert } from '../../../base/assert.ts'
import type { CompiledModule, PatchPoint, Redirect } from '../emit/compiled-module.ts'
import { epoch } from '../run/frame.ts'
import { vm } from '../run/state.ts'
import type { LuaFn } from '../run/value.ts'
import type { FunctionShape, UpvalueShape } from '../syntax/module-shape.ts'

/** Generations of a module that are kept for coroutines which began with them. */
export const generationsMax = 16
/** Paths of functions that the newest text lacks, whose last text is kept. */
const removedMax = 256

export class Generation {
  readonly compiled: CompiledModule
  /** Present values (or cells) of the module-level locals, by key. */
  locals: Readonly<Record<string, () => unknown>> = {}
  /** Coroutines of this epoch and later ones may run it; from `until` on they run the next one. */
  since = epoch.now
  until = Number.POSITIVE_INFINITY
  private readonly indices: ReadonlyMap<string, number>
  /** Ways into this generation that have been made; held by who has the points. */
  private readonly redirects = new WeakMap<PatchPoint, Redirect>()

  constructor(compiled: CompiledModule) {
    this.compiled = compiled
    this.indices = new Map(compiled.shape.functions.map(({ path }, i) => [path, i]))
  }

  has(path: string): boolean {
    return this.indices.has(path)
  }

  get paths(): Iterable<string> {
    return this.indices.keys()
  }

  /** Leads closures of an older point to the function of the same path in here. */
  redirect(point: PatchPoint, { path, upvalues }: FunctionShape): Redirect {
    let redirect = this.redirects.get(point)
    if (redirect === undefined) {
      const index = this.indices.get(path)
      assert(index !== undefined, 'no function of this path')
      redirect = redirection(this, index, upvalues)
      this.redirects.set(point, redirect)
    }
    return redirect
  }
}

/** The generations of one module. */
export class Generations {
  /** Oldest first; the last one is what runs. */
  private kept: readonly Generation[]
  private removed = new Map<string, Generation>()
  /** Those that remember a way into the newest generation. */
  private settled: Way[] = []

  constructor(first: Generation) {
    this.kept = [first]
  }

  get current(): Generation {
    return this.kept[this.kept.length - 1] as Generation
  }

  /** From here on all closures run the functions of this generation. @returns what undoes it */
  add(generation: Generation): () => void {
    const { kept, removed, current } = this
    generation.since = epoch.now
    assert(generation.since > current.since, 'a generation without an epoch of its own')
    current.until = generation.since
    const fresh = current.compiled.points.filter(({ r }) => r === null)
    current.compiled.points.forEach((point, i) => {
      // The main function runs once.
      if (i > 0) point.r ??= new Way(this, current, i, point).redirect
    })
    this.kept = [...kept, generation].slice(-generationsMax)
    this.removed = new Map(removed)
    for (const path of current.paths) if (!generation.has(path)) this.removed.set(path, current)
    for (const path of generation.paths) this.removed.delete(path)
    for (const path of this.removed.keys()) {
      if (this.removed.size <= removedMax) break
      this.removed.delete(path)
    }
    this.unsettle()
    return () => {
      for (const point of fresh) point.r = null
      current.until = Number.POSITIVE_INFINITY
      this.kept = kept
      this.removed = removed
      this.unsettle()
    }
  }

  settle(way: Way): void {
    this.settled.push(way)
  }

  private unsettle(): void {
    for (const way of this.settled) way.forget()
    this.settled = []
  }

  /** The generation whose function a closure of `own` runs in a coroutine of this epoch. */
  find(path: string, own: Generation, of: number): Generation {
    if (of < own.until) return own
    let oldest = own
    for (let i = this.kept.length - 1; i >= 0; i--) {
      const each = this.kept[i] as Generation
      if (each.since <= own.since) break
      if (!each.has(path)) continue
      if (each.since <= of) return each
      oldest = each
    }
    const last = this.removed.get(path)
    return last !== undefined && last.since > own.since && last.since <= of ? last : oldest
  }
}

/** Where the closures of one function of an old generation go. */
class Way {
  private readonly generations: Generations
  private readonly own: Generation
  private readonly index: number
  private readonly point: PatchPoint
  private settled: Redirect | undefined
  private old: Redirect | undefined

  constructor(generations: Generations, own: Generation, index: number, point: PatchPoint) {
    this.generations = generations
    this.own = own
    this.index = index
    this.point = point
  }

  readonly redirect: Redirect = (self, upvalues) => {
    const { settled } = this
    const of = vm.current.epoch
    if (settled !== undefined && of >= this.generations.current.since) {
      return settled(self, upvalues)
    }
    return this.find(of)(self, upvalues)
  }

  forget(): void {
    this.settled = undefined
  }

  private find(of: number): Redirect {
    const { generations, own } = this
    const shape = own.compiled.shape.functions[this.index] as FunctionShape
    const target = generations.find(shape.path, own, of)
    const redirect = target === own ? this.asBefore() : target.redirect(this.point, shape)
    if (of >= generations.current.since) {
      this.settled = redirect
      generations.settle(this)
    }
    return redirect
  }

  /** To the function as it was before any reload. */
  private asBefore(): Redirect {
    this.old ??= perClosure((all) => this.own.compiled.oldMaker(this.index)(...all))
    return this.old
  }
}

/** Leads a closure with upvalues of the shape `old` to the function `index` of a generation. */
function redirection(
  generation: Generation,
  index: number,
  old: readonly UpvalueShape[],
): Redirect {
  const shape = generation.compiled.shape.functions[index] as FunctionShape
  const seen = new Map<string, number>()
  const sources = shape.upvalues.map((upvalue) => {
    if (upvalue.key !== undefined) return { upvalue, from: -1 }
    const nth = seen.get(upvalue.name) ?? 0
    seen.set(upvalue.name, nth + 1)
    const same = old.flatMap(({ name, key }, i) =>
      name === upvalue.name && key === undefined ? [i] : [],
    )
    return { upvalue, from: same[nth] ?? -1 }
  })
  const make = (upvalues: readonly unknown[]): LuaFn => {
    const bound = sources.map(({ upvalue, from }) => {
      if (upvalue.key !== undefined) return generation.locals[upvalue.key]?.()
      const value = from < 0 ? undefined : upvalues[from]
      const wasCell = from >= 0 && old[from]?.isCell === true
      if (wasCell === upvalue.isCell) return value
      return upvalue.isCell ? { v: value } : (value as { v: unknown }).v
    })
    return generation.compiled.closureMaker(index)(...bound)
  }
  if (sources.every(({ from }) => from < 0)) {
    let only: LuaFn | undefined
    return () => {
      only ??= make([])
      return only
    }
  }
  return perClosure(make)
}

/** Makes one closure for each that it stands for, from the upvalues of that one. */
function perClosure(make: (upvalues: readonly unknown[]) => LuaFn): Redirect {
  const made = new WeakMap<LuaFn, LuaFn>()
  return (self, upvalues) => {
    let closure = self === undefined ? undefined : made.get(self)
    if (closure === undefined) {
      closure = make(upvalues)
      if (self !== undefined) made.set(self, closure)
    }
    return closure
  }
}
