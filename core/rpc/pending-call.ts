// One call of this node that has no answer yet: what was asked, where it is, what time it has.
//
// Core thread; a record that client.ts keeps. It is the very request that is sent, but for the id and
// the time that is left.

import type { RequestEnvelope } from './envelope.ts'
import type { Outcome } from './outcome.ts'
import type { Peer } from './peer.ts'
import type { MethodNumbers } from './rpc-stats.ts'

/** What a caller asks for. */
export interface CallRequest {
  readonly service: string
  readonly method: string
  /** Must not change until the call has ended. */
  readonly body: Uint8Array
  /** From now to the end of the caller's patience. */
  readonly timeoutMs: number
  readonly traceId: string
  /** '' without one: then the call is sent once. */
  readonly idempotencyKey: string
  /** '' without one; else it chooses the lane, and the node where the route says `hash`. */
  readonly key: string
  /** The one node that is meant; '' for any that serves it. */
  readonly node: string
}

export class PendingCall implements RequestEnvelope {
  /** Of the message that was sent last; a new one each time. */
  id = 0
  readonly service: string
  readonly method: string
  readonly body: Uint8Array
  readonly timeoutMs: number
  readonly traceId: string
  readonly idempotencyKey: string
  readonly key: string
  readonly node: string
  readonly numbers: MethodNumbers
  readonly startedMs: number
  readonly end: (outcome: Outcome) => void
  peer: Peer | undefined
  /** Of the process that it was sent to; '' while it was sent to none. */
  incarnation = ''
  /** It is on its way, and no connection was lost since. */
  isSent = false
  /** Messages sent for it. */
  attempts = 0
  /** Times that it went to another node, because the first one would not begin it. */
  moves = 0
  deadline = 0
  nextAttempt = 0

  constructor(
    request: CallRequest,
    numbers: MethodNumbers,
    startedMs: number,
    end: (outcome: Outcome) => void,
  ) {
    this.service = request.service
    this.method = request.method
    this.body = request.body
    this.timeoutMs = request.timeoutMs
    this.traceId = request.traceId
    this.idempotencyKey = request.idempotencyKey
    this.key = request.key
    this.node = request.node
    this.numbers = numbers
    this.startedMs = startedMs
    this.end = end
  }

  get hasKey(): boolean {
    return this.idempotencyKey !== ''
  }

  /** Whole milliseconds that are left of its time, at least 1. */
  leftMs(nowMs: number): number {
    return Math.max(1, Math.floor(this.startedMs + this.timeoutMs - nowMs))
  }
}
