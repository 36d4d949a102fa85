// RPC in a running host: the listeners, the client, and the lanes that call and are called.
//
// Core thread. A service that this node has is called here, without leaving the process, unless the
// call names a node, or has a key for a service that routes spread over nodes; those go where the routes
// say, which may be here as well. With no port and no routes, nothing listens and nothing connects.

import { randomBytes } from 'node:crypto'
import { systemClock } from '../base/clock.ts'
import type { HostConfig, RoutesConfig } from '../config/types.ts'
import type { LaneGroup } from '../lane/lane-group.ts'
import type { LaneLink } from '../lane/lane-link.ts'
import { defaultClientRules, RpcClient } from '../rpc/client.ts'
import { Dispatcher } from '../rpc/dispatcher.ts'
import { TurnFlush } from '../rpc/framed-socket.ts'
import { RpcHttpFace } from '../rpc/http-face.ts'
import { defaultOnceLimits } from '../rpc/once-table.ts'
import type { Outcome } from '../rpc/outcome.ts'
import type { CallRequest } from '../rpc/pending-call.ts'
import { type Routes, RouteTable } from '../rpc/route-table.ts'
import { defaultServerRules, RpcServer } from '../rpc/server.ts'
import type { CorePump } from '../thread/core-pump.ts'
import { message } from '../thread/messages.ts'
import type { Timers } from '../timer/timers.ts'
import { internalStatus, RpcLanes } from './rpc-lanes.ts'

export interface HostRpcParts {
  readonly config: HostConfig
  readonly timers: Timers
  readonly pump: CorePump
  readonly log: (level: 'info' | 'warn' | 'error', text: string, data: object) => void
}

/** A call that a lane has asked for. */
interface LaneCall {
  readonly request: CallRequest
  readonly lane: LaneLink
  /** The lane's life in which it asked: an answer is not for the next one. */
  readonly life: number
  /** Under which its coroutine waits; 0: nobody does. */
  readonly wait: number
}

const statsTickMs = 1000

export class HostRpc {
  /** Names this start of the process. */
  readonly incarnation = randomBytes(8).toString('hex')
  readonly routes = new RouteTable()
  readonly client: RpcClient
  readonly dispatcher: Dispatcher
  readonly #parts: HostRpcParts
  readonly #lanes: RpcLanes
  readonly #turn: TurnFlush
  #server: RpcServer | undefined
  #http: RpcHttpFace | undefined

