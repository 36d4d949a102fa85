// Calls to other nodes: chooses one, sends, waits, sends again where that is allowed.
//
// Core thread. Every call ends exactly once, by its answer or with an error, at its deadline at the
// latest. What may be sent again:
//   - a call that no node has begun (it was never sent, or the answer says `not_run`): to another node;
//   - a call with an idempotency key whose answer is missing: to the same process, which knows by the
//     key whether it has run. A process that was started anew does not, so such a call fails.
// Both within the retry budget, but for a call that was never sent. Everything else is sent once.
// A late answer (its call has ended, or was sent again) finds nobody: it is dropped and counted.

import { assert } from '../base/assert.ts'
import type { ErrorCode } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { BalanceName } from '../config/types.ts'
import type { Balancer } from './balance.ts'
import { ConsistentHash } from './balance-hash.ts'
import { LeastLoaded } from './balance-least-loaded.ts'
import { RandomChoice } from './balance-random.ts'
import { RoundRobin } from './balance-round-robin.ts'
import { Weighted } from './balance-weighted.ts'
import { Deadlines } from './deadlines.ts'
import type { ResponseEnvelope } from './envelope.ts'
import { failed, type Outcome } from './outcome.ts'
import { Peer, type PeerParts, type PeerRules } from './peer.ts'
import { type CallRequest, PendingCall } from './pending-call.ts'
import { RetryBudget } from './retry-budget.ts'
import type { ResolvedRoute, RouteTable } from './route-table.ts'
import { RpcStats } from './rpc-stats.ts'

export interface ClientRules extends PeerRules {
  readonly inFlightMax: number
  readonly attemptMs: number
  readonly attemptsMax: number
  readonly retryShare: number
  readonly retriesSavedMax: number
}

export const defaultClientRules: ClientRules = {
  frameBytesMax: limits.rpcFrameBytesMax,
  queueBytesMax: limits.rpcQueueBytesMax,
  connectMs: limits.rpcConnectMs,
  heartbeatMs: limits.rpcHeartbeatMs,
  reconnectFirstMs: limits.rpcReconnectFirstMs,
  reconnectMsMax: limits.rpcReconnectMsMax,
  breaker: {
    failuresInRowMax: limits.rpcFailuresInRowMax,
    window: limits.rpcFailureWindow,
    openMs: limits.rpcCircuitOpenMs,
    openMsMax: limits.rpcCircuitOpenMsMax,
  },
  inFlightMax: limits.rpcInFlightMax,
  attemptMs: limits.rpcAttemptMs,
  attemptsMax: limits.rpcAttemptsMax,
  retryShare: limits.rpcRetryShare,
  retriesSavedMax: limits.rpcRetriesSavedMax,
}

export interface ClientParts extends Omit<PeerParts, 'rules'> {
  readonly rules: ClientRules
  readonly routes: RouteTable
  /** Carries out a call that the routes give to this very node. */
  readonly local: (request: CallRequest, end: (outcome: Outcome) => void) => void
  readonly log: (level: 'info' | 'warn', text: string, data: object) => void
}

/** Counters that belong to no method. */
export interface ClientCounts {
  /** Answers that came when nobody waited any more. */
  lateReplies: number
  /** Messages sent again. */
  retries: number
  /** Messages sent. */
  sent: number
}

interface Route {
  readonly resolved: ResolvedRoute
  readonly balancer: Balancer
  readonly peers: readonly Peer[]
}

const dueKind = { deadline: 0, attempt: 1 } as const
/** Times that one call may go to yet another node. */
const movesMax = 2

export class RpcClient {
  readonly stats = new RpcStats()
  readonly counts: ClientCounts = { lateReplies: 0, retries: 0, sent: 0 }
  readonly budget: RetryBudget
  readonly #parts: ClientParts
  readonly #peers = new Map<string, Peer>()
  #routes = new Map<string, Route>()
  /** By the id of the message that was sent last, or that will be. */
  readonly #calls = new Map<number, PendingCall>()
  readonly #deadlines: Deadlines
  #lastId = 0
  #isStopped = false

