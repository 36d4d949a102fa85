// Which target a database's address leads to. The drain process, or a tool.

import type { DatabaseAddress } from '../config/database-url.ts'
import type { Target } from './target.ts'
import { MysqlTarget } from './target-mysql.ts'
import { PostgresTarget } from './target-postgres.ts'
import { SqliteTarget } from './target-sqlite.ts'

/**
 * A target that is not connected yet.
 * @param replyMs after which a server's answer is given up
 */
export function openTarget(address: DatabaseAddress, replyMs?: number): Target {
  switch (address.dialect) {
    case 'sqlite':
      return new SqliteTarget(address.file)
    case 'mysql':
      return new MysqlTarget({ ...address, dialect: 'mysql' }, replyMs)
    case 'postgres':
      return new PostgresTarget({ ...address, dialect: 'postgres' }, replyMs)
  }
}
