// A transport that keeps what it is sent, and takes as much of it as the test says.

import type { Transport } from '../../core/gate/transport.ts'

export class FakeTransport implements Transport {
  readonly kind = 'tcp'
  readonly remoteAddress = '127.0.0.1'
  readonly canPause = true
  readonly sent: Uint8Array[] = []
  bufferedBytes = 0
  /** From now on what is sent waits. */
  isStuck = false
  isEnded = false

  send(packages: readonly Uint8Array[]): void {
    for (const bytes of packages) {
      this.sent.push(Uint8Array.from(bytes))
      if (this.isStuck) this.bufferedBytes += bytes.length
    }
  }

  pause(): void {}
  resume(): void {}
  end(): void {
    this.isEnded = true
  }
  destroy(): void {
    this.isEnded = true
  }
}
