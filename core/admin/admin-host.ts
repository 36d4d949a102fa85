// The host as the admin commands see it: everything that an operator may ask or do. Core thread.
//
// The commands are written against this interface only; host/admin.ts implements it over the running
// host, tests may hand in one of their own. What fails for a reason that the operator can understand
// (no such session, a lane that does not answer) is a HostError; anything else is a bug.

import type { ReloadReport, ReloadTarget } from '../lane/reload-control.ts'
import type { HostStatus } from './status.ts'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error'

export interface ServiceReport {
  readonly name: string
  readonly file: string
  readonly lanes: 'all' | 'one'
  /** Counts from 1, up with each reload. */
  readonly version: number
  /** Client routes, sorted. */
  readonly routes: readonly string[]
}

export interface SessionReport {
  readonly sid: number
  /** '' until bound. */
  readonly uid: string
  readonly state: string
  readonly lane: number
  readonly transport: 'tcp' | 'ws'
  readonly ip: string
  readonly openedMs: number
  /** Packages received, heartbeats included. */
  readonly packagesIn: number
  /** Messages that its lane has not answered yet. */
  readonly inFlight: number
  /** Not read from: its window is used up, or its lane has no room. */
  readonly paused: boolean
  readonly bufferedBytes: number
}

export interface SessionDetail extends SessionReport {
  /** What its handshake said; undefined before that. */
  readonly client: { readonly dialect: string; readonly type: string } | undefined
  readonly channels: readonly string[]
  readonly movingToLane: number | undefined
  readonly silentBeats: number
}

export interface SessionFilter {
  /** Part of the uid or of the address, or a whole session id. */
  readonly match: string | undefined
  readonly lane: number | undefined
  readonly limit: number
}

/** One message between a client and a lane, as `trace` shows it. */
export interface TraceEvent {
  readonly timeMs: number
  readonly what: 'request' | 'notify' | 'reply' | 'push' | 'kick' | 'close'
  readonly sid: number
  readonly uid: string
  /** '' where there is none. */
  readonly route: string
  /** The client's message id; 0 for what has none. */
  readonly id: number
  /** Microseconds from receipt to reply; replies only. */
  readonly latencyUs: number | undefined
  readonly bytes: number
  /** The body's text, cut to a limit. */
  readonly body: string
}

export interface TraceFilter {
  readonly session: number | undefined
  readonly uid: string | undefined
  readonly route: string | undefined
}

export interface GcReport {
  readonly thread: string
  readonly beforeBytes: number
  readonly afterBytes: number
  readonly durationMs: number
}

export interface EvalReport {
  readonly lane: number
  /** The returned values, as Lua's tostring shows them (tables as JSON where they have one). */
  readonly values: readonly string[]
  readonly durationMs: number
}

/** Where the time went, by the functions themselves, without those that they called. */
export interface ProfiledFunction {
  readonly name: string
  /** file:line, or '' for the engine's own work. */
  readonly place: string
  readonly percent: number
}

export interface ProfileReport {
  /** The .cpuprofile file, from the game's folder. */
  readonly file: string
  readonly durationMs: number
  readonly samples: number
  /** The most expensive first. */
  readonly top: readonly ProfiledFunction[]
}

/** This node among the others. */
export interface ClusterReport {
  readonly node: string
  readonly role: 'single' | 'master' | 'slave'
  /** Master: in the whole cluster; else here. */
  readonly players: number
  /** Master: it knows where everybody is. Slave: it holds its lease. */
  readonly isReady: boolean
  readonly isDraining: boolean
  /** `off` without Redis or an RPC port. */
  readonly registry: 'up' | 'down' | 'off'
  /** Names in the registry, this node's as well. */
  readonly nodes: readonly string[]
}

/** What is still under way on a node that drains. */
export interface DrainNodeReport {
  readonly node: string
  readonly sessions: number
  /** Calls of other nodes that have begun and not ended. */
  readonly calls: number
}

export interface AdminHost {
  status(): HostStatus
  services(): readonly ServiceReport[]
  /** @returns those that match, at most `limit`, and how many match in all */
  sessions(filter: SessionFilter): {
    readonly sessions: readonly SessionReport[]
    readonly total: number
  }
  /** By session id or by uid. @throws HostError NOT_FOUND */
  session(which: string): SessionDetail
  /** Tells the client why and ends its connection. @throws HostError NOT_FOUND */
  kick(which: string, reason: string): SessionReport
  reload(target: ReloadTarget): Promise<ReloadReport>
  rollback(name: string): Promise<ReloadReport>
  /** The settings in force, by section, with secrets left out. */
  config(): Readonly<Record<string, unknown>>
  logLevel(): LogLevel
  setLogLevel(level: LogLevel): void
  /** The last lines of the log as JSON text, the oldest first. */
  recentLog(): readonly string[]
  /** Hands on each line of the log as JSON text. @returns what ends that */
  tailLog(sink: (line: string) => void): () => void
  /** Hands on what passes the gate. @returns what ends that */
  trace(filter: TraceFilter, sink: (event: TraceEvent) => void): () => void
  /**
   * Runs Lua in one lane, as a task of its own.
   * @throws HostError FORBIDDEN unless config `admin.eval` allows it; NOT_FOUND for a lane that there
   *   is not; SCRIPT for an error in it
   */
  eval(lane: number, source: string, limitMs: number): Promise<EvalReport>
  /** Collects garbage now in every lane and in the core, one after the other. */
  gc(): Promise<readonly GcReport[]>
  /**
   * Takes a CPU profile of one thread, which goes on working, and writes it below data/.
   * @throws HostError NOT_FOUND for a lane that there is not; SCRIPT while another one is taken of it
   */
  profile(where: number | 'core', durationMs: number): Promise<ProfileReport>
  /** Takes no new players and calls from now on; may be called again to see what is left. */
  drainNode(): DrainNodeReport
  /** This node's part in its cluster. */
  cluster(): ClusterReport
  /** Begins an orderly stop of the process. */
  stop(reason: string): void
}
