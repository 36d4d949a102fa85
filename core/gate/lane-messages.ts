// What lanes tell the gate: each message of a lane's ring, carried out on the sessions.
//
// Core thread. Payloads come from our own lanes, so their layout is trusted; whether the session they
// speak of still lives is not.

import { message } from '../thread/messages.ts'
import type { Gate } from './gate.ts'

/** The lane that a message came from. */
export interface AskingLane {
  readonly index: number
  send(kind: number, a: number, b: number, payload: Uint8Array): void
}

/**
 * Carries out one message.
 * @returns false when it is not one of the gate's
 */
export function gateMessage(
  gate: Gate,
  from: AskingLane,
  kind: number,
  a: number,
  b: number,
  bytes: Buffer,
  start: number,
  end: number,
): boolean {
  switch (kind) {
    case message.reply:
      gate.reply(a, b, bytes.subarray(start, end), 0)
      return true
    case message.replyError:
      gate.reply(a, b, bytes.subarray(start + 2, end), bytes.readUInt16LE(start))
      return true
    case message.done:
      gate.done(a)
      return true
    case message.push: {
      const bodyAt = start + 1 + (bytes[start] as number)
      const route = bytes.toString('utf8', start + 1, bodyAt)
      gate.push(gate.sessions.get(a), route, bytes.subarray(bodyAt, end))
      return true
    }
    case message.pushUid: {
      const routeAt = start + 1 + (bytes[start] as number)
      const bodyAt = routeAt + 1 + (bytes[routeAt] as number)
      const uid = bytes.toString('utf8', start + 1, routeAt)
      const route = bytes.toString('utf8', routeAt + 1, bodyAt)
      gate.push(gate.sessions.byUid(uid), route, bytes.subarray(bodyAt, end))
      return true
    }
    case message.broadcast: {
      const routeAt = start + 1 + (bytes[start] as number)
      const bodyAt = routeAt + 1 + (bytes[routeAt] as number)
      const channel = bytes.toString('utf8', start + 1, routeAt)
      const route = bytes.toString('utf8', routeAt + 1, bodyAt)
      gate.broadcast(channel, a, route, bytes.subarray(bodyAt, end))
      return true
    }
    case message.channelJoin:
      gate.joinChannel(a, bytes.toString('utf8', start, end))
      return true
    case message.channelLeave:
      gate.leaveChannel(a, bytes.toString('utf8', start, end))
      return true
    case message.channelCount: {
      const count = Buffer.allocUnsafe(4)
      count.writeUInt32LE(gate.channels.count(bytes.toString('utf8', start, end)), 0)
      from.send(message.waitResult, a, 0, count)
      return true
    }
    case message.bind:
      gate.moves.bind(from.index, a, b, bytes.toString('utf8', start, end))
      return true
    case message.kick:
      gate.kick(gate.sessions.get(a), bytes.toString('utf8', start, end))
      return true
    case message.kickUid: {
      const reasonAt = start + 1 + (bytes[start] as number)
      const session = gate.sessions.byUid(bytes.toString('utf8', start + 1, reasonAt))
      gate.kick(session, bytes.toString('utf8', reasonAt, end))
      return true
    }
    case message.sessionMove:
      gate.moves.moved(a, bytes.subarray(start, end))
      return true
    default:
      return false
  }
}
