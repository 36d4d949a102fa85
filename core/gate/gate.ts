// The gate: every rule between a socket and a lane.
//
// Core thread. Owns the sessions. Listeners hand it connections (transport.ts), it decodes what they
// send, refuses what breaks a rule, hands messages to lanes, and sends what lanes produce. Rules
// live here and nowhere else; nothing that a client sends can make this file throw.
//
//   socket ─▶ PackageDecoder ─▶ #package ─▶ #message ─▶ Lanes.tryRequest ══▶ lane
//                  ▲ pause when the window is used up, or the lane is full      ║
//   socket ◀─ Outbox ◀─ reply, push, broadcast, kick ◀═══ lane-messages.ts ◀════╝
//
// Order: a session's messages reach its lane in the order they came. What the gate answers itself
// (unknown route, not logged in) it answers only when nothing is in flight, so no answer overtakes.

import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { encodeClientJson } from '../base/utf8.ts'
import { message } from '../thread/messages.ts'
import { TurnClock } from '../thread/turn-clock.ts'
import type { Timers } from '../timer/timers.ts'
import { Channels } from './channels.ts'
import { encodeHandshakeRefusal, encodeHandshakeReply, parseHandshake } from './handshake.ts'
import { InFlight } from './in-flight.ts'
import { type Body, decodeMessage, encodeKick, MessageView, messageType } from './message-codec.ts'
import { Outbox } from './outbox.ts'
import { heartbeatPackage, PackageDecoder, packageType } from './package-codec.ts'
import type { RouteDictionary } from './route-dictionary.ts'
import { RouteStats } from './route-stats.ts'
import { Session, sessionState } from './session.ts'
import { SessionTable } from './session-table.ts'
import type { GateTracer } from './trace.ts'
import type { Accept, Transport, TransportEvents } from './transport.ts'

/** The lanes, as the gate sees them. */
export interface Lanes {
  /** The lane of a connection without a uid. */
  laneOfConnection(sid: number): number
  /** The lane of a uid: always the same one. */
  laneOfUid(uid: string): number
  tryRequest(
    lane: number,
    kind: number,
    sid: number,
    messageId: number,
    routeCode: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): boolean
  send(lane: number, kind: number, a: number, b: number, payload?: Uint8Array): void
  hasRoom(lane: number): boolean
}

export interface GateRules {
  readonly heartbeatS: number
  readonly connectionsMax: number
  readonly handshakeTimeoutMs: number
  readonly frameBytesMaxBeforeBind: number
  readonly frameBytesMax: number
  readonly outQueueBytesMax: number
  readonly outStallMs: number
  /** Messages of one session that may be in its lane. */
  readonly inboxMessagesMax: number
  /** Bytes held for a WebSocket client that sends on although its window is used up. */
  readonly unreadBytesMax: number
}

export interface GateOptions {
  readonly rules: GateRules
  readonly lanes: Lanes
  readonly timers: Timers
  readonly clock: Clock
  readonly dictionary: RouteDictionary
  /** Whether a route may be called before the uid is bound. */
  readonly isPublic: (route: string) => boolean
  /** Something came in or has to leave: asks for a turn of the pump. */
  readonly schedule: () => void
  readonly log: (level: 'debug' | 'info' | 'warn', text: string, data: object) => void
}

/** Numbers for status and metrics. */
export interface GateStats {
  accepted: number
  refused: number
  requests: number
  notifies: number
  kicks: number
  bytesIn: number
}

export class Gate {
  readonly sessions = new SessionTable()
  readonly channels = new Channels()
  readonly outbox: Outbox
  readonly stats: GateStats = {
    accepted: 0,
    refused: 0,
    requests: 0,
    notifies: 0,
    kicks: 0,
    bytesIn: 0,
  }
  readonly routeStats = new RouteStats()
  readonly inFlight = new InFlight()
  /** Hears of every message while somebody traces. */
  tracer: GateTracer | undefined
  readonly #options: GateOptions
  #rules: GateRules
  #dictionary: RouteDictionary
  #isPublic: (route: string) => boolean
  readonly #lanes: Lanes
  readonly #view = new MessageView()
  /** Sessions that wait for room in their lane's ring. */
  readonly #blocked = new Set<Session>()
  /** Sessions that closed on their way between two lanes: the new lane hears of both. */
  readonly #closedWhileMoving = new Map<number, Session>()
  readonly #turnClock: TurnClock
  /** When the message that is being read came in. */
  #receivedMs = 0
  #accepting = true

