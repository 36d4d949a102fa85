// The status of a host as one plain object: what `status`, the log's line a minute and metrics show.
//
// Core thread; types only. Counters count from the host's start and never go back; rates and busy
// shares are over the last whole second or minute. Bytes, microseconds and percents say so in their
// names. status-gatherer.ts fills it.

/** Percentiles of a latency, from the gate's receipt of a request to its reply; upper bounds. */
export interface LatencyStatus {
  readonly count: number
  readonly p50Us: number
  readonly p90Us: number
  readonly p99Us: number
  readonly p999Us: number
  readonly maxUs: number
  readonly meanUs: number
}

export interface RouteStatus {
  readonly route: string
  readonly requests: number
  readonly notifies: number
  /** Replies with a code from 400 on, by code. */
  readonly errors: Readonly<Record<string, number>>
  readonly latency: LatencyStatus
}

export interface LaneStatus {
  readonly lane: number
  readonly state: 'running' | 'down'
  /** Times that a new thread took its place. */
  readonly replacements: number
  readonly sessions: number
  /** Coroutines that wait for something. */
  readonly parked: number
  readonly timers: number
  /** Messages taken from the core. */
  readonly messages: number
  /** Time not asleep, of the last second. */
  readonly busyPercent: number
  /** V8's heap, in which Lua's values live. */
  readonly heapBytes: number
  readonly heapLimitBytes: number
  /** What the engine says that Lua values take. */
  readonly luaBytes: number
  readonly toLane: RingStatus
  readonly toCore: RingStatus
  /** Control messages that wait in the core for room in the lane's ring. */
  readonly heldMessages: number
  /** What the lane has said and the core keeps back until what it had written is on the disk. */
  readonly heldForDisk: HeldStatus
  /** Rows that the lane keeps in memory. */
  readonly entities: { readonly count: number; readonly bytes: number }
}

export interface HeldStatus {
  readonly messages: number
  readonly bytes: number
  readonly bytesMax: number
  /** The most that was held since the start. */
  readonly highWaterBytes: number
  /** Messages that ever had to wait. */
  readonly waited: number
}

/** What is on its way to the database and back. */
export interface DataStatus {
  readonly spool: {
    /** The last transaction on disk. */
    readonly durable: number
    /** Transactions in the rings from the lanes, not on disk yet. */
    readonly waitingBytes: number
    readonly waitingBytesMax: number
    /** There is no room on the disk: what would write is refused. */
    readonly refusing: boolean
  }
  readonly drainer: {
    /** Of core/drain/status.ts; unknown while no drainer has said anything. */
    readonly state: string
    /** The last transaction in the database, and how many on disk are not there yet. */
    readonly applied: number
    readonly behind: number
    /** Transactions that the database has refused, and that are not in it. */
    readonly deadLetters: number
    readonly problem: string | null
  }
  readonly queries: {
    /** Now: all, and those among them that wait for the drainer. */
    readonly underWay: number
    readonly underWayMax: number
    readonly waiting: number
    /** Since the start; slow are those over querySlowMs. */
    readonly asked: number
    readonly waited: number
    readonly slow: number
    readonly failed: number
    readonly refused: number
  }
}

export interface CacheStatus {
  readonly entries: number
  readonly bytes: number
  readonly bytesMax: number
  readonly hits: number
  readonly misses: number
  readonly evictions: number
}

export interface RingStatus {
  readonly capacityBytes: number
  readonly usedBytes: number
  /** The most that it has held since the start. */
  readonly highWaterBytes: number
  /** Times that its writer found it full. */
  readonly fullWaits: number
}

/** Events per second. */
export interface RatesStatus {
  readonly messagesIn: number
  readonly messagesOut: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly errors: number
  readonly accepted: number
}

/** One method of one service, as this node calls it or is asked for it. */
export interface RpcMethodStatus {
  readonly service: string
  /** '' where methods are counted together. */
  readonly method: string
  readonly calls: number
  readonly inFlight: number
  /** Called: sent again. Served: answered from the table of keys. */
  readonly repeated: number
  /** Calls a second: of the last second, of the last minute. */
  readonly perS: number
  readonly perSOfMinute: number
  /** By code. */
  readonly errors: Readonly<Record<string, number>>
  readonly latency: LatencyStatus
}

/** Another node, as this one calls it. */
export interface RpcNodeStatus {
  readonly node: string
  readonly address: string
  /** Of the connection: idle, connecting, open, pausing. */
  readonly state: string
  /** closed: it is called; open: it failed too often; half_open: one call may try. */
  readonly circuit: string
  readonly draining: boolean
  readonly inFlight: number
  /** Times that the connection was made, and that the circuit opened. */
  readonly connects: number
  readonly circuitOpened: number
}

export interface RpcStatus {
  readonly draining: boolean
  readonly connectionsIn: number
  /** Connections that were ended for what they sent. */
  readonly expelled: number
  readonly inFlightIn: number
  readonly inFlightOut: number
  /** Requests that left, those among them that were sent again, and those that were not. */
  readonly sent: number
  readonly retries: number
  readonly retriesRefused: number
  /** Answers that came when nobody waited any more. */
  readonly lateReplies: number
  /** Answers kept for idempotency keys. */
  readonly keys: { readonly kept: number; readonly bytes: number; readonly dropped: number }
  readonly nodes: readonly RpcNodeStatus[]
  /** What this node calls, and what it is asked for; the busiest first. */
  readonly calls: readonly RpcMethodStatus[]
  readonly served: readonly RpcMethodStatus[]
}

export interface HostStatus {
  readonly node: string
  readonly version: string
  readonly pid: number
  readonly engine: string
  /** ISO 8601. */
  readonly startedAt: string
  readonly uptimeS: number
  readonly process: {
    readonly rssBytes: number
    readonly coreHeapBytes: number
    /** Share of the last second in which the core thread did not wait for events. */
    readonly coreBusyPercent: number
  }
  readonly sessions: {
    readonly open: number
    readonly bound: number
    readonly accepted: number
    readonly refused: number
    readonly kicked: number
    /** Not read from, because their lane has no room. */
    readonly blocked: number
    readonly channels: number
  }
  readonly messages: {
    readonly requests: number
    readonly notifies: number
    /** Requests without an answer yet. */
    readonly inFlight: number
    readonly packagesOut: number
    readonly bytesIn: number
    readonly bytesOut: number
    /** Error replies of all routes, by code. */
    readonly errors: Readonly<Record<string, number>>
  }
  readonly rates: { readonly second: RatesStatus; readonly minute: RatesStatus }
  readonly latency: LatencyStatus
  readonly timers: { readonly waiting: number; readonly held: number; readonly core: number }
  readonly rpc: RpcStatus
  /** null for a game without tables. */
  readonly data: DataStatus | null
  readonly cache: CacheStatus
  readonly lanes: readonly LaneStatus[]
  /** Those that were called, the busiest first. */
  readonly routes: readonly RouteStatus[]
}
