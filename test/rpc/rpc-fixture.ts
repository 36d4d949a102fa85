// A client and servers in the test's own process, over real sockets of the loopback.

import { systemClock } from '../../core/base/clock.ts'
import type { ClientRules } from '../../core/rpc/client.ts'
import { defaultClientRules, RpcClient } from '../../core/rpc/client.ts'
import { Dispatcher } from '../../core/rpc/dispatcher.ts'
import { TurnFlush } from '../../core/rpc/framed-socket.ts'
import type { IncomingCall } from '../../core/rpc/incoming-call.ts'
import { defaultOnceLimits } from '../../core/rpc/once-table.ts'
import { type Outcome, succeeded } from '../../core/rpc/outcome.ts'
import type { CallRequest } from '../../core/rpc/pending-call.ts'
import { type RouteNode, type Routes, RouteTable } from '../../core/rpc/route-table.ts'
import { defaultServerRules, RpcServer, type ServerRules } from '../../core/rpc/server.ts'
import { NodeTimers } from '../../core/timer/node-timers.ts'

const timers = new NodeTimers()
const running: { close(reason: string): void }[] = []

export const turn = (): TurnFlush => {
  const flush: TurnFlush = new TurnFlush(() => setImmediate(flush.flush))
  return flush
}

export interface TestServer {
  readonly name: string
  readonly port: number
  readonly server: RpcServer
  readonly dispatcher: Dispatcher
  /** Calls that its methods have begun. */
  readonly calls: IncomingCall[]
}

/** Carries out a call; by default it answers with the call's body. */
export type Method = (call: IncomingCall) => boolean | undefined

export async function startServer(
  name: string,
  method: Method = (call) => void call.end(succeeded(call.request.body)),
  options: {
    incarnation?: string
    port?: number
    token?: string
    rules?: Partial<ServerRules>
  } = {},
): Promise<TestServer> {
  const calls: IncomingCall[] = []
  const handle = (call: IncomingCall): boolean => {
    const taken = method(call) !== false
    if (taken) calls.push(call)
    return taken
  }
  const dispatcher = new Dispatcher(systemClock, { handle }, defaultOnceLimits)
  const incarnation = options.incarnation ?? `${name}-${Math.random()}`
  const server = await RpcServer.listen('127.0.0.1', options.port ?? 0, {
    rules: { ...defaultServerRules, ...options.rules },
    token: options.token ?? '',
    info: () => ({ node: name, incarnation, draining: dispatcher.isDraining }),
    handler: dispatcher,
    turn: turn(),
    timers,
  })
  running.push(server)
  return { name, port: server.port, server, dispatcher, calls }
}

export interface TestClient {
  readonly client: RpcClient
  readonly routes: RouteTable
  readonly log: string[]
  /** Calls `service.method` and waits for the end. */
  call(request?: Partial<CallRequest>): Promise<Outcome>
}

export function startClient(
  routes: Routes,
  options: { rules?: Partial<ClientRules>; token?: string; node?: string } = {},
): TestClient {
  const table = new RouteTable()
  table.set('static', routes)
  const log: string[] = []
  const client = new RpcClient({
    rules: { ...defaultClientRules, ...options.rules },
    hello: { node: options.node ?? 'caller', token: options.token ?? '' },
    turn: turn(),
    timers,
    clock: systemClock,
    random: Math.random,
    routes: table,
    local: (request, end) => end(succeeded(Buffer.from(`here: ${request.method}`))),
    log: (_level, text) => void log.push(text),
  })
  running.push({ close: () => client.stop() })
  const call = (request: Partial<CallRequest> = {}): Promise<Outcome> =>
    new Promise((resolve) => client.call({ ...anyCall, ...request }, resolve))
  return { client, routes: table, log, call }
}

export const anyCall: CallRequest = {
  service: 'echo',
  method: 'echo',
  body: Buffer.from('body'),
  timeoutMs: 2000,
  traceId: '',
  idempotencyKey: '',
  key: '',
  node: '',
}

export function nodeAt(name: string, port: number, more: Partial<RouteNode> = {}): RouteNode {
  return { name, host: '127.0.0.1', port, weight: 1, incarnation: '', draining: false, ...more }
}

/** One service on the given nodes. */
export function routesTo(
  nodes: readonly RouteNode[],
  service = 'echo',
  balance: Routes['services'][number]['balance'] = undefined,
): Routes {
  return { nodes, services: [{ service, balance, nodes: nodes.map(({ name }) => name) }] }
}

/** Waits until `isTrue`, looking between rounds of the event loop. */
export async function until(isTrue: () => boolean, what: string, ms = 5000): Promise<void> {
  const endMs = Date.now() + ms
  while (!isTrue()) {
    if (Date.now() > endMs) throw new Error(`not within ${ms} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Ends all that was started here. */
export function stopAll(): void {
  for (const each of running.splice(0)) each.close('the test is over')
  timers.clear()
}
