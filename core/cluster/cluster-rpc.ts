// The host's own RPC service `cluster`: what master and slaves ask each other (protocol.ts), as JSON.
//
// Core thread. Calls have no idempotency key: each may be lost, and whoever asks asks again.

import { type ErrorCode, errorCodes, HostError, messageOf } from '../base/errors.ts'
import type { RpcClient } from '../rpc/client.ts'
import type { IncomingCall, RpcHandler } from '../rpc/incoming-call.ts'
import { failed, type Outcome, succeeded } from '../rpc/outcome.ts'
import { type ClusterCall, clusterService } from './protocol.ts'

/** Answers a method; what it throws as a HostError the caller gets. */
export type ClusterMethods = Readonly<Record<string, (body: never) => unknown>>

export function clusterHandler(methods: ClusterMethods): RpcHandler {
  return { handle: (call) => answer(methods, call) }
}

export function clusterCaller(client: () => RpcClient): ClusterCall {
  return (node, method, body, timeoutMs) =>
    new Promise((resolve, reject) => {
      const request = {
        service: clusterService,
        method,
        body: Buffer.from(JSON.stringify(body)),
        timeoutMs,
        traceId: '',
        idempotencyKey: '',
        key: '',
        node,
      }
      client().call(request, (outcome) => {
        if (outcome.code === 0) resolve(JSON.parse(Buffer.from(outcome.body).toString()))
        else reject(errorOf(outcome))
      })
    })
}

function answer(methods: ClusterMethods, call: IncomingCall): boolean {
  const { method, body } = call.request
  const run = Object.hasOwn(methods, method) ? methods[method] : undefined
  if (run === undefined || call.format !== 'proto') {
    call.end(failed('NOT_FOUND', `cluster.${method} is not for this node`))
    return true
  }
  try {
    const result = run(JSON.parse(Buffer.from(body).toString()) as never)
    call.end(succeeded(Buffer.from(JSON.stringify(result ?? {}))))
  } catch (error) {
    const code: ErrorCode = error instanceof HostError ? error.code : 'BAD_REQUEST'
    call.end(failed(code, messageOf(error)))
  }
  return true
}

function errorOf({ code, error }: Outcome): HostError {
  const known = (Object.keys(errorCodes) as ErrorCode[]).find((each) => errorCodes[each] === code)
  return new HostError(known ?? 'INTERNAL', error)
}
