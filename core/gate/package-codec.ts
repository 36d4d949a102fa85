// The outer layer of the client wire: packages. Owns their layout; knows nothing of messages.
//
//   byte 0       1..3                    4..
//   +------+---------------------------+----------------+
//   | type | body length, big endian   | body           |     one package
//   +------+---------------------------+----------------+
//
// Core thread; one PackageDecoder for each connection. The bytes come from strangers:
//   - the length is compared with `bodyBytesMax` as soon as the header is whole, before anything is
//     allocated; at most one partial package and the rest of one paused feed are ever held;
//   - a wrong package ends the decoder with a status, never with a throw, and it stays ended: what
//     follows in the stream has no known start.
// Packages that lie whole inside a chunk are handed on in place; a cut one is copied once. What that
// costs is watched by bench/load/codec.ts.

import { assert } from '../base/assert.ts'

export const packageType = {
  handshake: 1,
  handshakeAck: 2,
  heartbeat: 3,
  data: 4,
  kick: 5,
} as const
export type PackageType = (typeof packageType)[keyof typeof packageType]

export const packageHeaderBytes = 4
/** What the three length bytes can say. */
export const packageBodyBytesMax = 0xffffff

/** Ready to send, shared by all connections: never write into them. */
export const handshakeAckPackage: Uint8Array = Buffer.from([2, 0, 0, 0])
export const heartbeatPackage: Uint8Array = Buffer.from([3, 0, 0, 0])

/**
 * How a feed ended. `ok`: all bytes are taken (perhaps into a partial package). `paused`: the sink
 * asked for it, the rest is kept. The others are final: close the connection.
 */
export type DecodeStatus = 'ok' | 'paused' | 'too_large' | 'bad_type'

/**
 * Takes one package: its body is `buffer[start, end)`, valid only until the sink returns. It has
 * taken the package whatever it returns; false means "no more until resume()".
 */
export type PackageSink = (
  type: PackageType,
  buffer: Uint8Array,
  start: number,
  end: number,
) => boolean

const emptyBytes = new Uint8Array(0)

export class PackageDecoder {
  /** The longest body let in; may change at any time, holds from the next header on. */
  bodyBytesMax: number
  readonly #sink: PackageSink
  /** 'ok' while running; 'paused'; or the final refusal. */
  #status: DecodeStatus = 'ok'
  #inSink = false

  // The package that is cut: the header bytes so far as one number, then its body.
  #header = 0
  #headerBytes = 0
  #body: Uint8Array = emptyBytes
  #bodyBytes = 0

  // What a pause left over: #held[#heldStart, #heldEnd).
  #held: Uint8Array = emptyBytes
  #heldStart = 0
  #heldEnd = 0

  constructor(bodyBytesMax: number, sink: PackageSink) {
    this.bodyBytesMax = bodyBytesMax
    this.#sink = sink
  }

  /** Bytes kept inside: of a cut package, and of what was fed around a pause. */
  get bufferedBytes(): number {
    return this.#headerBytes + this.#bodyBytes + this.#heldEnd - this.#heldStart
  }

