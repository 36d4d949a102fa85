// Reload: new code in all lanes or in none, at a message boundary, state kept. Core thread.
//
//   read files ─▶ survey ─▶ prepare (compile) ─▶ stage (all lanes stand still) ─▶ commit in all
//                                │ error               │ error, or a lane is late or lost
//                                └──────────▶ abort in all ◀──┘
//
// Only between `stage` and `commit` do lanes wait for each other: every lane has run the new files by
// then, so a commit cannot fail, and no message anywhere is begun on the old code after one has been
// begun on the new. The gate's route dictionary is swapped in the same turn as the commit is posted;
// a lane takes no message from its ring between `stage` and `commit`, so a new route never meets old
// handlers. Coroutines that wait finish on the code that they began with, whose tables they hold.
//
// One reload at a time; a second one is refused, and so is one while a lane is being started. A lane
// that is down until its next start takes no part: it will start with what the code book says then,
// so that new code can mend what keeps it from starting. What a user can mend is told in the report,
// never thrown.
//
// With an engine that replaces functions where they are (LuaEngine.modules) "runs the new files" means
// that they are patched, and an abort undoes it: see services.ts; nothing here knows the difference.

import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { TableConfig } from '../config/types.ts'
import type { Timers } from '../timer/timers.ts'
import { type BookedService, type CodeBook, sameSource } from './code-book.ts'
import { agreedRoutes } from './lane-group.ts'
import type { LuaModule } from './lua-source.ts'
import type { ReloadControl, ReloadReport, ReloadTarget } from './reload-control.ts'
import { requiredNames, UseGraph } from './reload-graph.ts'
import type {
  LaneSettings,
  PlannedModule,
  PlannedService,
  ReloadAnswer,
  ReloadCommand,
  ReloadPlan,
} from './reload-plan.ts'

/** Settings of config/host.lua as they are read anew. */
export interface ReadSettings {
  /** `section.field` of each that has another value and can change live. */
  readonly changed: readonly string[]
  /** Of each that has another value and needs a restart. */
  readonly waiting: readonly string[]
  readonly forLanes: LaneSettings
  /** Makes them hold in the core. */
  apply(): void
}

/** Reads files; each throws a HostError for what the user can mend. */
export interface ReloadSources {
  service(service: BookedService): LuaModule
  modules(): readonly LuaModule[]
  tables(): readonly TableConfig[]
  settings(): ReadSettings
}

export interface ReloaderOptions {
  readonly book: CodeBook
  readonly sources: ReloadSources
  readonly lanes: {
    readonly count: number
    /** `lost` until it is started again, with the code of that moment. */
    state(lane: number): 'up' | 'starting' | 'lost'
    command(lane: number, command: ReloadCommand): void
  }
  /**
   * The routes that there will be. @returns the code of each, and what makes the gate know them
   * @throws HostError when they cannot be
   */
  readonly routes: (routes: readonly string[]) => {
    readonly codes: readonly string[]
    apply(): void
  }
  readonly timers: Timers
  readonly clock: Clock
  readonly log: (level: 'info' | 'warn' | 'error', text: string, data: object) => void
}

/** What is wanted, as read from the files. */
interface Wanted {
  readonly services: readonly { readonly name: string; readonly module: LuaModule }[]
  readonly modules: readonly PlannedModule[]
  /** Only modules that the named services use are wanted, not all that have changed. */
  readonly isNamed: boolean
  readonly tables: readonly TableConfig[] | undefined
  readonly settings: ReadSettings | undefined
  readonly rollback: BookedService | undefined
}

interface Waiting {
  readonly id: number
  readonly lane: number
  readonly resolve: (answer: ReloadAnswer) => void
  readonly reject: (error: HostError) => void
}

export class Reloader implements ReloadControl {
  readonly #options: ReloaderOptions
  #waiting: Waiting[] = []
  #lastId = 0
  /** The lanes that take part in the reload under way. */
  #partakers: readonly number[] = []
  #isBusy = false

