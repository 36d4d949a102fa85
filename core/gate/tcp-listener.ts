// TCP connections for the gate, over node:net. Core thread.
//
// Owns the listening socket and nothing of the protocol. Small packages must leave at once, so
// Nagle's algorithm is off; several packages of one turn leave in one system call.

import { createServer, type Socket } from 'node:net'
import { HostError } from '../base/errors.ts'
import type { Accept, Transport } from './transport.ts'

export interface Listener {
  /** The port that it really listens on. */
  readonly port: number
  /** Takes no new connections; those that are open go on. */
  close(): void
}

/** How an address in use, or one that is not ours, is told to the user. */
export function listenError(what: string, host: string, port: number, cause: unknown): HostError {
  const { code } = cause as { code?: string }
  const why =
    code === 'EADDRINUSE'
      ? 'another program listens there already (stop it, or choose other ports with --port-base)'
      : code === 'EACCES'
        ? 'ports below 1024 need more rights (choose another one with --port-base)'
        : code === 'EADDRNOTAVAIL'
          ? 'this machine has no such address (see listen.host in config/host.lua)'
          : String(code ?? cause)
  return new HostError('PORT_IN_USE', `cannot listen for ${what} on ${host}:${port}: ${why}`, {
    cause,
  })
}

/** @throws HostError PORT_IN_USE when it cannot listen there */
export async function listenTcp(host: string, port: number, accept: Accept): Promise<Listener> {
  const server = createServer({ noDelay: true, keepAlive: true }, (socket) =>
    attach(socket, accept),
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(listenError('TCP', host, port, cause)))
    server.listen({ host, port, backlog: 4096 }, resolve)
  })
  server.on('error', () => {
    // Accepting one connection failed (out of file descriptors): the others go on.
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () => server.close(),
  }
}

function attach(socket: Socket, accept: Accept): void {
  // Peers reset connections; 'close' follows and is what the gate hears.
  socket.on('error', () => {})
  const events = accept(new TcpTransport(socket))
  if (events === undefined) return
  socket.on('data', (chunk) => events.data(chunk as Buffer))
  socket.on('drain', () => events.drained())
  socket.once('close', () => events.closed())
}

class TcpTransport implements Transport {
  readonly kind = 'tcp'
  readonly canPause = true
  readonly remoteAddress: string
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
    this.remoteAddress = socket.remoteAddress ?? ''
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  send(packages: readonly Uint8Array[]): void {
    const socket = this.#socket
    if (packages.length === 1) {
      socket.write(packages[0] as Uint8Array)
      return
    }
    socket.cork()
    for (const bytes of packages) socket.write(bytes)
    socket.uncork()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    // A peer that never closes its half is not waited for.
    this.#socket.end(() => this.#socket.destroy())
    this.#socket.setTimeout(2000, () => this.#socket.destroy())
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
