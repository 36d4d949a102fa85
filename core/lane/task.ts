// What a lane runs: one coroutine with something to do, and what it waits for.
//
// Lane thread. A session has one task for its whole life and handles its messages in it one after
// the other; a call from another service and a `fork` each get one from the pool of idle coroutines.
//
//   idle ──start──▶ running ──yields with a wait──▶ parked ──answer──▶ running
//     ▲                │ handler returned                     └ deadline ▶ running (error raised)
//     └────────────────┘

import type { LuaCoroutine, LuaTable } from '../lua/engine.ts'
import type { Entity } from './entity.ts'

/** One message of a session that waits for its turn. */
export interface QueuedMessage {
  readonly kind: number
  readonly id: number
  readonly routeCode: number
  readonly body: Uint8Array
}

export class LaneSession {
  readonly id: number
  /** The `session` object that handlers see. */
  readonly object: LuaTable
  readonly task: Task
  uid: string
  /** Messages behind the one being handled; the gate lets in no more than the inbox limit. */
  readonly inbox: QueuedMessage[] = []
  /** The lane that owns its uid when that is not this one; it moves as soon as it is idle. */
  movingTo = -1
  closed = false
  /** The transaction that it wrote last in this lane; 0 for none. Its queries see it. */
  ticket = 0
  /** It came from another lane: until its first query it may have written there. */
  seeAll = false

  constructor(id: number, object: LuaTable, task: Task, uid: string) {
    this.id = id
    this.object = object
    this.task = task
    this.uid = uid
  }
}

/** What went wrong in a task, ready to be told. */
export interface Failure {
  readonly code: number
  /** For the client: says nothing of the inside unless the handler chose the words. */
  readonly message: string
  /** For the log and for whoever starts the host: the error in Lua's words, with its place. */
  readonly detail: string
  /** The error table that a handler raised on purpose, else undefined. */
  readonly table: LuaTable | undefined
}

/** Who gets the result of a task. */
export type TaskOrigin =
  | { readonly kind: 'session' }
  | { readonly kind: 'fork' }
  | { readonly kind: 'topic'; readonly name: string }
  | {
      readonly kind: 'rpc'
      readonly call: number
      readonly lane: number
      readonly name: string
      readonly limitMs: number
    }
  | {
      /** A call from another node, or over HTTP. */
      readonly kind: 'node'
      readonly call: number
      readonly service: string
      readonly method: string
      readonly name: string
      readonly limitMs: number
      readonly format: 'proto' | 'json'
    }
  | { readonly kind: 'timer'; readonly name: string; readonly done: () => void }
  | {
      /** Lua that an operator sent. */
      readonly kind: 'admin'
      readonly name: string
      readonly call: number
      readonly startedMs: number
      /** In place of the request timeout. */
      readonly limitMs: number
    }
  | {
      readonly kind: 'hook'
      readonly name: string
      readonly done: (failure: Failure | undefined) => void
    }

export class Task {
  coroutine: LuaCoroutine
  origin: TaskOrigin
  session: LaneSession | undefined
  /** Busy with a message, a call or a fork; parked or running. */
  busy = false
  /** The number under which it waits; 0 when it does not. */
  wait = 0
  /** Timer of the running request's deadline; 0 until it first waits. */
  deadline = 0
  /** When its time is over (monotonic); 0 until it is known. */
  endsMs = 0
  /** Its deadline has passed: the next wait ends it. */
  expired = false
  messageKind = 0
  messageId = 0
  routeCode = 0
  requestId = ''
  /** Which code it runs, for the log: `bag v3`; '' when it is no service's handler. */
  code = ''
  /** The transaction that it wrote last since it began; 0 for none. */
  ticket = 0
  /** What it has loaded since it began. */
  entities: Set<Entity> | undefined
  /** The lane whose answer it waits for, or -1. */
  callsLane = -1

  constructor(coroutine: LuaCoroutine, origin: TaskOrigin) {
    this.coroutine = coroutine
    this.origin = origin
  }
}
