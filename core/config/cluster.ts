// config/cluster.lua: the hosts of a game that run as master and slaves, and which of them this one is.
//
// Core thread and tools. Without the file there is no cluster. What a node's row says (ports, id) goes
// over config/host.lua and under the command line. Nothing is thrown: problems are added to the list.

import { createHash } from 'node:crypto'
import { limits } from '../base/limits.ts'
import { type Evaluated, evaluate, type Sources } from './evaluate.ts'
import { checkSection, choice, integer, port, type Section, text } from './fields.ts'
import { plainPairs } from './lua-values.ts'
import { show } from './problems.ts'
import type { ClusterConfig, ClusterNode, HostOverrides, RoutesConfig } from './types.ts'

type Settings = Pick<ClusterConfig, 'secret' | 'leaseMs' | 'tokenMs' | 'route'>
type NodeFields = Omit<ClusterNode, 'name'>

const settings: Section<Settings> = {
  secret: text('', /^.{16,256}$/, 'a secret of 16 to 256 characters, as from env'),
  leaseMs: integer(limits.clusterLeaseMs, 300, 60_000),
  tokenMs: integer(limits.clusterTokenMs, 1000, 60_000),
  route: text('login.handler.enter', /^[A-Za-z_]\w*\.handler\.\w+$/, 'the route of a handler'),
}

const nodeFields: Section<NodeFields> = {
  role: choice('slave', ['master', 'slave']),
  host: text('127.0.0.1', /^[\w.:-]{1,255}$/, 'an address that other nodes and clients reach'),
  id: integer(1, 0, 1023),
  rpc: integer(7400, 1, 65535),
  tcp: port(7300),
  ws: port(7301),
  http: port(false),
}

const nodeName = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/

/**
 * Reads config/cluster.lua.
 * @param name of this host
 * @returns undefined when something is wrong, which is among the problems then
 */
export function loadCluster(
  sources: Sources,
  file: string,
  name: string,
): ClusterConfig | undefined {
  const before = sources.problems.list.length
  const evaluated = evaluate(sources, file)
  if (evaluated === undefined) return undefined
  const { nodes: found, ...rest } = Object.fromEntries(plainPairs(evaluated.value) ?? [])
  const problem = (field: string, message: string): void => {
    const line = evaluated.positions.lineOf(field.split('.'))
    sources.problems.add({ file, line, field, message })
  }
  const own = checkSettings(sources, file, evaluated, rest)
  if (own.secret === '') problem('secret', `expected ${settings.secret.expected}`)
  const nodes = (plainPairs(found ?? {}) ?? []).map(([key, value]): ClusterNode => {
    if (typeof key !== 'string' || !nodeName.test(key)) {
      problem('nodes', `expected name = { ... } for each node, got ${show(key)}`)
    }
    const where = { file, section: String(key), value, positions: undefined }
    return { name: String(key), ...checkSection<NodeFields>(nodeFields, where, sources.problems) }
  })
  const masters = nodes.filter((node) => node.role === 'master')
  if (masters.length !== 1) problem('nodes', `expected one master, got ${masters.length}`)
  const ids = new Set(nodes.map((node) => node.id))
  if (ids.size !== nodes.length) problem('nodes', 'every node needs an id of its own')
  const self = nodes.find((node) => node.name === name)
  if (self === undefined) {
    const names = nodes.map((node) => node.name).join(', ')
    problem('nodes', `there is no node '${name}'; start with --node and one of ${names}`)
  }
  const [master] = masters
  if (sources.problems.list.length > before || self === undefined || master === undefined) {
    return undefined
  }
  return { ...own, nodes, self, master }
}

function checkSettings(
  sources: Sources,
  file: string,
  { positions }: Evaluated,
  rest: Readonly<Record<string, unknown>>,
): Settings {
  const value = rest as Parameters<typeof plainPairs>[0]
  const lines = { lineOf: ([, ...path]: readonly (string | number)[]) => positions.lineOf(path) }
  const where = { file, section: 'cluster', value, positions: lines as typeof positions }
  return checkSection<Settings>(settings, where, sources.problems)
}

/** What a node's row says in place of config/host.lua. */
export function clusterOverrides({ self }: ClusterConfig): HostOverrides {
  const { id, host, rpc, tcp, ws, http } = self
  return { node: { id }, listen: { tcp, ws, http }, rpc: { host, port: rpc } }
}

/** The token of RPC where config/host.lua sets none: whoever knows the cluster's secret knows it. */
export function clusterRpcToken({ secret }: ClusterConfig): string {
  return createHash('sha256').update(`rpc:${secret}`).digest('base64url')
}

/** The routes with those nodes of the cluster that config/routes.lua does not name. */
export function withClusterNodes(routes: RoutesConfig, { nodes }: ClusterConfig): RoutesConfig {
  const known = new Set(routes.nodes.map((node) => node.name))
  const more = nodes
    .filter((node) => !known.has(node.name))
    .map(({ name, host, rpc }) => ({ name, host, port: rpc, weight: 1 }))
  return { ...routes, nodes: [...routes.nodes, ...more] }
}
