// The registers of the running Lua code: one record for each thread of JavaScript.
//
// Several engines may live in one thread (a lane's, the config loader's); only one runs at a time,
// and entering an engine (`enterEngine` in engine.ts) points `vm` at it. Library functions read
// limits and the clock from here, so that they need no engine argument.
//
// Invariants: `vm.coroutine` is undefined in the main run; `vm.noYield` > 0 means that a JavaScript
// function which cannot be parked is on the stack above the coroutine's start; whoever catches an
// error restores `noYield` and `handler` to what they were (pcall, the engine's border).

import { Coroutine } from './frame.ts'
import { noSite, type Site } from './sites.ts'
import type { Table } from './table.ts'
import type { LuaFn, Value } from './value.ts'

/** What belongs to one engine; library functions find it as `vm.realm`. */
export interface Realm {
  readonly globals: Table
  readonly stringBytesMax: number
  readonly print: (line: string) => void
  readonly wallMs: () => number
  readonly seed: readonly [bigint, bigint]
  /** The kill flag: cell 0 not 0 ends the run. Always there (a private cell when none was given). */
  readonly interrupt: Int32Array
  readonly stepsMax: number
  /** Tells identical strings from equal ones; undefined: nothing does (lib/string-address.ts). */
  readonly isSameString: ((a: string, b: string) => boolean) | undefined
  /** Metatables of the types that have one for all values; only strings have one by default. */
  stringMeta: Table | undefined
  /** Only the stand-alone interpreter's debug library sets the others. */
  readonly typeMeta: Map<string, Table | undefined>
}

/** The registers; switching coroutines changes `current` alone. */
export class Vm {
  /** Set before any Lua code runs. */
  realm: Realm = undefined as unknown as Realm
  /** What runs: a coroutine, or the record of a main run. */
  current: Coroutine = new Coroutine(undefined)
  /** The record of the main run; each entry of an engine has its own. */
  main: Coroutine = this.current
  /** Loop turns and calls that are left before `stepsMax` ends the run. */
  steps = Number.POSITIVE_INFINITY
  /** Tail calls that are left before the stack is given back (tail-call.ts). */
  tails = 0
  /** Nested resumes, bounded as PUC's C calls. */
  depth = 0
  /** The site of a call of `error` that is being made; noSite: unknown, the stack is asked. */
  errorSite: Site = noSite

  /** The coroutine that runs; undefined in the main run. */
  get coroutine(): Coroutine | undefined {
    return this.current === this.main ? undefined : this.current
  }
  get noYield(): number {
    return this.current.noYield
  }
  set noYield(count: number) {
    this.current.noYield = count
  }
  get handler(): LuaFn | false | undefined {
    return this.current.handler
  }
  set handler(handler: LuaFn | false | undefined) {
    this.current.handler = handler
  }
  get toClose(): Value[] {
    return this.current.toClose
  }
  set toClose(list: Value[]) {
    this.current.toClose = list
  }
}

export const vm = new Vm()
