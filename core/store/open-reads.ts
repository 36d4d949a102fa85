// Opens the source of queries for a database's address. Core thread.
//
// The clients of the two servers are loaded when they are needed: a game on SQLite starts without.

import type { DatabaseAddress } from '../config/database-url.ts'
import type { CorePump } from '../thread/core-pump.ts'
import type { ReadLimits, ReadSource } from './read-source.ts'
import { SqliteReads } from './sqlite-reads.ts'

/** @returns a source that connects when it is first asked */
export async function openReads(
  address: DatabaseAddress,
  bounds: ReadLimits,
  pump: CorePump,
  coreBell: SharedArrayBuffer,
): Promise<ReadSource> {
  switch (address.dialect) {
    case 'sqlite':
      return new SqliteReads(address.file, bounds, pump, coreBell)
    case 'mysql':
      return (await import('./mysql-reads.ts')).openMysqlReads(address, bounds)
    case 'postgres':
      return (await import('./postgres-reads.ts')).openPostgresReads(address, bounds)
  }
}
