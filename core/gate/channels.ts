// Channels: named groups of sessions that a broadcast reaches. Core thread.
//
// A broadcast is encoded once and the same bytes are queued for each member. A session leaves all its
// channels when it closes. An empty channel does not exist.

import { limits } from '../base/limits.ts'
import type { Session } from './session.ts'

export class Channels {
  readonly #members = new Map<string, Set<Session>>()

  get size(): number {
    return this.#members.size
  }

  /** @returns false when the session is in as many channels as it may be */
  join(session: Session, channel: string): boolean {
    session.channels ??= new Set()
    if (session.channels.has(channel)) return true
    if (session.channels.size >= limits.channelsPerSessionMax) return false
    session.channels.add(channel)
    let members = this.#members.get(channel)
    if (members === undefined) this.#members.set(channel, (members = new Set()))
    members.add(session)
    return true
  }

  leave(session: Session, channel: string): void {
    if (session.channels?.delete(channel) !== true) return
    const members = this.#members.get(channel)
    members?.delete(session)
    if (members?.size === 0) this.#members.delete(channel)
  }

  leaveAll(session: Session): void {
    if (session.channels === undefined) return
    for (const channel of [...session.channels]) this.leave(session, channel)
  }

  count(channel: string): number {
    return this.#members.get(channel)?.size ?? 0
  }

  members(channel: string): Iterable<Session> {
    return this.#members.get(channel) ?? []
  }
}
