// The modules of one engine, by name: what LuaEngine.modules offers. Lanes.
//
// module.ts says how functions are replaced, compile.ts makes the code. A patch that was compiled for a
// module which has changed since is refused by an assertion: patches are applied in order.

import { assert, must } from '../../base/assert.ts'
import type { LuaCoroutine, LuaFunction, LuaModules, LuaPatch, LuaValue } from '../engine.ts'
import { type CompileOptions, compileModule } from './compile.ts'
import { identityOf } from './emit/compiled-module.ts'
import { Module } from './reload/module.ts'
import { Coroutine, epoch } from './run/frame.ts'
import type { Realm } from './run/state.ts'
import type { LuaFn, Value } from './run/value.ts'

/** What modules need of their engine. */
export interface ModuleHost {
  readonly realm: Realm
  readonly options: CompileOptions
  /** Runs `work` inside the engine; what it throws comes out as LuaError. */
  enter<T>(work: () => T): T
  /** Source bytes and name as the compiler takes them. */
  read(source: Uint8Array, chunkName: string): { source: string; name: string }
  /** Calls a main function; its first value. */
  callMain(main: LuaFn): Value
  outgoing(value: Value): LuaValue
  incoming(value: LuaValue): Value
}

export class Modules implements LuaModules {
  private readonly host: ModuleHost
  private readonly byName = new Map<string, Module>()

  constructor(host: ModuleHost) {
    this.host = host
  }

  has(chunkName: string): boolean {
    return this.byName.has(chunkName)
  }

  forget(chunkName: string): void {
    this.byName.delete(chunkName)
  }

  begin(coroutine: LuaCoroutine): void {
    const co: unknown = coroutine
    assert(co instanceof Coroutine, 'not a coroutine of this engine')
    co.epoch = epoch.now
  }

  runsLatest(fn: LuaFunction): boolean {
    const identity = identityOf(this.host.incoming(fn) as LuaFn)
    for (const module of this.byName.values()) {
      const has = identity === undefined ? undefined : module.hasNow(identity)
      if (has !== undefined) return has
    }
    return true
  }

  load(source: Uint8Array, chunkName: string): LuaFunction {
    const { host } = this
    const read = host.read(source, chunkName)
    return host.enter(() => {
      const compiled = compileModule(host.realm, read.source, read.name, host.options, undefined)
      const module = new Module()
      this.byName.set(chunkName, module)
      return host.outgoing(module.begin(compiled, host.realm.globals)) as LuaFunction
    })
  }

  patch(source: Uint8Array, chunkName: string): LuaPatch {
    const { host } = this
    const module = must(this.byName.get(chunkName), `no module ${chunkName} to patch`)
    const read = host.read(source, chunkName)
    const old = module.shape
    const compiled = host.enter(() =>
      compileModule(host.realm, read.source, read.name, host.options, old),
    )
    return {
      apply: () => {
        assert(module.shape === old, 'a patch for a module that has changed since')
        epoch.now++
        return host.enter(() =>
          module.apply(compiled, host.realm.globals, (main) => host.callMain(main)),
        )
      },
      get value() {
        return host.outgoing(module.result)
      },
    }
  }
}
