// The master: who is where, and where who comes next goes.
//
// Core thread. All placing passes through here, one at a time for each uid. A player stays where he is
// while that slave's life lasts; only when it is certain that it has ended is he placed anew:
//
//   certain = another life of that node is known, or
//             our own grant to it has ended, and we give it none any more, and Redis has no entry of
//             it and has promised to take none any more (registry.giveUp)
//
// A master that was started anew knows nobody. It grants and learns (report), and places nobody until
// every slave of config/cluster.lua has reported or is certainly gone; what its predecessor granted
// has ended one lease after its start. While it is away nothing is placed, so nothing can go wrong.

import { randomBytes } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { ClusterConfig, ClusterNode } from '../config/types.ts'
import {
  type ClusterCall,
  type LeaveRequest,
  type PrepareRequest,
  protocolVersion,
  type ReleaseRequest,
  type RenewAnswer,
  type RenewRequest,
  type ReportRequest,
} from './protocol.ts'
import { signToken } from './token.ts'

/** The registry, as far as the master needs it. */
export interface MasterRegistry {
  /** The life of a node's entry; undefined when there is none. */
  lifeOf(node: string): string | undefined
  isCertain(): boolean
  refresh(): Promise<void>
  /** Never a lease for this life again; false when it has one, or nobody can tell. */
  giveUp(node: string, life: string): Promise<boolean>
}

export interface MasterParts {
  readonly config: ClusterConfig
  readonly clock: Clock
  readonly registry: MasterRegistry
  readonly call: ClusterCall
  readonly sleep: (ms: number) => Promise<void>
  readonly log: (level: 'info' | 'warn', text: string, data: object) => void
}

interface Grant {
  readonly life: string
  readonly endsMs: number
  readonly draining: boolean
  players: number
  isReported: boolean
}

interface Place {
  readonly node: string
  readonly life: string
  readonly epoch: number
}

/** Where a client goes. */
export interface Redirect {
  readonly node: ClusterNode
  readonly token: string
}

export class Master {
  readonly stats = { placed: 0, moved: 0, refused: 0, givenUp: 0 }
  readonly #parts: MasterParts
  readonly #slaves: readonly ClusterNode[]
  readonly #startedMs: number
  readonly #grants = new Map<string, Grant>()
  readonly #places = new Map<string, Place>()
  /** Lives that are certainly over: they get no lease any more. */
  readonly #over = new Set<string>()
  /** Lives of which that is being found out: they are not answered meanwhile. */
  readonly #judged = new Map<string, Promise<boolean>>()
  /** The last placing of a uid that is under way. */
  readonly #queues = new Map<string, Promise<unknown>>()
  #isFormed = false
  #lastEpoch = 0

  constructor(parts: MasterParts) {
    this.#parts = parts
    this.#slaves = parts.config.nodes.filter((node) => node.role === 'slave')
    this.#startedMs = parts.clock.monotonicMs()
  }

  get players(): number {
    return this.#places.size
  }

  /** It knows where everybody is. */
  get isFormed(): boolean {
    this.#isFormed ||= this.#slaves.every((slave) => this.#isKnown(slave.name))
    return this.#isFormed
  }

  // --- what slaves say ----------------------------------------------------------------------------

