// Writes a spool as a host does, without the host. Test process.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Dialect } from '../../core/base/dialect.ts'
import { SystemFiles } from '../../core/base/files.ts'
import { textToBytes } from '../../core/lua/bytes.ts'
import { newSpoolId } from '../../core/spool/settle-spool.ts'
import { SpoolLog } from '../../core/spool/spool-log.ts'
import { StatementCache } from '../../core/spool/statement.ts'

/** A statement with its values, as db.exec is given them. */
export type Sql = readonly [string, ...unknown[]]

export class SpoolWriter {
  /** `sql-spool/<node>`. */
  readonly folder: string
  readonly #log: SpoolLog
  readonly #statements: StatementCache
  readonly #node: string
  /** The wall clock of what is written next. */
  nowMs = Date.UTC(2026, 0, 1)

  constructor(
    parent: string,
    dialect: Dialect,
    options: { readonly node?: string; readonly segmentBytesMax?: number } = {},
  ) {
    this.#node = options.node ?? 'node1'
    this.folder = join(parent, this.#node)
    mkdirSync(this.folder, { recursive: true })
    this.#statements = new StatementCache(dialect)
    this.#log = new SpoolLog({
      folder: this.folder,
      node: this.#node,
      dialect,
      policy: 'write',
      files: new SystemFiles(),
      clock: { wallMs: () => this.nowMs },
      newSpoolId,
      ...(options.segmentBytesMax === undefined
        ? {}
        : { segmentBytesMax: options.segmentBytesMax }),
    })
  }

  /** The last transaction on disk. */
  get sequence(): number {
    return this.#log.sequence
  }

  /** Adds a transaction to the group; `flush` writes the group. */
  add(...statements: Sql[]): void {
    const text = statements
      .map(([sql, ...values]) => this.#statements.get(textToBytes(sql)).render(values.map(bytesOf)))
      .join('')
    const bytes = Buffer.from(text, 'latin1')
    this.#log.add(statements.length, `node=${this.#node} lane=0 uid=7`, bytes, 0, bytes.length)
  }

  flush(): void {
    const error = this.#log.flush()
    if (error !== undefined) throw error
  }

  /** A transaction of its own group. */
  write(...statements: Sql[]): void {
    this.add(...statements)
    this.flush()
  }

  close(): void {
    this.#log.close()
  }
}

/** Text as Lua has it: a byte string. */
function bytesOf(value: unknown): unknown {
  return typeof value === 'string' ? textToBytes(value) : value
}
