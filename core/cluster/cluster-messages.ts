// What lanes ask of the cluster: `cluster.place` and `cluster.accept`, carried out and answered.
//
// Core thread. Answers go back as rpcResult, under the number by which a coroutine waits; one for a
// lane that was replaced meanwhile is dropped. Errors are for the client: their code and words reach it
// unless the handler catches them. Payloads come from our own lanes (thread/messages.ts).

import { HostError } from '../base/errors.ts'
import { encodePlain } from '../lua/plain-codec.ts'
import { message } from '../thread/messages.ts'
import type { Cluster } from './cluster.ts'
import type { Redirect } from './master.ts'

/** `b` of a clusterCall. */
export const clusterOp = { place: 0, accept: 1 } as const

/** The lane that asks. */
export interface AskingLane {
  /** How often its thread was replaced. */
  readonly lives: number
  send(kind: number, a: number, b: number, payload: Uint8Array): void
}

/**
 * Carries out one message.
 * @param schedule asks for a turn of the pump
 * @returns false when it is not one of these
 */
export function clusterMessage(
  cluster: Cluster | undefined,
  schedule: () => void,
  from: AskingLane,
  kind: number,
  wait: number,
  op: number,
  bytes: Buffer,
  start: number,
  end: number,
): boolean {
  if (kind !== message.clusterCall) return false
  const { lives } = from
  const settle = (status: number, payload: Buffer): void => {
    if (from.lives !== lives) return
    from.send(message.rpcResult, wait, status, payload)
    schedule()
  }
  const refuse = (error: unknown): void => {
    if (!(error instanceof HostError)) throw error
    settle(error.status, Buffer.from(error.message))
  }
  if (cluster === undefined) {
    refuse(new HostError('NOT_FOUND', 'this host is in no cluster (config/cluster.lua)'))
    return true
  }
  try {
    if (op === clusterOp.accept) {
      const { uid, context } = cluster.accept(bytes.toString('latin1', start, end))
      settle(0, spliceLists(encodePlain([Buffer.from(uid)]), context))
      return true
    }
    const uidEnd = start + 1 + (bytes[start] as number)
    const uid = bytes.toString('utf8', start + 1, uidEnd)
    const isWs = bytes[uidEnd] === 1
    const context = Buffer.from(bytes.subarray(uidEnd + 1, end))
    cluster
      .place(uid, context)
      .then((redirect) => settle(0, encodeRedirect(redirect, isWs, cluster.config.route)))
      .catch(refuse)
  } catch (error) {
    refuse(error)
  }
  return true
}

function encodeRedirect({ node, token }: Redirect, isWs: boolean, route: string): Buffer {
  const port = isWs ? node.ws : node.tcp
  if (port === false) {
    throw new HostError('OVERLOADED', `${node.name} does not listen for this kind of connection`)
  }
  return encodePlain([node.host, port, token, route])
}

/** Two encoded lists as one: counts are the first byte. */
function spliceLists(first: Buffer, second: Buffer): Buffer {
  const list = Buffer.concat([first, second.subarray(1)])
  list[0] = (first[0] as number) + (second[0] as number)
  return list
}
