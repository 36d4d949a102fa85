// A call that this node was asked to carry out, from whichever face it came. Core thread.

import type { RequestEnvelope } from './envelope.ts'
import type { Outcome } from './outcome.ts'

/** What the body is: as config/proto/rpc.proto says, or JSON text of the HTTP face. */
export type BodyFormat = 'proto' | 'json'

export interface IncomingCall {
  readonly request: RequestEnvelope
  readonly format: BodyFormat
  /** Only a method that changes nothing may answer this (HTTP's GET). */
  readonly safeOnly: boolean
  /** It comes from a coroutine of this host: it is never refused for want of room. */
  readonly isOwn: boolean
  /** Must be called exactly once, at any time. */
  readonly end: (outcome: Outcome) => void
}

export interface RpcHandler {
  /** @returns false: there is no room now; it will be handed over again */
  handle(call: IncomingCall): boolean
}
