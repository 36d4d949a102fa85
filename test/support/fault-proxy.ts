// A TCP proxy between two programs that does to their bytes what networks do.
//
// Test process. Faults are for one direction each, and may change at any time: bytes that arrive from
// then on meet them. What they do, in the order in which they are applied:
//
//   silent      bytes are swallowed, the connection stays open (half open)
//   latencyMs   bytes come later, in order
//   sliceBytes  bytes come in pieces of this size, each by itself
//   corrupt     called with each piece, and may change it in place
//   onBytes     called before a piece is sent; 'reset' cuts the connection there, with RST

import { createServer, type Server, Socket } from 'node:net'

export interface Faults {
  silent?: boolean
  latencyMs?: number
  sliceBytes?: number
  corrupt?: (piece: Buffer) => void
  onBytes?: (piece: Buffer) => 'send' | 'reset'
}

interface Pair {
  readonly client: Socket
  readonly server: Socket
}

export class FaultProxy {
  /** What happens to bytes towards the server, and back to the client. */
  toServer: Faults = {}
  toClient: Faults = {}
  /** New connections are cut at once. */
  refusing = false
  /** Called when a connection is made, before any of its bytes. */
  onConnection: (() => void) | undefined
  /** Connections that were made so far. */
  connections = 0
  readonly #server: Server
  readonly #pairs = new Set<Pair>()

  private constructor(host: string, port: number) {
    this.#server = createServer({ noDelay: true }, (client) => {
      if (this.refusing) {
        client.resetAndDestroy()
        return
      }
      this.connections++
      this.onConnection?.()
      const server = new Socket().setNoDelay(true)
      const pair = { client, server }
      this.#pairs.add(pair)
      const end = (): void => {
        this.#pairs.delete(pair)
        client.destroy()
        server.destroy()
      }
      for (const socket of [client, server]) socket.on('error', end).on('close', end)
      server.connect(port, host)
      this.#pump(client, server, pair, () => this.toServer)
      this.#pump(server, client, pair, () => this.toClient)
    })
  }

  /** Listens on a free port of 127.0.0.1 for connections to `host` and `port`. */
  static async open(host: string, port: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(host, port)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  /** Cuts every connection, with RST. */
  resetAll(): void {
    for (const { client, server } of [...this.#pairs]) {
      client.resetAndDestroy()
      server.resetAndDestroy()
    }
  }

  async close(): Promise<void> {
    this.resetAll()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #pump(from: Socket, to: Socket, pair: Pair, faults: () => Faults): void {
    let before: Promise<void> = Promise.resolve()
    from.on('data', (bytes) => {
      const { silent, latencyMs, sliceBytes } = faults()
      if (silent === true) return
      const size = sliceBytes ?? bytes.length
      for (let at = 0; at < bytes.length; at += size) {
        const piece = Buffer.from(bytes.subarray(at, at + size))
        const due = latencyMs === undefined ? undefined : pause(latencyMs)
        const last = before
        if (due === undefined && sliceBytes === undefined && !this.#isLate.has(pair)) {
          this.#send(piece, to, pair, faults())
          continue
        }
        // From the first late piece on, all go through the queue: so order is kept.
        this.#isLate.add(pair)
        before = last
          .then(() => due)
          .then(nextTurn)
          .then(() => this.#send(piece, to, pair, faults()))
      }
    })
  }

  readonly #isLate = new WeakSet<Pair>()

  #send(piece: Buffer, to: Socket, pair: Pair, faults: Faults): void {
    if (!this.#pairs.has(pair)) return
    faults.corrupt?.(piece)
    if (faults.onBytes?.(piece) === 'reset') {
      pair.client.resetAndDestroy()
      pair.server.resetAndDestroy()
    } else to.write(piece)
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
