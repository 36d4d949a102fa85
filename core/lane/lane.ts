// A lane: one Lua engine, its sessions, and the coroutines that run game code.
//
// Lane thread. Tasks (task.ts) run one at a time and only between two looks into the rings; a task
// runs until its handler returns or waits. This file starts, resumes and ends tasks; sessions.ts
// feeds them messages, calls.ts calls between lanes, host-library.ts gives Lua its functions.
//
//   what ended a run of a task            what follows
//   handler returned                      its result goes to who asked; the coroutine idles
//   a wait was noted, then a yield        parked under its number until an answer or the deadline
//   a yield without a wait                impossible for services (lua/lib/wait.lua guards it)
//   an error                              told to who asked, logged with traceback; new coroutine
//
// A request has `requestTimeoutMs`. The timer is armed only when a task first waits, so a handler
// that never waits costs none. At the deadline its wait raises a 504; if the handler catches that and
// waits again, its coroutine is closed.

import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { bytesToText } from '../lua/bytes.ts'
import {
  type LuaEngine,
  LuaError,
  type LuaFunction,
  LuaKilled,
  type LuaTable,
  type LuaValue,
  resumed,
} from '../lua/engine.ts'
import { message } from '../thread/messages.ts'
import type { Timers } from '../timer/timers.ts'
import type { CorePort } from './core-port.ts'
import { placedMessage } from './error-place.ts'
import type { LaneActivity } from './lane-activity.ts'
import type { LaneStart } from './protocol.ts'
import type { LaneSettings } from './reload-plan.ts'
import { type Failure, Task, type TaskOrigin } from './task.ts'

export const logLevel = { debug: 20, info: 30, warn: 40, error: 50 } as const

/** Idle coroutines kept for calls and forks. */
const idleTasksMax = 256

/** Who hears how a task ended. */
export interface TaskEnds {
  returned(task: Task, results: readonly LuaValue[]): void
  failed(task: Task, failure: Failure): void
}

/** Who keeps what runs write: a run is what a task does between two waits. */
export interface RunWriter {
  begin(task: Task): void
  /**
   * The run has ended well; or the task is about to wait, for `what`.
   * @throws LuaError: what it wrote is dropped, and the run fails with it
   */
  commit(task: Task, what?: string): void
  drop(task: Task): void
  /** The task is done with what it was started for. */
  ended(task: Task): void
}

