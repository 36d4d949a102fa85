// Operating errors: the one table of codes, and the one class that carries them.
//
// Any thread. An operating error is something that a correct program meets (a port in use, a full
// disk, a hostile client); a bug is an `assert` (assert.ts). Codes are stable words that users may
// match on; the HTTP-like number is what a game client sees when the error reaches it.

/** Every operating error of the host: its word, and the number that a client is shown. */
export const errorCodes = {
  BAD_REQUEST: 400,
  NOT_BOUND: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  TIMEOUT: 504,
  CONFLICT: 409,
  TOO_LARGE: 413,
  RATE_LIMITED: 429,
  INTERNAL: 500,
  OVERLOADED: 503,
  SHUTTING_DOWN: 503,
  CONFIG: 500,
  PORT_IN_USE: 500,
  SCRIPT: 500,
  LANE_DOWN: 503,
  DATABASE_REJECTED: 500,
  DRAIN_FENCED: 409,
  STORAGE_FULL: 507,
  SQL: 500,
  DISK: 500,
  SPOOL_DAMAGED: 500,
  SPOOL_LOCKED: 500,
  DATABASE_DOWN: 503,
} as const

export type ErrorCode = keyof typeof errorCodes

/** Exit codes of the host process; docs/OPERATIONS.md explains each to an operator. */
export const exitCodes = {
  ok: 0,
  /** A bug: an assertion failed or an exception reached the top of a thread. */
  bug: 1,
  /** The user can mend it: bad config, port in use, broken service, bad arguments. */
  usage: 2,
  /** `npm run drain`: the database refuses a transaction; `skip` or `retry` decide. */
  stopped: 3,
  /** The disk refused `fdatasync`; what was not acknowledged may be lost, nothing else is. */
  disk: 70,
} as const

/** An operating error: `code` for programs, `message` for people, `data` for the log. */
export class HostError extends Error {
  readonly code: ErrorCode
  readonly data: Readonly<Record<string, unknown>> | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; data?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'HostError'
    this.code = code
    this.data = options.data
  }

  /** The number that a game client is shown for this error. */
  get status(): number {
    return errorCodes[this.code]
  }
}

/** The message of anything thrown, for a log line. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
