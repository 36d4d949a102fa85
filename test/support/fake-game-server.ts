// A game server for tests of clients: pomelo's protocol on a WebSocket, handlers as functions.
//
// Test process only, 127.0.0.1, port 0. Its encoder is written from the protocol page alone and
// shares nothing with the client under test nor with core/gate, so that neither can agree with its
// own mistake. It does what a well-behaved pomelo server does (handshake, dictionary, one heartbeat
// after the ack and one for each of the client's); a test makes it misbehave through `player.raw`.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

export interface Received {
  kind: 'request' | 'notify'
  id: number
  route: string
  /** Whether the client sent a dictionary code in the route's place. */
  compressed: boolean
  body: unknown
}

export interface FakePlayer {
  /** What the client said in its handshake. */
  hello: { sys?: Record<string, unknown>; user?: unknown }
  /** For handlers to keep things in. */
  data: Map<string, unknown>
  push(route: string, body: unknown): void
  kick(reason: string): void
  heartbeat(): void
  /** Sends these bytes in one frame, whatever they are. */
  raw(...parts: Uint8Array[]): void
  /** Cuts the line as a crash would. */
  drop(): void
}

/** Answers a request; `undefined` leaves it without a reply. */
export type FakeHandler = (player: FakePlayer, body: never, received: Received) => unknown

export interface FakeGameServer {
  url: string
  port: number
  players: Set<FakePlayer>
  received: Received[]
  heartbeats: number
  /** Resolves when `test` holds; checked after each package and each connection's end. */
  until(test: () => boolean): Promise<void>
  close(): Promise<void>
}

export interface FakeServerOptions {
  port?: number
  heartbeatS?: number
  answersHeartbeats?: boolean
  dictionary?: Record<string, number>
  dictVersion?: string
  /** Sent in place of the handshake's answer. */
  handshakeReply?: unknown
  handlers?: Record<string, FakeHandler>
}

/** `u8 type | u24 length | body`. */
export function pack(type: number, body: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt8(type, 0)
  head.writeUIntBE(body.length, 1, 3)
  return Buffer.concat([head, body])
}

export const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

/** A response as a whole data package. */
export function packResponse(id: number, body: Uint8Array, flag = 0x04): Buffer {
  const digits: number[] = []
  for (let rest = id; ; rest = Math.floor(rest / 128)) {
    digits.push(rest >= 128 ? (rest % 128) + 128 : rest)
    if (rest < 128) break
  }
  return pack(4, Buffer.concat([Buffer.from([flag, ...digits]), body]))
}

/** A push as a whole data package; a number for `route` is a dictionary code. */
export function packPush(route: string | number, body: Uint8Array): Buffer {
  if (typeof route === 'number') {
    return pack(4, Buffer.concat([Buffer.from([0x07, route >> 8, route & 255]), body]))
  }
  const name = Buffer.from(route)
  return pack(4, Buffer.concat([Buffer.from([0x06, name.length]), name, body]))
}

function unpackMessage(bytes: Buffer, dictionary: Record<string, number>): Received {
  const flag = bytes.readUInt8(0)
  const kind = (flag & 0x0e) >> 1 === 0 ? 'request' : 'notify'
  let at = 1
  let id = 0
  if (kind === 'request') {
    for (let shift = 0; ; shift += 7) {
      const digit = bytes.readUInt8(at++)
      id += (digit & 127) * 2 ** shift
      if (digit < 128) break
    }
  }
  const compressed = (flag & 1) === 1
  let route: string
  if (compressed) {
    const code = bytes.readUInt16BE(at)
    at += 2
    route = Object.keys(dictionary).find((name) => dictionary[name] === code) ?? `code ${code}`
  } else {
    const end = at + 1 + bytes.readUInt8(at)
    route = bytes.toString('utf8', at + 1, end)
    at = end
  }
  return { kind, id, route, compressed, body: JSON.parse(bytes.toString('utf8', at)) }
}

/** Starts one; close it in the test's end. */
export async function startFakeGameServer(
  options: FakeServerOptions = {},
): Promise<FakeGameServer> {
  const { heartbeatS = 30, answersHeartbeats = true, dictionary = {}, handlers = {} } = options
  const listener = new WebSocketServer({ host: '127.0.0.1', port: options.port ?? 0 })
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const waiters = new Set<() => void>()
  const check = () => {
    for (const waiter of waiters) waiter()
  }
  const server: FakeGameServer = {
    url: `ws://127.0.0.1:${port}`,
    port,
    players: new Set(),
    received: [],
    heartbeats: 0,
    until: (test) =>
      new Promise((resolve) => {
        const waiter = () => {
          if (!test()) return
          waiters.delete(waiter)
          resolve()
        }
        waiters.add(waiter)
        waiter()
      }),
    close: () =>
      new Promise((resolve) => {
        for (const socket of listener.clients) socket.terminate()
        listener.close(() => resolve())
      }),
  }
  listener.on('connection', (socket) => {
    const player = playerOf(socket, dictionary)
    socket.on('close', () => {
      server.players.delete(player)
      check()
    })
    socket.on('message', (data) => {
      take(data as Buffer)
      check()
    })
    const take = (frame: Buffer) => {
      const body = frame.subarray(4)
      switch (frame.readUInt8(0)) {
        case 1:
          player.hello = JSON.parse(body.toString())
          player.raw(pack(1, json(options.handshakeReply ?? welcome(player))))
          return
        case 2:
          server.players.add(player)
          player.heartbeat()
          return
        case 3:
          server.heartbeats++
          if (answersHeartbeats) player.heartbeat()
          return
        default:
          answer(unpackMessage(body, dictionary))
      }
    }
    const welcome = (greeted: FakePlayer) => {
      const dictVersion = options.dictVersion ?? 'v1'
      const known = greeted.hello.sys?.dictVersion === dictVersion
      const routes = known ? {} : { dict: dictionary, routeToCode: dictionary, codeToRoute: {} }
      return { code: 200, sys: { heartbeat: heartbeatS, useDict: true, dictVersion, ...routes } }
    }
    const answer = (received: Received) => {
      server.received.push(received)
      const handler = handlers[received.route]
      const reply = handler
        ? handler(player, received.body as never, received)
        : { code: 404, message: `no handler ${received.route}`, requestId: 'r-404' }
      if (received.kind === 'request' && reply !== undefined) {
        player.raw(packResponse(received.id, json(reply)))
      }
    }
  })
  return server
}

function playerOf(socket: WebSocket, dictionary: Record<string, number>): FakePlayer {
  const raw = (...parts: Uint8Array[]) => socket.send(Buffer.concat(parts))
  return {
    hello: {},
    data: new Map(),
    raw,
    push: (route, body) => raw(packPush(dictionary[route] ?? route, json(body))),
    kick: (reason) => {
      raw(pack(5, json({ reason })))
      socket.close()
    },
    heartbeat: () => raw(pack(3)),
    drop: () => socket.terminate(),
  }
}
