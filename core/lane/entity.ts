// One entity: a row of the database, the Lua table that stands for it, and what is known of both.
//
// Lane thread; data. entities.ts owns it and keeps its fields true; a task names those that it uses,
// and nobody else holds one.

import type { LuaTable } from '../lua/engine.ts'
import type { EntityTable, Kept } from './entity-table.ts'

export interface Entity {
  readonly table: EntityTable
  readonly id: string
  readonly key: readonly Kept[]
  /** What Lua sees; undefined until it has been loaded. */
  object: LuaTable | undefined
  /** What it held at the last commit. */
  kept: Kept[]
  bytes: number
  /** Tasks that have loaded it and have not ended. */
  users: number
  /** The lane's transaction that wrote it last; 0 for none. */
  ticket: number
  /** Counts the lane's writes, so that a query that ran beside one is noticed. */
  writes: number
  isStale: boolean
  /** What it holds was never stored. */
  isRefused: boolean
  isDeleted: boolean
}
