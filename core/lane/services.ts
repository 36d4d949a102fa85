// The services of a lane: loads their files, knows their handlers, runs their hooks, swaps them.
//
// Lane thread. All files are compiled before the first one runs, so a syntax error anywhere stops the
// start with every error told. Route codes come from the core, which is also the gate's dictionary;
// only at the host's first start do the lanes make them, from the sorted list of all routes.
//
// A reload goes compile → stage → commit or abort (reload-plan.ts). What is staged lies beside what
// runs, here and in lua/lib/service.lua, so an abort forgets it and a commit only assigns.

import { HostError } from '../base/errors.ts'
import { plainToLua } from '../config/lua-values.ts'
import type { TableConfig } from '../config/types.ts'
import {
  LuaError,
  type LuaFunction,
  LuaKilled,
  type LuaTable,
  type LuaValue,
} from '../lua/engine.ts'
import { placedMessage } from './error-place.ts'
import type { Lane } from './lane.ts'
import type { LuaModule } from './lua-source.ts'
import type { LaneService } from './protocol.ts'
import type { ReloadPlan } from './reload-plan.ts'
import type { Failure, Task } from './task.ts'

interface LoadedService {
  readonly service: LaneService
  readonly table: LuaTable
}

/** A reload's files, compiled. */
export interface Compiled {
  readonly plan: ReloadPlan
  readonly chunks: readonly { readonly service: LaneService; readonly chunk: LuaFunction }[]
  readonly tables: LuaTable | undefined
}

interface Stage {
  readonly compiled: Compiled
  /** What puts the engine's modules back, oldest first. */
  readonly undo: (() => void)[]
  readonly modules: ReadonlyMap<string, LuaModule | undefined>
  readonly uses: Map<string, Set<string>>
  readonly loaded: LoadedService[]
}

export type SessionHook = 'on_bind' | 'on_close' | 'on_attach'

export class Services {
  readonly #lane: Lane
  readonly #placement = new Map<string, LaneService>()
  #loaded: LoadedService[] = []
  readonly #modules: Map<string, LuaModule>
  /** Who requires which modules, from their files: a service (`service NAME`) or a module. */
  readonly #uses = new Map<string, Set<string>>()
  #stage: Stage | undefined
  #codes: readonly string[]
  #handlers: (LuaFunction | undefined)[] = []
  #versions: string[] = []

  constructor(lane: Lane) {
    this.#lane = lane
    lane.listen('hook', {
      returned: (task) => this.#hookEnded(task, undefined),
      failed: (task, failure) => this.#hookEnded(task, failure),
    })
    for (const service of lane.start.services) this.#placement.set(service.name, service)
    this.#modules = new Map(lane.start.modules.map((module) => [module.name, module]))
    this.#codes = lane.start.codes
    lane.routeName = (code) => this.#codes[code - 1] || 'unknown route'
  }

  /** Routes of all handlers, sorted. */
  get routes(): readonly string[] {
    return this.#routesOf(this.#loaded)
  }

  /** The handler of a route code, or undefined. */
  handler(code: number): LuaFunction | undefined {
    return this.#handlers[code - 1]
  }

  /** The code behind a route, for the log: `bag v3`. */
  codeName(code: number): string {
    return this.#versions[code - 1] ?? ''
  }

  /** Whether a service runs in this lane; undefined when there is no such service. */
  runsHere(name: string): boolean | undefined {
    const service = this.#placement.get(name)
    if (service === undefined) return undefined
    return service.lanes === 'all' || this.#lane.start.index === 0
  }

  /** The source that `require` finds under a name. */
  module(name: string): LuaModule | undefined {
    const staged = this.#stage?.modules
    return staged?.has(name) === true ? staged.get(name) : this.#modules.get(name)
  }

  /** A file has required a module. */
  used(user: string, module: string): void {
    const uses = this.#stage?.uses ?? this.#uses
    const known = uses.get(user)
    if (known === undefined) uses.set(user, new Set([module]))
    else known.add(module)
  }

  /** [who, module] for all that files have required. */
  get uses(): readonly (readonly [string, string])[] {
    return [...this.#uses].flatMap(([user, modules]) =>
      [...modules].map((module) => [user, module] as const),
    )
  }

  get loadedModules(): readonly string[] {
    const isLoaded = this.#lane.libraryFunction('module_loaded')
    return [...this.#modules.keys()].filter(
      (name) => this.#lane.engine.call(isLoaded, name)[0] === true,
    )
  }