  constructor(options: GateOptions) {
    this.#options = options
    this.#rules = options.rules
    this.#dictionary = options.dictionary
    this.#isPublic = options.isPublic
    this.#lanes = options.lanes
    this.#turnClock = new TurnClock(options.clock)
    this.outbox = new Outbox(
      { queueBytesMax: options.rules.outQueueBytesMax, stallMs: options.rules.outStallMs },
      options.clock,
      (session, reason) => this.#dropSlow(session, reason),
    )
    options.timers.every(250, () => this.outbox.checkStalls())
  }

  /** For listeners: takes a connection, or ends it with a reason that the client can show. */
  readonly accept: Accept = (transport) => {
    const refusal = !this.#accepting
      ? 'the server is shutting down'
      : this.sessions.size >= this.#rules.connectionsMax
        ? 'the server is full'
        : undefined
    if (refusal !== undefined) {
      this.stats.refused++
      transport.send([encodeKick(refusal)])
      transport.end()
      return undefined
    }
    this.stats.accepted++
    return this.#open(transport)
  }

  /** Before-turn step: what lanes have to say now is not as old as what sockets said before. */
  readonly beforeTurn = (): void => this.#turnClock.expire()

  /** After-turn step: lets waiting sessions read on, then sends what the turn produced. */
  readonly afterTurn = (): void => {
    if (this.#blocked.size > 0) this.#unblock()
    this.outbox.flush()
    this.#turnClock.expire()
  }

  /** Sessions that are not read from, because their lane has no room. */
  get blockedSessions(): number {
    return this.#blocked.size
  }

  /**
   * A lane has answered a request.
   * @param errorCode the code of an error response, from 400 on; else 0
   */
  reply(sid: number, messageId: number, body: Body, errorCode: number): void {
    const session = this.sessions.get(sid)
    if (session === undefined) return
    const flight = this.inFlight.shift(session)
    const routeCode = this.inFlight.routeCode(flight)
    const latencyMs = this.#turnClock.nowMs() - this.inFlight.receivedMs(flight)
    this.routeStats.replied(routeCode, latencyMs)
    if (errorCode !== 0) this.routeStats.error(routeCode, errorCode)
    if (this.tracer !== undefined) {
      this.tracer.event('reply', session, this.#routeName(routeCode), messageId, body, latencyMs)
    }
    if (session.state !== sessionState.closing) {
      this.outbox.response(session, messageId, body, errorCode !== 0)
    }
    this.#settled(session)
  }

  /** A lane has handled a notify. */
  done(sid: number): void {
    const session = this.sessions.get(sid)
    if (session === undefined) return
    this.inFlight.shift(session)
    this.#settled(session)
  }

  push(session: Session | undefined, route: string, body: Body): void {
    if (session === undefined || session.state === sessionState.closing) return
    this.tracer?.event('push', session, route, 0, body)
    this.outbox.queue(session, this.outbox.encodePush(this.#wireRoute(session, route), body))
  }

  /** Encodes once for clients that know the dictionary and once for those that do not. */
  broadcast(channel: string, exceptSid: number, route: string, body: Body): void {
    const byDialect: [Uint8Array | undefined, Uint8Array | undefined] = [undefined, undefined]
    for (const session of this.channels.members(channel)) {
      if (session.id === exceptSid || session.state === sessionState.closing) continue
      const wire = this.#wireRoute(session, route)
      const slot = typeof wire === 'number' ? 1 : 0
      const encoded = byDialect[slot] ?? this.outbox.encodePush(wire, body)
      byDialect[slot] = encoded
      this.tracer?.event('push', session, route, 0, body)
      this.outbox.queue(session, encoded)
    }
  }

  joinChannel(sid: number, channel: string): void {
    const session = this.sessions.get(sid)
    if (session === undefined || this.channels.join(session, channel)) return
    this.#options.log('warn', 'session is in too many channels', { sid, uid: session.uid, channel })
  }

  leaveChannel(sid: number, channel: string): void {
    const session = this.sessions.get(sid)
    if (session !== undefined) this.channels.leave(session, channel)
  }

  /**
   * Binds a session to a uid, kicks the session that had it, and tells the lane that asked.
   * @param lane the lane that asked, and in which a coroutine waits under the number `wait`
   */
  bind(lane: number, sid: number, wait: number, uid: string): void {
    const session = this.sessions.get(sid)
    const refuse = (reason: string) =>
      this.#lanes.send(lane, message.bindResult, wait, 1, Buffer.from(reason))
    if (session === undefined) return refuse('the client has gone')
    if (session.uid === uid) {
      const owner = session.movingTo >= 0 ? session.movingTo : session.lane
      return this.#sendBound(lane, wait, owner)
    }
    if (session.state === sessionState.bound) {
      return refuse(`this session is bound to uid ${session.uid} already`)
    }
    const before = this.sessions.bind(session, uid)
    if (before !== undefined) this.kick(before, 'logged in from another place')
    session.state = sessionState.bound
    session.decoder.bodyBytesMax = this.#rules.frameBytesMax
    const owner = this.#lanes.laneOfUid(uid)
    if (owner === session.lane) session.window = this.#rules.inboxMessagesMax
    else session.movingTo = owner
    this.#sendBound(lane, wait, owner)
  }

  /** The old lane has let go of a session and hands over its data; the new lane takes it. */
  moved(sid: number, data: Uint8Array): void {
    const closed = this.#closedWhileMoving.get(sid)
    const session = closed ?? this.sessions.get(sid)
    assert(session !== undefined && session.movingTo >= 0, `session ${sid} moved without having to`)
    this.#arrive(session)
    this.#lanes.send(session.lane, message.sessionOpen, sid, 0, this.#describe(session, data))
    if (closed === undefined) return this.#readOn(session)
    this.#closedWhileMoving.delete(sid)
    this.#tellClosed(session)
  }

  /**
   * A lane is gone with all that it knew. What was under way in it is answered 503, its sessions are
   * opened anew for its successor, and those on their way out of it go on without their data. What
   * clients send meanwhile waits unread.
   */
  laneLost(lane: number): void {
    const reply = encodeClientJson('{"code":503,"message":"the server lost this; try again"}')
    for (const session of this.sessions) {
      if (session.lane !== lane) continue
      const isMoving = session.movingTo >= 0
      if (isMoving) this.#arrive(session)
      const isKnown = session.state === sessionState.ready || session.state === sessionState.bound
      if (isKnown) {
        const about = this.#describe(session, undefined, !isMoving)
        this.#lanes.send(session.lane, message.sessionOpen, session.id, 0, about)
      }
      while (session.flightFirst >= 0) {
        const { flightFirst } = session
        if (this.inFlight.kind(flightFirst) === message.notify) this.done(session.id)
        else this.reply(session.id, this.inFlight.messageId(flightFirst), reply, 503)
      }
      if (isMoving) this.#readOn(session)
    }
    for (const session of [...this.#closedWhileMoving.values()]) {
      if (session.lane === lane) this.moved(session.id, new Uint8Array(0))
    }
    this.#options.schedule()
  }

  /** From now on these routes are known; codes that clients have stay what they are. */
  setDictionary(dictionary: RouteDictionary): void {
    this.#dictionary = dictionary
  }

  /** New rules: what concerns a connection's start holds for new connections. */
  setRules(rules: GateRules, isPublic: (route: string) => boolean): void {
    this.#rules = rules
    this.#isPublic = isPublic
    this.outbox.limits = { queueBytesMax: rules.outQueueBytesMax, stallMs: rules.outStallMs }
  }

  /** Tells the client why, then closes. */
  kick(session: Session | undefined, reason: string): void {
    if (session === undefined || session.state === sessionState.closing) return
    this.stats.kicks++
    this.tracer?.event('kick', session, '', 0, Buffer.from(reason))
    this.outbox.queue(session, encodeKick(reason))
    this.outbox.flushSession(session)
    this.#close(session, reason)
    session.transport.end()
  }

  /** No new connections from now on; those that are open go on. */
  stopAccepting(): void {
    this.#accepting = false
  }

  kickAll(reason: string): void {
    for (const session of this.sessions) this.kick(session, reason)
  }

  /** The lane that it was moving to is its lane now. */
  #arrive(session: Session): void {
    session.lane = session.movingTo
    session.movingTo = -1
    session.window = this.#rules.inboxMessagesMax
  }

  // --- one connection ---------------------------------------------------------------------------

  #open(transport: Transport): TransportEvents {
    const session = this.sessions.open((id) => {
      const lane = this.#lanes.laneOfConnection(id)
      return new Session(id, transport, lane, this.#options.clock.monotonicMs())
    })
    session.decoder = new PackageDecoder(
      this.#rules.frameBytesMaxBeforeBind,
      (type, bytes, start, end) => this.#package(session, type, bytes, start, end),
    )
    session.timer = this.#options.timers.after(this.#rules.handshakeTimeoutMs, () => {
      session.timer = 0
      this.kick(session, 'no handshake in time')
    })
    return {
      data: (chunk) => this.#data(session, chunk),
      drained: () => this.outbox.drained(session),
      closed: () => {
        this.#close(session, session.closeReason || 'the client closed the connection')
        this.outbox.forget(session)
      },
    }
  }

  #data(session: Session, chunk: Buffer): void {
    if (session.state === sessionState.closing) return
    this.#options.schedule()
    this.stats.bytesIn += chunk.length
    this.#decoded(session, session.decoder.feed(chunk))
  }

  #decoded(session: Session, status: ReturnType<PackageDecoder['feed']>): void {
    if (status === 'ok' || session.state === sessionState.closing) return
    if (status === 'paused') {
      if (session.decoder.bufferedBytes > this.#rules.unreadBytesMax) {
        this.kick(session, 'too many messages without waiting for answers')
      } else if (!session.paused) {
        session.paused = true
        session.transport.pause()
      }
    } else if (status === 'too_large') {
      this.kick(session, `a package may have ${session.decoder.bodyBytesMax} bytes at most`)
    } else {
      this.kick(session, 'that is not a package of this protocol')
    }
  }

