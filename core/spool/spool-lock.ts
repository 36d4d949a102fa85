// One host at a time in a spool folder. Any thread; the lock is the process's.
//
// The file `lock` is locked by the system itself (a POSIX record lock, held through an SQLite
// connection in an exclusive transaction, because Node has no call for it). So it ends with its
// process, however that ends: no lock is ever stale, and a process number that is used again means
// nothing. The file `owner` says who has it, for people. Nobody else may open `lock` in this
// process: closing any descriptor of a file drops the record locks that the process has on it.

import { readFileSync, writeFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { HostError } from '../base/errors.ts'
import { diskError, type Files } from '../base/files.ts'

export interface SpoolLock {
  release(): void
}

/**
 * Makes the folder when it is missing, and locks it.
 * @throws HostError SPOOL_LOCKED naming who has it, DISK when the folder cannot be written
 */
export function lockSpool(folder: string, files: Files): SpoolLock {
  files.makeFolder(folder)
  const ownerPath = `${folder}/owner`
  let connection: Database.Database
  try {
    connection = new Database(`${folder}/lock`, { timeout: 0 })
  } catch (error) {
    throw diskError('open', `${folder}/lock`, error)
  }
  try {
    connection.pragma('journal_mode = OFF')
    connection.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    connection.close()
    const code = (error as { code?: string }).code ?? ''
    if (!code.startsWith('SQLITE_BUSY')) throw diskError('lock', `${folder}/lock`, error)
    const text = `${folder} is in use by another host (${readOwner(ownerPath)})`
    throw new HostError('SPOOL_LOCKED', `${text}; two cannot write to one spool`)
  }
  try {
    writeFileSync(ownerPath, `process ${process.pid}, since ${new Date().toISOString()}\n`)
  } catch {
    // On a full disk the lock holds all the same; only its name is missing.
  }
  return { release: () => void connection.close() }
}

function readOwner(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim()
  } catch {
    return 'unknown'
  }
}
