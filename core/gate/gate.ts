// The gate: every rule between a socket and a lane.
//
// Core thread. Owns the sessions. Listeners hand it connections (transport.ts), it decodes what they
// send, refuses what breaks a rule, hands messages to lanes, and sends what lanes produce. Rules
// live here and nowhere else; nothing that a client sends can make this file throw.
//
//   socket ─▶ PackageDecoder ─▶ #package ─▶ inbound.ts ─▶ Lanes.tryRequest ══▶ lane
//                  ▲ pause when the window is used up, or the lane is full      ║
//   socket ◀─ Outbox ◀─ reply, push, broadcast, kick ◀═══ lane-messages.ts ◀════╝
//
// This file: connections, from accept to close, and what lanes send to them. inbound.ts: messages on
// their way to a lane. session-moves.ts: which lane a session is in.

import { TurnClock } from '../thread/turn-clock.ts'
import { Channels } from './channels.ts'
import type { GateOptions, GateRules, GateStats } from './gate-options.ts'
import { encodeHandshakeRefusal, encodeHandshakeReply, parseHandshake } from './handshake.ts'
import { InFlight } from './in-flight.ts'
import { Inbound } from './inbound.ts'
import { type Body, encodeKick } from './message-codec.ts'
import { Outbox } from './outbox.ts'
import { heartbeatPackage, PackageDecoder, packageType } from './package-codec.ts'
import type { RouteDictionary } from './route-dictionary.ts'
import { RouteStats } from './route-stats.ts'
import { Session, sessionState } from './session.ts'
import { SessionMoves } from './session-moves.ts'
import { SessionTable } from './session-table.ts'
import type { GateTracer } from './trace.ts'
import type { Accept, Transport, TransportEvents } from './transport.ts'

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
  /** From a socket to a lane. */
  readonly inbound: Inbound
  /** From one lane to another. */
  readonly moves: SessionMoves
  readonly #options: GateOptions
  #rules: GateRules
  readonly #turnClock: TurnClock
  #accepting = true

  constructor(options: GateOptions) {
    this.#options = options
    this.#rules = options.rules
    this.#turnClock = new TurnClock(options.clock)
    this.outbox = new Outbox(
      { queueBytesMax: options.rules.outQueueBytesMax, stallMs: options.rules.outStallMs },
      options.clock,
      (session, reason) => this.#dropSlow(session, reason),
    )
    const kick = (session: Session, reason: string) => this.kick(session, reason)
    this.inbound = new Inbound({
      lanes: options.lanes,
      outbox: this.outbox,
      inFlight: this.inFlight,
      stats: this.stats,
      routeStats: this.routeStats,
      turnClock: this.#turnClock,
      dictionary: options.dictionary,
      isPublic: options.isPublic,
      kick,
      decoded: (session, status) => this.#decoded(session, status),
    })
    this.moves = new SessionMoves({
      sessions: this.sessions,
      lanes: options.lanes,
      inbound: this.inbound,
      inFlight: this.inFlight,
      rules: () => this.#rules,
      bindRefusal: options.bindRefusal ?? (() => undefined),
      schedule: options.schedule,
      kick,
      reply: (sid, messageId, body, code) => this.reply(sid, messageId, body, code),
      done: (sid) => this.done(sid),
    })
    options.timers.every(250, () => this.outbox.checkStalls())
  }

  /** Hears of every message while somebody traces. */
  get tracer(): GateTracer | undefined {
    return this.inbound.tracer
  }

  set tracer(tracer: GateTracer | undefined) {
    this.inbound.tracer = tracer
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
    this.inbound.unblock()
    this.outbox.flush()
    this.#turnClock.expire()
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
      this.tracer.event(
        'reply',
        session,
        this.inbound.routeName(routeCode),
        messageId,
        body,
        latencyMs,
      )
    }
    if (session.state !== sessionState.closing) {
      this.outbox.response(session, messageId, body, errorCode !== 0)
    }
    this.inbound.settled(session)
  }

  /** A lane has handled a notify. */
  done(sid: number): void {
    const session = this.sessions.get(sid)
    if (session === undefined) return
    this.inFlight.shift(session)
    this.inbound.settled(session)
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

  /** From now on these routes are known; codes that clients have stay what they are. */
  setDictionary(dictionary: RouteDictionary): void {
    this.inbound.dictionary = dictionary
  }

  /** New rules: what concerns a connection's start holds for new connections. */
  setRules(rules: GateRules, isPublic: (route: string) => boolean): void {
    this.#rules = rules
    this.inbound.isPublic = isPublic
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

  // --- one connection ---------------------------------------------------------------------------

  #open(transport: Transport): TransportEvents {
    const session = this.sessions.open((id) => {
      const lane = this.#options.lanes.laneOfConnection(id)
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
    if (type === packageType.data) return this.inbound.message(session, bytes as Buffer, start, end)
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
      dictionary: this.inbound.dictionary,
    })
    session.dictionary = this.inbound.dictionary
    this.outbox.queue(session, reply)
  }

  #ready(session: Session): void {
    session.state = sessionState.ready
    this.#options.timers.cancel(session.timer)
    session.timer = 0
    this.moves.opened(session)
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
    this.inbound.forget(session)
    this.inFlight.clear(session)
    this.tracer?.event('close', session, '', 0, Buffer.from(reason))
    if (session.timer !== 0) this.#options.timers.cancel(session.timer)
    this.channels.leaveAll(session)
    this.sessions.close(session)
    if (known) this.moves.closed(session)
  }

  #wireRoute(session: Session, route: string): number | string {
    if (session.handshake?.routeCodes !== true) return route
    return session.dictionary?.codeOf(route) ?? route
  }
}
