// Files, handed in so that tests can own them: the few calls that durable storage is made of.
//
// Any thread that may block. Every call throws HostError DISK (STORAGE_FULL where there is no room)
// that names the operation and the path. A write is whole or an error: Node reports a full disk as
// a short count and nothing else, so the rest is tried once more, which brings the true error. What
// a failed write has left behind is the caller's to cut off.
//
// What is durable when: bytes after fdatasync of their file, a name (created, renamed, removed) after
// syncFolder of its folder. `rename` replaces at once and whole.

import fs from 'node:fs'
import { HostError } from './errors.ts'

/** `read` an existing file, `edit` an existing one, `create` one that must not exist. */
export type OpenMode = 'read' | 'edit' | 'create'

export interface Files {
  open(path: string, mode: OpenMode): number
  close(fd: number): void
  /** Writes all of `bytes` from `start` to `end` at `position`. */
  write(fd: number, bytes: Uint8Array, start: number, end: number, position: number): void
  /** @returns bytes read; fewer than `length` only at the end of the file */
  read(fd: number, bytes: Uint8Array, start: number, length: number, position: number): number
  fdatasync(fd: number): void
  truncate(fd: number, lengthBytes: number): void
  sizeOf(fd: number): number
  rename(from: string, to: string): void
  remove(path: string): void
  exists(path: string): boolean
  /** Names in a folder, sorted. */
  list(folder: string): string[]
  /** Makes a folder and those above it. */
  makeFolder(folder: string): void
  syncFolder(folder: string): void
}

const noRoom: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const flags: Readonly<Record<OpenMode, string>> = { read: 'r', edit: 'r+', create: 'wx+' }

/** The HostError for a failed call of the file system. */
export function diskError(operation: string, what: string, cause: unknown): HostError {
  if (cause instanceof HostError) return cause
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error'
  const full = noRoom.has(code)
  const why = full ? `no room is left (${code})` : code
  return new HostError(full ? 'STORAGE_FULL' : 'DISK', `${operation} ${what}: ${why}`, {
    cause,
    data: { operation, path: what, errno: code },
  })
}

function checked<T>(operation: string, what: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw diskError(operation, what, error)
  }
}

/** The machine's file system. */
export class SystemFiles implements Files {
  /** For messages. */
  readonly #paths = new Map<number, string>()

  open(path: string, mode: OpenMode): number {
    const fd = checked('open', path, () => fs.openSync(path, flags[mode]))
    this.#paths.set(fd, path)
    return fd
  }

  close(fd: number): void {
    const path = this.#path(fd)
    this.#paths.delete(fd)
    checked('close', path, () => fs.closeSync(fd))
  }

  write(fd: number, bytes: Uint8Array, start: number, end: number, position: number): void {
    checked('write', this.#path(fd), () => {
      let at = start
      while (at < end) {
        const written = fs.writeSync(fd, bytes, at, end - at, position + at - start)
        if (written === 0) {
          throw new HostError('STORAGE_FULL', `write ${this.#path(fd)}: no byte was taken`)
        }
        at += written
      }
    })
  }

  read(fd: number, bytes: Uint8Array, start: number, length: number, position: number): number {
    return checked('read', this.#path(fd), () => {
      let count = 0
      while (count < length) {
        const got = fs.readSync(fd, bytes, start + count, length - count, position + count)
        if (got === 0) break
        count += got
      }
      return count
    })
  }

  fdatasync(fd: number): void {
    checked('fdatasync', this.#path(fd), () => fs.fdatasyncSync(fd))
  }

  truncate(fd: number, lengthBytes: number): void {
    checked('truncate', this.#path(fd), () => fs.ftruncateSync(fd, lengthBytes))
  }

  sizeOf(fd: number): number {
    return checked('stat', this.#path(fd), () => fs.fstatSync(fd).size)
  }

  rename(from: string, to: string): void {
    checked('rename', `${from} to ${to}`, () => fs.renameSync(from, to))
    for (const [fd, path] of this.#paths) if (path === from) this.#paths.set(fd, to)
  }

  remove(path: string): void {
    checked('remove', path, () => fs.rmSync(path, { force: true }))
  }

  exists(path: string): boolean {
    return fs.existsSync(path)
  }

  list(folder: string): string[] {
    return checked('list', folder, () => fs.readdirSync(folder).sort())
  }

  makeFolder(folder: string): void {
    checked('make folder', folder, () => fs.mkdirSync(folder, { recursive: true }))
  }

  syncFolder(folder: string): void {
    checked('sync folder', folder, () => {
      const fd = fs.openSync(folder, 'r')
      try {
        fs.fsyncSync(fd)
      } finally {
        fs.closeSync(fd)
      }
    })
  }

  #path(fd: number): string {
    return this.#paths.get(fd) ?? `file ${fd}`
  }
}
