// The host functions behind db and entity of lua/lib/db.lua.
//
// Lane thread. What is wrong with an argument is returned as text, so that the Lua half raises it with
// the place in the game's code; what fails later is raised by whoever answers the wait.

import { must } from '../base/assert.ts'
import { HostError } from '../base/errors.ts'
import { textToBytes } from '../lua/bytes.ts'
import { type HostFunction, LuaMulti, type LuaTable, type LuaValue } from '../lua/engine.ts'
import { ValueReader, ValueWriter } from '../lua/value-codec.ts'
import { DurableTickets, isUpTo } from '../spool/durable-tickets.ts'
import { SpoolClient } from '../spool/spool-client.ts'
import { SqlBlob } from '../spool/sql-value.ts'
import { message } from '../thread/messages.ts'
import { readShortText, shortText } from './core-port.ts'
import { Entities } from './entities.ts'
import type { Lane } from './lane.ts'
import type { LaneDatabase } from './lane-database.ts'
import { Queries } from './queries.ts'
import { answerOf, RunWrites } from './run-writes.ts'

/** A lane's writes, queries and entities. */
export class LaneDb {
  readonly writes: RunWrites
  readonly queries: Queries
  readonly entities: Entities
  readonly #lane: Lane
  readonly #blobs = new WeakMap<object, SqlBlob>()
  readonly #writer: ValueWriter
  readonly #reader: ValueReader

  constructor(lane: Lane, database: LaneDatabase) {
    const port = must(database.ports[lane.start.index], 'spool port')
    const tickets = new DurableTickets(port.tickets)
    const applied = new Uint32Array(database.applied)
    this.#lane = lane
    this.#writer = new ValueWriter(lane.engine)
    this.#reader = new ValueReader(lane.engine)
    this.queries = new Queries(lane, database.dialect)
    this.writes = new RunWrites(lane, new SpoolClient(port))
    this.entities = new Entities({
      lane,
      queries: this.queries,
      tables: database.tables,
      bytesMax: database.entityBytesMax,
      write: ({ sql, values }) => this.writes.write(sql, values),
      runningTask: () => this.writes.runningTask(),
      lastTicket: () => this.writes.lastTicket,
      isApplied: (ticket) => isUpTo(ticket, Atomics.load(applied, port.lane)),
      isRefused: (ticket) => tickets.isRefused(port.lane, ticket),
      refusals: () => tickets.epoch(port.lane),
    })
    this.writes.entities = this.entities
    lane.writer = this.writes
  }

  /** entityChanged: another lane has written to an entity of this one. */
  entityChanged(bytes: Buffer, start: number): void {
    const at = readShortText(bytes, start)
    const table = shortText.value
    this.entities.changed(table, this.#reader.decode(bytes, at)[0])
  }

  functions(): Record<string, HostFunction> {
    return {
      db_exec: (sql, ...values) =>
        this.#try(() => {
          this.writes.runningTask()
          this.writes.write(textArgument(sql), this.#values(values))
        }),
      db_query: (sql, ...values) => this.#try(() => this.#query(textArgument(sql), values)),
      db_begin: () => this.#try(() => this.writes.beginTransaction()),
      db_end: (isKept) => {
        this.writes.endTransaction(isKept === true)
        return undefined
      },
      db_blob: (bytes) => {
        if (typeof bytes !== 'string') return undefined
        const table = this.#lane.engine.newTable()
        this.#blobs.set(table, new SqlBlob(bytes))
        return table
      },
      entity_load: (table, key) => this.#answer(() => this.entities.load(table, key)),
      entity_create: (table, row) => this.#answer(() => this.entities.create(table, row)),
      entity_delete: (table, key) => this.#try(() => this.entities.delete(table, key)),
      entity_add: (table, key, column, amount) =>
        this.#try(() => this.#add(table, key, column, amount)),
    }
  }

  #query(sql: string, values: readonly LuaValue[]): void {
    const payload = this.queries.render(sql, this.#values(values))
    const wait = this.#lane.beginWait('db.query')
    const session = this.#lane.current?.session
    const ticket = session === undefined ? this.writes.lastTicket : session.ticket
    this.queries.send(payload, ticket, session?.seeAll === true, {
      rows: (list) => {
        if (session !== undefined) session.seeAll = false
        this.#lane.answer(wait, true, [list])
      },
      failed: (failure) => void this.#lane.answer(wait, false, [failure]),
    })
  }

  #add(table: LuaValue, key: LuaValue, column: LuaValue, amount: LuaValue): void {
    const elsewhere = this.entities.add(table, key, column, amount)
    if (elsewhere === undefined) return
    const encoded = this.#writer.encode([elsewhere.key])
    this.#lane.port.namedBytes(
      message.entityChanged,
      elsewhere.owner,
      0,
      [elsewhere.table],
      encoded,
    )
  }

  /** Blobs and JSON's null as the statement wants them. */
  #values(values: readonly LuaValue[]): LuaValue[] {
    return values.map((value) => {
      if (typeof value !== 'object') return value
      if (value === this.#lane.engine.jsonNull) return undefined
      return (this.#blobs.get(value) ?? value) as LuaValue
    })
  }

  /** @returns nothing, or what is wrong as text */
  #try(act: () => void): LuaValue {
    try {
      act()
      return undefined
    } catch (error) {
      if (!(error instanceof HostError)) throw error
      const answer = answerOf(this.#lane, error)
      if (answer !== undefined) throw answer
      return textToBytes(error.message)
    }
  }

  /** @returns what it found; or nil and true for a wait; or nil, false and what is wrong */
  #answer(find: () => LuaTable | undefined): LuaValue | LuaMulti {
    try {
      return find() ?? waits
    } catch (error) {
      if (!(error instanceof HostError)) throw error
      return new LuaMulti([undefined, false, textToBytes(error.message)])
    }
  }
}

const waits = new LuaMulti([undefined, true])

function textArgument(sql: LuaValue): string {
  if (typeof sql === 'string') return sql
  throw new HostError('SQL', 'argument 1 must be the text of a statement')
}

/** The same functions for a game without tables: each says so. */
export function noDatabase(): Record<string, HostFunction> {
  const text = 'this game has no database: declare its tables in config/schema'
  const problem: HostFunction = () => text
  const answer: HostFunction = () => new LuaMulti([undefined, false, text])
  return {
    db_exec: problem,
    db_query: problem,
    db_begin: problem,
    db_end: problem,
    db_blob: () => undefined,
    entity_load: answer,
    entity_create: answer,
    entity_delete: problem,
    entity_add: problem,
  }
}
