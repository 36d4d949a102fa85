// WebSocket connections for the gate, over uWebSockets.js. Core thread.
//
// Any path is taken. Each package leaves in a frame of its own, because old JavaScript clients read
// only the first of a frame; what comes in may be cut and joined as it likes, frames are a stream.
// uWebSockets.js cannot stop reading from one socket: the gate bounds what it keeps for such a client.
// The build that npm carries has no TLS: docs/OPERATIONS.md says what to put in front.

import uws from 'uWebSockets.js'
import { createServer } from 'node:net'
import { type Listener, listenError } from './tcp-listener.ts'
import type { Accept, Transport, TransportEvents } from './transport.ts'

interface UserData {
  transport: WsTransport | undefined
  events: TransportEvents | undefined
}
type Socket = uws.WebSocket<UserData>

export interface WsLimits {
  /** The longest frame that is taken; a longer one closes the connection. */
  readonly frameBytesMax: number
  /** Bytes that may wait for one client before uWebSockets.js drops it. */
  readonly queueBytesMax: number
}

/** @throws HostError PORT_IN_USE when it cannot listen there */
export async function listenWs(
  host: string,
  port: number,
  limits: WsLimits,
  accept: Accept,
): Promise<Listener> {
  const app = uws.App()
  app.ws<UserData>('/*', {
    maxPayloadLength: limits.frameBytesMax,
    // The gate's own limit acts first; this one is the wall behind it.
    maxBackpressure: limits.queueBytesMax * 4,
    closeOnBackpressureLimit: 1,
    idleTimeout: 0,
    sendPingsAutomatically: false,
    upgrade: (response, request, context) => {
      response.upgrade<UserData>(
        { transport: undefined, events: undefined },
        request.getHeader('sec-websocket-key'),
        // Offered subprotocols are not spoken; echoing none is what browsers accept.
        '',
        request.getHeader('sec-websocket-extensions'),
        context,
      )
    },
    open: (socket) => {
      const data = socket.getUserData()
      data.transport = new WsTransport(socket)
      data.events = accept(data.transport)
    },
    message: (socket, frame) => socket.getUserData().events?.data(Buffer.from(frame)),
    drain: (socket) => {
      if (socket.getBufferedAmount() === 0) socket.getUserData().events?.drained()
    },
    close: (socket) => {
      const { transport, events } = socket.getUserData()
      transport?.markClosed()
      events?.closed()
    },
  })
  app.any('/*', (response) => {
    response
      .writeStatus('426 Upgrade Required')
      .writeHeader('content-type', 'text/plain; charset=utf-8')
      .end(
        'This port speaks WebSocket. The playground is at the http:// address that was printed.\n',
      )
  })
  await refuseUsedPort(host, port)
  const listening = await new Promise<uws.us_listen_socket>((resolve, reject) => {
    app.listen(host, port, (token) => {
      if (token === false) reject(listenError('WebSocket', host, port, { code: 'EADDRINUSE' }))
      else resolve(token)
    })
  })
  return {
    port: uws.us_socket_local_port(listening),
    close: () => uws.us_listen_socket_close(listening),
  }
}

/** uWebSockets.js shares a port with whoever has it (SO_REUSEPORT) and says nothing. */
async function refuseUsedPort(host: string, port: number): Promise<void> {
  if (port === 0) return
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (cause) => reject(listenError('WebSocket', host, port, cause)))
    probe.listen(port, host, resolve)
  })
  await new Promise((resolve) => probe.close(resolve))
}

class WsTransport implements Transport {
  readonly kind = 'ws'
  readonly canPause = false
  readonly remoteAddress: string
  readonly #socket: Socket
  #closed = false

  constructor(socket: Socket) {
    this.#socket = socket
    this.remoteAddress = Buffer.from(socket.getRemoteAddressAsText()).toString('latin1')
  }

  /** uWebSockets.js throws when a closed socket is touched. */
  markClosed(): void {
    this.#closed = true
  }

  get bufferedBytes(): number {
    return this.#closed ? 0 : this.#socket.getBufferedAmount()
  }

  send(packages: readonly Uint8Array[]): void {
    if (this.#closed) return
    if (packages.length === 1) {
      this.#socket.send(packages[0] as Uint8Array, true)
      return
    }
    this.#socket.cork(() => {
      for (const bytes of packages) this.#socket.send(bytes, true)
    })
  }

  pause(): void {}

  resume(): void {}

  end(): void {
    if (!this.#closed) this.#socket.end(1000)
  }

  destroy(): void {
    if (!this.#closed) this.#socket.close()
  }
}
