// Another node, as this one calls it: one connection, which is made when it is needed and made anew
// when it is lost.
//
// Core thread. Calls are sent only when the other side has said who it is (its incarnation), because a
// call that was sent once may be sent again to the same process and to no other. Which calls are
// under way is the client's business (client.ts); this file knows their number.
//
//   idle ── connect ──▶ connecting ── its NodeInfo ──▶ open
//    ▲                      │ failed                     │ lost, silent for three heartbeats
//    └──── nobody waits ── pausing ◀─────────────────────┘
//                           └─ somebody waits, the pause is over ─▶ connecting

import { connect } from 'node:net'
import type { Clock } from '../base/clock.ts'
import type { Timers } from '../timer/timers.ts'
import type { Candidate } from './balance.ts'
import { type BreakerRules, CircuitBreaker } from './circuit-breaker.ts'
import {
  decodeResponse,
  type RequestEnvelope,
  type ResponseEnvelope,
  requestFrameBytesMax,
  writeRequestFrame,
} from './envelope.ts'
import { FramedSocket, type FramedSocketLimits, type TurnFlush } from './framed-socket.ts'
import { decodeNodeInfo, encodeHello, type Hello } from './node-info.ts'
import type { RouteNode } from './route-table.ts'

export interface PeerRules extends FramedSocketLimits {
  readonly connectMs: number
  readonly heartbeatMs: number
  readonly reconnectFirstMs: number
  readonly reconnectMsMax: number
  readonly breaker: BreakerRules
}

export interface PeerParts {
  readonly rules: PeerRules
  readonly hello: Hello
  readonly turn: TurnFlush
  readonly timers: Timers
  readonly clock: Clock
  /** From 0 to below 1. */
  readonly random: () => number
}

export interface PeerEvents {
  /** Calls may be sent now. */
  opened(peer: Peer): void
  response(peer: Peer, response: ResponseEnvelope): void
  /** The connection is gone, or could not be made. */
  lost(peer: Peer, reason: string): void
  /** Whether anybody waits for the connection. */
  isWanted(peer: Peer): boolean
}

/** A heartbeat goes unanswered this many times before the connection is given up. */
const silentBeatsMax = 3

const heartbeat: Omit<RequestEnvelope, 'body'> = {
  id: 0,
  service: '',
  method: '',
  timeoutMs: 0,
  traceId: '',
  idempotencyKey: '',
  key: '',
}

export class Peer implements Candidate {
  readonly name: string
  readonly breaker: CircuitBreaker
  readonly #parts: PeerParts
  readonly #events: PeerEvents
  #node: RouteNode
  #socket: FramedSocket | undefined
  #state: 'idle' | 'connecting' | 'open' | 'pausing' = 'idle'
  #incarnation = ''
  #saysDraining = false
  #isRetired = false
  #failures = 0
  #timer = 0
  #beat = 0
  #silentBeats = 0
  /** Calls that it has not answered yet. */
  inFlight = 0
  /** Another one is looked for just now. */
  isPassedOver = false
  /** Times that the connection was made. */
  connects = 0

  constructor(node: RouteNode, parts: PeerParts, events: PeerEvents) {
    this.name = node.name
    this.#node = node
    this.#parts = parts
    this.#events = events
    this.breaker = new CircuitBreaker(parts.rules.breaker, parts.clock, parts.random)
  }

  get weight(): number {
    return this.#node.weight
  }

  get usable(): boolean {
    return !this.isPassedOver && !this.isDraining && this.breaker.allows
  }