  constructor(parts: ClientParts) {
    this.#parts = parts
    const { rules, clock, timers, routes } = parts
    this.budget = new RetryBudget(rules.retryShare, rules.retriesSavedMax)
    this.#deadlines = new Deadlines(clock, timers, (id, kind) => this.#due(id, kind))
    routes.onChange(() => this.#routesChanged())
    this.#routesChanged()
  }

  /** The nodes that were called, or can be. */
  get peers(): readonly Peer[] {
    return [...this.#peers.values()]
  }

  get inFlight(): number {
    return this.#calls.size
  }

  /** Calls a method. `end` is called once; never before this returns, unless nothing could be sent. */
  call(request: CallRequest, end: (outcome: Outcome) => void): void {
    const numbers = this.stats.method(request.service, request.method)
    numbers.began()
    const nowMs = this.#parts.clock.monotonicMs()
    const call = new PendingCall(request, numbers, nowMs, end)
    this.budget.earn()
    const { hello, local } = this.#parts
    if (this.#isStopped) return this.#finish(call, notSent('SHUTTING_DOWN', 'this node stops'))
    const peer = this.#choose(call)
    if (!(peer instanceof Peer)) return this.#finish(call, peer)
    if (peer.name === hello.node) return local(request, (outcome) => this.#finish(call, outcome))
    this.#take(call, peer)
  }

  /** Ends everything; calls under way fail. */
  stop(): void {
    this.#isStopped = true
    for (const call of [...this.#calls.values()]) {
      this.#end(call, failed('SHUTTING_DOWN', 'this node stops'))
    }
    this.#deadlines.stop()
    for (const peer of this.#peers.values()) peer.close('this node stops')
  }

  // --- where to -----------------------------------------------------------------------------------

  #choose(call: PendingCall): Peer | Outcome {
    if (call.node !== '') {
      const peer = this.#peers.get(call.node)
      if (peer === undefined) return notSent('NOT_FOUND', `there is no node '${call.node}'`)
      if (peer.breaker.allows) return peer
      return notSent('OVERLOADED', `node ${peer.name} fails too often; nothing is sent there now`)
    }
    const route = this.#routes.get(call.service)
    if (route === undefined) {
      return notSent('NOT_FOUND', `there is no service '${call.service}', here or on another node`)
    }
    const peer = route.peers[route.balancer.pick(route.peers, call.key)]
    if (peer !== undefined) return peer
    const text = `no node that serves '${call.service}' can be called now`
    return notSent('OVERLOADED', text)
  }

  #chooseAnother(call: PendingCall): Peer | Outcome {
    const { peer } = call
    if (peer === undefined) return this.#choose(call)
    peer.isPassedOver = true
    const next = this.#choose(call)
    peer.isPassedOver = false
    return next
  }

  #routesChanged(): void {
    const { routes } = this.#parts
    for (const node of routes.nodes) {
      const known = this.#peers.get(node.name)
      if (known !== undefined) known.update(node)
      else this.#peers.set(node.name, this.#newPeer(node))
    }
    for (const [name, peer] of this.#peers) {
      if (routes.node(name) !== undefined) continue
      peer.retire()
      if (peer.inFlight > 0) continue
      peer.close('the node was taken out')
      this.#peers.delete(name)
    }
    const before = this.#routes
    this.#routes = new Map()
    for (const resolved of routes.services) {
      const old = before.get(resolved.service)
      const peers = resolved.nodes.map(({ name }) => this.#peers.get(name) as Peer)
      const isSame = old?.resolved.balance === resolved.balance
      const balancer = isSame ? old.balancer : this.#newBalancer(resolved.balance)
      this.#routes.set(resolved.service, { resolved, balancer, peers })
    }
  }

  #newPeer(node: ConstructorParameters<typeof Peer>[0]): Peer {
    return new Peer(node, this.#parts, {
      opened: (peer) => this.#opened(peer),
      response: (peer, response) => this.#response(peer, response),
      lost: (peer, reason) => this.#lost(peer, reason),
      isWanted: (peer) => peer.inFlight > 0,
    })
  }

  #newBalancer(name: BalanceName): Balancer {
    switch (name) {
      case 'round_robin':
        return new RoundRobin()
      case 'random':
        return new RandomChoice(this.#parts.random)
      case 'weighted':
        return new Weighted()
      case 'least_loaded':
        return new LeastLoaded()
      case 'hash':
        return new ConsistentHash()
    }
  }

  // --- one call's way -----------------------------------------------------------------------------

  #take(call: PendingCall, peer: Peer): void {
    const { rules, clock } = this.#parts
    if (peer.inFlight >= rules.inFlightMax) {
      const text = `${rules.inFlightMax} calls to node ${peer.name} are under way already`
      return this.#finish(call, notSent('OVERLOADED', text))
    }
    call.peer = peer
    peer.inFlight++
    this.#name(call)
    call.deadline = this.#deadlines.add(call.leftMs(clock.monotonicMs()), call.id, dueKind.deadline)
    if (peer.isOpen) this.#send(call, peer)
    else peer.want()
  }

  /** Gives it the number under which its answer will come. */
  #name(call: PendingCall): void {
    do this.#lastId = (this.#lastId % 0xffffffff) + 1
    while (this.#calls.has(this.#lastId))
    call.id = this.#lastId
    this.#calls.set(call.id, call)
  }

  #send(call: PendingCall, peer: Peer): void {
    const { rules, clock } = this.#parts
    call.isSent = true
    call.incarnation = peer.incarnation
    call.attempts++
    this.counts.sent++
    peer.breaker.began()
    const leftMs = call.leftMs(clock.monotonicMs())
    peer.send(call, call.id, leftMs)
    if (!call.hasKey || call.attempts >= rules.attemptsMax) return
    const pauseMs = Math.max(rules.attemptMs, call.timeoutMs / 4) * 2 ** (call.attempts - 1)
    if (pauseMs < leftMs) {
      call.nextAttempt = this.#deadlines.add(pauseMs, call.id, dueKind.attempt)
    }
  }

