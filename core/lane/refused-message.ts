// What becomes of a message whose request's own write was refused, because the disk was full.
//
// Core thread. Nobody may be told of what was not stored: the reply becomes an error 507, pushes and
// broadcasts are dropped, a call to another service fails in its caller. What claims nothing about
// data (channels, kicks, a session on its way) goes on as it was.

import { HostError } from '../base/errors.ts'
import { message } from '../thread/messages.ts'
import type { RecordVisitor } from '../thread/ring.ts'

const refusal = new HostError(
  'STORAGE_FULL',
  'the server could not store this: its disk is full. Nothing was changed',
)
const replyBody = Buffer.from(
  JSON.stringify({ code: refusal.status, message: refusal.message }),
  'utf8',
)

/** The message's stand-in; `failCall` hears of a call that must not go out. */
export function refuseMessage(
  deliver: RecordVisitor,
  failCall: (kind: number, wait: number, status: number, text: string) => void,
): RecordVisitor {
  return (kind, a, b, bytes, start, end) => {
    switch (kind) {
      case message.reply:
      case message.replyError: {
        const payload = Buffer.allocUnsafe(2 + replyBody.length)
        payload.writeUInt16LE(refusal.status, 0)
        payload.set(replyBody, 2)
        return deliver(message.replyError, a, b, payload, 0, payload.length)
      }
      case message.push:
      case message.pushUid:
      case message.broadcast:
      case message.entityChanged:
      case message.topicPublish:
        return
      case message.rpcRequest:
        if (a !== 0) failCall(message.rpcResult, a, refusal.status, refusal.message)
        return
      case message.nodeCall:
        if (a !== 0) failCall(message.nodeAnswer, a, refusal.status, refusal.message)
        return
      case message.rpcResult: {
        const text = Buffer.from(refusal.message)
        const payload = Buffer.allocUnsafe(4 + text.length)
        payload.writeUInt32LE(refusal.status, 0)
        payload.set(text, 4)
        return deliver(kind, a, b, payload, 0, payload.length)
      }
      case message.nodeReply: {
        const text = Buffer.from(refusal.message)
        return deliver(kind, a, refusal.status, text, 0, text.length)
      }
      default:
        return deliver(kind, a, b, bytes, start, end)
    }
  }
}
