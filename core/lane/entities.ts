// The entities of a lane: rows of the database as plain Lua tables, shared by all its coroutines.
//
// Lane thread. An entity belongs to the lane of its key's hash, the lane in which the player of that
// uid is served; nowhere else can it be loaded, so no two lanes change copies of one row. What a task
// has loaded is compared with its snapshot at each commit point; what differs becomes one UPDATE.
//
//   load ─cached─▶ same table
//     └─not─▶ loading ─rows─▶ cached ─another lane changed it─▶ stale ─next load─▶ read anew
//                                └─oldest, unused, in the database─▶ evicted
//
// Invariants: one table for each key; an entity is evicted only when nobody who runs has loaded it and
// its last write is in the database; a query that an entity was written behind is asked again.

import { assert } from '../base/assert.ts'
import { HostError } from '../base/errors.ts'
import type { DatabaseTable } from '../config/types.ts'
import { bytesToText } from '../lua/bytes.ts'
import type { LuaTable, LuaValue } from '../lua/engine.ts'
import type { Entity } from './entity.ts'
import { type Change, EntityTable, type Kept } from './entity-table.ts'
import type { Lane } from './lane.ts'
import { ownerOf } from './owner.ts'
import type { Queries } from './queries.ts'
import type { Task } from './task.ts'

export interface EntityOptions {
  readonly lane: Lane
  readonly queries: Queries
  readonly tables: readonly DatabaseTable[]
  readonly bytesMax: number
  /** Renders a statement into the run's transaction. @throws HostError */
  readonly write: (change: Change) => void
  /** The task whose code runs. @throws HostError when none does */
  readonly runningTask: () => Task
  /** The lane's last transaction. */
  readonly lastTicket: () => number
  /** Whether the transaction of a ticket is in the database. */
  readonly isApplied: (ticket: number) => boolean
  /** Whether the transaction of a ticket was refused, because the disk was full. */
  readonly isRefused: (ticket: number) => boolean
  /** Counts such refusals. */
  readonly refusals: () => number
}

/** Numbers for status and metrics. */
export interface EntityStats {
  loads: number
  hits: number
  evicted: number
}

interface Waiter {
  readonly task: Task
  readonly wait: number
}

export class Entities {
  readonly stats: EntityStats = { loads: 0, hits: 0, evicted: 0 }
  readonly #options: EntityOptions
  readonly #tables: ReadonlyMap<string, EntityTable>
  /** By table and key; the one that was used longest ago comes first. */
  readonly #entities = new Map<string, Entity>()
  /** Who waits for the entities that are being loaded. */
  readonly #waiting = new Map<Entity, Waiter[]>()
  #bytes = 0
  /** What the run has made or deleted, to be taken back. */
  #undo: (() => void)[] = []
  #refusals: number

