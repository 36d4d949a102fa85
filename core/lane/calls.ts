// Calls between the services of different lanes, by way of the core.
//
// Lane thread. Outgoing: the caller's coroutine parks under the call's number and is answered by
// rpcResult. Incoming: a task from the pool runs the remote function and sends its results back to
// the lane that asked. A call number of 0 wants no answer. Values travel as value-codec.ts encodes
// them, so both sides own copies.

import { LuaError, type LuaFunction, type LuaValue } from '../lua/engine.ts'
import { ValueReader, ValueWriter } from '../lua/value-codec.ts'
import { message } from '../thread/messages.ts'
import { internalStatus, statusOf } from './call-failure.ts'
import { readShortText, shortText } from './core-port.ts'
import { type Lane, logLevel } from './lane.ts'
import type { Failure, Task } from './task.ts'

/** The lane that runs services with lanes = "one". */
const singleLane = 0

export class Calls {
  readonly #lane: Lane
  readonly #writer: ValueWriter
  readonly #reader: ValueReader

  constructor(lane: Lane) {
    this.#lane = lane
    this.#writer = new ValueWriter(lane.engine)
    this.#reader = new ValueReader(lane.engine)
    lane.listen('rpc', {
      returned: (task, results) => this.#returned(task, results),
      failed: (task, failure) => this.#failed(task, failure),
    })
  }

  /** For the host library: the running task waits for the answer. */
  call(service: string, method: string, args: readonly LuaValue[]): void {
    const encoded = this.#writer.encode(args)
    const wait = this.#lane.beginWait('rpc.call')
    if (this.#lane.current !== undefined) this.#lane.current.callsLane = singleLane
    this.#write(wait, this.#lane.leftMs(), service, method, encoded)
  }

  /** For the host library: nobody waits. */
  send(service: string, method: string, args: readonly LuaValue[]): void {
    const encoded = this.#writer.encode(args)
    this.#write(0, 0, service, method, encoded)
  }

  #write(wait: number, ms: number, service: string, method: string, body: Uint8Array): void {
    const limitMs = Number.isFinite(ms) ? Math.ceil(ms) : 0
    const { port } = this.#lane
    port.timedBytes(message.rpcRequest, wait, singleLane, limitMs, [service, method], body)
  }

  /** rpcRequest: another lane calls a remote function of this one. */
  request(call: number, from: number, bytes: Buffer, start: number): void {
    const { engine } = this.#lane
    const limitMs = bytes.readUInt32LE(start)
    let at = readShortText(bytes, start + 4)
    const service = shortText.value
    at = readShortText(bytes, at)
    const method = shortText.value
    const args = this.#reader.decode(bytes, at)
    const name = `${service}.remote.${method}`
    let fn: LuaValue
    try {
      fn = engine.call(this.#lane.libraryFunction('remote_function'), service, method)[0]
    } catch (error) {
      if (!(error instanceof LuaError)) throw error
      const text = `service '${service}' has no remote function '${method}'`
      if (call === 0) return this.#lane.log(logLevel.warn, `a sent call failed: ${text}`)
      return this.#sendFailure(call, from, internalStatus + 404, text)
    }
    const task = this.#lane.newTask({ kind: 'rpc', call, lane: from, name, limitMs })
    this.#lane.run(task, fn as LuaFunction, ...args)
  }

  /** rpcResult: the answer to a call of this lane. */
  result(wait: number, status: number, bytes: Buffer, start: number, end: number): void {
    if (status === 0) {
      this.#lane.answer(wait, true, this.#reader.decode(bytes, start))
    } else {
      const internal = status >= internalStatus
      const code = internal ? status - internalStatus : status
      const failure = this.#lane.failureValue(code, bytes.toString('latin1', start, end), internal)
      this.#lane.answer(wait, false, [failure])
    }
  }

  #returned(task: Task, results: readonly LuaValue[]): void {
    const { origin } = task
    this.#lane.release(task)
    if (origin.kind !== 'rpc' || origin.call === 0) return
    let encoded: Uint8Array
    try {
      encoded = this.#writer.encode(results)
    } catch (error) {
      if (!(error instanceof LuaError)) throw error
      const text = `${origin.name}: the result cannot be sent: ${error.message}`
      return this.#sendFailure(origin.call, origin.lane, internalStatus + 500, text)
    }
    this.#sendResult(origin.call, origin.lane, 0, encoded)
  }

  #failed(task: Task, failure: Failure): void {
    const { origin } = task
    this.#lane.release(task)
    if (origin.kind !== 'rpc') return
    if (origin.call === 0) {
      const fields = { route: origin.name, code: failure.code }
      return this.#lane.log(logLevel.warn, `a sent call failed: ${failure.message}`, fields)
    }
    const { status, text } = statusOf(failure, origin.name)
    this.#sendFailure(origin.call, origin.lane, status, text)
  }

  #sendFailure(call: number, lane: number, code: number, text: string): void {
    this.#sendResult(call, lane, code, Buffer.from(text))
  }

  #sendResult(call: number, lane: number, status: number, payload: Uint8Array): void {
    const head = Buffer.allocUnsafe(4 + payload.length)
    head.writeUInt32LE(status, 0)
    head.set(payload, 4)
    this.#lane.port.bytes(message.rpcResult, call, lane, head)
  }
}
