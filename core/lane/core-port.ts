// A lane's end of its ring to the core.
//
// Lane thread. A full ring is back-pressure: the lane sleeps until the core has taken something.
// That cannot deadlock, because the core never waits for a lane; and what one coroutine waits for
// here, every other coroutine of the lane would have to wait for too.
//
// The ack rule's half of the lane (ack-hold.ts has the other): before a message that follows a write
// goes a mark with the lane's last ticket. What a run sends while it is not decided whether its
// writes stand is deferred: kept here in order, sent by `settle` with the ticket of the commit, or
// dropped with the writes. Deferred bytes are bounded; one message too many is an error in the run.

import { assert } from '../base/assert.ts'
import { limits } from '../base/limits.ts'
import { textToBytes } from '../lua/bytes.ts'
import { LuaError } from '../lua/engine.ts'
import { DoorbellButton } from '../thread/doorbell.ts'
import { message, passesHold } from '../thread/messages.ts'
import { RingWriter } from '../thread/ring.ts'

/** While full, the lane looks up this often, so that a debugger or a stop can reach it. */
const fullWaitMs = 50

/** A message that waits for the end of its run. */
interface Deferred {
  readonly kind: number
  readonly a: number
  readonly b: number
  readonly payload: Buffer
}

export class CorePort {
  readonly #writer: RingWriter
  readonly #button: DoorbellButton
  #dirty = false
  /** The mark that the core has, and the one that the next message needs. */
  #markSent = 0
  #ownSent = 0
  #mark = 0
  #own = 0
  #isDeferring = false
  readonly #deferred: Deferred[] = []
  #deferredBytes = 0
  /** Where the reserved payload goes: the ring, or a buffer of its own. */
  #target: Buffer
  /** Times that the lane found the ring full. */
  fullWaits = 0

  constructor(toCore: SharedArrayBuffer, coreBell: SharedArrayBuffer) {
    this.#writer = new RingWriter(toCore)
    this.#button = new DoorbellButton(coreBell)
    this.#target = this.#writer.bytes
  }

  /** The most that the ring has held. */
  get highWaterBytes(): number {
    return this.#writer.highWaterBytes
  }

  /** What is sent from here on follows the transaction `ticket`; `own` is the request's last, or 0. */
  mark(ticket: number, own: number): void {
    this.#mark = ticket
    this.#own = own
  }

  /** From here on messages wait for `settle`. */
  defer(): void {
    this.#isDeferring = true
  }

  /** The run is decided: sends what was deferred, under the mark of now, or drops it. */
  settle(isKept: boolean): void {
    if (!this.#isDeferring) return
    this.#isDeferring = false
    const deferred = this.#deferred.splice(0)
    this.#deferredBytes = 0
    if (!isKept) return
    for (const { kind, a, b, payload } of deferred) this.bytes(kind, a, b, payload)
  }

  /** Sends a payload that is a byte string. */
  text(kind: number, a: number, b: number, payload: string): void {
    const at = this.#reserve(kind, a, b, payload.length)
    this.#target.write(payload, at, 'latin1')
    this.#commit(payload.length)
  }

  /** The same with a number of 16 bits before it. */
  codedText(kind: number, a: number, b: number, code: number, payload: string): void {
    const at = this.#reserve(kind, a, b, 2 + payload.length)
    this.#target.writeUInt16LE(code, at)
    this.#target.write(payload, at + 2, 'latin1')
    this.#commit(2 + payload.length)
  }

  bytes(kind: number, a: number, b: number, payload: Uint8Array): void {
    const at = this.#reserve(kind, a, b, payload.length)
    this.#target.set(payload, at)
    this.#commit(payload.length)
  }

  /** Sends short texts, each with its length before it, then a body; all byte strings. */
  named(kind: number, a: number, b: number, names: readonly string[], body: string): void {
    let length = body.length
    for (const name of names) length += 1 + checkShort(name).length
    let at = this.#reserve(kind, a, b, length)
    const bytes = this.#target
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
    const bytes = this.#target
    for (const name of names) {
      bytes[at++] = name.length
      at += bytes.write(name, at, 'latin1')
    }
    bytes.set(body, at)
    this.#commit(length)
  }

  /** The same with a number of 32 bits before the names. */
  timedBytes(
    kind: number,
    a: number,
    b: number,
    ms: number,
    names: readonly string[],
    body: Uint8Array,
  ): void {
    let length = 4 + body.length
    for (const name of names) length += 1 + checkShort(name).length
    let at = this.#reserve(kind, a, b, length)
    const bytes = this.#target
    at = bytes.writeUInt32LE(ms, at)
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
    if (!passesHold.has(kind)) {
      if (this.#isDeferring) return this.#reserveDeferred(kind, a, b, length)
      if (this.#mark !== this.#markSent || this.#own !== this.#ownSent) this.#sendMark()
    }
    return this.#reserveInRing(kind, a, b, length)
  }

  #reserveDeferred(kind: number, a: number, b: number, length: number): number {
    if (this.#deferredBytes + length > limits.deferredBytesMax) {
      const message = `more than ${limits.deferredBytesMax} bytes were sent in one transaction`
      throw new LuaError(message, message, '')
    }
    this.#deferredBytes += length
    const payload = Buffer.allocUnsafe(length)
    this.#deferred.push({ kind, a, b, payload })
    this.#target = payload
    return 0
  }

  #sendMark(): void {
    this.#markSent = this.#mark
    this.#ownSent = this.#own
    this.#reserveInRing(message.spoolMark, this.#mark, this.#own, 0)
    this.#writer.commit(0)
  }

  #reserveInRing(kind: number, a: number, b: number, length: number): number {
    for (;;) {
      const at = this.#writer.reserve(kind, a, b, length)
      if (at >= 0) return at
      this.fullWaits++
      this.#button.ring()
      this.#writer.waitForRoom(fullWaitMs)
    }
  }

  #commit(length: number): void {
    if (this.#target !== this.#writer.bytes) {
      assert(this.#target.length === length, 'a deferred message has the length that was reserved')
      this.#target = this.#writer.bytes
      return
    }
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
