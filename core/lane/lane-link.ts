// The core thread's end of one lane: its two rings and its bell.
//
// Core thread. Two kinds of traffic go down. Requests may be refused (`tryRequest` is false): the gate
// then stops reading from that socket. Control messages (a session opened or closed, an answer that
// a coroutine waits for) are never refused: a part of the ring is kept free for them, and behind it a
// queue that holds them in order, bounded by sessions and parked coroutines.
//
// A lane that is gone leaves its rings as they are. What it wrote whole is published and is read by the
// core; what it had half written is beyond `tail`, and its successor writes over it. What it had not
// read, or had read but not freed, is dropped by `cutOff`: its sessions are opened anew and its
// requests answered by the gate. Until the successor's services have run `init`, the link is closed:
// sessions and calls wait, only answers go through, because `init` may wait for some.

import { DoorbellButton } from '../thread/doorbell.ts'
import { message } from '../thread/messages.ts'
import { RingReader, RingWriter } from '../thread/ring.ts'

interface Held {
  readonly kind: number
  readonly a: number
  readonly b: number
  readonly payload: Uint8Array
}

const nothing = new Uint8Array(0)
/** What a lane that is starting must not see before its services' `init` has run. */
const waitsForStart: ReadonlySet<number> = new Set([
  message.sessionOpen,
  message.sessionClose,
  message.rpcRequest,
  message.nodeRequest,
])

export class LaneLink {
  readonly index: number
  readonly #memory: SharedArrayBuffer
  readonly #writer: RingWriter
  readonly #button: DoorbellButton
  readonly #keepFreeBytes: number
  #held: Held[] = []
  /** Times that a request found no room. */
  refusals = 0
  /** Threads that have had this link and are gone. */
  lives = 0
  #dirty = false
  #isOpen = true

  constructor(index: number, toLane: SharedArrayBuffer, laneBell: SharedArrayBuffer) {
    this.index = index
    this.#memory = toLane
    this.#writer = new RingWriter(toLane)
    this.#button = new DoorbellButton(laneBell)
    this.#keepFreeBytes = this.#writer.capacityBytes >>> 2
  }

  /** Control messages that wait for room; a status number. */
  get heldMessages(): number {
    return this.#held.length
  }

  get usedBytes(): number {
    return this.#writer.usedBytes
  }

  get highWaterBytes(): number {
    return this.#writer.highWaterBytes
  }

  get capacityBytes(): number {
    return this.#writer.capacityBytes
  }

  /** True when the lane has room for requests again. */
  get hasRoom(): boolean {
    return (
      this.#isOpen &&
      this.#held.length === 0 &&
      this.#writer.usedBytes <= this.#writer.capacityBytes / 2
    )
  }

  /**
   * Hands a client's message to the lane: route code, then the body copied from `bytes`.
   * @returns false when the lane has no room; the caller keeps the message
   */
  tryRequest(
    kind: number,
    sid: number,
    messageId: number,
    routeCode: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): boolean {
    const length = 2 + end - start
    const at =
      !this.#isOpen || this.#held.length > 0
        ? -1
        : this.#writer.reserve(kind, sid, messageId, length, this.#keepFreeBytes)
    if (at < 0) {
      this.refusals++
      return false
    }
    this.#writer.bytes.writeUInt16LE(routeCode, at)
    bytes.copy(this.#writer.bytes, at + 2, start, end)
    this.#writer.commit(length)
    this.#dirty = true
    return true
  }

  /** Sends a control message; its payload is copied when it has to wait. */
  send(kind: number, a: number, b: number, payload: Uint8Array = nothing): void {
    this.#dirty = true
    const mayPass = this.#isOpen ? this.#held.length === 0 : !waitsForStart.has(kind)
    if (mayPass && this.#writer.write(kind, a, b, payload)) return
    this.#held.push({ kind, a, b, payload: Uint8Array.prototype.slice.call(payload) })
  }

  /** The lane's thread is gone: drops all that it was sent, and lets nothing more go down. */
  cutOff(): void {
    this.#isOpen = false
    this.lives++
    this.#held = []
    new RingReader(this.#memory).drain(() => {}, Number.POSITIVE_INFINITY)
  }

  /** Its successor is ready. */
  open(): void {
    this.#isOpen = true
    this.#dirty = true
  }

  /** Wakes the lane for what lies outside of its rings. */
  ring(): void {
    this.#button.ring()
  }

  /** After-turn step: sends what was held, wakes the lane when it has something new. */
  flush(): void {
    const sent = this.#isOpen ? this.#sendHeld() : 0
    if (sent > 0) this.#held = this.#held.slice(sent)
    if (!this.#dirty) return
    this.#dirty = this.#held.length > 0 && this.#isOpen
    this.#button.ring()
  }

  #sendHeld(): number {
    let sent = 0
    for (const each of this.#held) {
      if (!this.#writer.write(each.kind, each.a, each.b, each.payload)) break
      sent++
    }
    return sent
  }
}
