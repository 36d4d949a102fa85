// Modules whose functions can be replaced while they run: reload by function identity. Lanes.
//
// Each function of a module begins with `if (point.r !== null) return point.r(self, upvalues)(…)`. A new
// text of the module is a new generation: its main function runs by the rules of module-shape.ts, and
// then the points of all older generations lead to the new functions (generations.ts), each with its
// own old upvalues (matched by name) and the module-level locals of the new generation.
//
// So every closure that exists anywhere (tables, timers, copies in locals) runs the new code. But no
// coroutine runs code that is newer than its epoch: what waited during the reload finishes the old code,
// also in what it calls. The host begins a new epoch for a coroutine with each piece of work.
// Invariants: until `apply` nothing has changed; `undo` puts everything back, and `apply` that throws
// has done so. What a generation's code can reach holds no older generation.

import { AssertionError, must } from '../../../base/assert.ts'
import type { CompiledModule, FunctionIdentity, ModuleHooks } from '../emit/compiled-module.ts'
import { setIndex } from '../run/access.ts'
import { first } from '../run/answer.ts'
import { isFieldName } from '../run/field.ts'
import { found, Table } from '../run/table.ts'
import type { LuaFn, Ret, Value } from '../run/value.ts'
import type { ModuleShape } from '../syntax/module-shape.ts'
import { Generation, Generations } from './generations.ts'

interface Definition {
  readonly object: Table
  readonly key: Value
  readonly value: Value
}

/** One module of an engine, through all its generations. */
export class Module {
  private generations: Generations | undefined
  private definitions = new Map<string, Definition>()
  private value: Value = undefined

  private get current(): Generation {
    return must(this.generations, 'a module that has not begun').current
  }

  get shape(): ModuleShape {
    return this.current.compiled.shape
  }

  /** The module's value: what its main function answered. */
  get result(): Value {
    return this.value
  }

  /** Has the present text a function of this identity's path? Undefined: it is of another module. */
  hasNow({ module, path }: FunctionIdentity): boolean | undefined {
    return module === this.shape.module ? this.current.has(path) : undefined
  }

  /** The first generation: its main function runs as any chunk. */
  begin(compiled: CompiledModule, env: Value): LuaFn {
    const generation = new Generation(compiled)
    this.generations = new Generations(generation)
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
    const generation = new Generation(compiled)
    const before = this.definitions
    const definitions = new Map<string, Definition>()
    const hooks = this.hooks(generation, definitions, log)
    try {
      const isWhole = runsWhole(compiled.shape, this.shape)
      const value = call(compiled.make(env, hooks))
      if (isWhole) {
        this.takeValue(value, compiled.shape.isData, log)
        this.add(generation, log)
      } else if (value !== undefined) {
        this.takeValue(value, false, log)
      }
      for (const [path, definition] of before) {
        if (!definitions.has(path)) this.takeAway(definition, log)
      }
    } catch (thrown) {
      log.undo()
      throw thrown
    } finally {
      // The generation's closures hold the hooks, and those would hold the generation before.
      Object.assign(hooks, ended)
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
      ready: () => this.add(generation, log),
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

  /** From here on all closures run this generation. */
  private add(generation: Generation, log: UndoLog): void {
    log.push(must(this.generations, 'a module that has not begun').add(generation))
  }

  /** A function that the new text does not define any more leaves its table. */
  private takeAway({ object, key, value }: Definition, log: UndoLog): void {
    if (object.get(key) === value) log.set(object, key, undefined)
  }
}

/** The hooks of a main function that has ended. */
const ended: ModuleHooks = {
  locals: refuse,
  value: refuse,
  cell: refuse,
  ready: refuse,
  refill: refuse,
  defined: refuse,
  define: refuse,
}

function refuse(): never {
  throw new AssertionError('the main function of a new text has ended')
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