  constructor(options: EntityOptions) {
    this.#options = options
    const { engine } = options.lane
    this.#refusals = options.refusals()
    this.#tables = new Map(
      options.tables.map((schema) => [schema.name, new EntityTable(schema, engine)]),
    )
  }

  get size(): number {
    return this.#entities.size
  }

  get bytes(): number {
    return this.#bytes
  }

  // --- for Lua ----------------------------------------------------------------------------------

  /**
   * The entity's table; or undefined, and the running task waits for it.
   * @throws HostError for a wrong name, key or lane; LuaError where nothing can wait
   */
  load(name: LuaValue, key: LuaValue): LuaTable | undefined {
    const table = this.#table(name)
    const keyCells = table.keyOf(key)
    this.#checkOwner(table, keyCells)
    const id = idOf(table, keyCells)
    const task = this.#options.lane.current
    const known = this.#entities.get(id)
    this.stats.loads++
    if (task !== undefined && known?.object !== undefined && !known.isStale) {
      this.stats.hits++
      this.#entities.delete(id)
      this.#entities.set(id, known)
      this.#use(task, known)
      return known.object
    }
    const wait = this.#options.lane.beginWait('entity.load')
    const entity = known ?? this.#add(table, id, keyCells)
    const who = { task: task as Task, wait }
    const others = this.#waiting.get(entity)
    others?.push(who)
    if (others === undefined) {
      this.#waiting.set(entity, [who])
      this.#ask(entity)
    }
    return undefined
  }

  /** @throws HostError for a wrong row, or one that is there already */
  create(name: LuaValue, row: LuaValue): LuaTable {
    const { lane, write } = this.#options
    const task = this.#options.runningTask()
    const table = this.#table(name)
    if (lane.engine.typeOf(row) !== 'table') {
      throw fault(`a row of ${table.name} is a table: { ${table.schema.key[0]} = ... }`)
    }
    const object = lane.engine.newTable()
    lane.engine.forEach(row as LuaTable, (key, value) => {
      lane.engine.rawSet(object, key, value)
      return true
    })
    table.fillDefaults(object)
    const keyCells = table.keyOfRow(object)
    this.#checkOwner(table, keyCells)
    const id = idOf(table, keyCells)
    const before = this.#entities.get(id)
    if (before?.object !== undefined) throw fault(`there is a ${shown(table, keyCells)} already`)
    if (before !== undefined) throw fault(`${shown(table, keyCells)} is being loaded`)
    const kept = table.keep(object)
    write(table.insert(kept))
    const entity = this.#add(table, id, keyCells)
    table.restore(object, kept)
    this.#fill(entity, object, kept)
    this.#use(task, entity)
    this.#undo.push(() => this.#remove(entity))
    return object
  }

  /** Deletes a row, whether it is loaded or not. @throws HostError */
  delete(name: LuaValue, key: LuaValue): void {
    this.#options.runningTask()
    const table = this.#table(name)
    const keyCells = table.keyOf(key)
    this.#checkOwner(table, keyCells)
    const entity = this.#entities.get(idOf(table, keyCells))
    if (entity !== undefined && this.#waiting.has(entity))
      throw fault(`${shown(table, keyCells)} is being loaded`)
    // What the run has changed comes before.
    if (entity !== undefined) this.#writeChange(entity)
    this.#options.write({ sql: table.deleteSql, values: table.keyValues(keyCells) })
    if (entity === undefined) return
    this.#remove(entity)
    this.#undo.push(() => {
      entity.isDeleted = false
      this.#entities.set(entity.id, entity)
      this.#bytes += entity.bytes
    })
  }

  /**
   * Adds to an integer of a row that any lane may own.
   * @returns the lane that must read it anew, and the message for it; undefined when it is this one
   */
  add(
    name: LuaValue,
    key: LuaValue,
    column: LuaValue,
    amount: LuaValue,
  ): { readonly owner: number; readonly table: string; readonly key: LuaValue } | undefined {
    const task = this.#options.runningTask()
    const table = this.#table(name)
    const keyCells = table.keyOf(key)
    const change = table.add(keyCells, column, amount)
    const owner = this.#owner(keyCells)
    if (owner !== this.#options.lane.start.index) {
      this.#options.write(change)
      return { owner, table: table.name, key }
    }
    const { engine } = this.#options.lane
    const entity = this.#entities.get(idOf(table, keyCells))
    if (entity?.object === undefined || entity.isStale) {
      this.#options.write(change)
      if (entity !== undefined) entity.writes++
      return undefined
    }
    // Loaded here: the table is changed, and the commit finds it.
    this.#use(task, entity)
    const old = engine.rawGet(entity.object, column)
    const before = typeof old === 'bigint' ? old : BigInt(Number(old ?? 0))
    const sum = before + BigInt(change.values[0] as number | bigint)
    const near = Number(sum)
    engine.rawSet(entity.object, column, Number.isSafeInteger(near) ? near : sum)
    return undefined
  }

  /** entityChanged: another lane has written to an entity of this one. */
  changed(tableName: string, key: LuaValue): void {
    const table = this.#tables.get(tableName)
    if (table === undefined) return
    const entity = this.#entities.get(idOf(table, table.keyOf(key)))
    if (entity === undefined) return
    entity.isStale = true
    entity.writes++
  }

  /** Before each run: what was refused meanwhile is read anew when it is loaded. */
  look(): void {
    const refusals = this.#options.refusals()
    if (refusals === this.#refusals) return
    this.#refusals = refusals
    for (const entity of this.#entities.values()) {
      if (entity.ticket === 0 || !this.#options.isRefused(entity.ticket)) continue
      entity.isStale = true
      entity.isRefused = true
      entity.ticket = 0
      entity.writes++
    }
  }

  // --- a run's commit and its end ---------------------------------------------------------------

  /** Writes what the task's entities have changed. @throws HostError naming table and column */
  writeChanges(task: Task): void {
    if (task.entities === undefined) return
    for (const entity of task.entities) {
      if (!entity.isDeleted) this.#writeChange(entity)
    }
  }

  /** The run's transaction stands under this ticket; 0: there was nothing to write. */
  committed(task: Task, ticket: number): void {
    this.#undo.length = 0
    if (ticket === 0 || task.entities === undefined) return
    for (const entity of task.entities) entity.ticket = ticket
  }

  /** Takes back what the run has done to entities. @returns whether there was anything */
  takeBack(task: Task): boolean {
    let isAny = this.#undo.length > 0
    for (const undo of this.#undo.splice(0).reverse()) undo()
    for (const entity of task.entities ?? []) {
      if (entity.object === undefined || entity.isDeleted) continue
      isAny = this.#differs(entity) || isAny
      entity.table.restore(entity.object, entity.kept)
    }
    return isAny
  }

  /** The task has ended: its entities are nobody's. */
  ended(task: Task): void {
    if (task.entities === undefined) return
    for (const entity of task.entities) entity.users--
    task.entities = undefined
    this.#evict()
  }

  // ----------------------------------------------------------------------------------------------

  #table(name: LuaValue): EntityTable {
    const table = typeof name === 'string' ? this.#tables.get(name) : undefined
    if (table !== undefined) return table
    const words = typeof name === 'string' ? `'${bytesToText(name)}'` : 'argument 1'
    throw fault(`there is no table ${words} in config/schema`)
  }

  #owner(key: readonly Kept[]): number {
    const [first] = key
    const text = typeof first === 'string' ? bytesToText(first) : String(first)
    return ownerOf(text, this.#options.lane.start.lanes)
  }

  #checkOwner(table: EntityTable, key: readonly Kept[]): void {
    const owner = this.#owner(key)
    const { index } = this.#options.lane.start
    if (owner === index) return
    throw fault(
      `${shown(table, key)} belongs to lane ${owner} and this is lane ${index}: only there can it ` +
        'be loaded (docs/LUA.md, "Whose entity it is"); entity.add and db.exec work anywhere',
    )
  }

  #add(table: EntityTable, id: string, key: readonly Kept[]): Entity {
    const entity: Entity = {
      table,
      id,
      key,
      object: undefined,
      kept: [],
      bytes: 0,
      users: 0,
      ticket: 0,
      writes: 0,
      isStale: false,
      isRefused: false,
      isDeleted: false,
    }
    this.#entities.set(id, entity)
    return entity
  }

  #remove(entity: Entity): void {
    entity.isDeleted = true
    this.#entities.delete(entity.id)
    this.#bytes -= entity.bytes
  }

  #fill(entity: Entity, object: LuaTable, kept: Kept[]): void {
    const bytes = entity.table.bytesOf(kept)
    this.#bytes += bytes - entity.bytes
    entity.bytes = bytes
    entity.object = object
    entity.kept = kept
  }

  #use(task: Task, entity: Entity): void {
    // What the task sends from here on depends on what becomes of the entity.
    if (task === this.#options.lane.current) this.#options.lane.port.defer()
    task.entities ??= new Set()
    if (task.entities.has(entity)) return
    task.entities.add(entity)
    entity.users++
  }

  #ask(entity: Entity): void {
    const { table, key, writes } = entity
    const payload = this.#options.queries.render(table.selectSql, table.keyValues(key))
    this.#options.queries.send(payload, this.#options.lastTicket(), true, {
      rows: (list) => {
        // It was written while the query ran: what came may be older.
        if (entity.writes !== writes) return this.#ask(entity)
        this.#loaded(entity, list)
      },
      failed: (failure) => {
        const waiting = this.#waiters(entity)
        if (entity.object === undefined) this.#remove(entity)
        for (const { wait } of waiting) this.#options.lane.answer(wait, false, [failure])
      },
    })
  }

  #loaded(entity: Entity, list: LuaTable): void {
    const { lane } = this.#options
    const row = lane.engine.rawGet(list, 1)
    const waiting = this.#waiters(entity)
    if (row === undefined) {
      this.#remove(entity)
    } else {
      const kept = entity.table.keepResult(row as LuaTable)
      const object = entity.object ?? lane.engine.newTable()
      entity.table.restore(object, kept)
      this.#fill(entity, object, kept)
      entity.isStale = false
      entity.isRefused = false
    }
    for (const { task, wait } of waiting) {
      const isThere = !entity.isDeleted && entity.object !== undefined
      if (isThere && task.wait === wait) this.#use(task, entity)
      lane.answer(wait, true, isThere ? [entity.object] : [])
    }
    this.#evict()
  }

  #waiters(entity: Entity): readonly Waiter[] {
    const waiting = this.#waiting.get(entity)
    assert(waiting !== undefined, `${entity.id} was loaded for nobody`)
    this.#waiting.delete(entity)
    return waiting
  }

  #writeChange(entity: Entity): void {
    if (entity.object === undefined) return
    const now = entity.table.keep(entity.object)
    const change = entity.table.update(entity.kept, now)
    if (change === undefined) return
    if (entity.isRefused) {
      const text = `${shown(entity.table, entity.key)} was not stored: the disk was full; load it again`
      throw new HostError('STORAGE_FULL', text)
    }
    this.#options.write(change)
    const before = entity.kept
    entity.writes++
    this.#fill(entity, entity.object, now)
    this.#undo.push(() => {
      entity.kept = before
    })
  }

  /** A table that cannot be kept has been changed, too. */
  #differs(entity: Entity): boolean {
    try {
      const now = entity.table.keep(entity.object as LuaTable)
      return entity.table.update(entity.kept, now) !== undefined
    } catch (error) {
      if (error instanceof HostError) return true
      throw error
    }
  }

  #evict(): void {
    if (this.#bytes <= this.#options.bytesMax) return
    for (const entity of this.#entities.values()) {
      if (entity.users > 0 || this.#waiting.has(entity)) continue
      if (entity.ticket !== 0 && !this.#options.isApplied(entity.ticket)) continue
      this.#remove(entity)
      this.stats.evicted++
      if (this.#bytes <= this.#options.bytesMax) return
    }
  }
}

function idOf(table: EntityTable, key: readonly Kept[]): string {
  return `${table.name}\0${key.map((cell) => `${typeof cell === 'string' ? 's' : 'n'}${String(cell)}`).join('\0')}`
}

function shown(table: EntityTable, key: readonly Kept[]): string {
  const cells = key.map((cell) =>
    typeof cell === 'string' ? `"${bytesToText(cell)}"` : String(cell),
  )
  return `${table.name} ${cells.join(', ')}`
}

function fault(text: string): HostError {
  return new HostError('BAD_REQUEST', text)
}
