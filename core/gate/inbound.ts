// Messages on their way from a socket to a lane: read, allowed or refused, handed on or held back.
//
// Core thread. A session's messages reach its lane in the order they came. What is refused here
// (unknown route, not logged in) is answered only when nothing is in flight, so no answer overtakes.
// Reading from a session stops when its window is used up or its lane has no room; the one message
// that was decoded by then is held, and goes before anything read later. Nothing is dropped.

import { assert } from '../base/assert.ts'
import { encodeClientJson } from '../base/utf8.ts'
import { message } from '../thread/messages.ts'
import type { TurnClock } from '../thread/turn-clock.ts'
import type { GateStats, Lanes } from './gate-options.ts'
import type { InFlight } from './in-flight.ts'
import { decodeMessage, MessageView, messageType } from './message-codec.ts'
import type { Outbox } from './outbox.ts'
import type { PackageDecoder } from './package-codec.ts'
import type { RouteDictionary } from './route-dictionary.ts'
import type { RouteStats } from './route-stats.ts'
import { type Session, sessionState } from './session.ts'
import type { GateTracer } from './trace.ts'

/** What the message path needs of the gate. */
export interface InboundOptions {
  readonly lanes: Lanes
  readonly outbox: Outbox
  readonly inFlight: InFlight
  readonly stats: GateStats
  readonly routeStats: RouteStats
  readonly turnClock: TurnClock
  readonly dictionary: RouteDictionary
  readonly isPublic: (route: string) => boolean
  readonly kick: (session: Session, reason: string) => void
  /** What the session's decoder said of the bytes that it went on with. */
  readonly decoded: (session: Session, status: ReturnType<PackageDecoder['feed']>) => void
}

export class Inbound {
  dictionary: RouteDictionary
  isPublic: (route: string) => boolean
  /** Hears of every message while somebody traces. */
  tracer: GateTracer | undefined
  readonly #options: InboundOptions
  readonly #view = new MessageView()
  /** Sessions that wait for room in their lane's ring. */
  readonly #blocked = new Set<Session>()
  /** When the message that is being read came in. */
  #receivedMs = 0

  constructor(options: InboundOptions) {
    this.#options = options
    this.dictionary = options.dictionary
    this.isPublic = options.isPublic
  }

  /** Sessions that are not read from, because their lane has no room. */
  get blockedSessions(): number {
    return this.#blocked.size
  }

  /** The session is closing: what was held of it is nobody's any more. */
  forget(session: Session): void {
    session.held = undefined
    this.#blocked.delete(session)
  }

  /** Takes up reading where it stopped, if nothing stands in the way any more. */
  readOn(session: Session): void {
    if (!session.paused || session.state === sessionState.closing) return
    const held = session.held
    if (held !== undefined) {
      session.held = undefined
      this.#receivedMs = held.receivedMs
      if (
        !this.#forward(session, held.kind, held.id, held.routeCode, held.body, 0, held.body.length)
      )
        return
    }
    const status = session.decoder.resume()
    if (status !== 'ok') return this.#options.decoded(session, status)
    session.paused = false
    session.transport.resume()
  }

  /** After a turn: lets those read on whose lane has room again. */
  unblock(): void {
    if (this.#blocked.size === 0) return
    const blocked = [...this.#blocked]
    this.#blocked.clear()
    for (const session of blocked) {
      if (this.#options.lanes.hasRoom(session.lane)) this.readOn(session)
      else this.#blocked.add(session)
    }
  }

  /** One data package; returns false when reading must stop. */
  message(session: Session, bytes: Buffer, start: number, end: number): boolean {
    const view = this.#view
    const refused = decodeMessage(bytes, start, end, view)
    if (refused !== undefined) {
      this.#options.kick(session, `a message could not be read: ${refused}`)
      return false
    }
    if (view.compressedBody) {
      this.#options.kick(session, 'compressed bodies are not supported')
      return false
    }
    const kind = view.type === messageType.request ? message.request : message.notify
    const code = view.routeCode || (this.dictionary.codeOf(view.route) ?? 0)
    this.#receivedMs = this.#options.turnClock.nowMs()
    return this.#forward(session, kind, view.id, code, bytes, view.bodyStart, view.bodyEnd)
  }

  /** Hands a message on or answers it; returns false when reading must stop. */
  #forward(
    session: Session,
    kind: number,
    id: number,
    routeCode: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): boolean {
    const refusal = this.#refusal(session, routeCode)
    if (refusal !== undefined) {
      if (session.inFlight > 0) return this.#hold(session, kind, id, routeCode, bytes, start, end)
      if (kind === message.request) this.#refuse(session, id, routeCode, refusal)
      return true
    }
    if (session.movingTo >= 0 || session.inFlight >= session.window) {
      return this.#hold(session, kind, id, routeCode, bytes, start, end)
    }
    const { lane } = session
    if (!this.#options.lanes.tryRequest(lane, kind, session.id, id, routeCode, bytes, start, end)) {
      this.#blocked.add(session)
      return this.#hold(session, kind, id, routeCode, bytes, start, end)
    }
    session.inFlight++
    this.#options.inFlight.push(session, kind, id, routeCode, this.#receivedMs)
    if (kind === message.request) {
      this.#options.stats.requests++
      this.#options.routeStats.request(routeCode)
    } else {
      this.#options.stats.notifies++
      this.#options.routeStats.notify(routeCode)
    }
    if (this.tracer !== undefined) this.#traceIn(session, kind, id, routeCode, bytes, start, end)
    return session.inFlight < session.window
  }

  #refuse(
    session: Session,
    id: number,
    routeCode: number,
    refusal: { code: number; message: string },
  ): void {
    const body = encodeClientJson(JSON.stringify(refusal))
    // A code that no route has would make a row of its own for every number a client thinks of.
    const counted = this.dictionary.routeOf(routeCode) === undefined ? 0 : routeCode
    this.#options.routeStats.error(counted, refusal.code)
    this.tracer?.event('reply', session, this.routeName(routeCode), id, body, 0)
    this.#options.outbox.response(session, id, body, true)
  }

  #traceIn(
    session: Session,
    kind: number,
    id: number,
    routeCode: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    const name = kind === message.request ? 'request' : 'notify'
    const body = bytes.subarray(start, end)
    this.tracer?.event(name, session, this.routeName(routeCode), id, body)
  }

  /** The name of a code, or '' for a code that no route has. */
  routeName(code: number): string {
    return this.dictionary.routeOf(code) ?? ''
  }

  /** Why this session may not call this route, as the client is told; undefined when it may. */
  #refusal(session: Session, code: number): { code: number; message: string } | undefined {
    const route = this.dictionary.routeOf(code)
    if (route === undefined) return { code: 404, message: 'no such route' }
    if (session.state === sessionState.bound || this.isPublic(route)) return undefined
    return { code: 401, message: 'log in first' }
  }

  #hold(
    session: Session,
    kind: number,
    id: number,
    routeCode: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): false {
    assert(session.held === undefined, 'a session holds one message at most')
    session.held = {
      kind,
      id,
      routeCode,
      body: Buffer.from(bytes.subarray(start, end)),
      receivedMs: this.#receivedMs,
    }
    session.paused = true
    session.transport.pause()
    return false
  }

  /** One message in the lane less. */
  settled(session: Session): void {
    session.inFlight--
    assert(session.inFlight >= 0, `session ${session.id} was answered twice`)
    if (session.paused) this.readOn(session)
  }
}
