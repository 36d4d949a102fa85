// A slave: who may play here, and until when this host may believe so.
//
// Core thread. Nobody plays here whom the master has not prepared, and nobody at all without a lease:
//
//   prepared ── token, once ──▶ arriving ── session:bind ──▶ live ──▶ left
//       └ token's time is over      └ 10 s                     └ release, fence
//
// The lease is given by two who need not both be there: Redis (the registry's entry) and the master.
// While either has renewed it within its time, the slave lives. When both have not, somebody may
// think it dead and place its players elsewhere: it lets go of all of them (fence) before that time,
// by its own monotonic clock, and begins a new life with nobody and with new lanes, so that no handler
// of the old one writes any more. The check is made before every turn of the core, so a process that
// was stopped for a minute lets go before it does anything else; and it tells those who write until
// when they may (write-lease.ts), because a process can be stopped in the middle of a turn too.

import { randomUUID } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { ClusterConfig } from '../config/types.ts'
import type { WriteLease } from '../thread/write-lease.ts'
import type {
  PrepareRequest,
  ReleaseRequest,
  RenewAnswer,
  RenewRequest,
  ReportRequest,
} from './protocol.ts'
import { protocolVersion } from './protocol.ts'
import { readToken } from './token.ts'

/** The gate, as far as a slave needs it. */
export interface SlaveGate {
  isBound(uid: string): boolean
  kick(uid: string, reason: string): void
  kickAll(reason: string): void
}

/** The lanes, as far as a slave needs them. */
export interface SlaveLanes {
  /** All of them run, and none is on its way out. */
  areUp(): boolean
  /** Some that had players of an earlier life may still write. */
  areEnding(): boolean
}

export interface SlaveParts {
  readonly config: ClusterConfig
  readonly clock: Clock
  readonly gate: SlaveGate
  readonly lanes: SlaveLanes
  /** Told at each check until when writes may take effect. */
  readonly writeLease: WriteLease
  /** Until when the registry's lease lasts, on the monotonic clock. */
  readonly registryLeaseEndsMs: () => number
  /** All was let go of, and the life is another one: nothing that game code is at may go on. */
  readonly fenced: (why: string) => void
  readonly log: (level: 'info' | 'warn', text: string, data: object) => void
}

interface Prepared {
  readonly epoch: number
  readonly nonce: string
  readonly context: Buffer
  readonly endsMs: number
}

/** What `cluster.accept` gives to Lua. */
export interface Arrival {
  readonly uid: string
  /** LuaValue bytes of one value. */
  readonly context: Buffer
}

export class Slave {
  readonly stats = { prepared: 0, accepted: 0, refused: 0, fenced: 0 }
  readonly #parts: SlaveParts
  #life = randomUUID()
  #isLive = false
  #masterLeaseEndsMs = 0
  isDraining = false
  readonly #prepared = new Map<string, Prepared>()
  readonly #arriving = new Map<string, { readonly epoch: number; readonly endsMs: number }>()
  /** Epochs of those who are bound here. */
  readonly #live = new Map<string, number>()

  constructor(parts: SlaveParts) {
    this.#parts = parts
  }

  get life(): string {
    return this.#life
  }

  /** It has a lease and its lanes run: players may come. */
  get isLive(): boolean {
    return this.#isLive
  }

  get players(): number {
    return this.#live.size
  }

