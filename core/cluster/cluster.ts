// This host as a part of its cluster: its half, master or slave, on the registry and RPC.
//
// Core thread. Opened before the lanes start (`init` may ask for the role), given the gate when there is
// one. Lua reaches it by `cluster.place` on the master and `cluster.accept` on a slave.

import type { Clock } from '../base/clock.ts'
import { HostError, messageOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { ClusterConfig } from '../config/types.ts'
import type { RpcHandler } from '../rpc/incoming-call.ts'
import type { RedisRegistry } from '../rpc/registry-redis.ts'
import type { WriteLease } from '../thread/write-lease.ts'
import type { Timers } from '../timer/timers.ts'
import { type ClusterMethods, clusterHandler } from './cluster-rpc.ts'
import { Master, type Redirect } from './master.ts'
import type {
  ClusterCall,
  LeaveRequest,
  RenewAnswer,
  RenewRequest,
  ReportRequest,
} from './protocol.ts'
import { type Arrival, Slave, type SlaveGate, type SlaveLanes } from './slave.ts'

export interface ClusterParts {
  readonly config: ClusterConfig
  readonly clock: Clock
  readonly timers: Timers
  readonly registry: RedisRegistry
  /** A slave has begun a new life: the registry has to know, and lanes have to be new. */
  readonly fenced: (why: string) => void
  readonly lanes: SlaveLanes
  readonly writeLease: WriteLease
  readonly call: ClusterCall
  /** Asked late: the gate is opened after the lanes. */
  readonly gate: () => SlaveGate | undefined
  readonly log: (level: 'info' | 'warn', text: string, data: object) => void
}

export class Cluster {
  readonly config: ClusterConfig
  readonly #parts: ClusterParts
  readonly master: Master | undefined
  readonly slave: Slave | undefined
  #timer = 0
  #isStopped = false

  constructor(parts: ClusterParts) {
    this.#parts = parts
    const { config, clock, registry, timers, call, log } = parts
    this.config = config
    if (config.self.role === 'master') {
      this.master = new Master({
        config,
        clock,
        registry: {
          lifeOf: (node) => registry.entries.get(node)?.incarnation,
          isCertain: () => registry.isCertain,
          refresh: () => registry.refresh(),
          giveUp: (node, life) => registry.giveUp(node, life),
        },
        call,
        sleep: (ms) => new Promise((resolve) => timers.after(ms, () => resolve())),
        log,
      })
    } else {
      this.slave = new Slave({
        config,
        clock,
        gate: {
          isBound: (uid) => parts.gate()?.isBound(uid) === true,
          kick: (uid, reason) => parts.gate()?.kick(uid, reason),
          kickAll: (reason) => parts.gate()?.kickAll(reason),
        },
        lanes: parts.lanes,
        writeLease: parts.writeLease,
        registryLeaseEndsMs: () => registry.leaseEndsMs,
        fenced: parts.fenced,
        log,
      })
    }
  }

  /** What other nodes may ask: the service `cluster`. */
  get handler(): RpcHandler {
    return clusterHandler(this.#methods())
  }

  /** Clients can come: a slave asks for its lease from now on. */
  start(): void {
    if (this.slave === undefined) return
    const beatMs = Math.floor(this.config.leaseMs / 3)
    this.#timer = this.#parts.timers.every(beatMs, () => void this.#renew())
    void this.#renew()
  }

  /** Before each turn of the core: a lease that has ended ends everything else first. */
  readonly beforeTurn = (): void => this.slave?.check()

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

  /** Another process has the name of this node: this one takes part no more. */
  replaced(): void {
    this.#isStopped = true
    if (this.#timer !== 0) this.#parts.timers.cancel(this.#timer)
    this.slave?.giveUp('another process runs under the name of this node')
  }

  /** Nobody new comes here from now on; who is here may stay. */
  drain(): void {
    if (this.slave === undefined) return
    this.slave.isDraining = true
    void this.#renew()
  }

  /** Master: all players; slave: those who are here or on their way. */
  get players(): number {
    return (this.master ?? this.slave)?.players ?? 0
  }

  /** Master: it knows where everybody is. Slave: players may come. */
  get isReady(): boolean {
    return this.master?.isFormed ?? this.slave?.isLive ?? false
  }

  /** Tells the master that nobody is here any more. */
  async close(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    if (this.#timer !== 0) this.#parts.timers.cancel(this.#timer)
    if (this.slave === undefined) return
    const { config } = this
    const bye: LeaveRequest = { node: config.self.name, life: this.slave.life }
    // A master that is away finds it out by the lease.
    await this.#parts.call(config.master.name, 'leave', bye, limits.clusterLeaveMs).catch(() => {})
  }

  // ------------------------------------------------------------------------------------------------

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

  /** Asks the master for the lease; one that does not answer is no news. */
  async #renew(): Promise<void> {
    const { slave, config } = this
    if (slave === undefined || this.#isStopped) return
    const request = slave.renewal()
    const sentMs = this.#parts.clock.monotonicMs()
    const { name } = config.master
    try {
      const answer = await this.#parts.call<RenewAnswer>(name, 'renew', request, config.leaseMs / 2)
      slave.renewed(request, answer, sentMs)
      if (!answer.wantsReport) return
      await this.#parts.call<object>(name, 'report', slave.report(), config.leaseMs)
    } catch (error) {
      if (!(error instanceof HostError)) throw error
      this.#parts.log('info', `the master has not renewed the lease: ${messageOf(error)}`, {})
    }
  }
}
