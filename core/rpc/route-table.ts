// Which nodes there are, and which of them serve what.
//
// Core thread. The table is laid together from two sources: config/routes.lua (`static`) and a registry
// that changes by itself. Each source is replaced whole; what both know of a node is taken from the
// registry, which knows of its restarts. Nothing here connects to anything: the client (client.ts)
// hears of changes and opens or ends its connections.

import type { BalanceName } from '../config/types.ts'

export interface RouteNode {
  readonly name: string
  readonly host: string
  /** Of its RPC listener. */
  readonly port: number
  /** Its share under `weighted` and `hash`; 1 where nothing is said. */
  readonly weight: number
  /** Another one after each start of its process; '' where nobody knows it. */
  readonly incarnation: string
  /** It takes nothing new. */
  readonly draining: boolean
}

export interface ServiceRoute {
  readonly service: string
  /** undefined: as the other source says, or round robin. */
  readonly balance: BalanceName | undefined
  /** Names of nodes. One that the table does not know (yet) is left out. */
  readonly nodes: readonly string[]
}

export interface Routes {
  readonly nodes: readonly RouteNode[]
  readonly services: readonly ServiceRoute[]
}

export type RouteSource = 'static' | 'registry'

/** A service as the client needs it. */
export interface ResolvedRoute {
  readonly service: string
  readonly balance: BalanceName
  /** By name. */
  readonly nodes: readonly RouteNode[]
}

export const noRoutes: Routes = { nodes: [], services: [] }

export class RouteTable {
  readonly #sources: Record<RouteSource, Routes> = { static: noRoutes, registry: noRoutes }
  #nodes = new Map<string, RouteNode>()
  #services = new Map<string, ResolvedRoute>()
  readonly #watchers: (() => void)[] = []

  /** Replaces what one source knows. */
  set(source: RouteSource, routes: Routes): void {
    this.#sources[source] = routes
    this.#merge()
    for (const watch of this.#watchers) watch()
  }

  /** Calls `watch` after each change. */
  onChange(watch: () => void): void {
    this.#watchers.push(watch)
  }

  node(name: string): RouteNode | undefined {
    return this.#nodes.get(name)
  }

  /** undefined for a service that no node is known to serve. */
  route(service: string): ResolvedRoute | undefined {
    return this.#services.get(service)
  }

  get nodes(): readonly RouteNode[] {
    return [...this.#nodes.values()]
  }

  get services(): readonly ResolvedRoute[] {
    return [...this.#services.values()]
  }

  #merge(): void {
    const { static: fixed, registry } = this.#sources
    this.#nodes = new Map([...fixed.nodes, ...registry.nodes].map((node) => [node.name, node]))
    const balances = new Map<string, BalanceName>()
    const names = new Map<string, Set<string>>()
    for (const { service, balance, nodes } of [...registry.services, ...fixed.services]) {
      if (balance !== undefined) balances.set(service, balance)
      const known = names.get(service) ?? new Set()
      for (const name of nodes) known.add(name)
      names.set(service, known)
    }
    this.#services = new Map()
    for (const [service, all] of names) {
      const nodes = [...all].sort().flatMap((name) => this.#nodes.get(name) ?? [])
      const balance = balances.get(service) ?? 'round_robin'
      if (nodes.length > 0) this.#services.set(service, { service, balance, nodes })
    }
  }
}