  /** Calls may be made from now on; what others call waits for `serve`. */
  constructor(parts: HostRpcParts) {
    this.#parts = parts
    const { config, timers, pump, log } = parts
    this.#turn = new TurnFlush(() => pump.schedule())
    this.#lanes = new RpcLanes(config.services)
    this.dispatcher = new Dispatcher(systemClock, this.#lanes, defaultOnceLimits)
    this.routes.set('static', staticRoutes(config.routes))
    this.client = new RpcClient({
      rules: defaultClientRules,
      hello: { node: config.node.name, token: config.rpc.token },
      turn: this.#turn,
      timers,
      clock: systemClock,
      random: Math.random,
      routes: this.routes,
      local: (request, end) => this.#callHere(request, end),
      log,
    })
    pump.afterTurn(() => {
      this.#server?.retry()
      this.#turn.flush()
    })
    timers.every(statsTickMs, () => {
      this.client.stats.tick()
      this.dispatcher.stats.tick()
    })
  }

  /** The lanes run: others may call them. @throws HostError PORT_IN_USE */
  async serve(lanes: LaneGroup): Promise<void> {
    this.#lanes.open(lanes)
    const { config, log, timers } = this.#parts
    const { host, port, httpPort, token } = config.rpc
    if (port === false && httpPort === false) return
    if (token === '' && !isLoopback(host)) {
      const text = `rpc listens on ${host} without a token: whoever reaches it may call every service`
      log('warn', `${text} (set rpc.token in config/host.lua)`, {})
    }
    if (httpPort !== false) {
      const parts = { handler: this.dispatcher, token }
      this.#http = await RpcHttpFace.listen(host, httpPort, parts)
    }
    if (port === false) return
    this.#server = await RpcServer.listen(host, port, {
      rules: defaultServerRules,
      token,
      info: () => ({
        node: config.node.name,
        incarnation: this.incarnation,
        draining: this.dispatcher.isDraining,
      }),
      handler: this.dispatcher,
      turn: this.#turn,
      timers,
    })
  }

  /** What is listened on: `rpc://…`, `http://…/rpc/`. */
  get addresses(): readonly string[] {
    const { host } = this.#parts.config.rpc
    return [
      ...(this.#server === undefined ? [] : [`rpc://${host}:${this.#server.port}`]),
      ...(this.#http === undefined ? [] : [`http://${host}:${this.#http.port}/rpc/`]),
    ]
  }

  get server(): RpcServer | undefined {
    return this.#server
  }

  /** A reload has brought other routes. */
  setRoutes(routes: RoutesConfig): void {
    this.routes.set('static', staticRoutes(routes))
  }

  /** Takes nothing new from now on. @returns when what is under way has ended */
  async drain(): Promise<void> {
    const drained = this.dispatcher.drain()
    this.#server?.announce()
    await drained
  }

  /** One message of a lane's ring. @returns false when it is not for this part of the host */
  laneMessage(
    lane: LaneLink,
    kind: number,
    a: number,
    b: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): boolean {
    if (kind === message.nodeReply) this.#lanes.replied(a, b, bytes, start, end)
    else if (kind === message.nodeCall) this.#called(lane, a, bytes, start, end)
    else return false
    return true
  }

  laneLost(lane: number): void {
    this.#lanes.laneLost(lane)
  }

  close(): void {
    this.client.stop()
    this.#server?.close('the node is shutting down')
    this.#http?.close()
    this.#turn.flush()
  }

  #called(lane: LaneLink, wait: number, bytes: Buffer, start: number, end: number): void {
    const asked = readCall(bytes, start, end)
    // What one lane sends to one node is run in the order in which it was sent.
    const order =
      wait === 0 && asked.key === '' ? `${this.#parts.config.node.name}/${lane.index}` : ''
    const request = order === '' ? asked : { ...asked, key: order }
    const call = { request, lane, wait, life: lane.lives }
    const isSpread = asked.key !== '' && this.routes.route(request.service) !== undefined
    const isHere = request.node === '' && !isSpread && this.#lanes.has(request.service)
    const ended = (outcome: Outcome): void => this.#ended(call, outcome)
    if (isHere) this.#callHere(request, ended)
    else this.client.call(request, ended)
  }

  #callHere(request: CallRequest, end: (outcome: Outcome) => void): void {
    const isOwn = true
    const envelope = { ...request, id: 0 }
    this.dispatcher.handle({ request: envelope, format: 'proto', safeOnly: false, isOwn, end })
  }

  #ended({ request, lane, life, wait }: LaneCall, outcome: Outcome): void {
    const { pump, log } = this.#parts
    const { code, error, body, internal } = outcome
    if (wait === 0) {
      if (code === 0) return
      const about = { route: `${request.service}.remote.${request.method}`, code }
      return log('warn', `a sent call failed: ${error}`, { ...about, requestId: request.traceId })
    }
    if (lane.lives !== life) return
    const payload = code === 0 ? body : Buffer.from(error)
    lane.send(message.nodeAnswer, wait, internal ? internalStatus + code : code, payload)
    pump.schedule()
  }
}

/** nodeCall's payload (core/thread/messages.ts); copied, because it comes from a ring. */
function readCall(bytes: Buffer, start: number, end: number): CallRequest {
  const timeoutMs = bytes.readUInt32LE(start)
  let at = start + 4
  const text = (): string => {
    const from = at + 1
    at = from + (bytes[at] as number)
    return bytes.toString('utf8', from, at)
  }
  const [service, method, node, key, idempotencyKey, traceId] = [
    text(),
    text(),
    text(),
    text(),
    text(),
    text(),
  ]
  const body = Buffer.from(bytes.subarray(at, end))
  return { service, method, node, key, idempotencyKey, traceId, timeoutMs, body }
}

function staticRoutes({ nodes, services }: RoutesConfig): Routes {
  return {
    nodes: nodes.map((node) => ({ ...node, incarnation: '', draining: false })),
    services,
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
