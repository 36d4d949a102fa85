// The game's services as core/rpc sees them: calls go down to a lane, and their outcomes come back.
//
// Core thread. A service with lanes = "one" is in lane 0. For the others a key names the lane, the same
// that has the sessions of that uid; without one, lanes take turns. A lane that is lost ends the calls
// that it had: they may or may not have been carried out.

import { assert } from '../base/assert.ts'
import type { ServiceConfig } from '../config/types.ts'
import type { LaneGroup } from '../lane/lane-group.ts'
import type { IncomingCall, RpcHandler } from '../rpc/incoming-call.ts'
import { failed } from '../rpc/outcome.ts'
import { message, nodeRequestFlag } from '../thread/messages.ts'

/** The lane of services with lanes = "one". */
const singleLane = 0
/** Added by lanes to the code of a failure that is a bug. */
export const internalStatus = 0x10000

interface Running {
  readonly call: IncomingCall
  readonly lane: number
}

export class RpcLanes implements RpcHandler {
  #lanes: LaneGroup | undefined
  readonly #services: ReadonlyMap<string, ServiceConfig>
  readonly #running = new Map<number, Running>()
  #lastCall = 0
  #nextLane = 0

  constructor(services: readonly ServiceConfig[]) {
    this.#services = new Map(services.map((service) => [service.name, service]))
  }

  /** The lanes run; until now every call was refused. */
  open(lanes: LaneGroup): void {
    this.#lanes = lanes
  }

  has(service: string): boolean {
    return this.#services.has(service)
  }

  handle(call: IncomingCall): boolean {
    const { service, method, traceId, key, timeoutMs, body } = call.request
    const lanes = this.#lanes
    if (lanes === undefined) {
      const text = 'this node is still starting'
      call.end(failed('OVERLOADED', text, { notRun: true }))
      return true
    }
    const found = this.#services.get(service)
    if (found === undefined) {
      const text = `this node has no service '${service}'`
      call.end(failed('NOT_FOUND', text, { notRun: true, internal: true }))
      return true
    }
    const names = [service, method, traceId].map((name) => Buffer.from(name))
    if (names.some((name) => name.length > 255)) {
      call.end(failed('BAD_REQUEST', 'a name of more than 255 bytes', { notRun: true }))
      return true
    }
    const lane = found.lanes === 'one' ? singleLane : this.#laneFor(lanes, key)
    if (!call.isOwn && !lanes.hasRoom(lane)) return false
    const id = this.#nextId()
    this.#running.set(id, { call, lane })
    const flags =
      (call.format === 'json' ? nodeRequestFlag.json : 0) |
      (call.safeOnly ? nodeRequestFlag.safeOnly : 0)
    lanes.send(lane, message.nodeRequest, id, flags, payloadOf(timeoutMs, names, body))
    return true
  }

  /** nodeReply: a lane has carried out a call. */
  replied(id: number, status: number, bytes: Buffer, start: number, end: number): void {
    const running = this.#running.get(id)
    // The lane was lost, and its caller has been told so.
    if (running === undefined) return
    this.#running.delete(id)
    const isInternal = status >= internalStatus
    running.call.end({
      code: isInternal ? status - internalStatus : status,
      error: status === 0 ? '' : bytes.toString('utf8', start, end),
      body: status === 0 ? bytes.subarray(start, end) : nothing,
      notRun: false,
      internal: isInternal,
    })
  }

  laneLost(lane: number): void {
    const text = `lane ${lane} was replaced; the call may or may not have been carried out`
    for (const [id, running] of [...this.#running]) {
      if (running.lane !== lane) continue
      this.#running.delete(id)
      running.call.end(failed('LANE_DOWN', text))
    }
  }

  #laneFor(lanes: LaneGroup, key: string): number {
    if (key !== '') return lanes.laneOfUid(key)
    this.#nextLane = (this.#nextLane + 1) % lanes.count
    return this.#nextLane
  }

  #nextId(): number {
    do this.#lastCall = (this.#lastCall % 0xffffffff) + 1
    while (this.#running.has(this.#lastCall))
    return this.#lastCall
  }
}

const nothing = new Uint8Array(0)

/** u32 ms | short service | short method | short trace id | arguments */
function payloadOf(timeoutMs: number, names: readonly Buffer[], body: Uint8Array): Buffer {
  let length = 4 + body.length
  for (const name of names) length += 1 + name.length
  const payload = Buffer.allocUnsafe(length)
  let at = payload.writeUInt32LE(timeoutMs, 0)
  for (const name of names) {
    payload[at++] = name.length
    payload.set(name, at)
    at += name.length
  }
  payload.set(body, at)
  assert(at + body.length === length, 'the payload has the length that was reckoned')
  return payload
}
