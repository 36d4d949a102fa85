// The RPC listener: connections of other nodes and foreign programs, and the calls that they bring.
//
// Core thread. A connection has at most `inFlightMax` calls under way; more are refused as not run. When
// the handler has no room, the connection is not read from until `retry`. Where a token is set, the
// first message must be a heartbeat that carries it. A connection on which nothing comes for
// `silentMs` is ended; whoever calls through it must send heartbeats.

import { timingSafeEqual } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Timers } from '../timer/timers.ts'
import {
  decodeRequest,
  type RequestEnvelope,
  responseFrameBytesMax,
  writeResponseFrame,
} from './envelope.ts'
import { FramedSocket, type FramedSocketLimits, type TurnFlush } from './framed-socket.ts'
import type { RpcHandler } from './incoming-call.ts'
import { decodeHello, encodeNodeInfo, type NodeInfo } from './node-info.ts'
import { failed, type Outcome, succeeded } from './outcome.ts'

export interface ServerRules extends FramedSocketLimits {
  readonly inFlightMax: number
  readonly connectionsMax: number
  readonly silentMs: number
}

export const defaultServerRules: ServerRules = {
  frameBytesMax: limits.rpcFrameBytesMax,
  queueBytesMax: limits.rpcQueueBytesMax,
  inFlightMax: limits.rpcInFlightMax,
  connectionsMax: limits.rpcConnectionsMax,
  silentMs: limits.rpcSilentMs,
}

export interface ServerParts {
  readonly rules: ServerRules
  /** What a caller must say; '' lets everybody in. */
  readonly token: string
  readonly info: () => NodeInfo
  readonly handler: RpcHandler
  readonly turn: TurnFlush
  readonly timers: Timers
}

/** Counters of the listener. */
export interface ServerCounts {
  accepted: number
  refused: number
  /** Ended for what they sent: no message of ours, or the wrong token. */
  expelled: number
}

/** Whether a caller knows the token; takes the same time for every wrong one of its length. */
export function isToken(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)]
  return a.length === b.length && timingSafeEqual(a, b)
}

export class RpcServer {
  readonly counts: ServerCounts = { accepted: 0, refused: 0, expelled: 0 }
  readonly #parts: ServerParts
  readonly #server: Server
  readonly #connections = new Set<ServerConnection>()
  #ticker = 0

  private constructor(parts: ServerParts) {
    this.#parts = parts
    this.#server = createServer((socket) => this.#accept(socket))
  }

  /** @throws HostError PORT_IN_USE when it cannot listen there */
  static async listen(host: string, port: number, parts: ServerParts): Promise<RpcServer> {
    const server = new RpcServer(parts)
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', (cause) => {
        const text = `cannot listen for RPC on ${host}:${port} (see rpc in config/host.lua): ${cause.message}`
        reject(new HostError('PORT_IN_USE', text, { cause }))
      })
      server.#server.listen({ host, port, backlog: 1024 }, resolve)
    })
    // Accepting one connection failed (out of file descriptors): the others go on.
    server.#server.on('error', () => {})
    server.#ticker = parts.timers.every(parts.rules.silentMs, () => server.#endSilent())
    return server
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Goes on with the connections that the handler had no room for. */
  retry(): void {
    for (const each of this.#connections) if (each.isBlocked) each.retry()
  }

  /** Tells every caller how this node is now: it drains. */
  announce(): void {
    for (const each of this.#connections) each.announce()
  }

  /** Takes no new connections, and ends those that there are. */
  close(reason: string): void {
    if (this.#ticker !== 0) this.#parts.timers.cancel(this.#ticker)
    this.#ticker = 0
    this.#server.close()
    for (const each of this.#connections) each.end(reason)
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= this.#parts.rules.connectionsMax) {
      this.counts.refused++
      socket.destroy()
      return
    }
    this.counts.accepted++
    const connection = new ServerConnection(socket, this.#parts, this.counts, () => {
      this.#connections.delete(connection)
    })
    this.#connections.add(connection)
  }

  #endSilent(): void {
    for (const each of this.#connections) each.endIfSilent()
  }
}

class ServerConnection {
  readonly #parts: ServerParts
  readonly #counts: ServerCounts
  readonly #socket: FramedSocket
  #isTrusted: boolean
  /** What still comes on it is not looked at. */
  #isExpelled = false
  #inFlight = 0
  /** The handler had no room for its next call. */
  isBlocked = false

  constructor(socket: Socket, parts: ServerParts, counts: ServerCounts, closed: () => void) {
    this.#parts = parts
    this.#counts = counts
    this.#isTrusted = parts.token === ''
    this.#socket = new FramedSocket(socket, parts.turn, parts.rules, {
      message: (bytes, start, end) => this.#message(bytes, start, end),
      closed,
    })
  }

  retry(): void {
    this.isBlocked = false
    this.#socket.resume()
  }

  announce(): void {
    this.#respond(0, succeeded(encodeNodeInfo(this.#parts.info())))
  }

  end(reason: string): void {
    this.#socket.end(reason)
  }

  endIfSilent(): void {
    const isSilent = !this.#socket.heard && this.#inFlight === 0
    this.#socket.heard = false
    if (isSilent) this.#socket.end('it was silent for too long')
  }

  #message(bytes: Buffer, start: number, end: number): boolean {
    if (this.#isExpelled) return true
    const request = decodeRequest(bytes, start, end)
    if (request === undefined) {
      this.#expel('that is no Request')
      return true
    }
    if (request.id === 0) {
      this.#heartbeat(request)
      return true
    }
    if (!this.#isTrusted) {
      this.#expel('the first message must be a heartbeat with the token of this node (rpc.token)')
      return true
    }
    if (this.#inFlight >= this.#parts.rules.inFlightMax) {
      const text = `${this.#inFlight} calls of this connection are under way already`
      this.#respond(request.id, failed('OVERLOADED', text, { notRun: true }))
      return true
    }
    return this.#call(request)
  }

  #call(request: RequestEnvelope): boolean {
    this.#inFlight++
    const end = (outcome: Outcome): void => {
      this.#inFlight--
      this.#respond(request.id, outcome)
    }
    if (
      this.#parts.handler.handle({ request, format: 'proto', safeOnly: false, isOwn: false, end })
    )
      return true
    this.#inFlight--
    this.isBlocked = true
    return false
  }

  #heartbeat(request: RequestEnvelope): void {
    if (!this.#isTrusted) {
      const hello = decodeHello(request.body)
      if (hello === undefined || !isToken(hello.token, this.#parts.token)) {
        return this.#expel('the token of this node (rpc.token) is another one')
      }
      this.#isTrusted = true
    }
    this.announce()
  }

  #expel(why: string): void {
    this.#counts.expelled++
    this.#isExpelled = true
    this.#respond(0, failed('FORBIDDEN', why, { notRun: true }))
    this.#socket.end(why)
  }

  #respond(id: number, outcome: Outcome): void {
    const socket = this.#socket
    if (socket.isClosed) return
    const slab = socket.reserve(responseFrameBytesMax(outcome.error, outcome.body))
    socket.commit(writeResponseFrame(slab, socket.at, id, outcome))
  }
}
