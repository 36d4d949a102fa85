// This host as a part of its cluster: registry, RPC, and its half, master or slave, put together.
//
// Core thread. Opened before the lanes start (`init` may ask for the role), given the gate when there is
// one. Lua reaches it by `cluster.place` on the master and `cluster.accept` on a slave.

import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { Clock } from '../base/clock.ts'
import { HostError, messageOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { ClusterConfig, HostConfig } from '../config/types.ts'
import { type NodeEntry, RedisRegistry } from '../rpc/registry-redis.ts'
import { closeRedis, openRedis } from '../store/redis-connection.ts'
import type { Timers } from '../timer/timers.ts'
import { type ClusterMethods, type ClusterRpc, openClusterRpc } from './cluster-rpc.ts'
import { Master, type Redirect } from './master.ts'
import type { LeaveRequest, RenewAnswer, RenewRequest, ReportRequest } from './protocol.ts'
import { type Arrival, Slave, type SlaveGate } from './slave.ts'

export interface ClusterParts {
  readonly config: HostConfig & { readonly cluster: ClusterConfig }
  readonly clock: Clock
  readonly timers: Timers
  readonly schedule: () => void
  /** Asked late: the gate is opened after the lanes. */
  readonly gate: () => SlaveGate | undefined
  readonly log: (level: 'info' | 'warn', text: string, data: object) => void
}

/** What status and `drain-node` show. */
export interface ClusterReport {
  readonly node: string
  readonly role: 'master' | 'slave'
  readonly players: number
  /** Master: it knows where everybody is. Slave: it holds its lease. */
  readonly isReady: boolean
  readonly isDraining: boolean
  readonly registry: 'up' | 'down'
  readonly nodes: readonly string[]
}

export class Cluster {
  readonly config: ClusterConfig
  readonly #parts: ClusterParts
  readonly #incarnation = randomUUID()
  readonly #connections: readonly [Redis, Redis]
  readonly #registry: RedisRegistry
  readonly master: Master | undefined
  readonly slave: Slave | undefined
  #rpc: ClusterRpc | undefined
  #timer = 0
  #isDraining = false
  #isStopped = false

  private constructor(parts: ClusterParts) {
    this.#parts = parts
    const { config, clock, timers, log } = parts
    const { cluster } = config
    this.config = cluster
    const connect = (what: string) => openRedis(config.redis.url, what, log)
    this.#connections = [connect('the registry'), connect('the registry’s events')]
    const [redis, events] = this.#connections
    this.#registry = new RedisRegistry({
      redis,
      events,
      prefix: `${config.redis.prefix}cluster:`,
      leaseMs: cluster.leaseMs,
      clock,
      timers,
      changed: () => {},
      replaced: () => this.slave?.replaced(),
      log,
    })
    if (cluster.self.role === 'master') {
      this.master = new Master({
        config: cluster,
        clock,
        registry: {
          lifeOf: (node) => this.#registry.entries.get(node)?.incarnation,
          isCertain: () => this.#registry.isCertain,
          refresh: () => this.#registry.refresh(),
          giveUp: (node, life) => this.#registry.giveUp(node, life),
        },
        call: (node, method, body, timeoutMs) => this.#call(node, method, body, timeoutMs),
        sleep: (ms) => new Promise((resolve) => timers.after(ms, () => resolve())),
        log,
      })
    } else {
      const gate: SlaveGate = {
        isBound: (uid) => parts.gate()?.isBound(uid) === true,
        kick: (uid, reason) => parts.gate()?.kick(uid, reason),
        kickAll: (reason) => parts.gate()?.kickAll(reason),
      }
      this.slave = new Slave({
        config: cluster,
        clock,
        gate,
        registryLeaseEndsMs: () => this.#registry.leaseEndsMs,
        lifeChanged: () => this.#announce(),
        log,
      })
    }
  }

  /** @throws HostError PORT_IN_USE */
  static async open(parts: ClusterParts): Promise<Cluster> {
    const cluster = new Cluster(parts)
    try {
      const { config, clock, timers, schedule, log } = parts
      cluster.#rpc = await openClusterRpc({
        config: config.cluster,
        incarnation: cluster.#incarnation,
        methods: cluster.#methods(),
        clock,
        timers,
        schedule,
        log,
      })
    } catch (error) {
      await cluster.close()
      throw error
    }
    return cluster
  }

  /** Clients can come: the others may know. */
  start(): void {
    this.#announce()
    if (this.slave === undefined) return
    const beatMs = Math.floor(this.config.leaseMs / 3)
    this.#timer = this.#parts.timers.every(beatMs, () => void this.#renew())
    void this.#renew()
  }

  /** Before each turn of the core: a lease that has ended ends everything else first. */
  readonly beforeTurn = (): void => this.slave?.check()

  readonly afterTurn = (): void => this.#rpc?.flush()

  /** Master only. @throws HostError */
  place(uid: string, context: Buffer): Promise<Redirect> {
    if (this.master === undefined) {
      throw new HostError('FORBIDDEN', 'cluster.place is for the master; this is a slave')
    }
    return this.master.place(uid, context)
  }

  /** Slave only. @throws HostError */
  accept(token: string): Arrival {
    if (this.slave === undefined) {
      throw new HostError('FORBIDDEN', 'cluster.accept is for slaves; this is the master')
    }
    return this.slave.accept(token)
  }

  /** Why a uid may not be bound here; undefined when it may. */
  bindRefusal(uid: string): string | undefined {
    if (this.slave !== undefined) return this.slave.bindRefusal(uid)
    return 'this node is the master of a cluster: answer with cluster.place'
  }

  /** Nobody new comes here from now on; who is here may stay. */
  drain(): void {
    this.#isDraining = true
    if (this.slave !== undefined) this.slave.isDraining = true
    this.#announce()
    void this.#renew()
  }

  report(): ClusterReport {
    const { self } = this.config
    return {
      node: self.name,
      role: self.role,
      players: (this.master ?? this.slave)?.players ?? 0,
      isReady: this.master?.isFormed ?? this.slave?.isLive ?? false,
      isDraining: this.#isDraining,
      registry: this.#registry.isUp ? 'up' : 'down',
      nodes: [...this.#registry.entries.keys()].sort(),
    }
  }

  /** Takes this node out of the registry and ends its connections. */
  async close(): Promise<void> {
    this.#isStopped = true
    if (this.#timer !== 0) this.#parts.timers.cancel(this.#timer)
    if (this.slave !== undefined && this.#rpc !== undefined) {
      const bye = { node: this.config.self.name, life: this.slave.life }
      const told = this.#call(this.config.master.name, 'leave', bye, limits.clusterLeaveMs)
      // A master that is away finds it out by the lease.
      await told.catch(() => {})
    }
    await this.#registry.remove()
    this.#registry.stop()
    this.#rpc?.close()
    for (const redis of this.#connections) closeRedis(redis)
  }

  // ------------------------------------------------------------------------------------------------

  #call<T>(node: string, method: string, body: object, timeoutMs: number): Promise<T> {
    if (this.#rpc !== undefined) return this.#rpc.call<T>(node, method, body, timeoutMs)
    return Promise.reject(new HostError('OVERLOADED', 'this node is starting'))
  }

  #methods(): ClusterMethods {
    const { master, slave } = this
    if (master !== undefined) {
      return {
        renew: (request: RenewRequest) => master.renew(request),
        report: (request: ReportRequest) => master.report(request),
        leave: (request: LeaveRequest) => master.leave(request),
      }
    }
    return slave === undefined
      ? {}
      : {
          prepare: (request: Parameters<Slave['prepare']>[0]) => slave.prepare(request),
          release: (request: Parameters<Slave['release']>[0]) => slave.release(request),
        }
  }

  #announce(): void {
    if (this.#isStopped) return
    const { self } = this.config
    const entry: NodeEntry = {
      name: self.name,
      incarnation: this.slave?.life ?? this.#incarnation,
      host: self.host,
      port: self.rpc,
      weight: 1,
      draining: this.#isDraining,
      services: [],
      meta: { role: self.role },
    }
    this.#registry.announce(entry)
  }

  /** Asks the master for the lease; one that does not answer is no news. */
  async #renew(): Promise<void> {
    const { slave, config } = this
    if (slave === undefined || this.#isStopped) return
    const request = slave.renewal()
    const sentMs = this.#parts.clock.monotonicMs()
    const { name } = config.master
    try {
      const answer = await this.#call<RenewAnswer>(name, 'renew', request, config.leaseMs / 2)
      slave.renewed(request, answer, sentMs)
      if (!answer.wantsReport) return
      await this.#call<object>(name, 'report', slave.report(), config.leaseMs)
    } catch (error) {
      if (!(error instanceof HostError)) throw error
      this.#parts.log('info', `the master has not renewed the lease: ${messageOf(error)}`, {})
    }
  }
}
