// What game code writes: one transaction for each run, published whole or dropped whole.
//
// Lane thread. A run is what a task does between two waits; nothing else of the lane comes between, so
// it is the natural transaction. Statements gather here; at the run's end, and before it waits, the
// changes of its entities are added and all of it goes to the spool under the lane's next ticket. What
// raises drops the run's statements, puts its entities back, and drops what it has sent to the outside
// since its first write. db.transaction commits what was before it, and is a transaction of its own.
//
//   begin ─▶ exec, exec … ─▶ end or wait: commit ─▶ ticket ─▶ messages follow under its mark
//                       └──▶ error: drop             (core-port.ts keeps them until then)

import { HostError } from '../base/errors.ts'
import { textToBytes } from '../lua/bytes.ts'
import { LuaError, type LuaValue } from '../lua/engine.ts'
import type { OpenTransaction, SpoolClient } from '../spool/spool-client.ts'
import type { SqlValue } from '../spool/sql-value.ts'
import type { Entities } from './entities.ts'
import type { Lane, RunWriter } from './lane.ts'
import type { Task } from './task.ts'

export class RunWrites implements RunWriter {
  readonly #lane: Lane
  readonly #spool: SpoolClient
  /** Set right after both were made: each needs the other. */
  entities: Entities | undefined
  /** What the run has written so far; undefined: nothing. */
  #open: OpenTransaction | undefined
  #isInside = false

  constructor(lane: Lane, spool: SpoolClient) {
    this.#lane = lane
    this.#spool = spool
  }

  /** The ticket of the lane's last transaction. */
  get lastTicket(): number {
    return this.#spool.lastTicket
  }

  /** @throws HostError where there is no run that a write could belong to */
  runningTask(): Task {
    const task = this.#lane.current
    if (task !== undefined) return task
    throw new HostError('SQL', 'nothing can be written while a service file loads')
  }

  /** Adds a statement to the run's transaction. @throws HostError SQL, TOO_LARGE, STORAGE_FULL */
  write(sql: string, values: readonly SqlValue[] | readonly LuaValue[]): void {
    this.#open ??= this.#spool.begin()
    this.#spool.exec(
      this.#open,
      sql,
      values,
      (value) => `a ${this.#lane.engine.typeOf(value as LuaValue)}`,
    )
    this.#lane.port.defer()
  }

  // --- db.transaction ---------------------------------------------------------------------------

  /** Commits what was before. @throws HostError inside of another one */
  beginTransaction(): void {
    if (this.#isInside) {
      throw new HostError('SQL', 'a transaction cannot be inside another one')
    }
    const task = this.runningTask()
    this.commit(task)
    this.#isInside = true
    this.begin(task)
  }

  endTransaction(isKept: boolean): void {
    this.#isInside = false
    const task = this.#lane.current as Task
    if (isKept) this.commit(task)
    else this.drop(task)
    this.begin(task)
  }

  // --- runs -------------------------------------------------------------------------------------

  begin(task: Task): void {
    this.entities?.look()
    this.#lane.port.mark(this.lastTicket, task.ticket)
    if (task.entities !== undefined) this.#lane.port.defer()
  }

  commit(task: Task, what?: string): void {
    if (this.#isInside) {
      if (what === undefined) this.drop(task)
      throw luaError(`${what ?? 'the handler ends'}: nothing can wait inside of db.transaction`)
    }
    const { port } = this.#lane
    try {
      this.entities?.writeChanges(task)
      if (this.#open !== undefined && this.#open.statements > 0) this.#publish(task, this.#open)
      else this.entities?.committed(task, 0)
    } catch (error) {
      this.drop(task)
      if (!(error instanceof HostError)) throw error
      throw answerOf(this.#lane, error) ?? luaError(error.message)
    }
    port.mark(this.lastTicket, task.ticket)
    port.settle(true)
  }

  drop(task: Task): void {
    const hasWritten = this.#open !== undefined && this.#open.statements > 0
    this.#open = undefined
    this.#isInside = false
    const hasChanged = this.entities?.takeBack(task) === true
    this.#lane.port.settle(!hasWritten && !hasChanged)
  }

  ended(task: Task): void {
    this.entities?.ended(task)
  }

  #publish(task: Task, transaction: OpenTransaction): void {
    const { session } = task
    const ticket = this.#spool.commit(transaction, {
      uid: session === undefined || session.uid === '' ? undefined : session.uid,
      route: this.#lane.nameOf(task),
      request: this.#lane.requestIdOf(task),
    })
    this.#open = undefined
    task.ticket = ticket
    if (session !== undefined) session.ticket = ticket
    this.entities?.committed(task, ticket)
  }
}

/**
 * What Lua is raised for an error that is nobody's mistake: a disk without room, a spool that does not
 * keep up. A client is told its code and its words. Undefined for all others.
 */
export function answerOf(lane: Lane, error: HostError): LuaError | undefined {
  if (error.code !== 'STORAGE_FULL' && error.code !== 'OVERLOADED') return undefined
  return new LuaError(error.message, lane.failureValue(error.status, error.message), '')
}

function luaError(text: string): LuaError {
  return new LuaError(text, textToBytes(text), '')
}
