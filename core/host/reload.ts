// Where a reload reads from, and which settings of config/host.lua can change while the host runs.
//
// Core thread. The rule is: what is read each time it is used can change live; what shaped a thread, a
// socket or a ring at the start needs a restart, and the reload says so.

import { hostSchema } from '../config/host-schema.ts'
import { loadTables } from '../config/load.ts'
import type { HostConfig, HostSections } from '../config/types.ts'
import type { BookedService } from '../lane/code-book.ts'
import { CodeBook } from '../lane/code-book.ts'
import { type LuaModule, readLuaFolder, readLuaModule } from '../lane/lua-source.ts'
import type { ReadSettings, ReloadSources } from '../lane/reload.ts'

/** Sections, and fields of them, that can change live. */
const liveFields: ReadonlyMap<string, ReadonlySet<string> | 'all'> = new Map<
  string,
  ReadonlySet<string> | 'all'
>([
  ['gate', 'all'],
  ['lanes', new Set(['requestTimeoutMs', 'runBudgetMs', 'inboxMessagesMax'])],
  ['log', new Set(['level'])],
  ['rpc', new Set(['timeoutMs'])],
  ['admin', new Set(['eval'])],
  ['cache', 'all'],
])

const sections = Object.keys(hostSchema) as (keyof HostSections)[]

/** What the lanes run at first: the files of the game, as the config names them. */
export function openCodeBook(config: HostConfig): CodeBook {
  const services = config.services.map(({ name, lanes, file }) => ({
    name,
    lanes,
    module: readLuaModule(config.root, file),
  }))
  return new CodeBook(services, readModules(config), config.tables, laneSettings(config))
}

/**
 * @param current the config in force
 * @param readConfig reads it anew; without it, settings cannot be reloaded
 * @param use makes a new config the one in force
 */
export function reloadSources(
  current: () => HostConfig,
  readConfig: (() => HostConfig) | undefined,
  use: (config: HostConfig) => void,
): ReloadSources {
  return {
    service: (service: BookedService) => readLuaModule(current().root, service.module.path),
    modules: () => readModules(current()),
    tables: () => readConfig?.().tables ?? loadTables({ root: current().root }),
    settings: () => {
      const before = current()
      return compareSettings(before, readConfig?.() ?? before, use)
    },
  }
}

function readModules({ root, services }: HostConfig): LuaModule[] {
  const serviceFiles = new Set(services.map((service) => service.file))
  return readLuaFolder(root, 'lua').filter(
    (module) => !serviceFiles.has(module.path) && !/^lua\/(meta|lib)\//.test(module.path),
  )
}

function laneSettings(config: HostConfig) {
  return {
    requestTimeoutMs: config.lanes.requestTimeoutMs,
    rpcTimeoutMs: config.rpc.timeoutMs,
    callsNodes: config.rpc.port !== false || config.routes.nodes.length > 0,
  }
}

/** Which settings differ, and the config with those that can change live. */
function compareSettings(
  before: HostConfig,
  read: HostConfig,
  use: (config: HostConfig) => void,
): ReadSettings {
  const changed: string[] = []
  const waiting: string[] = []
  const next: Record<string, unknown> = { ...before }
  for (const section of sections) {
    const live = liveFields.get(section)
    const values: Record<string, unknown> = { ...before[section] }
    for (const [field, value] of Object.entries(read[section])) {
      if (JSON.stringify(value) === JSON.stringify(values[field])) continue
      const name = `${section}.${snakeCase(field)}`
      if (live === 'all' || live?.has(field)) {
        changed.push(name)
        values[field] = value
      } else {
        waiting.push(name)
      }
    }
    next[section] = values
  }
  if (JSON.stringify(read.services) !== JSON.stringify(before.services)) {
    waiting.push('config/services.lua')
  }
  if (JSON.stringify(read.routes) !== JSON.stringify(before.routes)) {
    changed.push('config/routes.lua')
    next.routes = read.routes
  }
  if (JSON.stringify(read.protos) !== JSON.stringify(before.protos)) waiting.push('config/proto')
  const config = next as unknown as HostConfig
  return {
    changed,
    waiting,
    forLanes: laneSettings(config),
    apply: () => {
      if (changed.length > 0) use(config)
    },
  }
}

/** A field's name as config/host.lua has it. */
function snakeCase(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
