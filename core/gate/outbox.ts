// What leaves for clients: collects packages during a turn, sends them once at its end.
//
// Core thread. Packages are encoded into large slabs, never into a buffer each; a slab is dropped
// when full and lives until the last socket has sent its part. A session whose socket does not take
// what it is sent is ended: at once over `queueBytesMax`, or after `stallMs` with bytes waiting.
// bench: `npm run bench` is what this file is tuned by.

import type { Clock } from '../base/clock.ts'
import { type Body, pushSize, responseSize, writePush, writeResponse } from './message-codec.ts'
import { type Session, sessionState } from './session.ts'

const slabBytes = 256 * 1024

export interface OutboxLimits {
  /** Bytes that may wait for one slow client. */
  readonly queueBytesMax: number
  /** How long they may wait without the socket emptying. */
  readonly stallMs: number
}

export class Outbox {
  limits: OutboxLimits
  readonly #clock: Clock
  readonly #onSlow: (session: Session, reason: string) => void
  readonly #stalled = new Set<Session>()
  #dirty: Session[] = []
  #slab = Buffer.allocUnsafeSlow(slabBytes)
  #at = 0
  /** Packages sent since start. */
  packages = 0
  /** Bytes queued since start. */
  bytes = 0

  constructor(
    limits: OutboxLimits,
    clock: Clock,
    onSlow: (session: Session, reason: string) => void,
  ) {
    this.limits = limits
    this.#clock = clock
    this.#onSlow = onSlow
  }

  response(session: Session, messageId: number, body: Body, isError: boolean): void {
    const at = this.#room(responseSize(messageId, body.length))
    const flagged = isError && session.handshake?.dialect === 'pitaya'
    this.#at = writeResponse(this.#slab, at, messageId, body, flagged)
    this.queue(session, this.#slab.subarray(at, this.#at))
  }

  /** @returns the encoded push, to be queued for as many sessions as it is meant for */
  encodePush(route: number | string, body: Body): Uint8Array {
    const at = this.#room(pushSize(route, body.length))
    this.#at = writePush(this.#slab, at, route, body)
    return this.#slab.subarray(at, this.#at)
  }

  /** Queues one whole package, which must not change any more. */
  queue(session: Session, bytes: Uint8Array): void {
    if (session.outbox.length === 0) this.#dirty.push(session)
    session.outbox.push(bytes)
    this.bytes += bytes.length
  }

  /** After-turn step: sends everything that was queued. */
  flush(): void {
    if (this.#dirty.length === 0) return
    const dirty = this.#dirty
    this.#dirty = []
    for (const session of dirty) this.#send(session)
  }

  /** Sends what one session has queued, at once; before its connection ends. */
  flushSession(session: Session): void {
    this.#send(session)
  }

  /** The transport has nothing waiting any more. */
  drained(session: Session): void {
    session.stalledSinceMs = 0
    this.#stalled.delete(session)
  }

  forget(session: Session): void {
    session.outbox.length = 0
    this.#stalled.delete(session)
  }

  /** Ends the sessions that have been stalled for too long; call a few times a second. */
  checkStalls(): void {
    if (this.#stalled.size === 0) return
    const now = this.#clock.monotonicMs()
    for (const session of this.#stalled) {
      if (session.transport.bufferedBytes === 0) this.drained(session)
      else if (now - session.stalledSinceMs >= this.limits.stallMs) this.#slow(session)
    }
  }

  #send(session: Session): void {
    const packages = session.outbox
    if (packages.length === 0) return
    session.outbox = []
    this.packages += packages.length
    session.transport.send(packages)
    const waiting = session.transport.bufferedBytes
    if (waiting === 0) return
    if (waiting > this.limits.queueBytesMax) return this.#slow(session)
    if (session.stalledSinceMs === 0) {
      session.stalledSinceMs = this.#clock.monotonicMs()
      this.#stalled.add(session)
    }
  }

  #slow(session: Session): void {
    this.#stalled.delete(session)
    if (session.state !== sessionState.closing) this.#onSlow(session, 'the client reads too slowly')
  }

  #room(bytes: number): number {
    if (this.#at + bytes <= this.#slab.length) return this.#at
    this.#slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, bytes))
    return 0
  }
}
