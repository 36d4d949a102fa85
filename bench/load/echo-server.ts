// A server that speaks the client protocol and does nothing else: what the load client is measured
// against, and what the test clients are tried on. One thread, TCP (node:net) and WebSocket (uWS).
//
//   route                        what comes back
//   login.handler.guest          {"code":200,"uid":"u<n>"}
//   *.fail                       {"code":503,"message":"asked to fail"}
//   *.silent                     nothing
//   *.kick, request or notify    a kick, then the connection closes
//   *.push                       a push "onPush" with the same body, then the reply if a request
//   any other                    the request's own body
// A damaged stream closes its connection, as the gate would. It has no limits on connections and no
// session rules: it is no part of the host.
//
//   node tools/run.mjs bench/load/echo-server.ts     prints its ports, runs until it is killed

import uWS from 'uWebSockets.js'
import net from 'node:net'
import { pathToFileURL } from 'node:url'
import {
  encodeHandshakeRefusal,
  encodeHandshakeReply,
  parseHandshake,
} from '../../core/gate/handshake.ts'
import {
  decodeMessage,
  encodeKick,
  encodePush,
  encodeResponse,
  MessageView,
  messageType,
} from '../../core/gate/message-codec.ts'
import { heartbeatPackage, PackageDecoder, packageType } from '../../core/gate/package-codec.ts'
import { RouteDictionary } from '../../core/gate/route-dictionary.ts'

const bodyBytesMax = 64 * 1024
export const echoDictionary = new RouteDictionary([
  'battle.handler.attack',
  'battle.handler.move',
  'echo.handler.echo',
  'login.handler.guest',
  'onPush',
])

export interface EchoServer {
  readonly tcpPort: number
  readonly wsPort: number
  close(): Promise<void>
}

export interface EchoOptions {
  /** Seconds, as told to the clients; 0 (none) when left out. */
  readonly heartbeatS?: number
  /** 0 (any free port) when left out. */
  readonly tcpPort?: number
  readonly wsPort?: number
}

/** How one connection sends and ends, whichever way it came. */
interface Peer {
  send(bytes: Uint8Array): void
  end(): void
}

const view = new MessageView()
let logins = 0

/** The protocol side of one connection. */
function speak(peer: Peer, heartbeatS: number): PackageDecoder {
  let routeCodes = true
  let ready = false
  return new PackageDecoder(bodyBytesMax, (type, buffer, start, end) => {
    if (type === packageType.handshake) {
      const handshake = parseHandshake(buffer.subarray(start, end))
      if (!handshake.ok) {
        peer.send(encodeHandshakeRefusal(handshake.code, handshake.reason))
        peer.end()
        return false
      }
      routeCodes = handshake.routeCodes
      peer.send(encodeHandshakeReply(handshake, { heartbeatS, dictionary: echoDictionary }))
    } else if (type === packageType.handshakeAck) {
      ready = true
      if (heartbeatS > 0) peer.send(heartbeatPackage)
    } else if (type === packageType.heartbeat) {
      peer.send(heartbeatPackage)
    } else if (type === packageType.data && ready) {
      return answer(peer, buffer, start, end, routeCodes)
    }
    return true
  })
}

function answer(
  peer: Peer,
  buffer: Uint8Array,
  start: number,
  end: number,
  routeCodes: boolean,
): boolean {
  if (decodeMessage(buffer, start, end, view) !== undefined) {
    peer.end()
    return false
  }
  const route = view.routeCode === 0 ? view.route : (echoDictionary.routeOf(view.routeCode) ?? '')
  const { id } = view
  const body = buffer.subarray(view.bodyStart, view.bodyEnd)
  if (route.endsWith('.kick')) {
    peer.send(encodeKick('asked to kick'))
    peer.end()
    return false
  }
  if (route.endsWith('.push')) {
    peer.send(
      encodePush(routeCodes ? (echoDictionary.codeOf('onPush') ?? 'onPush') : 'onPush', body),
    )
  }
  if (view.type !== messageType.request || route.endsWith('.silent')) return true
  if (route === 'login.handler.guest') {
    peer.send(encodeResponse(id, `{"code":200,"uid":"u${++logins}"}`))
  } else if (route.endsWith('.fail')) {
    peer.send(encodeResponse(id, '{"code":503,"message":"asked to fail"}'))
  } else peer.send(encodeResponse(id, body))
  return true
}

function listenTcp(heartbeatS: number, port: number): Promise<net.Server> {
  const server = net.createServer({ noDelay: true }, (socket) => {
    const decoder = speak(
      { send: (bytes) => void socket.write(bytes), end: () => void socket.end() },
      heartbeatS,
    )
    socket.on('data', (chunk) => {
      socket.cork()
      if (decoder.feed(chunk) !== 'ok') socket.end()
      socket.uncork()
    })
    socket.on('error', () => socket.destroy()) // a client that vanished is no matter here
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

interface WebSocketState {
  decoder?: PackageDecoder
}

interface WebSocketListener {
  readonly port: number
  close(): void
}

function listenWebSocket(heartbeatS: number, port: number): Promise<WebSocketListener> {
  const app = uWS.App()
  const open = new Set<uWS.WebSocket<WebSocketState>>()
  app.ws<WebSocketState>('/*', {
    maxPayloadLength: bodyBytesMax + 4,
    idleTimeout: 0,
    open: (ws) => {
      open.add(ws)
      ws.getUserData().decoder = speak(
        { send: (bytes) => void ws.send(bytes, true), end: () => void ws.end(1000) },
        heartbeatS,
      )
    },
    message: (ws, message) => {
      if (ws.getUserData().decoder?.feed(Buffer.from(message)) !== 'ok' && open.has(ws))
        ws.end(1002)
    },
    close: (ws) => void open.delete(ws),
  })
  return new Promise((resolve, reject) => {
    app.listen('127.0.0.1', port, (listening) => {
      if (!listening) return reject(new Error(`echo server: cannot listen on port ${port}`))
      resolve({
        port: uWS.us_socket_local_port(listening),
        close: () => {
          uWS.us_listen_socket_close(listening)
          for (const ws of [...open]) ws.close()
        },
      })
    })
  })
}

/** Starts both listeners on 127.0.0.1. */
export async function startEchoServer(options: EchoOptions = {}): Promise<EchoServer> {
  const heartbeatS = options.heartbeatS ?? 0
  const tcp = await listenTcp(heartbeatS, options.tcpPort ?? 0)
  const sockets = new Set<net.Socket>()
  tcp.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  const webSocket = await listenWebSocket(heartbeatS, options.wsPort ?? 0)
  return {
    tcpPort: (tcp.address() as net.AddressInfo).port,
    wsPort: webSocket.port,
    close: async () => {
      webSocket.close()
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => tcp.close(resolve))
    },
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { tcpPort, wsPort } = await startEchoServer()
  console.log(`tcp://127.0.0.1:${tcpPort}\nws://127.0.0.1:${wsPort}\npid ${process.pid}`)
}
