// A lane's end of its ring to the core.
//
// Lane thread. A full ring is back-pressure: the lane sleeps until the core has taken something.
// That cannot deadlock, because the core never waits for a lane; and what one coroutine waits for
// here, every other coroutine of the lane would have to wait for too.

import { textToBytes } from '../lua/bytes.ts'
import { LuaError } from '../lua/engine.ts'
import { DoorbellButton } from '../thread/doorbell.ts'
import { RingWriter } from '../thread/ring.ts'

/** While full, the lane looks up this often, so that a debugger or a stop can reach it. */
const fullWaitMs = 50

export class CorePort {
  readonly #writer: RingWriter
  readonly #button: DoorbellButton
  #dirty = false
  /** Times that the lane found the ring full. */
  fullWaits = 0

  constructor(toCore: SharedArrayBuffer, coreBell: SharedArrayBuffer) {
    this.#writer = new RingWriter(toCore)
    this.#button = new DoorbellButton(coreBell)
  }

  /** The most that the ring has held. */
  get highWaterBytes(): number {
    return this.#writer.highWaterBytes
  }

  /** Sends a payload that is a byte string. */
  text(kind: number, a: number, b: number, payload: string): void {
    const at = this.#reserve(kind, a, b, payload.length)
    this.#writer.bytes.write(payload, at, 'latin1')
    this.#commit(payload.length)
  }

  /** The same with a number of 16 bits before it. */
  codedText(kind: number, a: number, b: number, code: number, payload: string): void {
    const at = this.#reserve(kind, a, b, 2 + payload.length)
    this.#writer.bytes.writeUInt16LE(code, at)
    this.#writer.bytes.write(payload, at + 2, 'latin1')
    this.#commit(2 + payload.length)
  }

  bytes(kind: number, a: number, b: number, payload: Uint8Array): void {
    const at = this.#reserve(kind, a, b, payload.length)
    this.#writer.bytes.set(payload, at)
    this.#commit(payload.length)
  }

  /** Sends short texts, each with its length before it, then a body; all byte strings. */
  named(kind: number, a: number, b: number, names: readonly string[], body: string): void {
    let length = body.length
    for (const name of names) length += 1 + checkShort(name).length
    let at = this.#reserve(kind, a, b, length)
    const { bytes } = this.#writer
    for (const name of names) {
      bytes[at++] = name.length
      at += bytes.write(name, at, 'latin1')
    }
    bytes.write(body, at, 'latin1')
    this.#commit(length)
  }

  /** The same with bytes behind the names. */
  namedBytes(kind: number, a: number, b: number, names: readonly string[], body: Uint8Array): void {
    let length = body.length
    for (const name of names) length += 1 + checkShort(name).length
    let at = this.#reserve(kind, a, b, length)
    const { bytes } = this.#writer
    for (const name of names) {
      bytes[at++] = name.length
      at += bytes.write(name, at, 'latin1')
    }
    bytes.set(body, at)
    this.#commit(length)
  }

  /** Wakes the core when something was sent since the last flush. */
  flush(): void {
    if (!this.#dirty) return
    this.#dirty = false
    this.#button.ring()
  }

  #reserve(kind: number, a: number, b: number, length: number): number {
    if (length > this.#writer.payloadBytesMax) {
      const message = `a message of ${length} bytes is too long (at most ${this.#writer.payloadBytesMax})`
      throw new LuaError(message, message, '')
    }
    for (;;) {
      const at = this.#writer.reserve(kind, a, b, length)
      if (at >= 0) return at
      this.fullWaits++
      this.#button.ring()
      this.#writer.waitForRoom(fullWaitMs)
    }
  }

  #commit(length: number): void {
    this.#writer.commit(length)
    this.#dirty = true
  }
}

function checkShort(name: string): string {
  if (name.length <= 255) return name
  const message = textToBytes(`a name of ${name.length} bytes is too long (at most 255)`)
  throw new LuaError(message, message, '')
}

/** Reads a short text at `at`; @returns its end, the text is left in `shortText.value` */
export function readShortText(bytes: Buffer, at: number): number {
  const end = at + 1 + (bytes[at] as number)
  shortText.value = bytes.toString('latin1', at + 1, end)
  return end
}
export const shortText = { value: '' }