  /**
   * Takes the next bytes of the stream, of any size. What must outlive the call is copied, so the
   * caller may reuse the chunk as soon as feed returns, also when it paused. A chunk fed while
   * paused is appended to what is held: stop reading the socket to keep that small.
   */
  feed(chunk: Uint8Array): DecodeStatus {
    assert(!this.#inSink, 'a package sink fed its own decoder')
    if (this.#status === 'paused') {
      this.#hold(chunk, 0)
      return 'paused'
    }
    if (this.#status !== 'ok') return this.#status
    const taken = this.#run(chunk, 0, chunk.length)
    if (this.#isPaused()) this.#hold(chunk, taken)
    return this.#status
  }

  /** Goes on after a pause with what was held; may pause again. Harmless when not paused. */
  resume(): DecodeStatus {
    assert(!this.#inSink, 'a package sink resumed its own decoder')
    if (this.#status !== 'paused') return this.#status
    this.#status = 'ok'
    this.#heldStart = this.#run(this.#held, this.#heldStart, this.#heldEnd)
    if (!this.#isPaused() || this.#heldStart === this.#heldEnd) this.#dropHeld()
    return this.#status
  }

  // A method, so that the compiler does not think it knows what #run left in the field.
  #isPaused(): boolean {
    return this.#status === 'paused'
  }

  /** Decodes bytes[at, end) until its end, a pause or a refusal; returns where it stopped. */
  #run(bytes: Uint8Array, from: number, end: number): number {
    let at = from
    while (at < end && this.#status === 'ok') {
      if (this.#headerBytes === 0 && end - at >= packageHeaderBytes) {
        at = this.#takeWhole(bytes, at, end)
      } else if (this.#headerBytes < packageHeaderBytes) {
        at = this.#takeHeaderByte(bytes[at] as number, at)
      } else {
        at = this.#takeBody(bytes, at, end)
      }
    }
    return at
  }

  /** The usual case: a whole header at `at`, and its body most likely behind it. */
  #takeWhole(bytes: Uint8Array, at: number, end: number): number {
    const type = bytes[at] as number
    const length =
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)
    if (!this.#admits(type, length)) return at
    const start = at + packageHeaderBytes
    if (end - start < length) {
      this.#header = (type << 24) | length
      this.#headerBytes = packageHeaderBytes
      this.#openBody(length)
      return start
    }
    this.#deliver(type as PackageType, bytes, start, start + length)
    return start + length
  }

  #takeHeaderByte(byte: number, at: number): number {
    if (this.#headerBytes === 0 && !this.#admits(byte, 0)) return at
    this.#header = (this.#header << 8) | byte
    this.#headerBytes++
    if (this.#headerBytes < packageHeaderBytes) return at + 1
    const length = this.#header & packageBodyBytesMax
    if (!this.#admits(this.#header >>> 24, length)) return at + 1
    if (length === 0) this.#deliverBuilt()
    else this.#openBody(length)
    return at + 1
  }

  #openBody(length: number): void {
    this.#body = Buffer.allocUnsafe(length)
    this.#bodyBytes = 0
  }

  #takeBody(bytes: Uint8Array, at: number, end: number): number {
    const taken = Math.min(end - at, this.#body.length - this.#bodyBytes)
    this.#body.set(bytes.subarray(at, at + taken), this.#bodyBytes)
    this.#bodyBytes += taken
    if (this.#bodyBytes === this.#body.length) this.#deliverBuilt()
    return at + taken
  }

  #deliverBuilt(): void {
    const type = (this.#header >>> 24) as PackageType
    const body = this.#body
    this.#header = 0
    this.#headerBytes = 0
    this.#body = emptyBytes
    this.#bodyBytes = 0
    this.#deliver(type, body, 0, body.length)
  }

  #deliver(type: PackageType, bytes: Uint8Array, start: number, end: number): void {
    this.#inSink = true
    const more = this.#sink(type, bytes, start, end)
    this.#inSink = false
    if (!more) this.#status = 'paused'
  }

  #admits(type: number, length: number): boolean {
    if (type < packageType.handshake || type > packageType.kick) this.#status = 'bad_type'
    else if (length > this.bodyBytesMax) this.#status = 'too_large'
    return this.#status === 'ok'
  }

  /** Appends a copy of chunk[from..) to what is held, growing by doubling. */
  #hold(chunk: Uint8Array, from: number): void {
    const added = chunk.length - from
    if (added === 0) return
    const kept = this.#heldEnd - this.#heldStart
    if (this.#held.length - this.#heldEnd < added) {
      const grown = Buffer.allocUnsafe(Math.max(kept + added, Math.min(2 * kept, 1 << 20)))
      grown.set(this.#held.subarray(this.#heldStart, this.#heldEnd))
      this.#held = grown
      this.#heldStart = 0
      this.#heldEnd = kept
    }
    this.#held.set(chunk.subarray(from), this.#heldEnd)
    this.#heldEnd += added
  }

  #dropHeld(): void {
    this.#held = emptyBytes
    this.#heldStart = 0
    this.#heldEnd = 0
  }
}

/** Writes a package header at `at`; returns where the body starts. */
export function writePackageHeader(
  into: Uint8Array,
  at: number,
  type: PackageType,
  bodyBytes: number,
): number {
  assert(bodyBytes <= packageBodyBytesMax, `package body of ${bodyBytes} bytes`)
  into[at] = type
  into[at + 1] = bodyBytes >>> 16
  into[at + 2] = bodyBytes >>> 8
  into[at + 3] = bodyBytes
  return at + packageHeaderBytes
}

/** One package in a buffer of its own. `body` is bytes, or a byte string (lua/bytes.ts). */
export function encodePackage(type: PackageType, body: Uint8Array | string): Buffer {
  const buffer = Buffer.allocUnsafe(packageHeaderBytes + body.length)
  const start = writePackageHeader(buffer, 0, type, body.length)
  writeBytes(buffer, start, body)
  return buffer
}

/** Copies bytes or a byte string to `at`; returns where they end. */
export function writeBytes(into: Buffer, at: number, body: Uint8Array | string): number {
  if (typeof body === 'string') into.write(body, at, body.length, 'latin1')
  else into.set(body, at)
  return at + body.length
}
