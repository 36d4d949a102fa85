// What a host, or a drainer without a host, finds in a spool folder, and how it is made whole.
//
// The thread that holds the folder's lock (spool-lock.ts). Every segment is read and checked:
//
//   a bad place in a segment that is not the last      damage: SPOOL_DAMAGED says where
//   a segment that is missing between two others       damage
//   a bad place in the last one, and a later whole     damage: it was on disk once
//     transaction says it was on disk (`synced`)
//   any other bad place in the last one                the torn end of a crash: cut off, and reported
//
// A torn end holds nothing that was acknowledged, unless the disk has lost what it said it had
// written, or somebody cut the file. The file `durable` tells: then `lost` counts the transactions,
// and their numbers are not used again, because the database may know them already. Afterwards the
// last segment is forced to the disk, so that all that is in it may be drained.

import { HostError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { type DurableMark, readDurableMark } from './durable-mark.ts'
import {
  isVouchedFor,
  type SegmentPreamble,
  segmentFileName,
  sequenceOfFileName,
} from './format.ts'
import { SegmentScanner } from './segment-scanner.ts'

/** Written to see whether there is room. */
export const probeFileName = 'room.probe'

/** A segment as it was found, and made whole. */
export interface RecoveredSegment {
  readonly preamble: SegmentPreamble
  readonly path: string
  readonly lengthBytes: number
  readonly transactions: number
}

export interface Recovery {
  /** In order; the last is the one to go on with. */
  readonly segments: readonly RecoveredSegment[]
  /** The last transaction, 0 for none, and its crc. */
  readonly sequence: number
  readonly chain: number
  /** The number that the next transaction gets. */
  readonly nextSequence: number
  /** What was cut off the last segment. */
  readonly cutBytes: number
  /** Transactions that were on disk once and are gone; 0 unless the disk lies. */
  readonly lost: number
}

/**
 * Checks a spool's folder and cuts a torn end. The folder exists, and nobody else writes there.
 * @throws HostError SPOOL_DAMAGED saying where, DISK
 */
export function recoverSpool(folder: string, files: Files): Recovery {
  removeLeftovers(folder, files)
  const mark = readDurableMark(folder, files)
  const firsts = segmentsOf(folder, files)
  const segments: RecoveredSegment[] = []
  let before: { sequence: number; chain: number } | undefined
  let cutBytes = 0
  for (const [index, first] of firsts.entries()) {
    const scanner = new SegmentScanner(files, `${folder}/${segmentFileName(first)}`)
    try {
      const preamble = checkPreamble(scanner, first, before)
      const isLast = index === firsts.length - 1
      cutBytes = checkTransactions(scanner, isLast)
      before = { sequence: scanner.sequence, chain: scanner.chain }
      segments.push({
        preamble,
        path: scanner.path,
        lengthBytes: scanner.offset,
        transactions: scanner.transactions,
      })
    } finally {
      scanner.close()
    }
  }
  settle(segments.at(-1), cutBytes, files)
  const { sequence, chain } = before ?? emptyEnd(mark)
  const lost = Math.max(0, (mark?.sequence ?? 0) - sequence)
  // A segment that only begins may stand for numbers that are not used again.
  const last = segments.at(-1)
  const begun = last?.transactions === 0 ? last.preamble.first : 0
  const nextSequence = Math.max(sequence + lost + 1, begun)
  return { segments, sequence, chain, nextSequence, cutBytes, lost }
}

/** The first sequences of a folder's segments, in order. */
export function segmentsOf(folder: string, files: Files): number[] {
  return files
    .list(folder)
    .map(sequenceOfFileName)
    .filter((each) => each !== undefined)
    .sort((a, b) => a - b)
}

/** What the segment that begins with `first` says of itself. @throws HostError SPOOL_DAMAGED */
export function preambleOf(folder: string, first: number, files: Files): SegmentPreamble {
  const scanner = new SegmentScanner(files, `${folder}/${segmentFileName(first)}`)
  try {
    return checkPreamble(scanner, first, undefined)
  } finally {
    scanner.close()
  }
}

/** Where a spool goes on whose segments have all been taken away: `durable` remembers. */
function emptyEnd(mark: DurableMark | undefined): { sequence: number; chain: number } {
  return mark === undefined
    ? { sequence: 0, chain: 0 }
    : { sequence: mark.sequence, chain: mark.chain }
}

/** A segment that was being made when the host ended never got its name; a probe is nothing. */
function removeLeftovers(folder: string, files: Files): void {
  for (const name of files.list(folder)) {
    if (name.endsWith('.sql.new') || name === probeFileName) files.remove(`${folder}/${name}`)
  }
}

function checkPreamble(
  scanner: SegmentScanner,
  first: number,
  before: { sequence: number; chain: number } | undefined,
): SegmentPreamble {
  const preamble = scanner.readPreamble()
  if ('fault' in preamble) throw damage(scanner.path, preamble.offset, preamble.fault)
  if (preamble.first !== first) {
    throw damage(scanner.path, 0, `it begins with seq ${preamble.first}: it has a wrong name`)
  }
  if (before === undefined) return preamble
  if (preamble.after !== before.sequence) {
    const [from, to] = [before.sequence + 1, preamble.after]
    throw damage(scanner.path, 0, `transactions ${from} to ${to} before it are missing`)
  }
  if (preamble.chain !== before.chain) {
    throw damage(scanner.path, 0, 'it does not follow the segment before it')
  }
  return preamble
}

/** @returns how much of the last segment is a torn end */
function checkTransactions(scanner: SegmentScanner, isLast: boolean): number {
  const size = scanner.sizeBytes
  for (;;) {
    const next = scanner.next(size)
    if (next === undefined) return 0
    if (!('fault' in next)) continue
    const sequence = scanner.sequence + 1
    if (!isLast || isVouchedFor(scanner.rest(), 1, sequence)) {
      throw damage(scanner.path, next.offset, `transaction ${sequence}: ${next.fault}`)
    }
    return size - scanner.offset
  }
}

function settle(last: RecoveredSegment | undefined, cutBytes: number, files: Files): void {
  if (last === undefined) return
  const fd = files.open(last.path, 'edit')
  try {
    if (cutBytes > 0) files.truncate(fd, last.lengthBytes)
    files.fdatasync(fd)
  } finally {
    files.close(fd)
  }
}

function damage(path: string, offset: number, fault: string): HostError {
  const text = `the spool is damaged: ${path}, byte ${offset}: ${fault}. Nothing was changed`
  return new HostError('SPOOL_DAMAGED', text, { data: { path, offset } })
}
