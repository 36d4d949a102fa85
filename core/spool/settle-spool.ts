// Makes a spool whole whose host is gone, so that all of it can be read: for the drainer and tools.
//
// Any thread that may block. It does what the host's next start would do: cut a torn end, force the
// rest to the disk, write the file `durable`. While a host has the spool there is nothing to do.

import { randomBytes } from 'node:crypto'
import { systemClock } from '../base/clock.ts'
import { HostError } from '../base/errors.ts'
import { type Files, SystemFiles } from '../base/files.ts'
import { preambleOf, type Recovery, segmentsOf } from './recovery.ts'
import { lockSpool } from './spool-lock.ts'
import { SpoolLog } from './spool-log.ts'

/**
 * @param folder `sql-spool/<node>`
 * @returns what was found; undefined when a host is at work there, or nothing was ever written
 * @throws HostError SPOOL_DAMAGED saying where, DISK, STORAGE_FULL
 */
export function settleSpool(
  folder: string,
  files: Files = new SystemFiles(),
): Recovery | undefined {
  if (!files.exists(folder)) return undefined
  const last = segmentsOf(folder, files).at(-1)
  if (last === undefined) return undefined
  let lock: ReturnType<typeof lockSpool>
  try {
    lock = lockSpool(folder, files)
  } catch (error) {
    if (error instanceof HostError && error.code === 'SPOOL_LOCKED') return undefined
    throw error
  }
  try {
    const { dialect, node } = preambleOf(folder, last, files)
    const log = new SpoolLog({
      folder,
      node,
      dialect,
      policy: 'fdatasync',
      files,
      clock: systemClock,
      newSpoolId,
    })
    log.close()
    return log.recovery
  } finally {
    lock.release()
  }
}

/** A random name for a spool that begins. */
export function newSpoolId(): string {
  return randomBytes(8).toString('hex')
}
