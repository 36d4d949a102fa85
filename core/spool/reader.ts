// Reads a spool's transactions in order, while it may still be growing. Any thread that may block.
//
// It looks no further than the file `durable` says (durable-mark.ts), so it never sees a group that is
// half written, and what it hands out cannot be undone by a crash; anything wrong before that place is
// damage. Of a spool whose host is gone, `settleSpool` (settle-spool.ts) brings `durable` up to date
// first. Segments are sliced by the lengths in the header lines; every crc and the chain are checked.
//
// `next` never waits. `waitForMore` waits for the file `durable` to change: by the system's notice,
// and by looking every half second, since notices may be lost.

import { type FSWatcher, watch } from 'node:fs'
import { HostError } from '../base/errors.ts'
import { type Files, SystemFiles } from '../base/files.ts'
import { limits } from '../base/limits.ts'
import { type DurableMark, durableFileName, readDurableMark } from './durable-mark.ts'
import { type SegmentPreamble, type SpoolTransaction, segmentFileName } from './format.ts'
import { segmentsOf } from './recovery.ts'
import { SegmentScanner } from './segment-scanner.ts'

export interface SpoolReaderOptions {
  /** `sql-spool/<node>`. */
  readonly folder: string
  /** The first sequence wanted; left out, the first there is. */
  readonly from?: number
  readonly files?: Files
}

export class SpoolReader {
  readonly #folder: string
  readonly #files: Files
  /** The first sequence wanted; those before it are passed over. */
  readonly #from: number
  #scanner: SegmentScanner | undefined
  #preamble: SegmentPreamble | undefined
  /** Where the scanner may read to; a whole segment that is not the last has its size. */
  #limit = 0
  #mark: DurableMark | undefined
  #watcher: FSWatcher | undefined
  #wake: (() => void) | undefined

  constructor(options: SpoolReaderOptions) {
    this.#folder = options.folder
    this.#from = options.from ?? 0
    this.#files = options.files ?? new SystemFiles()
  }

  /** What the segment of the last transaction says of itself; undefined before the first `next`. */
  get preamble(): SegmentPreamble | undefined {
    return this.#preamble
  }

  /** The first sequence of the segment that is being read: those before it are done with. */
  get segment(): number | undefined {
    return this.#preamble?.first
  }

  /** The last transaction on disk, as of now; 0 for none. */
  durableSequence(): number {
    this.#mark = readDurableMark(this.#folder, this.#files) ?? this.#mark
    return this.#mark?.sequence ?? 0
  }

  /**
   * The next transaction; it stays valid as long as it is held.
   * @returns undefined when there is none on disk yet
   * @throws HostError SPOOL_DAMAGED saying where, NOT_FOUND when `from` is no longer there
   */
  next(): SpoolTransaction | undefined {
    for (;;) {
      if (this.#scanner === undefined && !this.#openFirst()) return undefined
      const scanner = this.#scanner as SegmentScanner
      const found = scanner.next(this.#limit)
      if (found === undefined) {
        if (!this.#goOn(scanner)) return undefined
      } else if ('fault' in found) {
        throw this.#damage(scanner, found.offset, found.fault)
      } else if (found.sequence >= this.#from) {
        return found
      }
    }
  }

  /** All that is on disk now, and what comes until the signal says stop. */
  async *follow(signal: AbortSignal): AsyncGenerator<SpoolTransaction> {
    while (!signal.aborted) {
      const next = this.next()
      if (next !== undefined) yield next
      else await this.waitForMore(signal)
    }
  }

  /** Settles when something may have been added, or the signal says stop; may be early. */
  async waitForMore(signal?: AbortSignal): Promise<void> {
    this.#startWatching()
    // What came between the last look and the watch has made no notice.
    const seen = this.#mark?.sequence ?? 0
    if (this.durableSequence() !== seen || signal?.aborted) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, limits.spoolFollowMs)
      const self = this
      function done() {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        self.#wake = undefined
        resolve()
      }
      this.#wake = done
      signal?.addEventListener('abort', done)
    })
  }

  close(): void {
    this.#wake?.()
    this.#watcher?.close()
    this.#watcher = undefined
    this.#scanner?.close()
    this.#scanner = undefined
  }

  #startWatching(): void {
    if (this.#watcher !== undefined) return
    try {
      this.#watcher = watch(`${this.#folder}/${durableFileName}`, () => this.#wake?.())
      this.#watcher.on('error', () => {
        this.#watcher?.close()
        this.#watcher = undefined
      })
    } catch {
      // The file is not there yet, or the system has no watches left: looking has to do.
    }
  }

  /** @returns false when nothing is on disk yet */
  #openFirst(): boolean {
    if (this.durableSequence() === 0) return false
    const firsts = segmentsOf(this.#folder, this.#files)
    const first = firsts.findLast((each) => each <= this.#from) ?? firsts[0]
    if (first === undefined) return false
    this.#open(first)
    const after = this.#preamble?.after ?? 0
    if (this.#from > 0 && this.#from <= after) {
      const text = `${this.#folder} begins with transaction ${first}: ${this.#from} is not there`
      this.close()
      throw new HostError('NOT_FOUND', `${text} any more, only in the archive`)
    }
    return true
  }

  /** At the end of what is readable: more of this segment, or the next. @returns false for neither */
  #goOn(scanner: SegmentScanner): boolean {
    const before = this.#limit
    this.durableSequence()
    this.#setLimit(scanner)
    if (this.#limit > before) return true
    const mark = this.#mark
    const here = this.#preamble
    if (mark === undefined || here === undefined || mark.segment <= here.first) return false
    if (scanner.sizeBytes > this.#limit) {
      throw this.#damage(scanner, this.#limit, 'it goes on, though the next segment has begun')
    }
    const next = segmentsOf(this.#folder, this.#files).find((each) => each > here.first)
    if (next === undefined) throw this.#damage(scanner, this.#limit, 'no segment follows')
    const { sequence, chain } = scanner
    scanner.close()
    this.#open(next)
    const follows = this.#preamble?.after === sequence && this.#preamble.chain === chain
    if (!follows) throw this.#damage(this.#scanner, 0, `it does not follow transaction ${sequence}`)
    return true
  }

  #open(first: number): void {
    const scanner = new SegmentScanner(this.#files, `${this.#folder}/${segmentFileName(first)}`)
    this.#scanner = scanner
    const preamble = scanner.readPreamble()
    if ('fault' in preamble) throw this.#damage(scanner, preamble.offset, preamble.fault)
    this.#preamble = preamble
    this.#limit = 0
    this.#setLimit(scanner)
  }

  #setLimit(scanner: SegmentScanner): void {
    const mark = this.#mark
    const first = this.#preamble?.first ?? 0
    if (mark === undefined || mark.segment < first) return
    this.#limit = mark.segment === first ? mark.lengthBytes : scanner.sizeBytes
  }

  #damage(scanner: SegmentScanner | undefined, offset: number, fault: string): HostError {
    const path = scanner?.path ?? this.#folder
    const sequence = (scanner?.sequence ?? 0) + 1
    const text = `the spool is damaged: ${path}, byte ${offset}, transaction ${sequence}: ${fault}`
    return new HostError('SPOOL_DAMAGED', text, { data: { path, offset, sequence } })
  }
}
