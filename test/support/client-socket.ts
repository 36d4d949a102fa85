// TCP and WebSocket under one face, for the test client. Test process only.
//
// A socket reports bytes and, exactly once, its end with the error that caused it. What a server may
// not send on a WebSocket (text) is reported as a violation, not thrown.

import net from 'node:net'
import WebSocket from 'ws'

/** How a connection ended. */
export interface CloseInfo {
  /** WebSocket's close code; undefined over TCP. */
  readonly code?: number
  readonly error?: Error
  /** The reason of a kick that came before. */
  readonly kicked?: string
}

export interface Socket {
  whenOpen(then: () => void): void
  send(bytes: Uint8Array): void
  end(): void
  destroy(): void
}

export interface SocketEvents {
  bytes(bytes: Uint8Array): void
  closed(info: CloseInfo): void
  violation(what: string): void
}

export function openTcp(host: string, port: number, events: SocketEvents): Socket {
  let failure: Error | undefined
  const socket = net.connect({ host, port, noDelay: true })
  socket.on('data', (bytes) => events.bytes(bytes))
  socket.on('error', (error) => (failure = error))
  socket.on('close', () => events.closed(failure === undefined ? {} : { error: failure }))
  return {
    whenOpen: (then) => {
      if (socket.readyState === 'open') then()
      else socket.once('connect', then)
    },
    send: (bytes) => void socket.write(bytes),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  }
}

export function openWebSocket(host: string, port: number, events: SocketEvents): Socket {
  let failure: Error | undefined
  const socket = new WebSocket(`ws://${host}:${port}/`, { perMessageDeflate: false })
  socket.on('message', (data, isBinary) => {
    if (isBinary) events.bytes(data as Buffer)
    else events.violation('a text frame')
  })
  socket.on('error', (error) => (failure = error))
  socket.on('close', (code) =>
    events.closed(failure === undefined ? { code } : { code, error: failure }),
  )
  return {
    whenOpen: (then) => {
      if (socket.readyState === WebSocket.OPEN) then()
      else socket.once('open', then)
    },
    send: (bytes) => socket.send(bytes),
    end: () => socket.close(),
    destroy: () => socket.terminate(),
  }
}