  #opened(peer: Peer): void {
    for (const call of [...this.#calls.values()]) {
      if (call.peer !== peer || call.isSent) continue
      if (call.incarnation !== '' && call.incarnation !== peer.incarnation) {
        const text = `node ${peer.name} was restarted; the call may or may not have been carried out`
        this.#end(call, failed('OVERLOADED', text))
      } else {
        this.#send(call, peer)
      }
    }
  }

  #response(peer: Peer, response: ResponseEnvelope): void {
    const call = this.#calls.get(response.id)
    if (call === undefined || call.peer !== peer) {
      this.counts.lateReplies++
      return
    }
    if (response.code === 503) peer.breaker.failed()
    else peer.breaker.succeeded()
    if (response.notRun && this.#moves(call)) return
    this.#end(call, response)
  }

  /** It was not begun over there: lets another node do it. @returns false when none can */
  #moves(call: PendingCall): boolean {
    if (call.node !== '' || call.moves >= movesMax) return false
    const next = this.#chooseAnother(call)
    if (!(next instanceof Peer) || next === call.peer) return false
    if (next.inFlight >= this.#parts.rules.inFlightMax) return false
    if (call.isSent && !this.budget.take()) return false
    call.moves++
    this.#leave(call)
    if (next.name === this.#parts.hello.node) {
      this.#parts.local(this.#restOf(call), (outcome) => this.#finish(call, outcome))
      return true
    }
    if (call.isSent) this.#countRetry(call)
    call.isSent = false
    call.incarnation = ''
    this.#take(call, next)
    return true
  }

  #restOf(call: PendingCall): CallRequest {
    const { service, method, body, traceId, idempotencyKey, key, node } = call
    const timeoutMs = call.leftMs(this.#parts.clock.monotonicMs())
    return { service, method, body, timeoutMs, traceId, idempotencyKey, key, node }
  }

