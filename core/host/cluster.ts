// This host among others: the registry in Redis, and its part of a cluster, where there are such.
//
// Core thread; a part of the composition root. The registry is used when Redis is on and RPC listens.

import { hostname } from 'node:os'
import type { ClusterReport, DrainNodeReport } from '../admin/admin-host.ts'
import { systemClock } from '../base/clock.ts'
import { Cluster } from '../cluster/cluster.ts'
import { clusterCaller } from '../cluster/cluster-rpc.ts'
import { clusterService } from '../cluster/protocol.ts'
import type { SlaveLanes } from '../cluster/slave.ts'
import type { HostConfig } from '../config/types.ts'
import type { Gate } from '../gate/gate.ts'
import { RedisRegistry } from '../rpc/registry-redis.ts'
import { closeRedis, openRedis } from '../store/redis-connection.ts'
import type { CorePump } from '../thread/core-pump.ts'
import type { WriteLease } from '../thread/write-lease.ts'
import type { Timers } from '../timer/timers.ts'
import type { HostRpc } from './rpc.ts'

export interface HostClusterParts {
  readonly config: HostConfig
  readonly timers: Timers
  readonly pump: CorePump
  readonly rpc: HostRpc
  /** Opened after the lanes, and so after this. */
  readonly gate: () => Gate | undefined
  readonly lanes: SlaveLanes
  readonly writeLease: WriteLease
  /** Ends all lanes and starts new ones. */
  readonly replaceLanes: (why: string) => void
  readonly log: (level: 'info' | 'warn', text: string, data: object) => void
}

export class HostCluster {
  /** Undefined without config/cluster.lua. */
  readonly cluster: Cluster | undefined
  readonly #parts: HostClusterParts
  readonly #registry: RedisRegistry | undefined
  readonly #closeRegistry: () => void = () => {}
  #isStarted = false
  #isDraining = false
  /** Another process has this node's name: this one must not take it back. */
  #isReplaced = false

  constructor(parts: HostClusterParts) {
    this.#parts = parts
    const { config, timers, pump, rpc, log } = parts
    const { redis, cluster } = config
    if (redis.url === '' || config.rpc.port === false) return
    const commands = openRedis(redis.url, 'the connection for the registry', log)
    const events = openRedis(redis.url, 'the connection for events of the registry', log)
    const registry = new RedisRegistry({
      redis: commands,
      events,
      prefix: `${redis.prefix}registry:`,
      leaseMs: cluster?.leaseMs ?? config.rpc.leaseMs,
      clock: systemClock,
      timers,
      changed: (routes) => rpc.routes.set('registry', routes),
      replaced: () => {
        this.#isReplaced = true
        this.cluster?.replaced()
      },
      givenUp: () => this.cluster?.slave?.giveUp('the master has given this node up'),
      log,
    })
    this.#registry = registry
    this.#closeRegistry = () => {
      registry.stop()
      closeRedis(commands)
      closeRedis(events)
    }
    if (cluster === undefined) return
    this.cluster = new Cluster({
      config: cluster,
      clock: systemClock,
      timers,
      registry,
      fenced: (why) => {
        parts.replaceLanes(why)
        this.#announce()
      },
      lanes: parts.lanes,
      writeLease: parts.writeLease,
      call: clusterCaller(() => rpc.client),
      gate: () => {
        const gate = parts.gate()
        return (
          gate && {
            isBound: (uid) => gate.sessions.byUid(uid) !== undefined,
            kick: (uid, reason) => gate.kick(gate.sessions.byUid(uid), reason),
            kickAll: (reason) => gate.kickAll(reason),
          }
        )
      },
      log,
    })
    rpc.dispatcher.addService(clusterService, this.cluster.handler)
    // First of all: a lease that has ended ends everything else.
    pump.beforeTurn(this.cluster.beforeTurn)
  }

  /** RPC listens, clients can come: the others may know. */
  start(): void {
    this.#isStarted = true
    this.#announce()
    this.cluster?.start()
  }

  /** This node takes nothing new from now on; what it has goes on to its end. */
  drain(): DrainNodeReport {
    this.#isDraining = true
    const { rpc, gate } = this.#parts
    void rpc.drain()
    if (this.cluster?.slave === undefined) gate()?.stopAccepting()
    else this.cluster.drain()
    this.#announce()
    return {
      node: this.#parts.config.node.name,
      sessions: gate()?.sessions.size ?? 0,
      calls: rpc.dispatcher.inFlight,
    }
  }

  report(): ClusterReport {
    const { config, gate } = this.#parts
    const registry = this.#registry
    return {
      node: config.node.name,
      role: config.cluster?.self.role ?? 'single',
      players: this.cluster?.players ?? gate()?.sessions.boundSize ?? 0,
      isReady: this.cluster?.isReady ?? true,
      isDraining: this.#isDraining,
      registry: registry === undefined ? 'off' : registry.isUp ? 'up' : 'down',
      nodes: [...(registry?.entries.keys() ?? [])].sort(),
    }
  }

  /** Takes this node out, when its lanes have ended. */
  async close(): Promise<void> {
    await this.cluster?.close()
    await this.#registry?.remove()
    this.#closeRegistry()
  }

  #announce(): void {
    if (!this.#isStarted || this.#isReplaced) return
    const { config, rpc } = this.#parts
    const { name } = config.node
    this.#registry?.announce({
      name,
      incarnation: this.cluster?.slave?.life ?? rpc.incarnation,
      host: reachable(config.rpc.host),
      port: rpc.server?.port ?? 0,
      weight: 1,
      draining: this.#isDraining,
      services: config.services.map((service) => service.name),
      meta: { role: this.cluster?.config.self.role ?? 'single' },
    })
  }
}

/** The name of this machine for a listener on all of its addresses. */
function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? hostname() : host
}
