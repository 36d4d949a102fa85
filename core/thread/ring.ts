// A single-producer, single-consumer ring of messages in shared memory.
//
// One thread holds the RingWriter, one other the RingReader; that is the whole locking protocol.
// Nothing here blocks, allocates per message, or drops: a full ring refuses the write, and its
// writer must hold back what feeds it. bench/ring.ts guards the speed.
//
//   byte 0      u32 tail     written by the writer: bytes ever published, modulo 2^32
//        64     u32 head     written by the reader: bytes ever consumed, modulo 2^32
//        68     u32 waiting  1 while the writer sleeps in waitForRoom
//        128    data, a power of two bytes
//
//   record      u32 kind (> 0) | u32 length | u32 a | u32 b | payload, padded to 8 bytes
//
//        tail & mask                    a record never straddles the end: what is left there is
//   ┌──────▼───────────────┬─pad─┐      skipped. Under 16 bytes nobody looks at it; from 16 on
//   │ free │ r7 │ r8 │ r9  │ ··· │      it holds a record of kind 0.
//   └──────────▲───────────┴─────┘
//         head & mask
//
// Order of stores: payload and header are plain stores, then `tail` is an Atomics.store; the reader
// loads `tail` with Atomics before it touches the bytes, so it sees them whole. The same holds for
// `head` the other way round: the writer reuses bytes only after it has seen them consumed.

import { assert } from '../base/assert.ts'

const headerBytes = 16
const dataOffset = 128
const tailIndex = 0
const headIndex = 16
const waitingIndex = 17

/** Bytes of ring that a record with this payload takes. */
export function recordBytes(payloadBytes: number): number {
  return headerBytes + ((payloadBytes + 7) & ~7)
}

/** Bytes that wait in a ring, for a thread that neither writes nor reads it. */
export function usedBytesOf(ring: SharedArrayBuffer): number {
  const cells = new Int32Array(ring)
  // The head first: the tail may run on meanwhile, and is never behind it.
  const head = Atomics.load(cells, headIndex)
  return (Atomics.load(cells, tailIndex) - head) >>> 0
}

/** Shared memory for one ring. `capacityBytes`: a power of two from 64 to 2^30. */
export function allocateRing(capacityBytes: number): SharedArrayBuffer {
  assert(
    capacityBytes >= 64 && capacityBytes <= 2 ** 30 && (capacityBytes & (capacityBytes - 1)) === 0,
    `ring capacity ${capacityBytes} is not a power of two from 64 to 2^30`,
  )
  return new SharedArrayBuffer(dataOffset + capacityBytes)
}

/** The producing end. One thread only. */
export class RingWriter {
  /** The longest payload that this ring takes: half of it, so that a record always fits some day. */
  readonly payloadBytesMax: number
  /** The data area; `reserve` returns offsets into it. */
  readonly bytes: Buffer
  readonly #cells: Int32Array
  readonly #words: Uint32Array
  readonly #capacity: number
  #tail: number
  /** `head` as last seen; refreshed only when the ring looks full. */
  #headSeen: number
  #reserved = -1
  #highWaterBytes = 0

  constructor(memory: SharedArrayBuffer) {
    this.#capacity = memory.byteLength - dataOffset
    this.#cells = new Int32Array(memory, 0, dataOffset / 4)
    this.#words = new Uint32Array(memory, dataOffset)
    this.bytes = Buffer.from(memory, dataOffset)
    this.payloadBytesMax = this.#capacity / 2 - headerBytes
    this.#tail = Atomics.load(this.#cells, tailIndex) >>> 0
    this.#headSeen = Atomics.load(this.#cells, headIndex) >>> 0
  }

