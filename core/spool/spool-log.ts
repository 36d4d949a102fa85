// The spool's writing end: gathers a group of transactions, appends it, forces it to the disk.
//
// The thread that holds the folder's lock: the spool thread, or a test with files of its own.
//
//   add, add, add ─▶ flush: one write, one fdatasync, the file `durable` ─▶ all of them are on disk
//
// Sequences, the chain and the header lines are given out here. A flush has one of three ends:
//
//   undefined         the group is on disk (policy write: handed to the system)
//   a HostError       nothing of it is: no room, or the write failed. The file was cut back to the
//                     last whole transaction; the sequence and the chain are as before
//   it throws DISK    nobody knows what is on disk (fdatasync failed, or the cut did). After a failed
//                     fdatasync Linux takes the bytes for written, so a retry would lie. The process
//                     must end without acknowledging anything more: exit code 70
//
// A segment gets its name when its first line is on disk, so a named one is never empty of that.

import type { Clock } from '../base/clock.ts'
import type { Dialect } from '../base/dialect.ts'
import { HostError } from '../base/errors.ts'
import { diskError, type Files } from '../base/files.ts'
import { limits } from '../base/limits.ts'
import { durableFileName, encodeDurableMark, type SpoolPolicy } from './durable-mark.ts'
import {
  encodedBytesMax,
  encodePreamble,
  encodeTail,
  segmentFileName,
  TransactionEncoder,
} from './format.ts'
import { literalsOf } from './literals.ts'
import { probeFileName, type Recovery, recoverSpool } from './recovery.ts'

const groupBytesAtFirst = 64 * 1024

export interface SpoolLogOptions {
  /** `sql-spool/<node>`; it exists. */
  readonly folder: string
  readonly node: string
  readonly dialect: Dialect
  readonly policy: SpoolPolicy
  readonly files: Files
  readonly clock: Pick<Clock, 'wallMs'>
  /** A random name of 16 hex digits, for a spool that begins. */
  readonly newSpoolId: () => string
  readonly segmentBytesMax?: number
}

interface OpenSegment {
  readonly fd: number
  readonly path: string
  readonly first: number
  lengthBytes: number
}

export class SpoolLog {
  /** What was found at the start. */
  readonly recovery: Recovery
  readonly #options: SpoolLogOptions
  readonly #encoder = new TransactionEncoder()
  #segment: OpenSegment | undefined
  #durableFd: number
  #spoolId: string
  /** The last transaction on disk, and the next one's number. */
  #sequence: number
  #chain: number
  #next: number
  /** Up to here everything is forced to the disk; with policy write it lags behind. */
  #synced: number
  /** Grows to the largest group there was. */
  #group: Buffer = Buffer.allocUnsafeSlow(groupBytesAtFirst)
  #groupBytes = 0
  #groupCount = 0
  #groupTimeMs = 0
  #markFailures = 0

