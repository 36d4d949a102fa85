// The sessions of a lane: one task each, their messages in order.
//
// Lane thread. A message goes to its handler at once when the session is idle, else it waits in the
// inbox. Bodies stay bytes until then. A session whose uid belongs to another lane leaves when it is
// idle; the gate lets no message in between the bind and the arrival over there.

import { assert } from '../base/assert.ts'
import { normalizeUtf8 } from '../base/utf8.ts'
import { bytesToText, textToBytes } from '../lua/bytes.ts'
import { LuaError, type LuaTable, type LuaValue } from '../lua/engine.ts'
import { ValueReader, ValueWriter } from '../lua/value-codec.ts'
import { message } from '../thread/messages.ts'
import { type Lane, logLevel } from './lane.ts'
import type { Services } from './services.ts'
import { type Failure, LaneSession, type Task } from './task.ts'

/** What the core says of a session that it opens here. */
interface SessionDescription {
  readonly ip: string
  readonly transport: string
  readonly uid: string
  /** It was here before, in a lane that is gone. */
  readonly attached?: boolean
  /** JSON text of the handshake's `user`. */
  readonly user?: string
}

const okBody = '{"code":200}'

export class Sessions {
  readonly #lane: Lane
  readonly #services: Services
  readonly #sessions = new Map<number, LaneSession>()
  readonly #writer: ValueWriter
  readonly #reader: ValueReader

  constructor(lane: Lane, services: Services) {
    this.#lane = lane
    this.#services = services
    this.#writer = new ValueWriter(lane.engine)
    this.#reader = new ValueReader(lane.engine)
    lane.listen('session', {
      returned: (task, results) => this.#returned(task, results),
      failed: (task, failure) => this.#failed(task, failure),
    })
  }

  get size(): number {
    return this.#sessions.size
  }

  get(id: number): LaneSession | undefined {
    return this.#sessions.get(id)
  }

  /** sessionOpen: a new connection, or one that comes from another lane with its data. */
  open(id: number, bytes: Buffer, start: number, end: number): void {
    const { engine } = this.#lane
    const jsonEnd = start + 4 + bytes.readUInt32LE(start)
    const about = JSON.parse(bytes.toString('utf8', start + 4, jsonEnd)) as SessionDescription
    const data = jsonEnd < end ? this.#reader.decode(bytes, jsonEnd)[0] : undefined
    const [object] = engine.call(
      this.#lane.libraryFunction('new_session'),
      id,
      about.uid === '' ? undefined : textToBytes(about.uid),
      textToBytes(about.ip),
      about.transport,
      this.#user(about.user),
      data,
    )
    const task = this.#lane.newTask({ kind: 'session' })
    const session = new LaneSession(id, object as LuaTable, task, about.uid)
    task.session = session
    session.seeAll = data !== undefined || about.attached === true
    this.#sessions.set(id, session)
    if (about.attached === true) this.#services.notify('on_attach', [session.object])
    else if (about.uid !== '') this.#services.notify('on_bind', [session.object])
  }

  /** sessionClose: tells the services; a handler that still runs may finish. */
  close(id: number, reason: string): void {
    const session = this.#sessions.get(id)
    if (session === undefined) return
    session.closed = true
    session.inbox.length = 0
    this.#sessions.delete(id)
    if (!session.task.busy) this.#lane.release(session.task)
    this.#services.notify('on_close', [session.object, textToBytes(reason)])
  }

  /** request or notify: handled now, or after those before it. */
  message(
    kind: number,
    id: number,
    messageId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    const session = this.#sessions.get(id)
    if (session === undefined) return
    const routeCode = bytes.readUInt16LE(start)
    if (session.task.busy || session.inbox.length > 0) {
      const body = Uint8Array.prototype.slice.call(bytes, start + 2, end)
      session.inbox.push({ kind, id: messageId, routeCode, body })
    } else {
      this.#handle(session, kind, messageId, routeCode, bytes.subarray(start + 2, end))
    }
  }

  /** bindResult: the gate has bound the session that a coroutine here asked for, or refused. */
  bound(wait: number, status: number, bytes: Buffer, start: number, end: number): void {
    const asked = this.#binding.get(wait)
    this.#binding.delete(wait)
    if (status !== 0) {
      const reason = bytes.toString('latin1', start, end)
      this.#lane.answer(wait, false, [this.#lane.failureValue(409, reason)])
      return
    }
    const session = asked === undefined ? undefined : this.#sessions.get(asked.sid)
    if (asked !== undefined && session !== undefined) {
      const first = session.uid === ''
      session.uid = bytesToText(asked.uid)
      this.#lane.engine.rawSet(session.object, 'uid', asked.uid)
      const owner = bytes.readUInt16LE(start)
      if (owner !== this.#lane.start.index) session.movingTo = owner
      else if (first) this.#services.notify('on_bind', [session.object])
    }
    this.#lane.answer(wait, true, [])
    // Bound by a fork, or too late for a handler that had timed out: nobody else would move it.
    if (session !== undefined && !session.task.busy) this.#idle(session)
  }

  /** For the host library: asks the gate to bind. */
  bind(sid: number, uid: string): void {
    const wait = this.#lane.beginWait('session:bind')
    this.#binding.set(wait, { sid, uid })
    this.#lane.port.text(message.bind, sid, wait, uid)
  }
  readonly #binding = new Map<number, { sid: number; uid: string }>()

  #handle(
    session: LaneSession,
    kind: number,
    messageId: number,
    routeCode: number,
    body: Uint8Array,
  ): void {
    const { task } = session
    task.messageKind = kind
    task.messageId = messageId
    task.routeCode = routeCode
    task.requestId = ''
    task.code = this.#services.codeName(routeCode)
    const handler = this.#services.handler(routeCode)
    if (handler === undefined) return this.#refuse(task, 404, 'no such route')
    const parsed = this.#parse(body)
    if (parsed === unreadable) return this.#refuse(task, 400, 'the body is not valid JSON')
    this.#lane.run(task, handler, session.object, parsed)
  }

