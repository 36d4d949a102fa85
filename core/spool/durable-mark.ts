// The file `durable`: how far a spool is on disk, for those who read it while it grows. Any thread.
//
// The spool thread writes it over after each group, once the group's bytes are on disk and before
// anything is acknowledged; it is one line of fixed width, and not synced itself:
//
//   -- durable crc=<8 hex> policy=<9 characters, padded> seq=<16 digits> chain=<8 hex> segment=<16
//   digits> length=<10 digits>\n                                                     (in one line)
//
//   seq      the last transaction on disk, 0 for none;  `chain` is its crc
//   segment  the file it is in, `length` where it ends there
//
// Invariants: what it claims is true at any time, also after a power cut, when it may be an old one
// (policy fdatasync; with `write` it holds only until the machine stops). A reader never looks
// behind it, so it never meets a half-written group. One that is half written itself has a wrong crc
// and is read again, or waited for.

import { crc32 } from 'node:zlib'
import { type Files, SystemFiles } from '../base/files.ts'
import { hex8 } from './format.ts'

export const spoolPolicies = ['fdatasync', 'write'] as const
/** Whether a group is forced to the disk, or only handed to the system: then a power cut loses it. */
export type SpoolPolicy = (typeof spoolPolicies)[number]

export interface DurableMark {
  readonly policy: SpoolPolicy
  readonly sequence: number
  readonly chain: number
  /** The first sequence of the segment that `sequence` is in. */
  readonly segment: number
  readonly lengthBytes: number
}

export const durableFileName = 'durable'
const readsMax = 8
const markLine =
  /^-- durable crc=([0-9a-f]{8}) (policy=(fdatasync|write {4}) seq=(\d{16}) chain=([0-9a-f]{8}) segment=(\d{16}) length=(\d{10})\n)$/

export function encodeDurableMark(mark: DurableMark): Buffer {
  const rest = `policy=${mark.policy.padEnd(9)} seq=${digits(mark.sequence, 16)} chain=${hex8(
    mark.chain,
  )} segment=${digits(mark.segment, 16)} length=${digits(mark.lengthBytes, 10)}\n`
  return Buffer.from(`-- durable crc=${hex8(crc32(rest))} ${rest}`, 'latin1')
}

/** The mark, or undefined for anything that is not a whole one. */
export function decodeDurableMark(bytes: Buffer): DurableMark | undefined {
  const match = markLine.exec(bytes.toString('latin1'))
  if (match === null || hex8(crc32(match[2] as string)) !== match[1]) return undefined
  return {
    policy: match[3] === 'fdatasync' ? 'fdatasync' : 'write',
    sequence: Number(match[4]),
    chain: Number.parseInt(match[5] as string, 16),
    segment: Number(match[6]),
    lengthBytes: Number(match[7]),
  }
}

/** Reads the mark of a spool's folder; undefined when there is none, or none that is whole. */
export function readDurableMark(
  folder: string,
  files: Files = new SystemFiles(),
): DurableMark | undefined {
  const path = `${folder}/${durableFileName}`
  if (!files.exists(path)) return undefined
  const bytes = Buffer.allocUnsafe(256)
  const fd = files.open(path, 'read')
  try {
    // Its writer may be half through; then the next look finds it whole.
    for (let reads = 0; reads < readsMax; reads++) {
      const mark = decodeDurableMark(bytes.subarray(0, files.read(fd, bytes, 0, 256, 0)))
      if (mark !== undefined) return mark
    }
    return undefined
  } finally {
    files.close(fd)
  }
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0')
}
