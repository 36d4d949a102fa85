// What is drained is packed away: `sql-spool/<node>/archive/<first sequence>.sql.gz`.
//
// The drain process or a tool. A segment may go when the next one has begun and the database has all of
// it, durably (`target.settle`). First the packed file is whole and on disk, then the segment goes; so
// at any moment there is at least one of them. With a retention, packed files older than that go for
// good; the state of the game at a time before them can no longer be rebuilt.

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { SystemFiles } from '../base/files.ts'
import { decodePreamble, segmentFileName } from '../spool/format.ts'
import { segmentsOf } from '../spool/recovery.ts'

const gzipAsync = promisify(gzip)
const dayMs = 24 * 3600 * 1000
/** Rules of the file system, for the folders that a name was made or removed in. */
const files = new SystemFiles()

export interface ArchiveResult {
  /** Names of segments that were packed, and of packed files that went for good. */
  readonly packed: readonly string[]
  readonly dropped: readonly string[]
}

export interface ArchiveOptions {
  /** `sql-spool/<node>`. */
  readonly folder: string
  /** The last transaction that the database has for good. */
  readonly applied: number
  /** Days that packed files are kept; 0 is for ever. */
  readonly keepDays: number
  readonly nowMs: number
}

export function archiveFolderOf(folder: string): string {
  return join(folder, 'archive')
}

/** Packs what may go, and drops what is too old. @throws the file system's errors */
export async function archiveSegments(options: ArchiveOptions): Promise<ArchiveResult> {
  const { folder, applied, keepDays, nowMs } = options
  const archive = archiveFolderOf(folder)
  const packed: string[] = []
  const firsts = existsSync(folder) ? segmentsOf(folder, files) : []
  for (const [i, first] of firsts.entries()) {
    const next = firsts[i + 1]
    if (next === undefined || lastBefore(folder, next) > applied) break
    const name = segmentFileName(first)
    await pack(join(folder, name), archive, `${name}.gz`)
    packed.push(name)
  }
  const dropped = keepDays === 0 ? [] : dropOlder(archive, nowMs - keepDays * dayMs)
  return { packed, dropped }
}

/** The last transaction of the segments before the one that begins with `first`. */
function lastBefore(folder: string, first: number): number {
  const decoded = decodePreamble(readFileSync(join(folder, segmentFileName(first))))
  return 'fault' in decoded ? Number.POSITIVE_INFINITY : decoded.preamble.after
}

async function pack(path: string, archive: string, name: string): Promise<void> {
  mkdirSync(archive, { recursive: true })
  const whole = join(archive, name)
  const bytes = await gzipAsync(readFileSync(path))
  const fd = openSync(`${whole}.new`, 'w')
  try {
    writeFileSync(fd, bytes)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(`${whole}.new`, whole)
  files.syncFolder(archive)
  rmSync(path)
}

function dropOlder(archive: string, beforeMs: number): string[] {
  if (!existsSync(archive)) return []
  const old = readdirSync(archive).filter(
    (name) => name.endsWith('.gz') && statSync(join(archive, name)).mtimeMs < beforeMs,
  )
  for (const name of old) rmSync(join(archive, name))
  return old
}
