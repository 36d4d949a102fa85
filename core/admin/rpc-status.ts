// The numbers of RPC for the status: methods in both directions, nodes, keys. Core thread.
//
// Counters live where they are counted (core/rpc); this reads them. Nothing is kept in between.

import type { RpcClient } from '../rpc/client.ts'
import type { Dispatcher } from '../rpc/dispatcher.ts'
import type { MethodNumbers } from '../rpc/rpc-stats.ts'
import type { RpcServer } from '../rpc/server.ts'
import type { RpcMethodStatus, RpcStatus } from './status.ts'
import { latencyOf } from './status-gatherer.ts'

const minuteS = 60

/** @param server undefined where nothing listens */
export function rpcStatus(
  client: RpcClient,
  dispatcher: Dispatcher,
  server: RpcServer | undefined,
): RpcStatus {
  const { once } = dispatcher
  return {
    draining: dispatcher.isDraining,
    connectionsIn: server?.connections ?? 0,
    expelled: server?.counts.expelled ?? 0,
    inFlightIn: dispatcher.inFlight,
    inFlightOut: client.inFlight,
    sent: client.counts.sent,
    retries: client.counts.retries,
    retriesRefused: client.budget.refused,
    lateReplies: client.counts.lateReplies,
    keys: { kept: once.size, bytes: once.bytes, dropped: once.dropped },
    nodes: client.peers.map((peer) => ({
      node: peer.name,
      address: peer.address,
      state: peer.state,
      circuit: peer.breaker.state,
      draining: peer.isDraining,
      inFlight: peer.inFlight,
      connects: peer.connects,
      circuitOpened: peer.breaker.opened,
    })),
    calls: client.stats.all.map(methodStatus),
    served: dispatcher.stats.all.map(methodStatus),
  }
}

function methodStatus(numbers: MethodNumbers): RpcMethodStatus {
  return {
    service: numbers.service,
    method: numbers.method,
    calls: numbers.calls,
    inFlight: numbers.inFlight,
    repeated: numbers.repeated,
    perS: round(numbers.rate(1)),
    perSOfMinute: round(numbers.rate(minuteS)),
    errors: Object.fromEntries(numbers.errors),
    latency: latencyOf(numbers.latency),
  }
}

const round = (value: number): number => Math.round(value * 10) / 10