  /** Bytes written and not yet consumed. */
  get usedBytes(): number {
    return (this.#tail - (Atomics.load(this.#cells, headIndex) >>> 0)) >>> 0
  }

  /** The most that `usedBytes` has been when a record was written. */
  get highWaterBytes(): number {
    return this.#highWaterBytes
  }

  get capacityBytes(): number {
    return this.#capacity
  }

  /**
   * Makes room for a record with up to `payloadBytes` and writes its header; the caller fills
   * `bytes` from the returned offset, then calls `commit` with the true length.
   * @param keepFreeBytes refuse unless this much stays free behind the record
   * @returns the payload's offset in `bytes`, or -1 when the ring is full
   */
  reserve(kind: number, a: number, b: number, payloadBytes: number, keepFreeBytes = 0): number {
    assert(payloadBytes <= this.payloadBytesMax, `a payload of ${payloadBytes} bytes is too long`)
    const size = recordBytes(payloadBytes)
    let at = this.#tail & (this.#capacity - 1)
    const toEnd = this.#capacity - at
    const skip = toEnd < size ? toEnd : 0
    if (!this.#hasRoom(skip + size + keepFreeBytes)) return -1
    if (skip > 0) {
      if (skip >= headerBytes) this.#words[at >>> 2] = 0
      this.#tail = (this.#tail + skip) >>> 0
      at = 0
    }
    const word = at >>> 2
    this.#words[word] = kind
    this.#words[word + 2] = a
    this.#words[word + 3] = b
    this.#reserved = at
    return at + headerBytes
  }

  /** Publishes the reserved record with a payload of `payloadBytes`, at most what was reserved. */
  commit(payloadBytes: number): void {
    assert(this.#reserved >= 0, 'commit without reserve')
    this.#words[(this.#reserved >>> 2) + 1] = payloadBytes
    this.#reserved = -1
    this.#tail = (this.#tail + recordBytes(payloadBytes)) >>> 0
    Atomics.store(this.#cells, tailIndex, this.#tail | 0)
    const used = (this.#tail - this.#headSeen) >>> 0
    if (used > this.#highWaterBytes) this.#highWaterBytes = Math.min(used, this.usedBytes)
  }

  /** Writes one record; false when the ring is full. */
  write(kind: number, a: number, b: number, payload?: Uint8Array): boolean {
    const length = payload === undefined ? 0 : payload.length
    const at = this.reserve(kind, a, b, length)
    if (at < 0) return false
    if (payload !== undefined) this.bytes.set(payload, at)
    this.commit(length)
    return true
  }

  /** Writes one record whose payload is a byte string; false when the ring is full. */
  writeText(kind: number, a: number, b: number, payload: string): boolean {
    const at = this.reserve(kind, a, b, payload.length)
    if (at < 0) return false
    this.bytes.write(payload, at, 'latin1')
    this.commit(payload.length)
    return true
  }

  /**
   * Sleeps until the reader has consumed something, at most `timeoutMs`. Only for threads that may
   * block, and only toward a reader that never waits for this thread.
   */
  waitForRoom(timeoutMs: number): void {
    const head = this.#headSeen | 0
    Atomics.store(this.#cells, waitingIndex, 1)
    Atomics.wait(this.#cells, headIndex, head, timeoutMs)
    Atomics.store(this.#cells, waitingIndex, 0)
  }

  #hasRoom(bytes: number): boolean {
    if (((this.#tail - this.#headSeen) >>> 0) + bytes <= this.#capacity) return true
    this.#headSeen = Atomics.load(this.#cells, headIndex) >>> 0
    return ((this.#tail - this.#headSeen) >>> 0) + bytes <= this.#capacity
  }
}

/**
 * What a reader calls for each record: `bytes` from `start` to `end` is the payload, valid only
 * until the visitor returns.
 */
export type RecordVisitor = (
  kind: number,
  a: number,
  b: number,
  bytes: Buffer,
  start: number,
  end: number,
) => void

/** The consuming end. One thread only. */
export class RingReader {
  readonly #cells: Int32Array
  readonly #words: Uint32Array
  readonly #bytes: Buffer
  readonly #capacity: number
  #head: number

  constructor(memory: SharedArrayBuffer) {
    this.#capacity = memory.byteLength - dataOffset
    this.#cells = new Int32Array(memory, 0, dataOffset / 4)
    this.#words = new Uint32Array(memory, dataOffset)
    this.#bytes = Buffer.from(memory, dataOffset)
    this.#head = Atomics.load(this.#cells, headIndex) >>> 0
  }

  /** Bytes written and not yet consumed. */
  get usedBytes(): number {
    return ((Atomics.load(this.#cells, tailIndex) >>> 0) - this.#head) >>> 0
  }

  get capacityBytes(): number {
    return this.#capacity
  }

  get isEmpty(): boolean {
    return Atomics.load(this.#cells, tailIndex) >>> 0 === this.#head
  }

  /**
   * Visits the records that are there now, at most `recordsMax`, then frees them all at once. When a
   * visitor throws, its record and those before it are consumed, and the error goes on.
   * @returns the number of records visited
   */
  drain(visit: RecordVisitor, recordsMax: number): number {
    const tail = Atomics.load(this.#cells, tailIndex) >>> 0
    if (tail === this.#head) return 0
    const words = this.#words
    let count = 0
    try {
      while (this.#head !== tail && count < recordsMax) {
        const at = this.#head & (this.#capacity - 1)
        const toEnd = this.#capacity - at
        const word = at >>> 2
        const kind = toEnd < headerBytes ? 0 : (words[word] as number)
        if (kind === 0) {
          this.#head = (this.#head + toEnd) >>> 0
          continue
        }
        const length = words[word + 1] as number
        const start = at + headerBytes
        this.#head = (this.#head + recordBytes(length)) >>> 0
        count++
        const a = words[word + 2] as number
        const b = words[word + 3] as number
        visit(kind, a, b, this.#bytes, start, start + length)
      }
    } finally {
      this.#publish()
    }
    return count
  }

  #publish(): void {
    Atomics.store(this.#cells, headIndex, this.#head | 0)
    if (Atomics.load(this.#cells, waitingIndex) === 1) Atomics.notify(this.#cells, headIndex)
  }
}