export class Lane {
  readonly start: LaneStart
  readonly engine: LuaEngine
  readonly port: CorePort
  readonly timers: Timers
  readonly clock: Clock
  readonly activity: LaneActivity
  /** What a reload may change. */
  settings: LaneSettings
  /** Filled by lua/lib: what its files share. */
  readonly library: LuaTable
  /** The task whose code runs now. */
  current: Task | undefined
  /** The number that the running task has noted as its wait; 0 for none. */
  parked = 0
  /** Undefined in a game without a database. */
  writer: RunWriter | undefined
  readonly #ends: Record<TaskOrigin['kind'], TaskEnds | undefined> = {
    session: undefined,
    fork: undefined,
    rpc: undefined,
    node: undefined,
    hook: undefined,
    admin: undefined,
    timer: undefined,
    topic: undefined,
  }
  readonly #waits = new Map<number, Task>()
  #nextWait = 1
  /** Begins with the time, so that no id comes again after a new start of the lane or the host. */
  #nextRequest: number
  readonly #idle: Task[] = []
  /** Work that Lua code has asked for while another task runs. */
  #ready: (() => void)[] = []
  #taskBody: LuaFunction | undefined

  constructor(
    start: LaneStart,
    engine: LuaEngine,
    port: CorePort,
    timers: Timers,
    clock: Clock,
    activity: LaneActivity,
  ) {
    this.start = start
    this.engine = engine
    this.port = port
    this.timers = timers
    this.clock = clock
    this.#nextRequest = clock.wallMs()
    this.activity = activity
    this.settings = start.settings
    this.library = engine.newTable()
  }

  /** Names who hears of the ends of one kind of task. */
  listen(kind: TaskOrigin['kind'], ends: TaskEnds): void {
    this.#ends[kind] = ends
  }

  get parkedTasks(): number {
    return this.#waits.size
  }

  /** A function that a file of lua/lib has left in the shared table. */
  libraryFunction(name: string): LuaFunction {
    const found = this.engine.rawGet(this.library, name)
    assert(this.engine.typeOf(found) === 'function', `lua/lib has no function lib.${name}`)
    return found as LuaFunction
  }

  // --- tasks ------------------------------------------------------------------------------------

  /** A task with a coroutine that waits for something to run. */
  newTask(origin: TaskOrigin): Task {
    const task = this.#idle.pop()
    if (task === undefined) return new Task(this.#newCoroutine(), origin)
    task.origin = origin
    return task
  }

  /** Runs `fn` in the task; the end is heard by the listener of its origin. */
  run(task: Task, fn: LuaFunction, ...args: LuaValue[]): void {
    assert(!task.busy, 'a task runs one thing at a time')
    task.busy = true
    task.expired = false
    const { origin } = task
    const isTimed = origin.kind === 'rpc' || origin.kind === 'node'
    task.endsMs = isTimed ? this.clock.monotonicMs() + this.#timeoutMs(task) : 0
    task.ticket = 0
    this.engine.modules?.begin(task.coroutine)
    this.#resume(task, fn, args)
  }

  /** Gives a pooled task back. */
  release(task: Task): void {
    task.session = undefined
    task.code = ''
    task.requestId = ''
    if (this.#idle.length < idleTasksMax) this.#idle.push(task)
  }

  /** Runs `work` when the running task has yielded. */
  later(work: () => void): void {
    this.#ready.push(work)
  }

  /** How much Lua code has asked for; for `forgetLater`. */
  get laterCount(): number {
    return this.#ready.length
  }

  /** Drops what was asked for since there was this much of it. */
  forgetLater(count: number): void {
    this.#ready.length = count
  }

  /** Runs what Lua code has asked for; @returns whether there was any */
  runReady(): boolean {
    if (this.#ready.length === 0) return false
    const ready = this.#ready
    this.#ready = []
    for (const work of ready) {
      this.atBoundary()
      work()
    }
    return true
  }

  /** Called between two pieces of work; a reload takes place in here. */
  atBoundary: () => void = () => {}

  /**
   * Calls Lua outside of any task, under the watchdog's eye: files that are loaded, `__reload`.
   * Nothing in it can wait.
   */
  callWatched(fn: LuaFunction, ...args: LuaValue[]): LuaValue[] {
    this.activity.begin(0)
    try {
      return this.engine.call(fn, ...args)
    } finally {
      this.activity.end()
    }
  }

  /** The same for a host function, inside a run: nothing in it can wait. */
  callUnwaiting(fn: LuaFunction, ...args: LuaValue[]): LuaValue[] {
    const before = this.current
    this.current = undefined
    try {
      return this.engine.call(fn, ...args)
    } finally {
      this.current = before
    }
  }

  // --- waits ------------------------------------------------------------------------------------

  /**
   * For host functions: the running task will wait, under the returned number; the Lua half yields
   * right after.
   * @throws HostError where nothing can wait
   */
  beginWait(what: string): number {
    const task = this.current
    if (task === undefined) {
      const text =
        `${what} waits, and nothing can wait while a service file loads: ` +
        `call it in a handler, a remote function, a hook such as init, or a fork`
      throw new LuaError(text, text, '')
    }
    assert(this.parked === 0, `${what}: the task already waits`)
    this.writer?.commit(task, what)
    const wait = this.#nextWait
    this.#nextWait = wait === 0xffffffff ? 1 : wait + 1
    this.parked = wait
    return wait
  }

  /** The answer that a task waits for; @returns false when nobody waits for it any more */
  answer(wait: number, ok: boolean, values: readonly LuaValue[]): boolean {
    const task = this.#waits.get(wait)
    if (task === undefined) return false
    this.#waits.delete(wait)
    task.wait = 0
    task.callsLane = -1
    this.#resume(task, ok, values)
    return true
  }

  /** A lane is gone: whoever waits for its answer is told so. */
  failCallsTo(lane: number): void {
    const text = `lane ${lane} was replaced; the call may or may not have been carried out`
    for (const [wait, task] of [...this.#waits]) {
      if (task.callsLane === lane) this.answer(wait, false, [this.failureValue(503, text)])
    }
  }

  /**
   * An error value with a code, as `fail` makes it.
   * @param internal a bug rather than an answer: Lua code sees it, a client never does
   */
  failureValue(code: number, text: string, internal = false): LuaValue {
    const table = this.engine.newTable()
    this.engine.rawSet(table, 'code', code)
    this.engine.rawSet(table, 'message', text)
    if (internal) this.engine.rawSet(table, 'internal', true)
    return table
  }

  /** The same, for a bug, as an error to be thrown from a host function. */
  engineError(code: number, text: string): LuaError {
    return new LuaError(text, this.failureValue(code, text, true), '')
  }

  // --- telling ----------------------------------------------------------------------------------

  log(level: number, text: string, fields: Record<string, unknown> = {}): void {
    const task = this.current
    const about = task?.session === undefined ? {} : { sid: task.session.id, uid: task.session.uid }
    const line = JSON.stringify({ lane: this.start.index, ...about, ...fields, msg: text })
    this.port.bytes(message.log, level, 0, Buffer.from(line))
  }

  /** The number by which a request is found in the log; made when first needed. */
  requestIdOf(task: Task): string {
    if (task.requestId === '') {
      const { nodeName, index } = this.start
      const serial = (this.#nextRequest++).toString(36)
      task.requestId = `${nodeName}-${index}-${serial}`
    }
    return task.requestId
  }

  // ----------------------------------------------------------------------------------------------

  #newCoroutine() {
    this.#taskBody ??= this.libraryFunction('task')
    return this.engine.createCoroutine(this.#taskBody)
  }

  #resume(task: Task, first: LuaValue, rest: readonly LuaValue[]): void {
    const { engine } = this
    const before = this.current
    assert(before === undefined, 'a task was resumed inside another one')
    this.current = task
    this.parked = 0
    this.writer?.begin(task)
    this.activity.begin(task.origin.kind === 'session' ? task.routeCode : 0)
    const how = engine.resume(task.coroutine, first, ...rest)
    this.activity.end()
    const wait = this.parked
    this.parked = 0
    this.current = undefined
    if (how === resumed.yielded && wait !== 0) {
      this.#park(task, wait)
    } else if (how === resumed.yielded) {
      const { results } = engine
      const failure = this.#commit(task)
      this.#ended(task)
      if (failure === undefined) this.#ends[task.origin.kind]?.returned(task, results)
      else this.#ends[task.origin.kind]?.failed(task, failure)
    } else {
      assert(how === resumed.failed, 'the body of a task returned')
      const error = engine.failure as LuaError | LuaKilled
      this.writer?.drop(task)
      const failure = this.#describe(task, error)
      task.coroutine = this.#newCoroutine()
      this.#ended(task)
      this.#ends[task.origin.kind]?.failed(task, failure)
    }
  }

  /** @returns why what the run has written cannot be */
  #commit(task: Task): Failure | undefined {
    try {
      this.writer?.commit(task)
      return undefined
    } catch (error) {
      if (!(error instanceof LuaError)) throw error
      return this.#describe(task, error)
    }
  }

  #park(task: Task, wait: number): void {
    if (task.expired) return this.#closeExpired(task)
    task.wait = wait
    this.#waits.set(wait, task)
    const { kind } = task.origin
    if (task.deadline !== 0 || kind === 'fork' || kind === 'timer' || kind === 'topic') return
    const ms = this.#timeLeftMs(task)
    task.deadline = this.timers.after(ms, () => this.#expire(task))
  }

  /** Of a task that has a limit, which is counted from its first wait where nobody said from when. */
  #timeLeftMs(task: Task): number {
    const nowMs = this.clock.monotonicMs()
    if (task.endsMs === 0) task.endsMs = nowMs + this.#timeoutMs(task)
    return Math.max(0, task.endsMs - nowMs)
  }

  /** How long it may take in all. */
  #timeoutMs({ origin }: Task): number {
    const { requestTimeoutMs } = this.settings
    if (origin.kind === 'admin') return origin.limitMs
    const isTimed = origin.kind === 'rpc' || origin.kind === 'node'
    return isTimed
      ? Math.min(origin.limitMs || requestTimeoutMs, requestTimeoutMs)
      : requestTimeoutMs
  }

  #expire(task: Task): void {
    task.deadline = 0
    task.expired = true
    const { wait } = task
    assert(wait !== 0, 'a deadline passed for a task that does not wait')
    const text = `timed out after ${this.#timeoutMs(task)} ms`
    this.log(logLevel.warn, text, { route: this.nameOf(task) })
    this.answer(wait, false, [this.failureValue(504, text)])
  }

  /** It caught its timeout and waits again: enough. */
  #closeExpired(task: Task): void {
    this.engine.close(task.coroutine)
    task.coroutine = this.#newCoroutine()
    this.#ended(task)
    const text = `timed out after ${this.#timeoutMs(task)} ms`
    this.log(logLevel.warn, `${text}, caught that and waited again`, { route: this.nameOf(task) })
    this.#ends[task.origin.kind]?.failed(task, {
      code: 504,
      message: text,
      detail: text,
      table: undefined,
    })
  }

  #ended(task: Task): void {
    task.busy = false
    task.callsLane = -1
    this.writer?.ended(task)
    if (task.deadline !== 0) this.timers.cancel(task.deadline)
    task.deadline = 0
  }

  /**
   * What is told of an error: a table with a code is meant for the client, unless it is marked as
   * internal; the rest is a 500.
   */
  #describe(task: Task, error: LuaError | LuaKilled): Failure {
    const { engine } = this
    const value = error instanceof LuaError ? error.value : undefined
    let words = placedMessage(error)
    if (value !== undefined && engine.typeOf(value) === 'table') {
      const table = value as LuaTable
      const code = engine.rawGet(table, 'code')
      const text = engine.rawGet(table, 'message')
      if (typeof code === 'number' && Number.isInteger(code)) {
        const message = typeof text === 'string' ? bytesToText(text) : 'failed'
        if (engine.rawGet(table, 'internal') !== true) {
          return { code, message, detail: `${code}: ${message}`, table }
        }
        words = placedMessage(new LuaError(message, undefined, error.traceback))
      }
    }
    if (error instanceof LuaKilled) this.engine.call(this.libraryFunction('killed'))
    this.log(logLevel.error, words, {
      route: this.nameOf(task),
      ...(task.code === '' ? {} : { code: task.code }),
      requestId: this.requestIdOf(task),
      traceback: error.traceback,
    })
    const detail = `${words}\n${error.traceback}`
    if (error instanceof LuaError) {
      return { code: 500, message: 'internal error', detail, table: undefined }
    }
    return { code: 503, message: 'it took too long and was ended', detail, table: undefined }
  }

  /** What the running task has left of its time; infinite for one without a limit. */
  leftMs(): number {
    const task = this.current
    if (task === undefined) return this.settings.requestTimeoutMs
    const { kind } = task.origin
    if (kind === 'fork' || kind === 'timer' || kind === 'topic') return Number.POSITIVE_INFINITY
    if (task.endsMs === 0) return this.#timeoutMs(task)
    return Math.max(1, task.endsMs - this.clock.monotonicMs())
  }

  /** The route or the name of what it runs, for the log and the spool. */
  nameOf(task: Task): string {
    const { origin } = task
    if (origin.kind === 'session') return this.routeName(task.routeCode)
    return origin.kind === 'fork' ? 'fork' : origin.name
  }

  /** Set by the services: names routes for the log. */
  routeName: (code: number) => string = String
}