  /** Takes up reading where it stopped, if nothing stands in the way any more. */
  #readOn(session: Session): void {
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
    if (status !== 'ok') return this.#decoded(session, status)
    session.paused = false
    session.transport.resume()
  }

  #unblock(): void {
    const blocked = [...this.#blocked]
    this.#blocked.clear()
    for (const session of blocked) {
      if (this.#lanes.hasRoom(session.lane)) this.#readOn(session)
      else this.#blocked.add(session)
    }
  }

  /** One package; returns false when nothing more may be read for now. */
  #package(session: Session, type: number, bytes: Uint8Array, start: number, end: number): boolean {
    session.heard++
    switch (session.state) {
      case sessionState.handshake:
        if (type === packageType.handshake) this.#handshake(session, bytes.subarray(start, end))
        return true
      case sessionState.ack:
        if (type === packageType.handshakeAck) this.#ready(session)
        return true
      case sessionState.closing:
        return false
    }
    if (type === packageType.data) return this.#message(session, bytes as Buffer, start, end)
    if (type === packageType.heartbeat && session.handshake?.dialect === 'pomelo') {
      this.outbox.queue(session, heartbeatPackage)
    }
    return true
  }

  #handshake(session: Session, body: Uint8Array): void {
    const handshake = parseHandshake(body)
    if (!handshake.ok) {
      this.stats.refused++
      this.outbox.queue(session, encodeHandshakeRefusal(handshake.code, handshake.reason))
      this.outbox.flushSession(session)
      this.#close(session, handshake.reason)
      session.transport.end()
      return
    }
    session.handshake = handshake
    session.state = sessionState.ack
    const { heartbeatS } = this.#rules
    const reply = encodeHandshakeReply(handshake, {
      heartbeatS,
      dictionary: this.#dictionary,
    })
    session.dictionary = this.#dictionary
    this.outbox.queue(session, reply)
  }

  #ready(session: Session): void {
    session.state = sessionState.ready
    this.#options.timers.cancel(session.timer)
    session.timer = 0
    this.#lanes.send(session.lane, message.sessionOpen, session.id, 0, this.#describe(session))
    if (this.#rules.heartbeatS === 0) return
    this.outbox.queue(session, heartbeatPackage)
    session.heardAtBeat = session.heard
    session.timer = this.#options.timers.every(this.#rules.heartbeatS * 1000, () =>
      this.#beat(session),
    )
  }

  /** Two beats without a single package end the connection; pitaya clients want to be asked. */
  #beat(session: Session): void {
    if (session.heard !== session.heardAtBeat) session.silentBeats = 0
    // A paused socket is silent because we do not read it.
    else if (!session.paused) session.silentBeats++
    session.heardAtBeat = session.heard
    if (session.silentBeats >= 2) return this.kick(session, 'heartbeat missed')
    if (session.handshake?.dialect === 'pitaya') {
      this.outbox.queue(session, heartbeatPackage)
      this.#options.schedule()
    }
  }

  // --- messages ---------------------------------------------------------------------------------

  #message(session: Session, bytes: Buffer, start: number, end: number): boolean {
    const view = this.#view
    const refused = decodeMessage(bytes, start, end, view)
    if (refused !== undefined) {
      this.kick(session, `a message could not be read: ${refused}`)
      return false
    }
    if (view.compressedBody) {
      this.kick(session, 'compressed bodies are not supported')
      return false
    }
    const kind = view.type === messageType.request ? message.request : message.notify
    const code = view.routeCode || (this.#dictionary.codeOf(view.route) ?? 0)
    this.#receivedMs = this.#turnClock.nowMs()
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
    if (!this.#lanes.tryRequest(lane, kind, session.id, id, routeCode, bytes, start, end)) {
      this.#blocked.add(session)
      return this.#hold(session, kind, id, routeCode, bytes, start, end)
    }
    session.inFlight++
    this.inFlight.push(session, kind, id, routeCode, this.#receivedMs)
    if (kind === message.request) {
      this.stats.requests++
      this.routeStats.request(routeCode)
    } else {
      this.stats.notifies++
      this.routeStats.notify(routeCode)
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
    const counted = this.#dictionary.routeOf(routeCode) === undefined ? 0 : routeCode
    this.routeStats.error(counted, refusal.code)
    this.tracer?.event('reply', session, this.#routeName(routeCode), id, body, 0)
    this.outbox.response(session, id, body, true)
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
    this.tracer?.event(name, session, this.#routeName(routeCode), id, body)
  }

  #routeName(code: number): string {
    return this.#dictionary.routeOf(code) ?? ''
  }

  /** Why this session may not call this route, as the client is told; undefined when it may. */
  #refusal(session: Session, code: number): { code: number; message: string } | undefined {
    const route = this.#dictionary.routeOf(code)
    if (route === undefined) return { code: 404, message: 'no such route' }
    if (session.state === sessionState.bound || this.#isPublic(route)) return undefined
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
  #settled(session: Session): void {
    session.inFlight--
    assert(session.inFlight >= 0, `session ${session.id} was answered twice`)
    if (session.paused) this.#readOn(session)
  }

  // --- ends -------------------------------------------------------------------------------------

  #dropSlow(session: Session, reason: string): void {
    this.#options.log('info', 'session dropped', { sid: session.id, uid: session.uid, reason })
    this.stats.kicks++
    session.transport.send([encodeKick(reason)])
    this.#close(session, reason)
    session.transport.destroy()
  }

  /** Ends the session for everybody but its transport; harmless the second time. */
  #close(session: Session, reason: string): void {
    if (session.state === sessionState.closing) return
    const known = session.state === sessionState.ready || session.state === sessionState.bound
    session.state = sessionState.closing
    session.closeReason = reason
    session.held = undefined
    this.inFlight.clear(session)
    this.tracer?.event('close', session, '', 0, Buffer.from(reason))
    this.#blocked.delete(session)
    if (session.timer !== 0) this.#options.timers.cancel(session.timer)
    this.channels.leaveAll(session)
    this.sessions.close(session)
    if (!known) return
    if (session.movingTo >= 0) this.#closedWhileMoving.set(session.id, session)
    else this.#tellClosed(session)
    this.#options.schedule()
  }

  #tellClosed(session: Session): void {
    const reason = Buffer.from(session.closeReason)
    this.#lanes.send(session.lane, message.sessionClose, session.id, 0, reason)
  }

  #sendBound(asker: number, wait: number, owner: number): void {
    const payload = Buffer.allocUnsafe(2)
    payload.writeUInt16LE(owner, 0)
    this.#lanes.send(asker, message.bindResult, wait, 0, payload)
  }

  /** What a lane is told of a session: JSON, and the data that it carried in its last lane. */
  #describe(session: Session, data?: Uint8Array, isAttached = false): Uint8Array {
    const json = JSON.stringify({
      ip: session.transport.remoteAddress,
      transport: session.transport.kind,
      uid: session.uid,
      user: session.handshake?.userJson,
      ...(isAttached ? { attached: true } : {}),
    })
    const head = Buffer.allocUnsafe(4)
    const text = Buffer.from(json)
    head.writeUInt32LE(text.length, 0)
    return Buffer.concat(data === undefined ? [head, text] : [head, text, data])
  }

  #wireRoute(session: Session, route: string): number | string {
    if (session.handshake?.routeCodes !== true) return route
    return session.dictionary?.codeOf(route) ?? route
  }
}