  constructor(options: ReloaderOptions) {
    this.#options = options
  }

  versions(): ReadonlyMap<string, number> {
    return new Map(this.#options.book.services.map(({ name, version }) => [name, version]))
  }

  reload(target: ReloadTarget): Promise<ReloadReport> {
    return this.#attempt(`reload ${typeof target === 'string' ? target : target.join(' ')}`, () =>
      this.#wanted(target),
    )
  }

  rollback(name: string): Promise<ReloadReport> {
    return this.#attempt(`rollback ${name}`, () => {
      const service = this.#known(name)
      if (service.previous === undefined) {
        throw new HostError('CONFLICT', `service '${name}' has no version to go back to`)
      }
      const { module, modules } = service.previous
      return {
        services: [{ name, module }],
        modules,
        isNamed: true,
        tables: undefined,
        settings: undefined,
        rollback: service,
      }
    })
  }

  /** reloadAnswer: a lane has done a step. */
  answered(lane: number, id: number, bytes: Buffer, start: number, end: number): void {
    const waiting = this.#waiting.find((each) => each.lane === lane && each.id === id)
    if (waiting === undefined) return
    this.#waiting = this.#waiting.filter((each) => each !== waiting)
    waiting.resolve(JSON.parse(bytes.toString('utf8', start, end)) as ReloadAnswer)
  }

  /** A lane is gone: what is being asked of it will not be answered. */
  laneLost(lane: number): void {
    const lost = this.#waiting.filter((each) => each.lane === lane)
    this.#waiting = this.#waiting.filter((each) => each.lane !== lane)
    const error = new HostError('LANE_DOWN', `lane ${lane} was lost during the reload`)
    for (const each of lost) each.reject(error)
  }

  // --- one attempt ------------------------------------------------------------------------------

  async #attempt(what: string, read: () => Wanted): Promise<ReloadReport> {
    const beganMs = this.#options.clock.monotonicMs()
    const done = (report: Omit<ReloadReport, 'durationMs'>): ReloadReport => {
      const durationMs = Math.round(this.#options.clock.monotonicMs() - beganMs)
      if (report.ok) this.#options.log('info', what, { ...report, durationMs })
      return { ...report, durationMs }
    }
    const failed = (problems: readonly string[], detail?: string): ReloadReport => {
      this.#options.log('error', `${what} failed, nothing has changed`, { problems, detail })
      return done({ ...nothing, ok: false, problems })
    }
    if (this.#isBusy) return failed(['another reload is under way'])
    this.#isBusy = true
    try {
      return done(await this.#run(read()))
    } catch (error) {
      if (!(error instanceof HostError)) throw error
      if (error instanceof ScriptProblems) return failed(error.problems, error.message)
      return failed(error.message.split('\n'))
    } finally {
      this.#isBusy = false
    }
  }

  async #run(wanted: Wanted): Promise<Omit<ReloadReport, 'durationMs'>> {
    this.#partakers = this.#lanesUp()
    const surveys = await this.#askAll((id) => ({ kind: 'survey', id }), limits.reloadPrepareMs)
    const plan = this.#plan(wanted, new UseGraph(surveys))
    let warnings: readonly string[] = []
    if (!isEmpty(plan)) warnings = await this.#carryOut(plan, wanted)
    wanted.settings?.apply()
    const waits = wanted.settings?.waiting ?? []
    return {
      ok: true,
      problems: [],
      warnings: [...warnings, ...waits.map((field) => `${field} has changed: restart the host`)],
      services: plan.services.map(({ name, version }) => ({ name, version })),
      tables: plan.tables?.map(({ name }) => name) ?? [],
      settings: wanted.settings?.changed ?? [],
    }
  }

  /** Prepare, stage and commit; @returns warnings @throws HostError when nothing has changed */
  async #carryOut(plan: ReloadPlan, wanted: Wanted): Promise<readonly string[]> {
    const { book } = this.#options
    let routes: ReturnType<ReloaderOptions['routes']>
    try {
      const prepare = (id: number): ReloadCommand => ({ kind: 'prepare', id, plan })
      expectNoProblems(await this.#askAll(prepare, limits.reloadPrepareMs))
      const staged = await this.#askAll((id) => ({ kind: 'stage', id }), limits.reloadStageMs)
      expectNoProblems(staged)
      routes = this.#options.routes(agreedRoutes(staged.map((answer) => answer.routes ?? [])))
      this.#expectSameLanes()
    } catch (error) {
      this.#tellAll({ kind: 'abort', id: ++this.#lastId })
      throw error
    }
    // From here to the end of this turn nothing else runs: book, gate and lanes change as one.
    routes.apply()
    book.adopt(plan, wanted.rollback?.name)
    book.codes = routes.codes
    const { codes } = routes
    const commits = this.#partakers.map((lane) =>
      // A lane that dies now starts anew with what the book says: the same code.
      this.#ask(lane, (id) => ({ kind: 'commit', id, codes })).catch(() => noAnswer),
    )
    const answers = await Promise.all(commits)
    return [...new Set(answers.flatMap((answer) => answer.warnings))]
  }

  // --- what to do -------------------------------------------------------------------------------

  #wanted(target: ReloadTarget): Wanted {
    const { book, sources } = this.#options
    const isNamed = typeof target !== 'string'
    const names = isNamed ? target.filter((name) => !notServices.includes(name)) : undefined
    const chosen = names === undefined ? book.services : names.map((name) => this.#known(name))
    const read = chosen.map((service) => ({
      name: service.name,
      module: sources.service(service),
      before: service.module,
    }))
    const services =
      target === 'changed' ? read.filter((each) => !sameSource(each.module, each.before)) : read
    const wantsTables = !isNamed || target.includes('tables')
    return {
      services,
      modules: book.changedModules(sources.modules()),
      isNamed,
      tables: wantsTables ? this.#changedTables(isNamed) : undefined,
      settings: !isNamed || target.includes('settings') ? sources.settings() : undefined,
      rollback: undefined,
    }
  }

  #known(name: string): BookedService {
    const service = this.#options.book.service(name)
    if (service !== undefined) return service
    throw new HostError('NOT_FOUND', `there is no service '${name}' (see config/services.lua)`)
  }

  /** The tables, unless they are what runs and nobody asked for them by name. */
  #changedTables(isAsked: boolean): readonly TableConfig[] | undefined {
    const tables = this.#options.sources.tables()
    const isSame = JSON.stringify(tables) === JSON.stringify(this.#options.book.tables)
    return isSame && !isAsked ? undefined : tables
  }

  #plan(wanted: Wanted, graph: UseGraph): ReloadPlan {
    const { book } = this.#options
    for (const { name, module } of wanted.services) {
      for (const used of requiredNames(module.source)) graph.add(`service ${name}`, used)
    }
    const named = wanted.services.map(({ name }) => `service ${name}`)
    const used = graph.reach(named)
    const modules = wanted.modules.filter(
      ({ name }) => !wanted.isNamed || used.has(name) || !graph.isLoaded(name),
    )
    const changed = new Set(modules.map(({ name }) => name))
    const users = graph.usersOf(changed)
    const sources = new Map(wanted.services.map(({ name, module }) => [name, module]))
    const services: PlannedService[] = []
    for (const booked of book.services) {
      const { name } = booked
      const source = sources.get(name)
      if (source === undefined && !users.has(`service ${name}`)) continue
      const isRollback = wanted.rollback?.name === name
      const version = isRollback ? wanted.rollback?.previous?.version : booked.lastVersion + 1
      assert(version !== undefined, 'a rollback without a version')
      services.push({ name, module: source ?? booked.module, version })
    }
    const rerun = [...changed, ...[...users].filter((user) => !user.startsWith('service '))]
    const settings = wanted.settings?.changed.length ? wanted.settings.forLanes : undefined
    return { services, modules, rerun: [...new Set(rerun)], tables: wanted.tables, settings }
  }

  // --- talking to lanes -------------------------------------------------------------------------

  /** @throws HostError LANE_DOWN while one starts, or when none is up to try the code */
  #lanesUp(): readonly number[] {
    const { lanes } = this.#options
    const up: number[] = []
    let down = 0
    for (let lane = 0; lane < lanes.count; lane++) {
      const state = lanes.state(lane)
      if (state === 'up') up.push(lane)
      else down = lane
      if (state === 'starting') throw beingReplaced(lane)
    }
    if (up.length === 0) throw beingReplaced(down)
    return up
  }

  /** @throws HostError LANE_DOWN when a lane has died or begun to start since the reload began */
  #expectSameLanes(): void {
    const up = this.#lanesUp()
    const changed = this.#partakers.find((lane) => !up.includes(lane))
    const late = up.find((lane) => !this.#partakers.includes(lane))
    const lane = changed ?? late
    if (lane !== undefined) throw beingReplaced(lane)
  }

  #ask(lane: number, command: (id: number) => ReloadCommand): Promise<ReloadAnswer> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id, lane, resolve, reject })
      this.#options.lanes.command(lane, command(id))
    })
  }

  #askAll(command: (id: number) => ReloadCommand, msMax: number): Promise<ReloadAnswer[]> {
    const { timers } = this.#options
    const timer = timers.after(msMax, () => {
      for (const { lane, reject } of this.#waiting) {
        const text = `lane ${lane} was not ready for the reload in ${msMax} ms: it is busy`
        reject(new HostError('TIMEOUT', text))
      }
      this.#waiting = []
    })
    const answers = this.#partakers.map((lane) => this.#ask(lane, command))
    return Promise.all(answers).finally(() => timers.cancel(timer))
  }

  #tellAll(command: ReloadCommand): void {
    this.#waiting = []
    for (const lane of this.#partakers) this.#options.lanes.command(lane, command)
  }
}

