// One client connection, as the gate sees it. Core thread.
//
//   handshake ──type 1──▶ ack ──type 2──▶ ready ──bind──▶ bound
//       │                  │                │              │
//       └──────────────────┴──── kick, error, close ───────┴──▶ closing
//
// `inFlight` counts messages that were given to the lane and not answered yet. It is at most
// `window`: 1 until the uid is bound (so that nothing is under way when the session moves to the lane
// of its uid), the inbox limit afterwards, 0 while it moves. At the limit the socket is not read.

import type { Buffer } from 'node:buffer'
import type { Handshake } from './handshake.ts'
import type { PackageDecoder } from './package-codec.ts'
import type { RouteDictionary } from './route-dictionary.ts'
import type { Transport } from './transport.ts'

export const sessionState = {
  handshake: 0,
  ack: 1,
  ready: 2,
  bound: 3,
  closing: 4,
} as const
export type SessionState = (typeof sessionState)[keyof typeof sessionState]

/** A message that was decoded but could not be handed on; it goes before anything read later. */
export interface HeldMessage {
  readonly kind: number
  readonly id: number
  readonly routeCode: number
  readonly body: Buffer
  /** Monotonic; when it came in. */
  readonly receivedMs: number
}

export class Session {
  readonly id: number
  readonly transport: Transport
  readonly openedMs: number
  state: SessionState = sessionState.handshake
  decoder!: PackageDecoder
  handshake: Handshake | undefined
  /** The dictionary that its handshake named. */
  dictionary: RouteDictionary | undefined
  /** '' until bound. */
  uid = ''
  lane: number
  /** The lane it is moving to, or -1. */
  movingTo = -1
  inFlight = 0
  window = 1
  /** The queue of its messages in in-flight.ts. */
  flightFirst = -1
  flightLast = -1
  held: HeldMessage | undefined
  /** Reading is stopped: the window is used up, or the lane has no room. */
  paused = false
  /** Packages heard, and how many when the heartbeat last looked. */
  heard = 0
  heardAtBeat = 0
  silentBeats = 0
  outbox: Uint8Array[] = []
  /** When the socket stopped taking what it is sent; 0 while it does. */
  stalledSinceMs = 0
  timer = 0
  closeReason = ''
  channels: Set<string> | undefined

  constructor(id: number, transport: Transport, lane: number, openedMs: number) {
    this.id = id
    this.transport = transport
    this.lane = lane
    this.openedMs = openedMs
  }
}
