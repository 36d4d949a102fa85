// Traces: what passes the gate, handed to everyone who watches a session or a route. Core thread.
//
// The gate is given a tracer only while there are watchers, so nobody pays while nobody looks.

import type { Clock } from '../base/clock.ts'
import { HostError } from '../base/errors.ts'
import type { Gate } from '../gate/gate.ts'
import type { Body } from '../gate/message-codec.ts'
import type { Session } from '../gate/session.ts'
import type { GateTracer, TracedKind } from '../gate/trace.ts'
import type { TraceEvent, TraceFilter } from './admin-host.ts'

/** Bytes of a body that a trace shows. */
const bodyBytesMax = 1024
const watchersMax = 16

interface Watcher {
  readonly filter: TraceFilter
  readonly sink: (event: TraceEvent) => void
}

export class MessageTracer implements GateTracer {
  readonly #gate: Gate
  readonly #clock: Clock
  readonly #watchers = new Set<Watcher>()

  constructor(gate: Gate, clock: Clock) {
    this.#gate = gate
    this.#clock = clock
  }

  /** @returns what ends it @throws HostError OVERLOADED beyond 16 watchers */
  watch(filter: TraceFilter, sink: (event: TraceEvent) => void): () => void {
    if (this.#watchers.size >= watchersMax) {
      throw new HostError('OVERLOADED', `${watchersMax} traces run already`)
    }
    const watcher = { filter, sink }
    this.#watchers.add(watcher)
    this.#gate.tracer = this
    return () => {
      this.#watchers.delete(watcher)
      if (this.#watchers.size === 0) this.#gate.tracer = undefined
    }
  }

  event(
    what: TracedKind,
    session: Session,
    route: string,
    id: number,
    body: Body,
    latencyMs?: number,
  ): void {
    let event: TraceEvent | undefined
    for (const { filter, sink } of this.#watchers) {
      if (!matches(filter, session, route)) continue
      event ??= {
        timeMs: this.#clock.wallMs(),
        what,
        sid: session.id,
        uid: session.uid,
        route,
        id,
        latencyUs: latencyMs === undefined ? undefined : Math.round(latencyMs * 1000),
        bytes: body.length,
        body: bodyText(body),
      }
      sink(event)
    }
  }
}

function matches(filter: TraceFilter, session: Session, route: string): boolean {
  if (filter.session !== undefined && filter.session !== session.id) return false
  if (filter.uid !== undefined && filter.uid !== session.uid) return false
  return filter.route === undefined || filter.route === route
}

function bodyText(body: Body): string {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body
  const shown = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, bodyBytesMax))
  return shown.toString('utf8') + (bytes.length > bodyBytesMax ? '…' : '')
}
