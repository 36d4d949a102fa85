// Loads config/*.lua into one frozen, typed object, or says everything that is wrong with it.
//
// Core thread and tools; synchronous, at start and at a reload of tables. Files are evaluated one
// by one (evaluate.ts); a missing host.lua, services.lua or tables/ means defaults, but a missing
// config folder is an error. Nothing is half loaded: any problem and a HostError CONFIG is thrown.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { messageOf } from '../base/errors.ts'
import { clusterOverrides, clusterRpcToken, loadCluster, withClusterNodes } from './cluster.ts'
import { DatabaseTableCheck, databasePrelude } from './database-schema.ts'
import { type Evaluated, evaluate, type Sources } from './evaluate.ts'
import { checkSection, overrideSection, type Section } from './fields.ts'
import { hostSchema, rules } from './host-schema.ts'
import { plainPairs } from './lua-values.ts'
import { Problems, show, suggestion } from './problems.ts'
import { declaredRpcs } from './protos.ts'
import { noRoutes, RoutesCheck } from './routes.ts'
import {
  type CheckedTable,
  checkReferences,
  schemaOf,
  TableCheck,
  tablePrelude,
} from './table-schema.ts'
import type {
  ClusterConfig,
  DatabaseTable,
  HostConfig,
  HostOverrides,
  HostSections,
  PlainValue,
  ProtoFile,
  RoutesConfig,
  ServiceConfig,
  TableConfig,
} from './types.ts'

