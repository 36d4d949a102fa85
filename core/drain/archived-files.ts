// A spool's folder as it was before the archive took segments from it: for a reader of all of it.
//
// A tool. Files (base/files.ts) that look through to the packed segments: they are listed beside the
// others under their own names, and unpacked into memory, one segment (64 MiB) each, while open. It
// reads only; a write is a bug.

import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { assert } from '../base/assert.ts'
import { HostError } from '../base/errors.ts'
import { type OpenMode, SystemFiles } from '../base/files.ts'
import { archiveFolderOf } from './archive.ts'

/** Descriptors of unpacked segments count from here; the system's stay far below. */
const firstUnpacked = 1 << 30

export class ArchivedFiles extends SystemFiles {
  readonly #unpacked = new Map<number, Buffer>()
  #next = firstUnpacked

  override open(path: string, mode: OpenMode): number {
    assert(mode === 'read', 'the archive is only read')
    if (super.exists(path)) return super.open(path, mode)
    const packed = packedPath(path)
    const fd = this.#next++
    try {
      this.#unpacked.set(fd, gunzipSync(readFileSync(packed)))
    } catch (cause) {
      throw new HostError('SPOOL_DAMAGED', `${packed} cannot be unpacked`, { cause })
    }
    return fd
  }

  override close(fd: number): void {
    if (!this.#unpacked.delete(fd)) super.close(fd)
  }

  override read(
    fd: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    position: number,
  ): number {
    const whole = this.#unpacked.get(fd)
    if (whole === undefined) return super.read(fd, bytes, start, length, position)
    const part = whole.subarray(position, position + length)
    bytes.set(part, start)
    return part.length
  }

  override sizeOf(fd: number): number {
    return this.#unpacked.get(fd)?.length ?? super.sizeOf(fd)
  }

  override exists(path: string): boolean {
    return super.exists(path) || super.exists(packedPath(path))
  }

  override list(folder: string): string[] {
    const archive = archiveFolderOf(folder)
    const packed = super.exists(archive) ? super.list(archive) : []
    const names = packed.filter((name) => name.endsWith('.sql.gz')).map((name) => name.slice(0, -3))
    return [...new Set([...names, ...super.list(folder)])].sort()
  }
}

function packedPath(path: string): string {
  return join(archiveFolderOf(dirname(path)), `${basename(path)}.gz`)
}
