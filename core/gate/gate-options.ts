// What the gate is given, and what it counts: the lanes as it sees them, the rules, the numbers.
//
// Core thread. Types only. The rules come from config/host.lua; a reload hands the gate new ones, and
// what concerns a connection's start holds for new connections.

import type { Clock } from '../base/clock.ts'
import type { Timers } from '../timer/timers.ts'
import type { RouteDictionary } from './route-dictionary.ts'

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
  /** Asked when a uid is bound: why it may not be. Left out, every one may. */
  readonly bindRefusal?: (uid: string) => string | undefined
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