export interface LoadOptions {
  /** The project folder, which holds `config`, `lua` and the rest. */
  readonly root: string
  /** The config folder, from `root` or absolute; `config` when left out. */
  readonly configFolder?: string
  /** Takes the place of node.name. */
  readonly node?: string
  /** Values of a command line, put over those of host.lua and checked like them. */
  readonly overrides?: HostOverrides
  /** What `env "NAME"` reads; the process's environment when left out. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Loads the whole configuration. @throws HostError CONFIG that lists every problem */
export function loadConfig(options: LoadOptions): HostConfig {
  const root = resolve(options.root)
  const problems = new Problems()
  const sources: Sources = { root, env: options.env ?? process.env, problems }
  const folder = folderOf(root, options.configFolder ?? 'config')
  if (!existsSync(join(root, folder))) {
    problems.add({ file: folder, line: undefined, field: '', message: 'no such config folder' })
    problems.throwIfAny()
  }
  const { cluster, ...over } = withCluster(sources, `${folder}/cluster.lua`, options)
  const sections = loadHost(sources, `${folder}/host.lua`, over)
  if (cluster !== undefined && sections.redis.url === '') {
    const message = 'config/cluster.lua needs Redis: set redis.url in config/host.lua'
    problems.add({ file: `${folder}/host.lua`, line: undefined, field: 'redis.url', message })
  }
  const services = loadServices(sources, `${folder}/services.lua`)
  const tables = loadTableFolder(sources, `${folder}/tables`)
  const routes = loadRoutes(sources, `${folder}/routes.lua`)
  const protos = loadProtos(sources, `${folder}/proto`)
  const schema = loadSchemaFolder(sources, `${folder}/schema`)
  problems.throwIfAny()
  const rest = { cluster, services, tables, protos, schema }
  if (cluster === undefined) return deepFreeze({ root, ...sections, ...rest, routes })
  const rpc = { ...sections.rpc, token: sections.rpc.token || clusterRpcToken(cluster) }
  return deepFreeze({
    root,
    ...sections,
    ...rest,
    rpc,
    routes: withClusterNodes(routes, cluster),
  })
}

/** The options with what this host's row of cluster.lua says put below those of the command line. */
function withCluster(
  sources: Sources,
  file: string,
  options: LoadOptions,
): LoadOptions & { readonly cluster: ClusterConfig | undefined } {
  if (!existsSync(join(sources.root, file))) return { ...options, cluster: undefined }
  const cluster = loadCluster(sources, file, options.node ?? 'node1')
  if (cluster === undefined) return { ...options, cluster }
  const { node, listen, rpc } = clusterOverrides(cluster)
  const { overrides = {} } = options
  const merged: HostOverrides = {
    ...overrides,
    node: { ...node, ...overrides.node },
    listen: { ...listen, ...overrides.listen },
    rpc: { ...rpc, ...overrides.rpc },
  }
  return { ...options, cluster, overrides: merged }
}

/**
 * Loads config/tables alone, for a reload: validate whole, then swap whole.
 * @throws HostError CONFIG that lists every problem
 */
export function loadTables(options: LoadOptions): readonly TableConfig[] {
  const root = resolve(options.root)
  const problems = new Problems()
  const sources: Sources = { root, env: options.env ?? process.env, problems }
  const folder = folderOf(root, options.configFolder ?? 'config')
  const tables = loadTableFolder(sources, `${folder}/tables`)
  problems.throwIfAny()
  return deepFreeze(tables)
}

/** The config folder as a path from the root with forward slashes, as messages show it. */
function folderOf(root: string, folder: string): string {
  const path = isAbsolute(folder) ? relative(root, folder) : folder
  return path.split(sep).join('/').replace(/\/+$/, '')
}

// --- host.lua

function loadHost(sources: Sources, file: string, options: LoadOptions): HostSections {
  const { problems } = sources
  const exists = existsSync(join(sources.root, file))
  const evaluated = exists ? evaluate(sources, file) : undefined
  const before = problems.list.length
  const found = new Map((evaluated && plainPairs(evaluated.value)) ?? [])
  for (const name of found.keys()) {
    if (Object.hasOwn(hostSchema, name)) continue
    const known = suggestion(String(name), Object.keys(hostSchema))
    report(sources, file, evaluated, [name], String(name), `unknown section${known}`)
  }
  const overrides: HostOverrides = {
    ...options.overrides,
    node: {
      ...options.overrides?.node,
      ...(options.node === undefined ? {} : { name: options.node }),
    },
  }
  for (const name of Object.keys(overrides)) {
    if (Object.hasOwn(hostSchema, name)) continue
    const message = 'no such section'
    problems.add({ file: 'command line', line: undefined, field: name, message })
  }
  const section = <S extends keyof HostSections>(name: S): HostSections[S] => {
    const fields = hostSchema[name] as Section<HostSections[S]>
    const positions = evaluated?.positions
    const where = { file, section: name, value: found.get(name), positions }
    const read = checkSection<HostSections[S]>(fields, where, problems)
    return overrideSection(fields, name, read, overrides[name], problems)
  }
  const sections: HostSections = {
    node: section('node'),
    lanes: section('lanes'),
    lua: section('lua'),
    listen: section('listen'),
    gate: section('gate'),
    spool: section('spool'),
    drain: section('drain'),
    db: section('db'),
    redis: section('redis'),
    cache: section('cache'),
    log: section('log'),
    rpc: section('rpc'),
    admin: section('admin'),
  }
  // A field that was refused has its default, against which other fields must not be judged.
  if (problems.list.length > before) return sections
  for (const rule of rules) {
    const broken = rule(sections)
    if (broken === undefined) continue
    report(sources, file, evaluated, broken.path, broken.path.join('.'), broken.message)
  }
  return sections
}

function report(
  sources: Sources,
  file: string,
  evaluated: Evaluated | undefined,
  path: readonly (string | number)[],
  field: string,
  message: string,
): void {
  sources.problems.add({ file, line: evaluated?.positions.lineOf(path), field, message })
}

// --- services.lua

const serviceName = /^[A-Za-z_]\w{0,63}$/
const serviceFields = ['name', 'file', 'lanes']

function loadServices(sources: Sources, file: string): ServiceConfig[] {
  if (!existsSync(join(sources.root, file))) return []
  const evaluated = evaluate(sources, file)
  if (evaluated === undefined) return []
  const services: ServiceConfig[] = []
  const lines = new Map<string, number>()
  for (const [index, entry] of plainPairs(evaluated.value) ?? []) {
    const service = checkService(sources, file, evaluated, index, entry)
    if (service === undefined) continue
    const first = lines.get(service.name)
    if (first !== undefined) {
      const message = `service '${service.name}' is listed at line ${first} already`
      report(sources, file, evaluated, [index, 'name'], `service ${index}: name`, message)
      continue
    }
    lines.set(service.name, evaluated.positions.lineOf([index]))
    services.push(service)
  }
  return services
}

function checkService(
  sources: Sources,
  file: string,
  evaluated: Evaluated,
  index: string | number,
  entry: PlainValue,
): ServiceConfig | undefined {
  const before = sources.problems.list.length
  const tell = (field: string, message: string): void => {
    report(sources, file, evaluated, [index, field], `service ${index}: ${field}`, message)
  }
  const pairs = plainPairs(entry)
  if (pairs === undefined || Array.isArray(entry) || typeof index !== 'number') {
    const message = `expected { name = "..." }, got ${show(entry)}`
    report(sources, file, evaluated, [index], `service ${index}`, message)
    return undefined
  }
  const fields = new Map(pairs)
  for (const key of fields.keys()) {
    if (serviceFields.includes(String(key))) continue
    tell(String(key), `unknown field${suggestion(String(key), serviceFields)}`)
  }
  const name = fields.get('name')
  if (typeof name !== 'string' || !serviceName.test(name)) {
    tell('name', `expected a name of letters, digits and _, got ${show(name)}`)
  }
  const path = fields.get('file') ?? `lua/services/${String(name)}.lua`
  if (typeof path !== 'string' || !isInside(path)) {
    tell('file', `expected a path inside the project folder, got ${show(path)}`)
  } else if (typeof name === 'string' && !existsSync(join(sources.root, path))) {
    tell('file', `there is no ${path}`)
  }
  const lanes = fields.get('lanes') ?? 'all'
  if (lanes !== 'all' && lanes !== 'one') {
    tell('lanes', `expected "all" or "one", got ${show(lanes)}`)
  }
  if (sources.problems.list.length > before) return undefined
  return { name: name as string, file: path as string, lanes: lanes as 'all' | 'one' }
}

function isInside(path: string): boolean {
  return path !== '' && !isAbsolute(path) && !path.split(/[\\/]/).includes('..')
}

// --- routes.lua, proto/

function loadRoutes(sources: Sources, file: string): RoutesConfig {
  if (!existsSync(join(sources.root, file))) return noRoutes
  const evaluated = evaluate(sources, file)
  if (evaluated === undefined) return noRoutes
  return new RoutesCheck(file, evaluated, sources.problems).run()
}

/** The texts; that they can be parsed is found out here as well, before any lane starts. */
function loadProtos(sources: Sources, folder: string): ProtoFile[] {
  const protos = filesOf(sources, folder, '.proto').map((name) => {
    const path = `${folder}/${name}`
    return { path, text: readFileSync(join(sources.root, path), 'utf8') }
  })
  try {
    if (protos.length > 0) declaredRpcs(protos)
  } catch (error) {
    sources.problems.add({ file: folder, line: undefined, field: '', message: messageOf(error) })
  }
  return protos
}

// --- tables

/** The names of a folder's files with this ending; none when there is no folder. */
function filesOf(sources: Sources, folder: string, ending: string): string[] {
  const path = join(sources.root, folder)
  if (!existsSync(path)) return []
  return readdirSync(path)
    .filter((name) => name.endsWith(ending))
    .sort()
}

function loadTableFolder(sources: Sources, folder: string): TableConfig[] {
  const tables: TableConfig[] = []
  const checked = new Map<string, CheckedTable>()
  for (const fileName of filesOf(sources, folder, '.lua')) {
    const name = fileName.slice(0, -'.lua'.length)
    const file = `${folder}/${fileName}`
    if (!/^[A-Za-z_]\w*$/.test(name)) {
      const message = 'expected a file name of letters, digits and _ (config.tables.NAME)'
      sources.problems.add({ file, line: undefined, field: '', message })
      continue
    }
    const evaluated = evaluate(sources, file, tablePrelude)
    if (evaluated === undefined) continue
    const schema = schemaOf(evaluated.value)
    if (schema === undefined) {
      tables.push({ name, file, value: evaluated.value, rowCount: undefined })
      continue
    }
    const table = new TableCheck(file, evaluated, sources.problems).run(schema)
    checked.set(name, table)
    tables.push({ name, file, value: table.value, rowCount: table.rowCount })
  }
  checkReferences(checked, sources.problems)
  return tables
}

// --- schema

function loadSchemaFolder(sources: Sources, folder: string): DatabaseTable[] {
  return filesOf(sources, folder, '.lua').flatMap((fileName) => {
    const file = `${folder}/${fileName}`
    const evaluated = evaluate(sources, file, databasePrelude)
    if (evaluated === undefined) return []
    const name = fileName.slice(0, -'.lua'.length)
    return new DatabaseTableCheck(name, file, evaluated, sources.problems).run() ?? []
  })
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}