  /**
   * Compiles and runs the files of all services.
   * @throws HostError SCRIPT with one line for each thing that is wrong
   */
  load(): void {
    const here = [...this.#placement.values()].filter((each) => this.runsHere(each.name) === true)
    const { chunks, problems } = this.#compile(here, (module) => this.#loadFile(module))
    if (problems.length > 0) throw new HostError('SCRIPT', problems.join('\n'))
    for (const { service, chunk } of chunks) {
      this.#loaded.push({ service, table: this.#runFile(service, chunk) })
    }
    if (this.#codes.length === 0) this.#codes = this.routes
    this.#collectHandlers()
  }

  // --- reload -----------------------------------------------------------------------------------

  /** Compiles what a plan brings to this lane; nothing of it runs. */
  compile(plan: ReloadPlan): { compiled: Compiled; problems: readonly string[] } {
    const here: LaneService[] = []
    for (const { name, module, version } of plan.services) {
      const service = this.#placement.get(name)
      if (service !== undefined && this.runsHere(name)) here.push({ ...service, module, version })
    }
    const { chunks, problems } = this.#compile(here, (module) => this.#patchFile(module))
    for (const { module } of plan.modules) {
      if (module !== undefined) this.#tryCompile(module, problems, (it) => compile(this.#lane, it))
    }
    const tables = plan.tables === undefined ? undefined : this.prepareTables(plan.tables)
    return { compiled: { plan, chunks, tables }, problems }
  }

  /**
   * Runs the new files and their `__reload` beside what runs now; `commit` or `abort` must follow.
   * @returns the routes that there will be @throws HostError SCRIPT in words with file and line
   */
  stage(compiled: Compiled): readonly string[] {
    const { plan } = compiled
    const { engine } = this.#lane
    const stage: Stage = {
      compiled,
      undo: [],
      modules: new Map(plan.modules.map(({ name, module }) => [name, module])),
      uses: new Map(),
      loaded: [],
    }
    this.#stage = stage
    const rerun = engine.newTable()
    for (const [i, name] of plan.rerun.entries()) engine.rawSet(rerun, i + 1, name)
    engine.call(this.#lane.libraryFunction('begin_stage'), rerun)
    for (const { service, chunk } of compiled.chunks) {
      stage.loaded.push({ service, table: this.#runFile(service, chunk) })
    }
    for (const name of plan.rerun) {
      if (this.module(name) !== undefined) this.#callScript('stage_module', name)
    }
    for (const { service } of compiled.chunks) this.#callScript('call_reload', service.name)
    return this.#routesOf(this.#withStaged(stage))
  }

  /** From here on the staged code runs. @param codes the route of each code, from 1 */
  commit(codes: readonly string[]): void {
    const stage = this.#stage as Stage
    this.#stage = undefined
    const { plan, tables } = stage.compiled
    this.#lane.engine.call(this.#lane.libraryFunction('commit_stage'))
    this.#loaded = this.#withStaged(stage)
    for (const { service } of stage.loaded) this.#placement.set(service.name, service)
    for (const { name, module } of plan.modules) {
      if (module === undefined) this.#modules.delete(name)
      else this.#modules.set(name, module)
    }
    for (const { service } of stage.loaded) this.#uses.delete(`service ${service.name}`)
    for (const name of plan.rerun) this.#uses.delete(name)
    for (const [user, modules] of stage.uses) {
      for (const module of modules) this.used(user, module)
    }
    if (tables !== undefined) this.swapTables(tables)
    if (plan.settings !== undefined) this.#lane.settings = plan.settings
    this.#codes = codes
    this.#collectHandlers()
  }

  /** As if nothing had been staged. */
  abort(): void {
    if (this.#stage === undefined) return
    const { undo } = this.#stage
    this.#stage = undefined
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) step()
    this.#lane.engine.call(this.#lane.libraryFunction('abort_stage'))
  }

  /** Config tables as Lua values, ready to be swapped in. */
  prepareTables(tables: readonly TableConfig[]): LuaTable {
    const { engine } = this.#lane
    const all = engine.newTable()
    for (const table of tables) engine.rawSet(all, table.name, plainToLua(engine, table.value))
    return engine.call(this.#lane.libraryFunction('prepare_tables'), all)[0] as LuaTable
  }

  swapTables(prepared: LuaTable): void {
    this.#lane.engine.call(this.#lane.libraryFunction('swap_tables'), prepared)
  }

  // --- hooks ------------------------------------------------------------------------------------

  /**
   * Runs `init` of every service, one after the other.
   * @param finished hears of the first one that failed, in its own words
   */
  init(finished: (problem: HostError | undefined) => void): void {
    const order = [...this.#loaded]
    const next = (): void => {
      const each = order.shift()
      if (each === undefined) return finished(undefined)
      this.#runHook(each, 'init', [], (failure) => {
        if (failure === undefined) return next()
        const text = `${each.service.name}.init failed: ${failure.detail}`
        finished(new HostError('SCRIPT', text))
      })
    }
    next()
  }

  /** Runs `stop` of every service, the last one first; one that fails does not keep the others. */
  stop(finished: () => void): void {
    const order = [...this.#loaded]
    const next = (): void => {
      const each = order.pop()
      if (each === undefined) return finished()
      this.#runHook(each, 'stop', [], next)
    }
    next()
  }

  /** Tells every service of something that happened to a session. */
  notify(hook: SessionHook, args: readonly LuaValue[]): void {
    for (const each of this.#loaded) this.#runHook(each, hook, args, () => {})
  }

  #runHook(
    each: LoadedService,
    hook: string,
    args: readonly LuaValue[],
    done: (failure: Failure | undefined) => void,
  ): void {
    const fn = this.#lane.engine.rawGet(each.table, hook)
    if (fn === undefined) return done(undefined)
    const name = `${each.service.name}.${hook}`
    const task = this.#lane.newTask({ kind: 'hook', name, done })
    this.#lane.run(task, fn as LuaFunction, ...args)
  }

  #hookEnded(task: Task, failure: Failure | undefined): void {
    const { origin } = task
    this.#lane.release(task)
    if (origin.kind === 'hook') origin.done(failure)
  }

  // --- files ------------------------------------------------------------------------------------

  /** The chunk that `require` runs for a module; while a reload is staged, one that patches it. */
  moduleChunk(module: LuaModule): LuaFunction {
    return this.#stage === undefined ? this.#loadFile(module) : this.#patchFile(module)
  }

  /** A chunk that begins a file anew. */
  #loadFile(module: LuaModule): LuaFunction {
    const { engine } = this.#lane
    return (engine.modules ?? engine).load(module.source, module.path)
  }

  /**
   * A chunk that makes a file's new text hold in the functions that run, where the engine can do that;
   * else one that runs the file anew, beside what runs. To be called while a reload is staged.
   */
  #patchFile(module: LuaModule): LuaFunction {
    const { engine } = this.#lane
    const { source, path } = module
    if (engine.modules?.has(path) !== true) {
      this.#stage?.undo.push(() => engine.modules?.forget(path))
      return this.#loadFile(module)
    }
    const patch = engine.modules.patch(source, path)
    return engine.hostFunction(`reload ${path}`, () => {
      const undo = patch.apply()
      this.#stage?.undo.push(undo)
      return patch.value
    })
  }

  #compile(services: readonly LaneService[], read: (module: LuaModule) => LuaFunction) {
    const chunks: { service: LaneService; chunk: LuaFunction }[] = []
    const problems: string[] = []
    for (const service of services) {
      const chunk = this.#tryCompile(service.module, problems, read)
      if (chunk !== undefined) chunks.push({ service, chunk })
    }
    return { chunks, problems }
  }

  #tryCompile(
    module: LuaModule,
    problems: string[],
    read: (module: LuaModule) => LuaFunction,
  ): LuaFunction | undefined {
    try {
      return read(module)
    } catch (error) {
      if (!(error instanceof LuaError)) throw error
      problems.push(error.message)
      return undefined
    }
  }

  #runFile(service: LaneService, chunk: LuaFunction): LuaTable {
    const lane = this.#lane
    const { engine } = lane
    const { path } = service.module
    engine.call(lane.libraryFunction('begin_service'), service.name)
    let returned: LuaValue
    try {
      returned = lane.callWatched(chunk, service.name)[0]
    } catch (error) {
      engine.call(lane.libraryFunction('killed'))
      throw scriptError(error)
    }
    const finish = lane.libraryFunction('finish_service')
    const [problem] = engine.call(finish, service.name, returned, service.lanes === 'one')
    if (typeof problem === 'string') throw new HostError('SCRIPT', `${path}: ${problem}`)
    return returned as LuaTable
  }

