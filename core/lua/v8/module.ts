// Modules whose functions can be replaced while they run: reload by function identity. Lanes.
//
// Each function of a module begins with `if (point.r !== null) return point.r(self, upvalues)(…)`. A new
// text of the module is a new generation: its main function runs by the rules of module-shape.ts, and
// then the points of all older generations lead to the new functions, each with its own old upvalues
// (matched by name) and the module-level locals of the new generation:
//
//   closure made by generation 1 ─▶ its point ─▶ function of the same path in generation 3
//
// So every closure that exists anywhere (tables, timers, copies in locals) runs the new code. But no
// coroutine runs code that is newer than its epoch: what waited during the reload finishes the old code,
// also in what it calls. The host begins a new epoch for a coroutine with each piece of work.
// Invariants: until `apply` nothing has changed; `undo` puts everything back, and `apply` that throws
// has done so. A generation lives as long as the engine: somebody may hold its closures.

import { setIndex } from './access.ts'
import { first } from './answer.ts'
import { isFieldName } from './field.ts'
import { epoch } from './frame.ts'
import type { FunctionShape, ModuleShape, UpvalueShape } from './module-shape.ts'
import { vm } from './state.ts'
import { found, Table } from './table.ts'
import type { LuaFn, Ret, Value } from './value.ts'

/** The function to call instead of `self`, which has these upvalues. */
type Redirect = (self: LuaFn | undefined, upvalues: readonly unknown[]) => LuaFn

/** Where a function looks whether it has been replaced. */
export interface PatchPoint {
  r: Redirect | null
  /** Makes the closure behind a function that has waited for its first call (lazy-function.ts). */
  readonly make: ClosureMaker
}

/** Makes a closure of one function over its upvalues: cells, or values that nothing assigns to. */
export type ClosureMaker = (...upvalues: unknown[]) => LuaFn

/** A compiled text of a module. */
export interface CompiledModule {
  readonly shape: ModuleShape
  readonly points: readonly PatchPoint[]
  /** The number of this text among all of the thread. */
  readonly text: number
  /** Makes the main function. */
  readonly make: (env: Value, hooks: ModuleHooks) => LuaFn
  /** The maker of the function with this index; compiled when first asked for. */
  readonly closureMaker: (index: number) => ClosureMaker
  /** As closureMaker, of closures that go on as they are when the function is replaced. */
  readonly oldMaker: (index: number) => ClosureMaker
}

interface Generation {
  readonly compiled: CompiledModule
  /** Present values (or cells) of the module-level locals, by key. */
  locals: Readonly<Record<string, () => unknown>>
}

interface Definition {
  readonly object: Table
  readonly key: Value
  readonly value: Value
}

/** Which text of a module a closure was made from, and which of its functions it is. */
export interface FunctionIdentity {
  readonly text: number
  readonly index: number
}

/** How generated code carries its identity: a comment behind the test of its point. */
export function identityMark(text: number, index: number): string {
  return `/*moonwheel ${text}.${index}*/`
}

/** The identity of a closure of a module; undefined for any other function. */
export function identityOf(fn: LuaFn): FunctionIdentity | undefined {
  const found = /\/\*moonwheel (\d+)\.(\d+)\*\//.exec(String(fn))
  return found === null ? undefined : { text: Number(found[1]), index: Number(found[2]) }
}

/** What the main function of a module calls. */
export interface ModuleHooks {
  /** At its begin: how to read its locals. */
  locals(read: Readonly<Record<string, () => unknown>>): void
  /** A local of before, as its value or as a cell. */
  value(key: string): unknown
  cell(key: string): { v: unknown }
  /** The new text's functions and locals are there: from now on they are what runs. */
  ready(): void
  /** A literal table that has changed: the old table gets the new contents. */
  refill(key: string, fresh: Value): Value
  /** `object[key] = value` of the first text has been done; the value is the function at `path`. */
  defined(object: Value, key: Value, value: Value, path: string): void
  /** `object[key] = value` of a new text: kept when it is the old function at `path`. */
  define(object: Value, key: Value, value: Value, path: string): void
}

/** One module of an engine, through all its generations. */
export class Module {
  private generations: Generation[] = []
  private definitions = new Map<string, Definition>()
  private value: Value = undefined

  private get current(): Generation {
    return this.generations[this.generations.length - 1] as Generation
  }

  get shape(): ModuleShape {
    return this.current.compiled.shape
  }

  /** The module's value: what its main function answered. */
  get result(): Value {
    return this.value
  }

  /** Has the present text a function of this identity's path? Undefined: it is of another module. */
  hasNow({ text, index }: FunctionIdentity): boolean | undefined {
    const from = this.generations.find((each) => each.compiled.text === text)
    const path = from?.compiled.shape.functions[index]?.path
    return path === undefined ? undefined : this.shape.functions.some((f) => f.path === path)
  }

  /** The first generation: its main function runs as any chunk. */
  begin(compiled: CompiledModule, env: Value): LuaFn {
    const generation: Generation = { compiled, locals: {} }
    this.generations = [generation]
    const main = compiled.make(env, {
      locals: (read) => {
        generation.locals = read
      },
      value: () => undefined,
      cell: () => ({ v: undefined }),
      ready: () => {},
      refill: (_, fresh) => fresh,
      define: () => {},
      defined: (object, key, value, path) => {
        if (object instanceof Table) this.definitions.set(path, { object, key, value })
      },
    })
    return (...args: Value[]): Ret => {
      const r = main(...args)
      if (r !== null) this.value = first(r)
      return r
    }
  }

