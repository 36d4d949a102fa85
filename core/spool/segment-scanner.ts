// Reads one segment from front to back, checking every byte. Any thread that may block.
//
// What is read comes in large chunks, each a buffer of its own, so that transactions stay valid for as
// long as someone holds them. A transaction is right when its form, its crc, its sequence and its
// place in the chain are. The scanner stops for good at the first that is not; it judges nothing:
// whether that is the end, a torn end or damage is for its user to say (recovery.ts, reader.ts).

import type { Files } from '../base/files.ts'
import {
  decodePreamble,
  decodeTransaction,
  preambleBytesMax,
  type SegmentPreamble,
  type SpoolTransaction,
  transactionBytesMax,
} from './format.ts'

const chunkBytes = 4 * 1024 * 1024

/** Where a segment is not right, and how. */
export interface SegmentFault {
  readonly fault: string
  /** In the file. */
  readonly offset: number
}

export class SegmentScanner {
  readonly path: string
  readonly #files: Files
  readonly #fd: number
  #preamble: SegmentPreamble | undefined
  #bytes: Buffer = Buffer.alloc(0)
  /** Of `#bytes`: what is next, and what is behind the last. */
  #at = 0
  #end = 0
  /** The file offset of `#bytes[0]`. */
  #base = 0
  #sequence = 0
  #chain = 0
  #transactions = 0

  constructor(files: Files, path: string) {
    this.path = path
    this.#files = files
    this.#fd = files.open(path, 'read')
  }

  /** The file offset behind the last transaction that was read. */
  get offset(): number {
    return this.#base + this.#at
  }

  /** The sequence and the crc of the last transaction that was read, or those before the segment. */
  get sequence(): number {
    return this.#sequence
  }

  get chain(): number {
    return this.#chain
  }

  /** Transactions that were read. */
  get transactions(): number {
    return this.#transactions
  }

  get sizeBytes(): number {
    return this.#files.sizeOf(this.#fd)
  }

  /** Reads what the segment says of itself; the first call to make. */
  readPreamble(): SegmentPreamble | SegmentFault {
    const bytes = Buffer.allocUnsafe(preambleBytesMax)
    const length = this.#files.read(this.#fd, bytes, 0, bytes.length, 0)
    const found = decodePreamble(bytes.subarray(0, length))
    if ('fault' in found) return { fault: found.fault, offset: 0 }
    this.#preamble = found.preamble
    this.#base = found.end
    this.#sequence = found.preamble.after
    this.#chain = found.preamble.chain
    return found.preamble
  }

  /**
   * The next transaction before the file offset `limit`.
   * @returns undefined when the last one ended at `limit`
   */
  next(limit: number): SpoolTransaction | SegmentFault | undefined {
    for (;;) {
      const found = decodeTransaction(this.#bytes, this.#at, this.#endBefore(limit))
      if (found === 'partial') {
        if (this.#fill(limit)) continue
        const left = Math.max(0, limit - this.offset)
        return left === 0 ? undefined : this.#fault(`${left} bytes are no whole transaction`)
      }
      if ('fault' in found) return this.#fault(found.fault)
      const fault = this.#outOfPlace(found)
      if (fault !== undefined) return this.#fault(fault)
      this.#at = found.end
      this.#sequence = found.sequence
      this.#chain = found.crc
      this.#transactions++
      return found
    }
  }

  /** Reads what is left behind the last right transaction, for a look at a bad place. */
  rest(): Buffer {
    const length = Math.max(0, this.sizeBytes - this.offset)
    const bytes = Buffer.allocUnsafe(length)
    return bytes.subarray(0, this.#files.read(this.#fd, bytes, 0, length, this.offset))
  }

  close(): void {
    this.#files.close(this.#fd)
  }

  #outOfPlace(found: SpoolTransaction): string | undefined {
    const first = this.#preamble?.first
    const expected = this.#transactions === 0 ? first : this.#sequence + 1
    if (found.sequence !== expected) return `its seq is ${found.sequence}, expected ${expected}`
    if (found.prev !== this.#chain) return 'it does not follow the transaction before it'
    return undefined
  }

  #endBefore(limit: number): number {
    return Math.max(this.#at, Math.min(this.#end, limit - this.#base))
  }

  /** Reads on behind what is there. @returns false when there is nothing more before `limit` */
  #fill(limit: number): boolean {
    const kept = this.#end - this.#at
    const from = this.#base + this.#end
    const wanted = Math.min(limit - from, chunkBytes)
    if (wanted <= 0 || kept > transactionBytesMax) return false
    const bytes = Buffer.allocUnsafeSlow(kept + wanted)
    this.#bytes.copy(bytes, 0, this.#at, this.#end)
    const got = this.#files.read(this.#fd, bytes, kept, wanted, from)
    if (got === 0) return false
    this.#base += this.#at
    this.#bytes = bytes
    this.#at = 0
    this.#end = kept + got
    return true
  }

  #fault(fault: string): SegmentFault {
    return { fault, offset: this.offset }
  }
}