  get isDraining(): boolean {
    return this.#isRetired || this.#node.draining || this.#saysDraining
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get state(): string {
    return this.#state
  }

  /** Of the process at the other end, as it says itself; '' until it has. */
  get incarnation(): string {
    return this.#incarnation
  }

  get address(): string {
    return `${this.#node.host}:${this.#node.port}`
  }

  /** The table knows something new of it. */
  update(node: RouteNode): void {
    const isElsewhere = node.host !== this.#node.host || node.port !== this.#node.port
    this.#isRetired = false
    this.#node = node
    if (isElsewhere) this.#socket?.destroy('the node has moved to another address')
  }

  /** The table does not know it any more: it gets no new calls, and goes when it has none. */
  retire(): void {
    this.#isRetired = true
  }

  /** Makes a connection when there is none. */
  want(): void {
    if (this.#state === 'idle') this.#connect()
  }

  /** Sends one request; only while open. */
  send(request: RequestEnvelope, id: number, timeoutMs: number): void {
    const socket = this.#socket
    if (socket === undefined) return
    const slab = socket.reserve(requestFrameBytesMax(request))
    socket.commit(writeRequestFrame(slab, socket.at, request, id, timeoutMs))
  }

  close(reason: string): void {
    this.#setTimer(0)
    this.#state = 'idle'
    this.#isRetired = true
    this.#socket?.destroy(reason)
  }

  #connect(): void {
    const { rules, turn } = this.#parts
    const { host, port } = this.#node
    this.#state = 'connecting'
    this.#incarnation = ''
    this.#saysDraining = false
    const tcp = connect({ host, port, keepAlive: true })
    const socket: FramedSocket = new FramedSocket(tcp, turn, rules, {
      message: (bytes, start, end) => this.#message(socket, bytes, start, end),
      closed: (reason) => this.#closed(socket, reason),
    })
    this.#socket = socket
    tcp.once('connect', () => this.#sendHello())
    this.#setTimer(rules.connectMs, () => {
      socket.destroy(`no answer within ${rules.connectMs} ms`)
    })
  }

  #sendHello(): void {
    this.send({ ...heartbeat, body: encodeHello(this.#parts.hello) }, 0, 0)
  }

  #message(socket: FramedSocket, bytes: Buffer, start: number, end: number): boolean {
    const response = decodeResponse(bytes, start, end)
    if (response === undefined) {
      socket.destroy('it sent something that is no Response')
    } else if (response.id !== 0) {
      this.#events.response(this, response)
    } else {
      this.#hears(socket, response)
    }
    return true
  }

  /** A heartbeat's answer, or news that nobody has asked for. */
  #hears(socket: FramedSocket, response: ResponseEnvelope): void {
    const info = response.code === 0 ? decodeNodeInfo(response.body) : undefined
    if (info === undefined) return socket.destroy(response.error || 'it does not say who it is')
    if (info.node !== this.name) {
      return socket.destroy(`node ${info.node} answers at the address of node ${this.name}`)
    }
    this.#saysDraining = info.draining
    if (this.#state !== 'connecting') return
    this.#incarnation = info.incarnation
    this.#state = 'open'
    this.#failures = 0
    this.#silentBeats = 0
    this.connects++
    this.#setTimer(0)
    this.#beat = this.#parts.timers.every(this.#parts.rules.heartbeatMs, () => this.#heartbeat())
    this.#events.opened(this)
  }

  #heartbeat(): void {
    const socket = this.#socket
    if (socket === undefined) return
    this.#silentBeats = socket.heard ? 0 : this.#silentBeats + 1
    socket.heard = false
    if (this.#silentBeats >= silentBeatsMax) {
      return socket.destroy(`nothing was heard of it for ${silentBeatsMax} heartbeats`)
    }
    if (this.#isRetired && this.inFlight === 0) return this.close('the node was taken out')
    this.#sendHello()
  }

  #closed(socket: FramedSocket, reason: string): void {
    if (socket !== this.#socket) return
    const { rules, timers, random } = this.#parts
    this.#socket = undefined
    if (this.#beat !== 0) timers.cancel(this.#beat)
    this.#beat = 0
    const wasEnded = this.#state === 'idle'
    this.#state = 'pausing'
    if (wasEnded) this.#state = 'idle'
    else {
      const most = Math.min(rules.reconnectMsMax, rules.reconnectFirstMs * 2 ** this.#failures++)
      // Half of the pause is chance, so that callers of a restarted node do not come all at once.
      this.#setTimer(most * (0.5 + 0.5 * random()), () => this.#pauseOver())
    }
    this.#events.lost(this, reason)
  }

  #pauseOver(): void {
    if (this.#events.isWanted(this)) this.#connect()
    else this.#state = 'idle'
  }

  #setTimer(ms: number, fire?: () => void): void {
    const { timers } = this.#parts
    if (this.#timer !== 0) timers.cancel(this.#timer)
    this.#timer = 0
    if (fire === undefined) return
    this.#timer = timers.after(ms, () => {
      this.#timer = 0
      fire()
    })
  }
}