  /**
   * Checks what is there (recovery.ts) and goes on behind it.
   * @throws HostError SPOOL_DAMAGED, DISK, STORAGE_FULL
   */
  constructor(options: SpoolLogOptions) {
    this.#options = options
    const { folder, files } = options
    this.recovery = recoverSpool(folder, files)
    const last = this.recovery.segments.at(-1)
    this.#sequence = this.recovery.sequence
    this.#chain = this.recovery.chain
    this.#next = this.recovery.nextSequence
    this.#synced = this.#sequence
    this.#spoolId = last?.preamble.spool ?? options.newSpoolId()
    if (this.recovery.lost > 0) {
      const opened = this.#createSegment()
      if (opened instanceof HostError) throw opened
      this.#segment = opened
    } else if (last !== undefined && last.preamble.dialect === options.dialect) {
      const { path, preamble, lengthBytes } = last
      this.#segment = { fd: files.open(path, 'edit'), path, first: preamble.first, lengthBytes }
    }
    const markPath = `${folder}/${durableFileName}`
    this.#durableFd = files.open(markPath, files.exists(markPath) ? 'edit' : 'create')
    if (this.#segment !== undefined) this.#writeMark(this.#segment.first, this.#segment.lengthBytes)
    else if (last !== undefined) this.#writeMark(last.preamble.first, last.lengthBytes)
  }

  /** The last transaction on disk. */
  get sequence(): number {
    return this.#sequence
  }

  get spoolId(): string {
    return this.#spoolId
  }

  /** Bytes and transactions that the next flush will write. */
  get groupBytes(): number {
    return this.#groupBytes
  }

  get groupTransactions(): number {
    return this.#groupCount
  }

  /** Times that the file `durable` could not be written; readers see less then, and nothing wrong. */
  get markFailures(): number {
    return this.#markFailures
  }

  /**
   * Adds a transaction to the group.
   * @param bytes where its statements are, from `start` to `end`
   */
  add(statements: number, origin: string, bytes: Buffer, start: number, end: number): void {
    const tail = encodeTail(origin, bytes.toString('latin1', start, end))
    const tailBytes = Buffer.from(tail, 'latin1')
    this.addTail(statements, tailBytes, 0, origin.length, tailBytes.length)
  }

  /**
   * The same for a transaction whose tail (encodeTail) is at hand.
   * @param originBytes how much of the tail is the origin
   */
  addTail(
    statements: number,
    bytes: Buffer,
    start: number,
    originBytes: number,
    end: number,
  ): void {
    if (this.#groupCount === 0) this.#groupTimeMs = this.#options.clock.wallMs()
    const at = this.#groupBytes
    const needed = at + encodedBytesMax(end - start)
    if (needed > this.#group.length) this.#growGroup(needed)
    const prev = this.#groupCount === 0 ? this.#chain : this.#encoder.crc
    const sequence = this.#next + this.#groupCount
    const timeMs = this.#groupTimeMs
    const fields = { sequence, prev, synced: this.#synced, timeMs, statements }
    this.#groupBytes = this.#encoder.encode(this.#group, at, fields, bytes, start, originBytes, end)
    this.#groupCount++
  }

  /**
   * Appends the group; afterwards it is empty, whatever came of it.
   * @returns undefined when it is on disk, or why nothing of it is
   * @throws HostError DISK when the process must end with code 70
   */
  flush(): HostError | undefined {
    const bytes = this.#groupBytes
    const count = this.#groupCount
    this.#groupBytes = 0
    this.#groupCount = 0
    if (count === 0) return undefined
    const { files, policy } = this.#options
    const opened = this.#segmentFor(bytes)
    if (opened instanceof HostError) return opened
    const { fd, lengthBytes, path } = opened
    try {
      files.write(fd, this.#group, 0, bytes, lengthBytes)
    } catch (error) {
      this.#cutBack(opened)
      return diskError('write', path, error)
    }
    if (policy === 'fdatasync') files.fdatasync(fd)
    opened.lengthBytes += bytes
    this.#sequence = this.#next + count - 1
    this.#next = this.#sequence + 1
    this.#chain = this.#encoder.crc
    if (policy === 'fdatasync') this.#synced = this.#sequence
    this.#writeMark(opened.first, opened.lengthBytes)
    return undefined
  }

  /** Forgets the group: nothing of it is written. */
  drop(): void {
    this.#groupBytes = 0
    this.#groupCount = 0
  }

  /** Whether `bytes` would fit now: writes as many to a file of their own, and removes it. */
  hasRoomFor(bytes: number): boolean {
    const { folder, files } = this.#options
    const path = `${folder}/${probeFileName}`
    let fd: number | undefined
    try {
      files.remove(path)
      fd = files.open(path, 'create')
      files.write(fd, Buffer.alloc(bytes), 0, bytes, 0)
      return true
    } catch {
      return false
    } finally {
      this.#abandon(fd, path)
    }
  }

  /** Forces everything to the disk and lets go of the files. */
  close(): void {
    const { files } = this.#options
    if (this.#segment !== undefined) {
      files.fdatasync(this.#segment.fd)
      files.close(this.#segment.fd)
    }
    this.#segment = undefined
    files.close(this.#durableFd)
  }

  #growGroup(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#group.length * 2))
    this.#group.copy(larger, 0, 0, this.#groupBytes)
    this.#group = larger
  }

  // --- segments -------------------------------------------------------------------------------

  #segmentFor(bytes: number): OpenSegment | HostError {
    const current = this.#segment
    const max = this.#options.segmentBytesMax ?? limits.spoolSegmentBytesMax
    if (current !== undefined && current.lengthBytes + bytes <= max) return current
    if (current !== undefined && current.first === this.#next) return current
    const next = this.#createSegment()
    if (next instanceof HostError) return next
    if (current !== undefined) this.#options.files.close(current.fd)
    this.#segment = next
    return next
  }

  #createSegment(): OpenSegment | HostError {
    const { folder, node, dialect, files } = this.#options
    if (this.#segment !== undefined && this.#options.policy === 'write') {
      files.fdatasync(this.#segment.fd)
      this.#synced = this.#sequence
    }
    const first = this.#next
    const path = `${folder}/${segmentFileName(first)}`
    const preamble = {
      dialect,
      node,
      spool: this.#spoolId,
      first,
      after: this.#sequence,
      chain: this.#chain,
    }
    const bytes = encodePreamble(preamble, literalsOf(dialect).preamble)
    const fd = this.#createNamed(path, bytes)
    if (fd instanceof HostError) return fd
    // Its name must be on disk before anything in it counts.
    files.syncFolder(folder)
    return { fd, path, first, lengthBytes: bytes.length }
  }

  #createNamed(path: string, bytes: Buffer): number | HostError {
    const { files } = this.#options
    const temporary = `${path}.new`
    let fd: number | undefined
    try {
      files.remove(temporary)
      fd = files.open(temporary, 'create')
      files.write(fd, bytes, 0, bytes.length, 0)
    } catch (error) {
      this.#abandon(fd, temporary)
      return diskError('create', path, error)
    }
    files.fdatasync(fd)
    try {
      files.rename(temporary, path)
    } catch (error) {
      this.#abandon(fd, temporary)
      return diskError('rename', temporary, error)
    }
    return fd
  }

  #abandon(fd: number | undefined, path: string): void {
    try {
      if (fd !== undefined) this.#options.files.close(fd)
      this.#options.files.remove(path)
    } catch {
      // It is nobody's: the next attempt removes it, and so does the next start.
    }
  }

  #cutBack(segment: OpenSegment): void {
    const { files } = this.#options
    try {
      files.truncate(segment.fd, segment.lengthBytes)
      // Else a power cut could bring back what its writers were told is not there.
      files.fdatasync(segment.fd)
    } catch (cause) {
      const text = `${segment.path} has a torn end that could not be cut off`
      throw new HostError('DISK', text, { cause })
    }
  }

  #writeMark(segment: number, lengthBytes: number): void {
    const { files, policy } = this.#options
    const mark = { policy, sequence: this.#sequence, chain: this.#chain, segment, lengthBytes }
    const bytes = encodeDurableMark(mark)
    try {
      files.write(this.#durableFd, bytes, 0, bytes.length, 0)
    } catch {
      // It stays behind what is true until the next one, which takes nothing away from anybody.
      this.#markFailures++
    }
  }
}
