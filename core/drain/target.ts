// What the drainer needs of a database: one interface for SQLite, MySQL and PostgreSQL.
//
// The drain process, or a tool. A target holds one connection and is asked for one thing at a time.
// Its only error is HostError, with one of three codes that the drainer acts upon:
//
//   DATABASE_DOWN      not reachable, full, locked, shutting down: nothing is known to be wrong with
//                      the SQL; the connection is closed; try again later
//   DATABASE_REJECTED  the database understood and refused; the transaction is rolled back
//   DRAIN_FENCED       the progress row is not where it was: the transaction is rolled back
//
// After DATABASE_DOWN during `apply` it is not known whether the transaction took effect (the reply
// to COMMIT may be what was lost): read `progress` again, the row tells.
//
//   moon_progress   one row for each host of the game (its node name)
//     node          text, primary key
//     spool         the random name of the node's spool (spool/format.ts), '' before the first
//     sequence      the last transaction of that node's spool that is in this database
//     chain         that transaction's chained CRC-32: the next one must follow upon it
//     applied_at    when it was applied: milliseconds since 1970

import type { Dialect } from '../base/dialect.ts'
import { HostError } from '../base/errors.ts'
import type { DdlOptions } from './ddl.ts'
import type { ExistingTable } from './migration.ts'

export interface Progress {
  readonly spool: string
  readonly sequence: number
  readonly chain: number
}

/** A run of transactions, to be applied whole. */
export interface Batch {
  readonly from: Progress
  readonly to: Progress
  /** Their statements, in order, each ended by `;`. */
  readonly sql: string
  readonly timeMs: number
}

export interface Target {
  readonly dialect: Dialect
  /** How this server declares tables; known when connected. */
  readonly ddl: DdlOptions
  /** The most text that one `apply` may carry. */
  readonly batchBytesMax: number
  /** Opens the connection and checks the modes that the spool's literals stand on. */
  connect(): Promise<void>
  readonly connected: boolean
  /** Makes moon_progress and the node's row when they are missing. */
  prepare(node: string): Promise<void>
  /** The node's row. */
  progress(node: string): Promise<Progress>
  /** Applies a batch and moves the progress row from `from` to `to`, in one transaction. */
  apply(node: string, batch: Batch): Promise<void>
  /**
   * Tries statements one after another, and takes them back.
   * @returns the index of the first that is refused; undefined when none is
   */
  probe(statements: readonly string[]): Promise<number | undefined>
  /** Sets the node's row, whatever it was: an operator's decision. */
  setProgress(node: string, to: Progress): Promise<void>
  /** Those of the named tables that exist. */
  describe(tables: readonly string[]): Promise<ReadonlyMap<string, ExistingTable>>
  /** All tables but those of the host itself; for what must be an empty database. */
  tableNames(): Promise<readonly string[]>
  /** Runs the steps of a migration: all or nothing, where the database can. */
  migrate(statements: readonly string[]): Promise<void>
  /** Makes all that was applied survive a power failure. */
  settle(): Promise<void>
  close(): Promise<void>
}

/** The start of a spool: nothing applied. */
export const noProgress: Progress = { spool: '', sequence: 0, chain: 0 }

export function isSameProgress(a: Progress, b: Progress): boolean {
  return a.spool === b.spool && a.sequence === b.sequence && a.chain === b.chain
}

export function isRejected(thrown: unknown): boolean {
  return thrown instanceof HostError && thrown.code === 'DATABASE_REJECTED'
}