  renew(request: RenewRequest): RenewAnswer {
    const { node, life, players, draining, left } = request
    const before = this.#grants.get(node)
    const isOurs = this.#slaves.some((slave) => slave.name === node)
    const isGivenUp = !isOurs || this.#over.has(life) || request.version !== protocolVersion
    if (isGivenUp) return { granted: false, wantsReport: false }
    if (this.#judged.has(life)) throw new HostError('OVERLOADED', 'ask again')
    if (before !== undefined && before.life !== life) this.#end(node, before.life)
    const endsMs = this.#parts.clock.monotonicMs() + this.#parts.config.leaseMs
    const isReported = before?.life === life && before.isReported
    this.#grants.set(node, { life, endsMs, draining, players, isReported })
    for (const uid of left) {
      const place = this.#places.get(uid)
      if (place?.node === node && place.life === life) this.#places.delete(uid)
    }
    return { granted: true, wantsReport: !isReported }
  }

  /** The slave has let go of everybody and will not come back in this life. */
  leave({ node, life }: LeaveRequest): void {
    if (this.#slaves.some((slave) => slave.name === node)) this.#end(node, life)
  }

  report({ node, life, players }: ReportRequest): void {
    const grant = this.#grants.get(node)
    if (grant?.life !== life || this.#over.has(life)) return
    for (const [uid, epoch] of players) {
      this.#lastEpoch = Math.max(this.#lastEpoch, epoch)
      const known = this.#places.get(uid)
      if (known === undefined || known.epoch < epoch) this.#places.set(uid, { node, life, epoch })
    }
    grant.isReported = true
    this.#parts.log('info', `${node} has told who is there`, { node, players: players.length })
  }

  // --- placing ------------------------------------------------------------------------------------

  /**
   * Finds a slave for a player and prepares it.
   * @param context LuaValue bytes of one value
   * @throws HostError OVERLOADED: nothing was done, and the client may try again
   */
  place(uid: string, context: Buffer): Promise<Redirect> {
    const before = this.#queues.get(uid) ?? Promise.resolve()
    const placing = before.then(
      () => this.#place(uid, context),
      () => this.#place(uid, context),
    )
    this.#queues.set(uid, placing)
    const done = (): void => {
      if (this.#queues.get(uid) === placing) this.#queues.delete(uid)
    }
    placing.then(done, () => {
      this.stats.refused++
      done()
    })
    return placing
  }

  async #place(uid: string, context: Buffer): Promise<Redirect> {
    await this.#untilFormed()
    const known = this.#places.get(uid)
    if (known !== undefined && !(await this.#judge(known.node, known.life))) {
      if (this.#grants.get(known.node)?.draining !== true) {
        return this.#prepare(uid, known.node, known.life, context)
      }
      await this.#release(uid, known)
      this.stats.moved++
    }
    const tried = new Set<string>()
    let last: unknown
    for (let i = 0; i < limits.clusterPlaceTriesMax; i++) {
      const slave = this.#leastFull(tried)
      if (slave === undefined) break
      tried.add(slave.node)
      try {
        return await this.#prepare(uid, slave.node, slave.life, context)
      } catch (error) {
        // Without its token nobody can come there, so another slave may be asked.
        last = error
      }
    }
    throw last ?? new HostError('OVERLOADED', 'no server can take players now; try again')
  }

  async #prepare(uid: string, node: string, life: string, context: Buffer): Promise<Redirect> {
    const { config, clock, call } = this.#parts
    const epoch = Math.max(this.#lastEpoch + 1, clock.wallMs())
    this.#lastEpoch = epoch
    const nonce = randomBytes(12).toString('base64url')
    const { tokenMs, secret } = config
    const endsMs = clock.wallMs() + tokenMs
    const request: PrepareRequest = {
      life,
      uid,
      epoch,
      nonce,
      tokenMs,
      context: context.toString('base64'),
    }
    await call<object>(node, 'prepare', request, limits.clusterCallMs)
    if (this.#isOver(node, life))
      throw new HostError('OVERLOADED', 'its server has gone; try again')
    this.#places.set(uid, { node, life, epoch })
    const grant = this.#grants.get(node)
    if (grant !== undefined) grant.players++
    this.stats.placed++
    const target = this.#slaves.find((slave) => slave.name === node) as ClusterNode
    return { node: target, token: signToken({ uid, node, epoch, endsMs, nonce }, secret) }
  }

  async #release(uid: string, { node, life }: Place): Promise<void> {
    const request: ReleaseRequest = { life, uid }
    await this.#parts.call<object>(node, 'release', request, limits.clusterCallMs)
    this.#places.delete(uid)
  }

  async #untilFormed(): Promise<void> {
    const { clock, sleep } = this.#parts
    const endsMs = clock.monotonicMs() + limits.clusterFormMs
    while (!this.isFormed) {
      await this.#parts.registry.refresh()
      if (this.isFormed) return
      if (clock.monotonicMs() >= endsMs) {
        const text = 'the cluster is being put together; try again'
        throw new HostError('OVERLOADED', text)
      }
      await sleep(limits.clusterFormLookMs)
    }
  }

  #leastFull(tried: ReadonlySet<string>): { node: string; life: string } | undefined {
    const nowMs = this.#parts.clock.monotonicMs()
    let best: { node: string; life: string } | undefined
    let fewest = Number.POSITIVE_INFINITY
    for (const { name } of this.#slaves) {
      const grant = this.#grants.get(name)
      if (grant === undefined || tried.has(name) || grant.draining) continue
      if (grant.endsMs <= nowMs || !grant.isReported || this.#isOver(name, grant.life)) continue
      if (grant.players >= fewest) continue
      fewest = grant.players
      best = { node: name, life: grant.life }
    }
    return best
  }

  // --- who is certainly gone ----------------------------------------------------------------------

  /** Whether a life is known to be over. */
  #isOver(node: string, life: string): boolean {
    const grant = this.#grants.get(node)
    if (grant !== undefined && grant.life !== life) this.#end(node, life)
    return this.#over.has(life)
  }

  /** Whether a life is certainly over: nobody plays in it any more. */
  #judge(node: string, life: string): Promise<boolean> {
    if (this.#isOver(node, life)) return Promise.resolve(true)
    const { clock, config, registry } = this.#parts
    const grant = this.#grants.get(node)
    const endsMs = Math.max(grant?.endsMs ?? 0, this.#startedMs + config.leaseMs)
    if (clock.monotonicMs() < endsMs) return Promise.resolve(false)
    const before = this.#judged.get(life)
    if (before !== undefined) return before
    const judged = registry.giveUp(node, life).then((isOver) => {
      this.#judged.delete(life)
      if (isOver) this.#end(node, life)
      return isOver
    })
    this.#judged.set(life, judged)
    return judged
  }

  #end(node: string, life: string): void {
    if (this.#over.has(life)) return
    this.#over.add(life)
    if (this.#over.size > limits.clusterLivesMax) {
      const [oldest] = this.#over
      this.#over.delete(oldest as string)
    }
    this.stats.givenUp++
    let players = 0
    for (const [uid, place] of this.#places) {
      if (place.life !== life) continue
      this.#places.delete(uid)
      players++
    }
    this.#parts.log('warn', `${node} is gone; its players are placed anew`, { node, players })
  }

  /** For a master that was just started: nobody can be at this node whom it does not know. */
  #isKnown(node: string): boolean {
    if (this.#grants.get(node)?.isReported === true) return true
    const { clock, config, registry } = this.#parts
    if (clock.monotonicMs() < this.#startedMs + config.leaseMs) return false
    return registry.isCertain() && registry.lifeOf(node) === undefined && !this.#grants.has(node)
  }
}
