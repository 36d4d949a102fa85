// The wire between master and slaves: the RPC listener and client, and the host's own service `cluster`.
//
// Core thread. Nodes and ports are those of config/cluster.lua; the token that callers must know is
// made from the cluster's secret. Bodies are JSON (protocol.ts). Calls have no idempotency key: each
// may be lost, and whoever asks asks again.

import { createHash } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { type ErrorCode, errorCodes, HostError, messageOf } from '../base/errors.ts'
import type { ClusterConfig } from '../config/types.ts'
import { defaultClientRules, RpcClient } from '../rpc/client.ts'
import { Dispatcher } from '../rpc/dispatcher.ts'
import { TurnFlush } from '../rpc/framed-socket.ts'
import type { IncomingCall } from '../rpc/incoming-call.ts'
import { defaultOnceLimits } from '../rpc/once-table.ts'
import { failed, type Outcome, succeeded } from '../rpc/outcome.ts'
import { RouteTable } from '../rpc/route-table.ts'
import { defaultServerRules, RpcServer } from '../rpc/server.ts'
import type { Timers } from '../timer/timers.ts'
import { type ClusterCall, clusterService } from './protocol.ts'

/** Answers a method; what it throws as a HostError the caller gets. */
export type ClusterMethods = Readonly<Record<string, (body: never) => unknown>>

export interface ClusterRpcParts {
  readonly config: ClusterConfig
  /** Of this process. */
  readonly incarnation: string
  readonly methods: ClusterMethods
  readonly clock: Clock
  readonly timers: Timers
  readonly schedule: () => void
  readonly log: (level: 'info' | 'warn', text: string, data: object) => void
}

export interface ClusterRpc {
  readonly call: ClusterCall
  /** At the end of each turn of the core. */
  readonly flush: () => void
  readonly close: () => void
}

/** @throws HostError PORT_IN_USE */
export async function openClusterRpc(parts: ClusterRpcParts): Promise<ClusterRpc> {
  const { config, incarnation, clock, timers, schedule, log } = parts
  const { self, nodes, secret } = config
  const token = createHash('sha256').update(`rpc:${secret}`).digest('base64url')
  const turn = new TurnFlush(schedule)
  const dispatcher = new Dispatcher(clock, { handle: refuse }, defaultOnceLimits)
  dispatcher.addService(clusterService, { handle: (call) => answer(parts.methods, call) })
  const server = await RpcServer.listen(self.host, self.rpc, {
    rules: defaultServerRules,
    token,
    info: () => ({ node: self.name, incarnation, draining: false }),
    handler: dispatcher,
    turn,
    timers,
  })
  const routes = new RouteTable()
  const about = { weight: 1, incarnation: '', draining: false }
  routes.set('static', {
    nodes: nodes.map(({ name, host, rpc }) => ({ name, host, port: rpc, ...about })),
    services: [],
  })
  const client = new RpcClient({
    rules: defaultClientRules,
    hello: { node: self.name, token },
    turn,
    timers,
    clock,
    random: Math.random,
    routes,
    local: (_, end) => end(failed('NOT_FOUND', 'a node does not ask itself')),
    log,
  })
  return {
    call: (node, method, body, timeoutMs) =>
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
        client.call(request, (outcome) => {
          if (outcome.code === 0) resolve(JSON.parse(Buffer.from(outcome.body).toString()))
          else reject(errorOf(outcome))
        })
      }),
    flush: () => turn.flush(),
    close: () => {
      client.stop()
      server.close('this node stops')
    },
  }
}

function refuse(call: IncomingCall): boolean {
  call.end(failed('NOT_FOUND', `there is no service '${call.request.service}' here`))
  return true
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
