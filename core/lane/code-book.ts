// What the lanes run: the source of every service and module, tables, settings, versions, routes.
//
// Core thread. A lane that starts or is replaced gets what stands here; a reload reads it to see what
// has changed, and writes it when all lanes have swapped. For each service it keeps what one rollback
// needs: its file of before, and the modules that changed with it.

import { must } from '../base/assert.ts'
import type { TableConfig } from '../config/types.ts'
import type { LuaModule } from './lua-source.ts'
import type { LaneService } from './protocol.ts'
import type { LaneSettings, PlannedModule, ReloadPlan } from './reload-plan.ts'

export interface BookedService extends LaneService {
  /** The highest version that it has had; the next one counts on from here. */
  readonly lastVersion: number
  /** What a rollback goes back to. */
  readonly previous:
    | {
        readonly module: LuaModule
        readonly version: number
        readonly modules: readonly PlannedModule[]
      }
    | undefined
}

export class CodeBook {
  readonly #services = new Map<string, BookedService>()
  readonly #modules: Map<string, LuaModule>
  tables: readonly TableConfig[]
  settings: LaneSettings
  /** The route of each code, from 1 on; empty until the lanes have told their routes. */
  codes: readonly string[] = []

  constructor(
    services: readonly Omit<LaneService, 'version'>[],
    modules: readonly LuaModule[],
    tables: readonly TableConfig[],
    settings: LaneSettings,
  ) {
    for (const service of services) {
      const booked = { ...service, version: 1, lastVersion: 1, previous: undefined }
      this.#services.set(service.name, booked)
    }
    this.#modules = new Map(modules.map((module) => [module.name, module]))
    this.tables = tables
    this.settings = settings
  }

  get services(): readonly BookedService[] {
    return [...this.#services.values()]
  }

  get modules(): readonly LuaModule[] {
    return [...this.#modules.values()]
  }

  service(name: string): BookedService | undefined {
    return this.#services.get(name)
  }

  /** Modules whose source or existence differs from what runs. */
  changedModules(onDisk: readonly LuaModule[]): PlannedModule[] {
    const found = new Map(onDisk.map((module) => [module.name, module]))
    const changed: PlannedModule[] = []
    for (const [name, module] of found) {
      const known = this.#modules.get(name)
      if (known === undefined || !sameSource(known, module)) changed.push({ name, module })
    }
    for (const name of this.#modules.keys()) {
      if (!found.has(name)) changed.push({ name, module: undefined })
    }
    return changed
  }

  /** All lanes run this plan now. @param rolledBack the service that went back a step, if one did */
  adopt(plan: ReloadPlan, rolledBack: string | undefined): void {
    const modulesBefore = plan.modules.map(({ name }) => ({
      name,
      module: this.#modules.get(name),
    }))
    for (const { name, module, version } of plan.services) {
      const before = must(this.#services.get(name), name)
      const previous = { module: before.module, version: before.version, modules: modulesBefore }
      this.#services.set(name, {
        ...before,
        module,
        version,
        lastVersion: Math.max(before.lastVersion, version),
        previous: name === rolledBack ? undefined : previous,
      })
    }
    for (const { name, module } of plan.modules) {
      if (module === undefined) this.#modules.delete(name)
      else this.#modules.set(name, module)
    }
    if (plan.tables !== undefined) this.tables = plan.tables
    if (plan.settings !== undefined) this.settings = plan.settings
  }
}

/** Whether two readings of a file are equal. */
export function sameSource(a: LuaModule, b: LuaModule): boolean {
  return a.path === b.path && Buffer.compare(a.source, b.source) === 0
}
