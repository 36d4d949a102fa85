// rpc: what this node calls and is asked for, by service and method, and how the other nodes are.
import { command } from '../command.ts'
import type { RpcMethodStatus, RpcStatus } from '../status.ts'
import { showBytes, showErrors, showUs, textPairs, textTable } from '../text-table.ts'

export const rpc = command({
  name: 'rpc',
  summary: 'shows calls to and from other nodes: rates, errors, latency, connections, circuits',
  arguments: [],
  example: 'rpc',
  run: (_args, host) => host.status().rpc,
  text: rpcText,
})

function rpcText(rpc: RpcStatus): string {
  const { keys } = rpc
  const pairs = textPairs([
    ['connections', `${rpc.connectionsIn} from callers, ${rpc.expelled} expelled`],
    ['under way', `${rpc.inFlightOut} calls, ${rpc.inFlightIn} served`],
    [
      'sent',
      `${rpc.sent}, ${rpc.retries} of them again; ${rpc.retriesRefused} times not, for want of budget`,
    ],
    ['late replies', rpc.lateReplies],
    ['keys', `${keys.kept} answers kept (${showBytes(keys.bytes)}), ${keys.dropped} dropped early`],
  ])
  const nodes = textTable(
    ['node', 'address', 'connection', 'circuit', 'under way', 'connects'],
    rpc.nodes.map((node) => [
      node.draining ? `${node.node} (draining)` : node.node,
      node.address,
      node.state,
      node.circuit,
      node.inFlight,
      node.connects,
    ]),
  )
  return [pairs, nodes, methods('called', rpc.calls), methods('served', rpc.served)].join('\n\n')
}

function methods(title: string, all: readonly RpcMethodStatus[]): string {
  return textTable(
    [title, 'calls', 'per s', 'under way', 'again', 'p50', 'p99', 'errors'],
    all.map((each) => [
      each.method === '' ? each.service : `${each.service}.${each.method}`,
      each.calls,
      each.perS,
      each.inFlight,
      each.repeated,
      showUs(each.latency.p50Us),
      showUs(each.latency.p99Us),
      showErrors(each.errors),
    ]),
  )
}