  #parse(body: Uint8Array): LuaValue | typeof unreadable {
    if (body.length === 0) return this.#lane.engine.newTable()
    const text = normalizeUtf8(body)
    if (text === undefined) return unreadable
    try {
      return this.#lane.engine.parseJson(text)
    } catch (error) {
      if (error instanceof LuaError) return unreadable
      throw error
    }
  }

  #user(json: string | undefined): LuaValue {
    if (json === undefined) return undefined
    const parsed = this.#parse(Buffer.from(json))
    return parsed === unreadable ? undefined : parsed
  }

  #returned(task: Task, results: readonly LuaValue[]): void {
    if (task.messageKind === message.request) this.#answer(task, results[0])
    else this.#done(task)
    this.#next(task)
  }

  #failed(task: Task, failure: Failure): void {
    if (task.messageKind === message.request) {
      if (failure.table !== undefined) this.#answer(task, failure.table)
      else this.#refuseBody(task, failure.code, failure.message)
    } else {
      this.#done(task)
    }
    this.#next(task)
  }

  /** Sends what a handler returned; an error response gets the request's id. */
  #answer(task: Task, value: LuaValue): void {
    const { port } = this.#lane
    const { id } = task.session as LaneSession
    if (value === undefined) return port.text(message.reply, id, task.messageId, okBody)
    try {
      const code = this.#errorCode(value)
      if (code !== 0) {
        const body = this.#errorBody(task, value as LuaTable)
        port.codedText(message.replyError, id, task.messageId, code, body)
      } else {
        port.text(message.reply, id, task.messageId, this.#lane.engine.stringifyJson(value))
      }
    } catch (error) {
      if (!(error instanceof LuaError)) throw error
      this.#lane.log(logLevel.error, `the reply cannot be sent: ${error.message}`, {
        route: this.#lane.routeName(task.routeCode),
        requestId: this.#lane.requestIdOf(task),
      })
      this.#refuseBody(task, 500, 'internal error')
    }
  }

  /** The code of an error response, 65,535 for larger ones; 0 when it is none. */
  #errorCode(value: LuaValue): number {
    if (this.#lane.engine.typeOf(value) !== 'table') return 0
    const code = this.#lane.engine.rawGet(value as LuaTable, 'code')
    return typeof code === 'number' && code >= 400 ? Math.min(Math.floor(code), 0xffff) : 0
  }

  /** The table with the request's id in it; the service may keep the table, so it is taken out. */
  #errorBody(task: Task, table: LuaTable): string {
    const { engine } = this.#lane
    const before = engine.rawGet(table, 'requestId')
    engine.rawSet(table, 'requestId', this.#lane.requestIdOf(task))
    try {
      return engine.stringifyJson(table)
    } finally {
      engine.rawSet(table, 'requestId', before)
    }
  }

  #refuse(task: Task, code: number, text: string): void {
    if (task.messageKind === message.request) this.#refuseBody(task, code, text)
    else this.#done(task)
    this.#next(task)
  }

  #refuseBody(task: Task, code: number, text: string): void {
    const session = task.session as LaneSession
    const requestId = this.#lane.requestIdOf(task)
    const body = textToBytes(JSON.stringify({ code, message: text, requestId }))
    this.#lane.port.codedText(message.replyError, session.id, task.messageId, code, body)
  }

  #done(task: Task): void {
    this.#lane.port.text(message.done, (task.session as LaneSession).id, 0, '')
  }

  /** The session's next message, or nothing to do. */
  #next(task: Task): void {
    const session = task.session as LaneSession
    if (session.closed) return this.#lane.release(task)
    if (session.inbox.length === 0) return this.#idle(session)
    // Not from in here: a long inbox must not become a deep stack, nor keep the rings waiting.
    this.#lane.later(() => {
      const queued = session.inbox.shift()
      if (queued === undefined) return
      assert(!task.busy, 'a session ran two messages at once')
      this.#handle(session, queued.kind, queued.id, queued.routeCode, queued.body)
    })
  }

  #idle(session: LaneSession): void {
    if (session.movingTo < 0) return
    session.movingTo = -1
    this.#sessions.delete(session.id)
    const data = this.#lane.engine.rawGet(session.object, 'data')
    let bytes: Uint8Array
    try {
      bytes = this.#writer.encode([data])
    } catch (error) {
      if (!(error instanceof LuaError)) throw error
      this.#lane.log(
        logLevel.error,
        `session.data is lost on the way to its lane: ${error.message}`,
      )
      bytes = this.#writer.encode([])
    }
    this.#lane.port.bytes(message.sessionMove, session.id, 0, bytes)
    this.#lane.release(session.task)
  }
}

const unreadable = Symbol('unreadable')
