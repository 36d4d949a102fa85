// Frames on a stream: cuts what arrives into messages, and collects what leaves in slabs.
//
// Core thread; one reader and one writer to each connection. A length over the limit is refused when
// its four bytes are there, before anything is allocated for it. A frame that comes in parts is put
// together once, when its last byte is there, so that a length that lies costs nothing.

import { frameHeaderBytes } from './envelope.ts'

/** Takes one message; false: not now, keep it (the reader stops, `resume` goes on). */
export type FrameVisitor = (bytes: Buffer, start: number, end: number) => boolean

export class FrameReader {
  readonly #frameBytesMax: number
  readonly #visit: FrameVisitor
  #parts: Buffer[] = []
  #bytes = 0
  /** Bytes of all parts that the frame at their start needs. */
  #needed = frameHeaderBytes
  /** A length was over the limit: nothing more can be read from this stream. */
  failed = false

  constructor(frameBytesMax: number, visit: FrameVisitor) {
    this.#frameBytesMax = frameBytesMax
    this.#visit = visit
  }

  /** There is a whole frame that the visitor did not want yet. */
  get waitsForVisitor(): boolean {
    return this.#bytes >= this.#needed
  }

  /** @returns false once the stream is broken */
  feed(chunk: Buffer): boolean {
    this.#parts.push(chunk)
    this.#bytes += chunk.length
    return this.resume()
  }

  /** Goes on after the visitor has stopped it. */
  resume(): boolean {
    while (this.#bytes >= this.#needed && !this.failed) {
      const bytes = this.#joined()
      if (!this.#read(bytes)) return !this.failed
    }
    return !this.failed
  }

  /** Visits the whole frames. @returns false when there is nothing more to do now */
  #read(bytes: Buffer): boolean {
    let at = 0
    while (bytes.length - at >= frameHeaderBytes) {
      const length = bytes.readUInt32BE(at)
      const end = at + frameHeaderBytes + length
      if (length > this.#frameBytesMax) {
        this.failed = true
        return false
      }
      if (end > bytes.length) break
      if (!this.#visit(bytes, at + frameHeaderBytes, end)) {
        this.#keep(bytes, at)
        return false
      }
      at = end
    }
    this.#keep(bytes, at)
    return true
  }

  #keep(bytes: Buffer, at: number): void {
    const left = bytes.length - at
    this.#parts = left === 0 ? [] : [at === 0 ? bytes : bytes.subarray(at)]
    this.#bytes = left
    this.#needed =
      left < frameHeaderBytes ? frameHeaderBytes : frameHeaderBytes + bytes.readUInt32BE(at)
  }

  #joined(): Buffer {
    const [first] = this.#parts
    if (this.#parts.length === 1 && first !== undefined) return first
    return Buffer.concat(this.#parts, this.#bytes)
  }
}

const slabBytes = 64 * 1024

/** Frames of one turn, one behind the other in memory, so that they leave in one write. */
export class FrameWriter {
  #slab = Buffer.allocUnsafeSlow(slabBytes)
  #start = 0
  #at = 0
  #full: Buffer[] = []

  get isEmpty(): boolean {
    return this.#at === this.#start && this.#full.length === 0
  }

  /** Makes room for one frame. @returns the slab to write into, at `at` */
  reserve(bytesMax: number): Buffer {
    if (this.#at + bytesMax > this.#slab.length) {
      if (this.#at > this.#start) this.#full.push(this.#slab.subarray(this.#start, this.#at))
      this.#slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, bytesMax))
      this.#start = 0
      this.#at = 0
    }
    return this.#slab
  }

  get at(): number {
    return this.#at
  }

  /** The frame is written, up to here. */
  commit(end: number): void {
    this.#at = end
  }

  /** Everything since the last time, to be written in this order; must not be changed any more. */
  take(): Buffer[] {
    const out = this.#full
    if (this.#at > this.#start) out.push(this.#slab.subarray(this.#start, this.#at))
    this.#full = []
    this.#start = this.#at
    return out
  }
}