  /**
   * Makes a new text hold. @param call runs a main function and answers its first value
   * @returns what undoes it @throws what the new main function throws; nothing has changed then
   */
  apply(compiled: CompiledModule, env: Value, call: (main: LuaFn) => Value): () => void {
    const log = new UndoLog()
    const generation: Generation = { compiled, locals: {} }
    const before = this.definitions
    const definitions = new Map<string, Definition>()
    try {
      const hooks = this.hooks(generation, definitions, log)
      const isWhole = runsWhole(compiled.shape, this.shape)
      const value = call(compiled.make(env, hooks))
      if (isWhole) {
        this.takeValue(value, compiled.shape.isData, log)
        this.redirect(generation, log)
      } else if (value !== undefined) {
        this.takeValue(value, false, log)
      }
      for (const [path, definition] of before) {
        if (!definitions.has(path)) this.takeAway(definition, log)
      }
    } catch (thrown) {
      log.undo()
      throw thrown
    }
    this.definitions = definitions
    log.push(() => {
      this.definitions = before
    })
    return () => log.undo()
  }

  private hooks(
    generation: Generation,
    definitions: Map<string, Definition>,
    log: UndoLog,
  ): ModuleHooks {
    const old = this.current
    const before = this.definitions
    const cells = cellKeys(old.compiled.shape)
    const read = (key: string): unknown => old.locals[key]?.()
    const value = (key: string): unknown =>
      cells.has(key) ? (read(key) as { v: unknown }).v : read(key)
    return {
      locals: (reader) => {
        generation.locals = reader
      },
      value,
      ready: () => this.redirect(generation, log),
      cell: (key) => (cells.has(key) ? (read(key) as { v: unknown }) : { v: read(key) }),
      refill: (key, fresh) => {
        const was = value(key) as Value
        if (!(was instanceof Table && fresh instanceof Table)) return fresh
        log.exchange(was, fresh)
        return was
      },
      defined: (object, key, now, path) => {
        if (object instanceof Table) definitions.set(path, { object, key, value: now })
      },
      define: (object, key, now, path) => {
        if (!(object instanceof Table)) {
          setIndex(object, key, now)
          return
        }
        const known = before.get(path)
        const isKept = known?.object === object && object.get(key) === known.value
        if (!isKept) log.set(object, key, now)
        if (path !== '') definitions.set(path, { object, key, value: isKept ? known.value : now })
      },
    }
  }

  /**
   * The module answers with another value. Whoever has the table of before shall see what is in the new
   * one, so it gets that; where the new text's functions may hold the new table, that keeps it, too.
   */
  private takeValue(value: Value, isData: boolean, log: UndoLog): void {
    const was = this.value
    if (was instanceof Table && value instanceof Table) {
      if (was !== value) log.exchange(was, isData ? value : copyOf(value))
      return
    }
    this.value = value
    log.push(() => {
      this.value = was
    })
  }

  /** From here on the closures of all generations run the functions of the new one. */
  private redirect(generation: Generation, log: UndoLog): void {
    const byPath = new Map(generation.compiled.shape.functions.map((f, i) => [f.path, i]))
    for (const { compiled } of this.generations) {
      compiled.shape.functions.forEach(({ path, upvalues }, i) => {
        const index = byPath.get(path)
        const point = compiled.points[i]
        if (i === 0 || index === undefined || point === undefined) return
        const { r } = point
        log.push(() => {
          point.r = r
        })
        const next = redirection(generation, index, upvalues)
        const before = r ?? perClosure((all) => compiled.oldMaker(i)(...all))
        const since = epoch.now
        point.r = (self, all) => (vm.current.epoch < since ? before(self, all) : next(self, all))
      })
    }
    this.generations.push(generation)
    log.push(() => this.generations.pop())
  }

  /** A function that the new text does not define any more leaves its table. */
  private takeAway({ object, key, value }: Definition, log: UndoLog): void {
    if (object.get(key) === value) log.set(object, key, undefined)
  }
}

/** What is to be done to put everything back, newest last. */
class UndoLog {
  private readonly steps: (() => void)[] = []

  push(step: () => void): void {
    this.steps.push(step)
  }

  /** `object[key] = value`, without metamethods. */
  set(object: Table, key: Value, value: Value): void {
    const was = object.get(key)
    this.push(() => rawSet(object, key, was))
    rawSet(object, key, value)
  }

  exchange(a: Table, b: Table): void {
    a.exchange(b)
    this.push(() => a.exchange(b))
  }

  undo(): void {
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) step()
  }
}

/** Does a new text run as if the module were loaded for the first time? Data has nothing to keep. */
export function runsWhole(fresh: ModuleShape, old: ModuleShape): boolean {
  return fresh.isData || old.isData
}

/** The module-level locals that live in cells. */
function cellKeys(shape: ModuleShape): Set<string> {
  const keys = new Set<string>()
  for (const { upvalues } of shape.functions) {
    for (const { key, isCell } of upvalues) if (key !== undefined && isCell) keys.add(key)
  }
  return keys
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

function copyOf(table: Table): Table {
  const copy = new Table()
  for (let more = table.next(undefined); more; ) {
    const { key, value } = found
    rawSet(copy, key, value)
    more = table.next(key)
  }
  return copy
}

function rawSet(object: Table, key: Value, value: Value): void {
  if (typeof key === 'string' && isFieldName(key)) object.setField(key, value)
  else object.set(key, value)
}
