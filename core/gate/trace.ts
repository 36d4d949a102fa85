// What the gate tells of each message while somebody traces. Core thread.
//
// The gate holds at most one tracer and asks `undefined` first, so that nobody pays while none is set.
// Bytes are the message's body from `start` to `end`, valid until `event` returns.

import type { Body } from './message-codec.ts'
import type { Session } from './session.ts'

export type TracedKind = 'request' | 'notify' | 'reply' | 'push' | 'kick' | 'close'

export interface GateTracer {
  /**
   * @param route '' where there is none
   * @param id the client's message id, or 0
   * @param latencyMs from receipt to reply; undefined for all but replies
   */
  event(
    kind: TracedKind,
    session: Session,
    route: string,
    id: number,
    body: Body,
    latencyMs?: number,
  ): void
}
