// What the gate needs of a connection, whether TCP or WebSocket carries it. Core thread.

export interface Transport {
  readonly kind: 'tcp' | 'ws'
  readonly remoteAddress: string
  /** False when the transport cannot stop its peer from sending (WebSocket over uWebSockets.js). */
  readonly canPause: boolean
  /** Sends whole packages in order; WebSocket sends one frame for each. The bytes must not change. */
  send(packages: readonly Uint8Array[]): void
  /** Bytes that were sent but that the kernel has not taken yet. */
  readonly bufferedBytes: number
  pause(): void
  resume(): void
  /** Closes after what was sent has left. */
  end(): void
  /** Closes at once. */
  destroy(): void
}

/** What a listener tells the gate about one connection. */
export interface TransportEvents {
  /** Bytes arrived; they may be reused by the transport once this returns. */
  data(chunk: Buffer): void
  /** Everything that was buffered has left. */
  drained(): void
  /** The connection is gone; called once. */
  closed(): void
}

/** Takes a new connection, or refuses it by returning undefined after it has ended it. */
export type Accept = (transport: Transport) => TransportEvents | undefined
