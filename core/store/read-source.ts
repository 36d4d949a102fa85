// Where queries are answered: a SQLite file, MySQL or PostgreSQL; each has a file of its own beside.
//
// Core thread. A source runs one statement with its values in place (core/spool/statement.ts writes
// them), refuses to write, and gives up in time. It never throws but by its promise.

import type { RowLimits } from '../lua/row-writer.ts'

export interface ReadSource {
  /**
   * Runs one SELECT.
   * @returns its rows as RowWriter has written them
   * @throws HostError DATABASE_DOWN when the database cannot be reached, SQL when it refuses the
   *   statement, TOO_LARGE for too much, TIMEOUT
   */
  query(sql: string, timeoutMs: number): Promise<Uint8Array>
  close(): Promise<void>
}

export interface ReadLimits extends RowLimits {
  readonly connectionsMax: number
}