  #callScript(libraryFunction: string, name: string): void {
    try {
      this.#lane.callWatched(this.#lane.libraryFunction(libraryFunction), name)
    } catch (error) {
      throw scriptError(error)
    }
  }

  // --- routes -----------------------------------------------------------------------------------

  #withStaged(stage: Stage): LoadedService[] {
    const fresh = new Map(stage.loaded.map((each) => [each.service.name, each]))
    return this.#loaded.map((each) => fresh.get(each.service.name) ?? each)
  }

  #routesOf(loaded: readonly LoadedService[]): string[] {
    const routes: string[] = []
    for (const { service, table } of loaded) {
      this.#lane.engine.forEach(this.#handlersOf(table), (key) => {
        routes.push(`${service.name}.handler.${String(key)}`)
        return true
      })
    }
    return routes.sort()
  }

  #collectHandlers(): void {
    const codeOf = new Map(this.#codes.map((route, i) => [route, i]))
    this.#handlers = this.#codes.map(() => undefined)
    this.#versions = this.#codes.map(() => '')
    for (const { service, table } of this.#loaded) {
      this.#lane.engine.forEach(this.#handlersOf(table), (key, fn) => {
        const at = codeOf.get(`${service.name}.handler.${String(key)}`)
        if (at === undefined) return true
        this.#handlers[at] = fn as LuaFunction
        this.#versions[at] = `${service.name} v${service.version}`
        return true
      })
    }
  }

  #handlersOf(table: LuaTable): LuaTable {
    return this.#lane.engine.rawGet(table, 'handler') as LuaTable
  }
}

/** What a script's failure is to the user: its words, which begin with file:line, and a traceback. */
function scriptError(error: unknown): unknown {
  if (!(error instanceof LuaError) && !(error instanceof LuaKilled)) return error
  const text = `${placedMessage(error)}\n${error.traceback}`
  return new HostError('SCRIPT', text, { cause: error })
}

/** Compiles one file; @throws LuaError that names file and line */
export function compile(lane: Lane, module: LuaModule): LuaFunction {
  return lane.engine.load(module.source, module.path)
}
