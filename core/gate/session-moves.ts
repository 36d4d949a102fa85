// Which lane a session is in: bound to a uid, moved to the lane of that uid, found again after a lane
// was lost.
//
// Core thread. A session is in one lane, or between two: `movingTo` names the next one from the bind
// on, and the old lane hands over its data when its login handler has answered. Meanwhile nothing of
// the session reaches a lane. A lane hears of a session's opening before anything else of it, and of
// its close last, also of one that closed on its way.

import { assert } from '../base/assert.ts'
import { encodeClientJson } from '../base/utf8.ts'
import { message } from '../thread/messages.ts'
import type { GateRules, Lanes } from './gate-options.ts'
import type { InFlight } from './in-flight.ts'
import type { Inbound } from './inbound.ts'
import type { Body } from './message-codec.ts'
import { type Session, sessionState } from './session.ts'
import type { SessionTable } from './session-table.ts'

/** What the moves need of the gate. */
export interface SessionMovesOptions {
  readonly sessions: SessionTable
  readonly lanes: Lanes
  readonly inbound: Inbound
  readonly inFlight: InFlight
  readonly rules: () => GateRules
  readonly bindRefusal: (uid: string) => string | undefined
  readonly schedule: () => void
  readonly kick: (session: Session, reason: string) => void
  readonly reply: (sid: number, messageId: number, body: Body, errorCode: number) => void
  readonly done: (sid: number) => void
}

export class SessionMoves {
  readonly #options: SessionMovesOptions
  /** Sessions that closed on their way between two lanes: the new lane hears of both. */
  readonly #closedWhileMoving = new Map<number, Session>()

  constructor(options: SessionMovesOptions) {
    this.#options = options
  }

  /** The lane hears of a session that is ready. */
  opened(session: Session): void {
    this.#options.lanes.send(session.lane, message.sessionOpen, session.id, 0, describe(session))
  }

  /** A session that its lane knows has closed. */
  closed(session: Session): void {
    if (session.movingTo >= 0) this.#closedWhileMoving.set(session.id, session)
    else this.#tellClosed(session)
    this.#options.schedule()
  }

  /**
   * Binds a session to a uid, kicks the session that had it, and tells the lane that asked.
   * @param lane the lane that asked, and in which a coroutine waits under the number `wait`
   */
  bind(lane: number, sid: number, wait: number, uid: string): void {
    const session = this.#options.sessions.get(sid)
    const refuse = (reason: string) =>
      this.#options.lanes.send(lane, message.bindResult, wait, 1, Buffer.from(reason))
    if (session === undefined) return refuse('the client has gone')
    if (session.uid === uid) {
      const owner = session.movingTo >= 0 ? session.movingTo : session.lane
      return this.#sendBound(lane, wait, owner)
    }
    if (session.state === sessionState.bound) {
      return refuse(`this session is bound to uid ${session.uid} already`)
    }
    const refusal = this.#options.bindRefusal(uid)
    if (refusal !== undefined) return refuse(refusal)
    const before = this.#options.sessions.bind(session, uid)
    if (before !== undefined) this.#options.kick(before, 'logged in from another place')
    session.state = sessionState.bound
    session.decoder.bodyBytesMax = this.#options.rules().frameBytesMax
    const owner = this.#options.lanes.laneOfUid(uid)
    if (owner === session.lane) session.window = this.#options.rules().inboxMessagesMax
    else session.movingTo = owner
    this.#sendBound(lane, wait, owner)
  }

  /** The old lane has let go of a session and hands over its data; the new lane takes it. */
  moved(sid: number, data: Uint8Array): void {
    const closed = this.#closedWhileMoving.get(sid)
    const session = closed ?? this.#options.sessions.get(sid)
    assert(session !== undefined && session.movingTo >= 0, `session ${sid} moved without having to`)
    this.#arrive(session)
    this.#options.lanes.send(session.lane, message.sessionOpen, sid, 0, describe(session, data))
    if (closed === undefined) return this.#options.inbound.readOn(session)
    this.#closedWhileMoving.delete(sid)
    this.#tellClosed(session)
  }

  /**
   * A lane is gone with all that it knew. What was under way in it is answered 503, its sessions are
   * opened anew for its successor, and those on their way out of it go on without their data. What
   * clients send meanwhile waits unread.
   * @param requestId by which the loss is found in the log; the same for all that was under way
   */
  laneLost(lane: number, requestId: string): void {
    const lost = { code: 503, message: 'the server lost this; try again', requestId }
    const reply = encodeClientJson(JSON.stringify(lost))
    for (const session of this.#options.sessions) {
      if (session.lane !== lane) continue
      const isMoving = session.movingTo >= 0
      if (isMoving) this.#arrive(session)
      const isKnown = session.state === sessionState.ready || session.state === sessionState.bound
      if (isKnown) {
        const about = describe(session, undefined, !isMoving)
        this.#options.lanes.send(session.lane, message.sessionOpen, session.id, 0, about)
      }
      while (session.flightFirst >= 0) {
        const { flightFirst } = session
        if (this.#options.inFlight.kind(flightFirst) === message.notify)
          this.#options.done(session.id)
        else
          this.#options.reply(session.id, this.#options.inFlight.messageId(flightFirst), reply, 503)
      }
      if (isMoving) this.#options.inbound.readOn(session)
    }
    for (const session of [...this.#closedWhileMoving.values()]) {
      if (session.lane === lane) this.moved(session.id, new Uint8Array(0))
    }
    this.#options.schedule()
  }

  /** The lane that it was moving to is its lane now. */
  #arrive(session: Session): void {
    session.lane = session.movingTo
    session.movingTo = -1
    session.window = this.#options.rules().inboxMessagesMax
  }

  #tellClosed(session: Session): void {
    const reason = Buffer.from(session.closeReason)
    this.#options.lanes.send(session.lane, message.sessionClose, session.id, 0, reason)
  }

  #sendBound(asker: number, wait: number, owner: number): void {
    const payload = Buffer.allocUnsafe(2)
    payload.writeUInt16LE(owner, 0)
    this.#options.lanes.send(asker, message.bindResult, wait, 0, payload)
  }
}

/** What a lane is told of a session: JSON, and the data that it carried in its last lane. */
function describe(session: Session, data?: Uint8Array, isAttached = false): Uint8Array {
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
