// What the core tells a lane of the game's database at its start. Both threads; data.

import type { Dialect } from '../base/dialect.ts'
import type { DatabaseTable } from '../config/types.ts'
import type { SpoolPort } from '../spool/spool-client.ts'

/** What a lane needs to know of the game's database. */
export interface LaneDatabase {
  /** Of each lane. */
  readonly ports: readonly SpoolPort[]
  readonly dialect: Dialect
  /** Of each lane, u32: its last ticket that is in the database. The core writes it. */
  readonly applied: SharedArrayBuffer
  readonly tables: readonly DatabaseTable[]
  readonly entityBytesMax: number
}
