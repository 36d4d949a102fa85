// The queries of a lane: sent to the core with their values in place, answered as lists of rows.
//
// Lane thread. A query sees what its session has written, wherever that is on its way to the database
// (core/store/query-service.ts waits for it); one of a task without a session sees what the lane has
// written. The core answers every query once, with rows or an error, so nothing here times out.

import type { Dialect } from '../base/dialect.ts'
import { HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { LuaTable, LuaValue } from '../lua/engine.ts'
import { ValueReader } from '../lua/value-codec.ts'
import type { SqlValue } from '../spool/sql-value.ts'
import { StatementCache } from '../spool/statement.ts'
import { message } from '../thread/messages.ts'
import type { Lane } from './lane.ts'

/** Bits of the first byte of a query. */
export const queryFlag = { seeAll: 1 } as const

export interface QueryEnds {
  rows(list: LuaTable): void
  /** @param failure an error value as `fail` makes it */
  failed(failure: LuaValue): void
}

export class Queries {
  readonly #lane: Lane
  readonly #statements: StatementCache
  readonly #reader: ValueReader
  readonly #asked = new Map<number, QueryEnds>()
  #nextId = 1

  constructor(lane: Lane, dialect: Dialect) {
    this.#lane = lane
    this.#statements = new StatementCache(dialect, 'read')
    this.#reader = new ValueReader(lane.engine)
  }

  /** Queries that are not answered yet. */
  get size(): number {
    return this.#asked.size
  }

  /** @throws HostError SQL or TOO_LARGE for a statement that cannot be asked */
  render(sql: string, values: readonly SqlValue[] | readonly LuaValue[]): Buffer {
    const text = this.#statements
      .get(sql)
      .render(values, (value) => `a ${this.#lane.engine.typeOf(value as LuaValue)}`)
    if (text.length > limits.querySqlBytesMax) {
      const words = `a query of ${text.length} bytes is too long: at most ${limits.querySqlBytesMax} fit`
      throw new HostError('TOO_LARGE', words)
    }
    const payload = Buffer.allocUnsafe(1 + text.length)
    payload.write(text, 1, 'latin1')
    return payload
  }

  /** Asks; @param ticket what it must see, or 0 @param seeAll everything that is on disk, too */
  send(payload: Buffer, ticket: number, seeAll: boolean, ends: QueryEnds): void {
    const id = this.#nextId
    this.#nextId = id === 0xffffffff ? 1 : id + 1
    this.#asked.set(id, ends)
    payload[0] = seeAll ? queryFlag.seeAll : 0
    this.#lane.port.bytes(message.query, id, ticket, payload)
  }

  /** queryResult: hands the answer on. */
  answered(id: number, status: number, bytes: Buffer, start: number, end: number): void {
    const ends = this.#asked.get(id)
    if (ends === undefined) return
    this.#asked.delete(id)
    if (status === 0) return ends.rows(this.#reader.decode(bytes, start)[0] as LuaTable)
    const text = bytes.toString('latin1', start, end)
    ends.failed(this.#lane.failureValue(status, text, true))
  }
}