function beingReplaced(lane: number): HostError {
  return new HostError('LANE_DOWN', `lane ${lane} is being replaced; try again in a moment`)
}

/** What can be named beside services. */
const notServices: readonly string[] = ['tables', 'settings']

const noAnswer: ReloadAnswer = { problems: [], warnings: [] }

const nothing = {
  problems: [],
  warnings: [],
  services: [],
  tables: [],
  settings: [],
} satisfies Partial<ReloadReport>

function isEmpty(plan: ReloadPlan): boolean {
  const { services, modules, tables, settings } = plan
  return (
    services.length === 0 && modules.length === 0 && tables === undefined && settings === undefined
  )
}

/** @throws HostError SCRIPT with each lane's problems, each once */
function expectNoProblems(answers: readonly ReloadAnswer[]): void {
  const problems = [...new Set(answers.flatMap((answer) => answer.problems))]
  if (problems.length === 0) return
  throw new ScriptProblems(problems)
}

/** What lanes have found wrong with new code. */
class ScriptProblems extends HostError {
  /** One line each. */
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super('SCRIPT', problems.join('\n'))
    this.problems = problems.map(withPlace)
  }
}

/**
 * A script's failure in one line that begins with file:line of the game's own code; where the error
 * itself names a place in the host's library, or none, its traceback knows better.
 */
export function withPlace(problem: string): string {
  const [first = problem, ...trace] = problem.split('\n')
  const text = first.replace(/^lua\/lib\/\w+\.lua:\d+: /, '')
  if (/^[\w./-]+\.lua:/.test(text)) return text
  const places = trace.join('\n').match(/[\w./-]+\.lua:\d+/g) ?? []
  const place = places.find((each) => !each.startsWith('lua/lib/'))
  return place === undefined ? first : `${place}: ${text}`
}
