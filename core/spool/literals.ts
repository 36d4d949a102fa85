// The literals of each dialect. Any thread.

import type { Dialect } from '../base/dialect.ts'
import { mysqlLiterals } from './literal-mysql.ts'
import { postgresLiterals } from './literal-postgres.ts'
import { sqliteLiterals } from './literal-sqlite.ts'
import type { Literals } from './sql-value.ts'

const all: Readonly<Record<Dialect, Literals>> = {
  sqlite: sqliteLiterals,
  mysql: mysqlLiterals,
  postgres: postgresLiterals,
}

export function literalsOf(dialect: Dialect): Literals {
  return all[dialect]
}
