// The types of moonwheel-client.js. Hand-written: the client is plain JavaScript without a build.

/** Why an error happened; only `reply` carries an answer of the server's handler. */
export type ErrorKind =
  /** The handler answered with `code` >= 400. */
  | 'reply'
  /** No reply, no handshake or no heartbeat in time. */
  | 'timeout'
  /** There is no connection, or it was lost before the reply came. */
  | 'closed'
  /** This side called `close`. */
  | 'stopped'
  /** The server kicked this client. */
  | 'kicked'
  /** The server refused the handshake. */
  | 'refused'
  /** The server sent something that is not the protocol. */
  | 'protocol'
  /** The call itself is wrong: an empty route, an address that does not parse. */
  | 'usage'

/** What a request rejects with, and what onClose is told. */
export declare class MoonwheelError extends Error {
  readonly name: 'MoonwheelError'
  readonly kind: ErrorKind
  /** The number of the server's answer (>= 400), of a refused handshake (500, 501), else 0. */
  readonly code: number
  /** Find it in the server's log: the traceback of a failed handler stands beside it. */
  readonly requestId: string | undefined
  readonly route: string | undefined
  /** The whole body of the failed reply, or the text that could not be read. */
  readonly body: unknown
  constructor(
    kind: ErrorKind,
    message: string,
    fields?: { code?: number; requestId?: string; route?: string; body?: unknown },
  )
}

export type ClientState = 'connecting' | 'open' | 'reconnecting' | 'closed'

export interface StateDetail {
  /** Why the connection ended: with `reconnecting` and `closed`. */
  readonly error?: MoonwheelError
  /** Which attempt comes next, from 1, and when: with `reconnecting`. */
  readonly attempt?: number
  readonly delayMs?: number
}

export interface ReconnectOptions {
  /** First delay; doubles each time. Default 500. */
  initialMs?: number
  /** Longest delay. Default 15,000. */
  maxMs?: number
  /** Attempts in a row before the client gives up and closes. Default 20. */
  attemptsMax?: number
  /**
   * Whether to come back after a kick. Default: when the reason ends with `log in again`, as that of a
   * server does that leaves its cluster; else two tabs would kick each other.
   */
  afterKick?: (reason: string) => boolean
}

export interface ConnectOptions {
  /** Passed to the server in the handshake. */
  user?: unknown
  /** How long a request waits for its reply; 0 waits for ever. Default 10,000. */
  timeoutMs?: number
  /** How long connecting and the handshake may take together. Default 10,000. */
  connectTimeoutMs?: number
  /** Come back after a lost connection; off unless given. The session on the server is a new one. */
  reconnect?: boolean | ReconnectOptions
  /** The WebSocket class; default `globalThis.WebSocket`. */
  WebSocket?: unknown
}

/** Takes a listener away again. */
export type Unsubscribe = () => void

export declare class MoonwheelClient {
  /** Throws a `usage` error when the platform has no WebSocket and none is given. */
  constructor(url: string | URL, options?: ConnectOptions)

  /** Where it is connected: another address than it was given, after a redirect. */
  readonly url: string
  readonly state: ClientState
  /** Round trip of the last handshake or heartbeat, in ms; undefined while not connected. */
  readonly rttMs: number | undefined

  /** Connects; rejects when the first attempt fails (it is never retried). `connect` calls it. */
  open(): Promise<void>

  /**
   * Calls a handler and resolves with the body of its reply. Rejects with a MoonwheelError: kind
   * `reply` when the body's `code` is 400 or more, `timeout`, or `closed`. A request is never sent
   * a second time by the client. `message` defaults to `{}`. A reply with `redirect` (a login at the
   * master of a cluster) is followed: the client goes to that host, brings its token, and resolves with
   * the answer there. When that connection is lost, it comes back to the first address.
   */
  request<Reply = unknown>(
    route: string,
    message?: unknown,
    options?: { timeoutMs?: number },
  ): Promise<Reply>

  /** Sends without asking for a reply; throws a MoonwheelError while not connected. */
  notify(route: string, message?: unknown): void

  /** Sends a heartbeat now, so that `rttMs` becomes fresh; throws while not connected. */
  ping(): void

  /** Listens to pushes of a route; `'*'` hears all of them. */
  on<Body = unknown>(route: string, listener: (body: Body, route: string) => void): Unsubscribe

  /** The server kicked this client, for this reason; onClose follows. */
  onKick(listener: (reason: string) => void): Unsubscribe

  /** The client is closed and will not come back by itself. Not called when `open` rejects. */
  onClose(listener: (error: MoonwheelError) => void): Unsubscribe

  /** Connected again after a loss: log in again here. */
  onReconnect(listener: () => void): Unsubscribe

  onState(listener: (state: ClientState, detail: StateDetail) => void): Unsubscribe

  /** A message that could not be read; without a listener it goes to console.error. */
  onError(listener: (error: MoonwheelError) => void): Unsubscribe

  /** Closes for good; pending requests reject with `stopped`. May be called twice. */
  close(): void
}

/** Connects, shakes hands, and resolves with a client that is ready for requests. */
export declare function connect(
  url: string | URL,
  options?: ConnectOptions,
): Promise<MoonwheelClient>