  /** Takes the lease's state in; fences when it has ended. Before every turn. */
  check(): void {
    const { clock, config, lanes, registryLeaseEndsMs } = this.#parts
    const leaseEndsMs = Math.max(this.#masterLeaseEndsMs, registryLeaseEndsMs())
    // A part of the lease is left unused: clocks of two machines do not run alike.
    const endsMs = leaseEndsMs - config.leaseMs / 6
    const isHeld = clock.monotonicMs() < endsMs
    if (isHeld && !this.#isLive && lanes.areUp()) {
      this.#isLive = true
      this.#parts.log('info', 'the cluster lease is held: players may come', {})
    } else if (!isHeld && this.#isLive) {
      this.#fence('neither the master nor Redis has renewed the lease')
    }
    this.#lendWrites(endsMs)
  }

  // --- what the master asks -----------------------------------------------------------------------

  prepare(request: PrepareRequest): void {
    this.check()
    const { clock } = this.#parts
    if (!this.#isLive || request.life !== this.#life) {
      throw new HostError('OVERLOADED', 'this life of the node has no lease')
    }
    if (this.isDraining) throw new HostError('SHUTTING_DOWN', 'this node is draining')
    if (this.#prepared.size >= limits.clusterPreparedMax) this.#forgetOld()
    if (this.#prepared.size >= limits.clusterPreparedMax) {
      throw new HostError(
        'OVERLOADED',
        `${limits.clusterPreparedMax} players are on their way here`,
      )
    }
    this.stats.prepared++
    const { uid, epoch, nonce, tokenMs, context } = request
    const endsMs = clock.monotonicMs() + tokenMs
    this.#prepared.set(uid, { epoch, nonce, endsMs, context: Buffer.from(context, 'base64') })
  }

  release({ uid, life }: ReleaseRequest): void {
    if (life !== this.#life) return
    this.#prepared.delete(uid)
    this.#arriving.delete(uid)
    this.#live.delete(uid)
    this.#parts.gate.kick(uid, 'you are moved to another server; log in again')
  }

  // --- what the master is told --------------------------------------------------------------------

  renewal(): RenewRequest {
    this.#forgetOld()
    const left: string[] = []
    for (const uid of this.#live.keys()) {
      if (this.#parts.gate.isBound(uid)) continue
      this.#live.delete(uid)
      if (!this.#prepared.has(uid) && !this.#arriving.has(uid)) left.push(uid)
    }
    const { name } = this.#parts.config.self
    const players = this.#live.size + this.#prepared.size + this.#arriving.size
    const draining = this.isDraining
    return { version: protocolVersion, node: name, life: this.#life, players, draining, left }
  }

  /** @param sentMs when the request left, on the monotonic clock */
  renewed(request: RenewRequest, answer: RenewAnswer, sentMs: number): void {
    if (request.life !== this.#life) return
    if (answer.granted) {
      const endsMs = sentMs + this.#parts.config.leaseMs
      this.#masterLeaseEndsMs = Math.max(this.#masterLeaseEndsMs, endsMs)
      this.check()
    } else {
      this.#fence('the master has given this node up')
    }
  }

  report(): ReportRequest {
    const players = new Map<string, number>()
    for (const [uid, { epoch }] of this.#prepared) players.set(uid, epoch)
    for (const [uid, { epoch }] of this.#arriving) players.set(uid, epoch)
    for (const [uid, epoch] of this.#live) players.set(uid, Math.max(epoch, players.get(uid) ?? 0))
    return { node: this.#parts.config.self.name, life: this.#life, players: [...players] }
  }

  // --- what clients bring -------------------------------------------------------------------------

  /** Takes a token, once. @throws HostError FORBIDDEN or OVERLOADED, in words for the client */
  accept(text: string): Arrival {
    this.check()
    const { config, clock } = this.#parts
    const token = readToken(text, config.secret)
    const refuse = (why: string): HostError => {
      this.stats.refused++
      return new HostError('FORBIDDEN', `${why}; log in again`)
    }
    if (token === undefined) throw refuse('the token is not valid')
    if (token.node !== config.self.name) throw refuse('the token is for another server')
    if (!this.#isLive)
      throw new HostError('OVERLOADED', 'this server has lost its cluster; try again')
    const prepared = this.#prepared.get(token.uid)
    const isKnown = prepared?.nonce === token.nonce && prepared.epoch === token.epoch
    if (prepared === undefined || !isKnown) throw refuse('the token was used, or replaced')
    this.#prepared.delete(token.uid)
    if (prepared.endsMs <= clock.monotonicMs() || token.endsMs <= clock.wallMs()) {
      throw refuse('the token is too old')
    }
    this.stats.accepted++
    const endsMs = clock.monotonicMs() + limits.clusterArrivalMs
    this.#arriving.set(token.uid, { epoch: token.epoch, endsMs })
    return { uid: token.uid, context: prepared.context }
  }

  /** Asked by the gate before a uid is bound. @returns why not, or undefined */
  bindRefusal(uid: string): string | undefined {
    this.check()
    const arrival = this.#arriving.get(uid)
    if (!this.#isLive) return 'this server has lost its cluster; log in again'
    if (arrival === undefined || arrival.endsMs <= this.#parts.clock.monotonicMs()) {
      return 'only cluster.accept lets a player in on a slave'
    }
    this.#arriving.delete(uid)
    this.#live.set(uid, arrival.epoch)
    return undefined
  }

  /** This life is over, whatever lease it may still hold. */
  giveUp(why: string): void {
    this.#fence(why)
  }

  // ------------------------------------------------------------------------------------------------

  /** Without players there is nobody to write for but `init`, unless lanes of before are left. */
  #lendWrites(endsMs: number): void {
    const { lanes, writeLease } = this.#parts
    if (this.#isLive) writeLease.set(endsMs)
    else writeLease.set(lanes.areEnding() ? 0 : Number.POSITIVE_INFINITY)
  }

  #fence(why: string): void {
    const players = this.#live.size
    this.#isLive = false
    this.#parts.writeLease.set(0)
    this.stats.fenced++
    this.#life = randomUUID()
    this.#masterLeaseEndsMs = 0
    this.#prepared.clear()
    this.#arriving.clear()
    this.#live.clear()
    this.#parts.log('warn', `${why}: all players are let go`, { players })
    this.#parts.gate.kickAll('this server has lost its cluster; log in again')
    this.#parts.fenced(why)
  }

  #forgetOld(): void {
    const nowMs = this.#parts.clock.monotonicMs()
    for (const [uid, { endsMs }] of this.#prepared) {
      if (endsMs <= nowMs) this.#prepared.delete(uid)
    }
    for (const [uid, { endsMs }] of this.#arriving) {
      if (endsMs <= nowMs) this.#arriving.delete(uid)
    }
  }
}
