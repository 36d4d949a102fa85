// Calls that may leave the host, and those that come from outside: by way of core/rpc.
//
// Lane thread. Outgoing: the caller's coroutine parks under the call's number until `nodeAnswer`; the
// core finds out who serves it, and that may be this host. A number of 0 wants no answer. Incoming: a
// task from the pool runs the remote function, for no longer than the caller waits. Bodies are what
// crosses between hosts (call-bodies.ts); the core passes them on unread.

import { assert } from '../base/assert.ts'
import { bytesToText, textToBytes } from '../lua/bytes.ts'
import { LuaError, type LuaFunction, type LuaValue } from '../lua/engine.ts'
import { message, nodeRequestFlag } from '../thread/messages.ts'
import { CallBodies, type CallFormat } from './call-bodies.ts'
import { internalStatus, statusOf } from './call-failure.ts'
import { readShortText, shortText } from './core-port.ts'
import { type Lane, logLevel } from './lane.ts'
import type { Failure, Task } from './task.ts'

/** What `rpc.to`, `rpc.key` and `rpc.with` have said; '' and 0 where nothing was. */
export interface CallOptions {
  readonly node: string
  readonly key: string
  readonly timeoutMs: number
  readonly idempotencyKey: string
}

export const noOptions: CallOptions = { node: '', key: '', timeoutMs: 0, idempotencyKey: '' }

interface Awaited {
  readonly service: string
  readonly method: string
}

export class NodeCalls {
  readonly bodies: CallBodies
  readonly #lane: Lane
  /** Calls under way, by the number under which their caller waits. */
  readonly #awaited = new Map<number, Awaited>()

  constructor(lane: Lane) {
    this.#lane = lane
    this.bodies = new CallBodies(lane.engine, lane.start.protos)
    lane.listen('node', {
      returned: (task, results) => this.#returned(task, results),
      failed: (task, failure) => this.#failed(task, failure),
    })
  }

  /** For the host library: the running task waits for the answer. */
  call(service: string, method: string, options: CallOptions, args: readonly LuaValue[]): void {
    const body = this.bodies.encodeArguments(service, method, args)
    const wait = this.#lane.beginWait('rpc.call')
    this.#awaited.set(wait, { service, method })
    this.#write(wait, service, method, options, body)
  }

  /** For the host library: nobody waits. */
  send(service: string, method: string, options: CallOptions, args: readonly LuaValue[]): void {
    this.#write(0, service, method, options, this.bodies.encodeArguments(service, method, args))
  }

  #write(
    wait: number,
    service: string,
    method: string,
    { node, key, timeoutMs, idempotencyKey }: CallOptions,
    body: Uint8Array,
  ): void {
    const lane = this.#lane
    const task = lane.current
    const traceId = task === undefined ? '' : textToBytes(lane.requestIdOf(task))
    // What it starts must not outlive what it is a part of; nobody waits for what is only sent.
    const asked = timeoutMs || lane.settings.rpcTimeoutMs
    const ms = wait === 0 ? asked : Math.min(asked, lane.leftMs())
    const names = [service, method, node, key, idempotencyKey, traceId]
    lane.port.timedBytes(message.nodeCall, wait, 0, Math.ceil(ms), names, body)
  }

  /** nodeAnswer: how a call of this lane has ended. */
  answer(wait: number, status: number, bytes: Buffer, start: number, end: number): void {
    const awaited = this.#awaited.get(wait)
    assert(awaited !== undefined, 'an answer came for no call')
    this.#awaited.delete(wait)
    if (status !== 0) return this.#answerFailure(wait, status, bytes.toString('latin1', start, end))
    const { service, method } = awaited
    const results = this.bodies.decodeResults(service, method, bytes, start, end)
    if (results !== undefined) return void this.#lane.answer(wait, true, results)
    const text = `${service}.${method}: the answer cannot be read (are the .proto files the same?)`
    this.#answerFailure(wait, internalStatus + 500, text)
  }

  #answerFailure(wait: number, status: number, text: string): void {
    const internal = status >= internalStatus
    const code = internal ? status - internalStatus : status
    this.#lane.answer(wait, false, [this.#lane.failureValue(code, text, internal)])
  }

  /** nodeRequest: somebody calls a remote function of this lane. */
  request(call: number, flags: number, bytes: Buffer, start: number, end: number): void {
    const { engine } = this.#lane
    const limitMs = bytes.readUInt32LE(start)
    let at = readShortText(bytes, start + 4)
    const service = shortText.value
    at = readShortText(bytes, at)
    const method = shortText.value
    at = readShortText(bytes, at)
    const traceId = bytesToText(shortText.value)
    const format: CallFormat = (flags & nodeRequestFlag.json) !== 0 ? 'json' : 'proto'
    let fn: LuaValue
    try {
      fn = engine.call(this.#lane.libraryFunction('remote_function'), service, method)[0]
    } catch (error) {
      if (!(error instanceof LuaError)) throw error
      const text = `service '${service}' has no remote function '${method}'`
      return this.#refuse(call, internalStatus + 404, text)
    }
    if ((flags & nodeRequestFlag.safeOnly) !== 0 && !this.#isSafe(service, method)) {
      return this.#refuse(call, 405, `${service}.${method} is not marked as safe: use POST`)
    }
    const args = this.bodies.decodeArguments(format, service, method, bytes, at, end)
    if (typeof args === 'string') return this.#refuse(call, 400, `${service}.${method}: ${args}`)
    const name = `${service}.remote.${method}`
    const origin = { kind: 'node', call, service, method, name, limitMs, format } as const
    const task = this.#lane.newTask(origin)
    task.requestId = traceId
    this.#lane.run(task, fn as LuaFunction, ...args)
  }

  #isSafe(service: string, method: string): boolean {
    if (this.bodies.declared.method(service, method)?.isSafe === true) return true
    const isSafe = this.#lane.libraryFunction('is_safe')
    return this.#lane.engine.call(isSafe, service, method)[0] === true
  }

  #returned(task: Task, results: readonly LuaValue[]): void {
    const { origin } = task
    this.#lane.release(task)
    if (origin.kind !== 'node') return
    const { call, format, service, method, name } = origin
    let body: Uint8Array
    try {
      body = this.bodies.encodeResults(format, service, method, results)
    } catch (error) {
      if (!(error instanceof LuaError)) throw error
      const text = `${name}: the result cannot be sent: ${error.message}`
      this.#lane.log(logLevel.error, text)
      return this.#refuse(call, internalStatus + 500, text)
    }
    this.#lane.port.bytes(message.nodeReply, call, 0, body)
  }

  #failed(task: Task, failure: Failure): void {
    const { origin } = task
    this.#lane.release(task)
    if (origin.kind !== 'node') return
    const { status, text } = statusOf(failure, origin.name)
    this.#refuse(origin.call, status, text)
  }

  #refuse(call: number, status: number, text: string): void {
    this.#lane.port.bytes(message.nodeReply, call, status, Buffer.from(text))
  }
}