  #lost(peer: Peer, reason: string): void {
    if (this.#isStopped) return
    peer.breaker.failed()
    this.#parts.log('warn', `node ${peer.name} (${peer.address}): ${reason}`, { node: peer.name })
    for (const call of [...this.#calls.values()]) {
      if (call.peer !== peer) continue
      if (!call.isSent) this.#unsent(call, reason)
      else if (!call.hasKey || !this.#again(call)) this.#lostAnswer(call, reason)
    }
    peer.breaker.abandoned()
  }

  /** The connection could not be made, so it has not run, unless it was sent before. */
  #unsent(call: PendingCall, reason: string): void {
    if (call.incarnation === '' && this.#moves(call)) return
    if (call.hasKey) return // It waits for the connection, until its deadline.
    const text = `node ${call.peer?.name} cannot be reached: ${reason}`
    this.#end(call, notSent('OVERLOADED', text))
  }

  #lostAnswer(call: PendingCall, reason: string): void {
    const about = `the connection to node ${call.peer?.name} was lost (${reason})`
    const text = `${about}; the call may or may not have been carried out`
    this.#end(call, failed('OVERLOADED', text))
  }

  /** Sends it again to the same process, now or when it is connected. @returns false if that may not be */
  #again(call: PendingCall): boolean {
    const { peer } = call
    if (peer === undefined || call.attempts >= this.#parts.rules.attemptsMax) return false
    if (!this.budget.take()) return false
    this.#calls.delete(call.id)
    this.#forgetTimers(call)
    this.#countRetry(call)
    this.#name(call)
    const leftMs = call.leftMs(this.#parts.clock.monotonicMs())
    call.deadline = this.#deadlines.add(leftMs, call.id, dueKind.deadline)
    call.isSent = false
    if (peer.isOpen) this.#send(call, peer)
    else peer.want()
    return true
  }

  #countRetry(call: PendingCall): void {
    this.counts.retries++
    call.numbers.repeated++
  }

  #due(id: number, kind: number): void {
    const call = this.#calls.get(id)
    if (call === undefined) return
    if (kind === dueKind.attempt) {
      call.nextAttempt = 0
      if (call.isSent) this.#again(call)
      return
    }
    call.deadline = 0
    if (call.isSent) call.peer?.breaker.failed()
    const about = call.isSent ? 'did not answer' : 'could not be reached'
    const text = `${call.service}.${call.method}: node ${call.peer?.name} ${about} within ${call.timeoutMs} ms`
    this.#end(call, failed('TIMEOUT', text, { notRun: call.incarnation === '' }))
  }

  // --- the end ------------------------------------------------------------------------------------

  /** Takes it off its node. */
  #leave(call: PendingCall): void {
    this.#calls.delete(call.id)
    this.#forgetTimers(call)
    const { peer } = call
    assert(peer !== undefined, 'a call under way has a node')
    peer.inFlight--
    call.peer = undefined
    if (peer.inFlight > 0 || this.#parts.routes.node(peer.name) !== undefined) return
    peer.close('the node was taken out')
    this.#peers.delete(peer.name)
  }

  #forgetTimers(call: PendingCall): void {
    if (call.deadline !== 0) this.#deadlines.cancel(call.deadline)
    if (call.nextAttempt !== 0) this.#deadlines.cancel(call.nextAttempt)
    call.deadline = 0
    call.nextAttempt = 0
  }

  #end(call: PendingCall, outcome: Outcome): void {
    this.#leave(call)
    this.#finish(call, outcome)
  }

  #finish(call: PendingCall, outcome: Outcome): void {
    const tookMs = this.#parts.clock.monotonicMs() - call.startedMs
    call.numbers.ended(outcome.code, Math.round(tookMs * 1000))
    call.end(outcome)
  }
}

function notSent(code: ErrorCode, error: string): Outcome {
  return failed(code, error, { notRun: true })
}
