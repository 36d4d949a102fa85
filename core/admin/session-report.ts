// Sessions as an operator sees them. Core thread; reads the gate's sessions and changes nothing.
//
// A listing walks all sessions once, which takes a millisecond for 10,000 of them.

import { type Session, sessionState } from '../gate/session.ts'
import type { SessionDetail, SessionFilter, SessionReport } from './admin-host.ts'

const stateNames = ['handshake', 'ack', 'ready', 'bound', 'closing'] as const

export function sessionReport(session: Session, nowMs: number): SessionReport {
  return {
    sid: session.id,
    uid: session.uid,
    state: stateNames[session.state],
    lane: session.lane,
    transport: session.transport.kind,
    ip: session.transport.remoteAddress,
    openedMs: Math.round(nowMs - session.openedMs),
    packagesIn: session.heard,
    inFlight: session.inFlight,
    paused: session.paused,
    // A socket that is closed may not be asked any more.
    bufferedBytes: session.state === sessionState.closing ? 0 : session.transport.bufferedBytes,
  }
}

export function sessionDetail(session: Session, nowMs: number): SessionDetail {
  const { handshake, movingTo, silentBeats, channels } = session
  return {
    ...sessionReport(session, nowMs),
    client: handshake && {
      dialect: handshake.dialect,
      type: `${handshake.clientType} ${handshake.clientVersion}`.trim(),
    },
    channels: [...(channels ?? [])].sort(),
    movingToLane: movingTo < 0 ? undefined : movingTo,
    silentBeats,
  }
}

/** The sessions that match, the first `limit` of them, and how many match in all. */
export function listSessions(
  sessions: Iterable<Session>,
  { match, lane, limit }: SessionFilter,
  nowMs: number,
): { sessions: SessionReport[]; total: number } {
  const listed: SessionReport[] = []
  let total = 0
  for (const session of sessions) {
    if (lane !== undefined && session.lane !== lane) continue
    if (match !== undefined && !isMatch(session, match)) continue
    if (++total <= limit) listed.push(sessionReport(session, nowMs))
  }
  return { sessions: listed, total }
}

function isMatch(session: Session, text: string): boolean {
  return (
    session.uid.includes(text) ||
    session.transport.remoteAddress.includes(text) ||
    String(session.id) === text
  )
}
