// A file system in memory that loses, reorders and tears what was not synced, by a seed.
//
// Test process. Fault model: bytes are safe after fdatasync of their file, names after syncFolder of
// their folder. At a crash every write, cut and change of a name that was not made safe is either
// done or not, each by itself and in any order; a write may be done in some of its 512-byte sectors
// only. What the running program reads is always what it wrote last. A rename is whole or not done.
// `plan` makes one call, or all from it on, fail with the error that a disk reports.

import { HostError } from '../../core/base/errors.ts'
import type { Files, OpenMode } from '../../core/base/files.ts'

const sectorBytes = 512

type Change =
  | { readonly kind: 'write'; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly length: number }

interface Inode {
  content: Buffer
  safe: Buffer
  unsynced: Change[]
}

type NameChange =
  | { readonly kind: 'add'; readonly path: string; readonly inode: Inode }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string; readonly inode: Inode }

/** Calls that can be made to fail. */
export type FaultyCall = 'open' | 'write' | 'fdatasync' | 'truncate' | 'rename' | 'syncFolder'

export interface PlannedFault {
  readonly call: FaultyCall
  /** 1 is the first such call from now on. */
  readonly nth: number
  readonly forever: boolean
  readonly code: 'DISK' | 'STORAGE_FULL'
}

export class SimulatedFiles implements Files {
  readonly #random: () => number
  #names = new Map<string, Inode>()
  #safeNames = new Map<string, Inode>()
  #unsyncedNames: NameChange[] = []
  #open = new Map<number, Inode>()
  #nextFd = 3
  #faults: { readonly plan: PlannedFault; seen: number }[] = []
  /** Calls that were made, by name. */
  readonly calls: Record<FaultyCall, number> = {
    open: 0,
    write: 0,
    fdatasync: 0,
    truncate: 0,
    rename: 0,
    syncFolder: 0,
  }
  /** Faults that were met. */
  faultsMet = 0

  /** @param random from 0 to 1 */
  constructor(random: () => number) {
    this.#random = random
  }

  plan(...faults: PlannedFault[]): void {
    this.#faults = faults.map((plan) => ({ plan, seen: 0 }))
  }

  /** The power fails: only what was made safe is sure to be there. Open files are gone. */
  crash(): void {
    const inodes = new Set([...this.#safeNames.values()])
    for (const change of this.#shuffled(this.#unsyncedNames)) {
      if (this.#random() < 0.5) continue
      if (change.kind === 'remove') this.#safeNames.delete(change.path)
      else if (change.kind === 'add') this.#safeNames.set(change.path, change.inode)
      else {
        this.#safeNames.delete(change.from)
        this.#safeNames.set(change.to, change.inode)
      }
    }
    for (const inode of this.#safeNames.values()) inodes.add(inode)
    for (const inode of inodes) {
      for (const change of this.#shuffled(inode.unsynced)) {
        if (this.#random() < 0.4) continue
        inode.safe = apply(inode.safe, change, (sectors) => this.#torn(sectors))
      }
      inode.content = Buffer.from(inode.safe)
      inode.unsynced = []
    }
    this.#names = new Map(this.#safeNames)
    this.#unsyncedNames = []
    this.#open = new Map()
    this.#faults = []
  }

  /** What a program would read now. */
  contentOf(path: string): Buffer {
    const inode = this.#names.get(path)
    if (inode === undefined) throw new HostError('DISK', `open ${path}: ENOENT`)
    return inode.content
  }

  /** Puts other bytes into a file, and on the disk, behind the program's back. */
  setContent(path: string, bytes: Buffer): void {
    const inode = this.#names.get(path) ?? { content: bytes, safe: bytes, unsynced: [] }
    inode.content = bytes
    inode.safe = Buffer.from(bytes)
    inode.unsynced = []
    this.#names.set(path, inode)
    this.#safeNames.set(path, inode)
  }

  paths(): string[] {
    return [...this.#names.keys()].sort()
  }

  open(path: string, mode: OpenMode): number {
    this.#call('open', path)
    let inode = this.#names.get(path)
    if (mode === 'create') {
      if (inode !== undefined) throw new HostError('DISK', `open ${path}: EEXIST`)
      inode = { content: Buffer.alloc(0), safe: Buffer.alloc(0), unsynced: [] }
      this.#names.set(path, inode)
      this.#unsyncedNames.push({ kind: 'add', path, inode })
    }
    if (inode === undefined) throw new HostError('DISK', `open ${path}: ENOENT`)
    this.#open.set(this.#nextFd, inode)
    return this.#nextFd++
  }

  close(fd: number): void {
    this.#inode(fd)
    this.#open.delete(fd)
  }

  write(fd: number, bytes: Uint8Array, start: number, end: number, position: number): void {
    const inode = this.#inode(fd)
    let copy = Buffer.from(bytes.subarray(start, end))
    let failure: unknown
    try {
      this.#call('write', `file ${fd}`)
    } catch (error) {
      // A failed write leaves some of its bytes behind.
      copy = copy.subarray(0, Math.floor(this.#random() * copy.length))
      failure = error
    }
    const change: Change = { kind: 'write', at: position, bytes: copy }
    inode.content = apply(inode.content, change)
    inode.unsynced.push(change)
    if (failure !== undefined) throw failure
  }

  read(fd: number, bytes: Uint8Array, start: number, length: number, position: number): number {
    const { content } = this.#inode(fd)
    const part = content.subarray(position, position + length)
    bytes.set(part, start)
    return part.length
  }

  fdatasync(fd: number): void {
    const inode = this.#inode(fd)
    this.#call('fdatasync', `file ${fd}`)
    inode.safe = Buffer.from(inode.content)
    inode.unsynced = []
  }

  truncate(fd: number, length: number): void {
    const inode = this.#inode(fd)
    this.#call('truncate', `file ${fd}`)
    const change: Change = { kind: 'truncate', length }
    inode.content = apply(inode.content, change)
    inode.unsynced.push(change)
  }

  sizeOf(fd: number): number {
    return this.#inode(fd).content.length
  }

  rename(from: string, to: string): void {
    this.#call('rename', from)
    const inode = this.#names.get(from)
    if (inode === undefined) throw new HostError('DISK', `rename ${from}: ENOENT`)
    this.#names.delete(from)
    this.#names.set(to, inode)
    this.#unsyncedNames.push({ kind: 'rename', from, to, inode })
  }

  remove(path: string): void {
    if (this.#names.delete(path)) this.#unsyncedNames.push({ kind: 'remove', path })
  }

  exists(path: string): boolean {
    return this.#names.has(path)
  }

  list(folder: string): string[] {
    const prefix = `${folder}/`
    return this.paths()
      .filter((path) => path.startsWith(prefix))
      .map((path) => path.slice(prefix.length))
  }

  makeFolder(): void {}

  syncFolder(folder: string): void {
    this.#call('syncFolder', folder)
    this.#safeNames = new Map(this.#names)
    this.#unsyncedNames = []
  }

  #call(call: FaultyCall, what: string): void {
    this.calls[call]++
    for (const fault of this.#faults) {
      if (fault.plan.call !== call) continue
      fault.seen++
      if (fault.seen === fault.plan.nth || (fault.plan.forever && fault.seen > fault.plan.nth)) {
        this.faultsMet++
        throw new HostError(fault.plan.code, `${call} ${what}: planned`)
      }
    }
  }

  #inode(fd: number): Inode {
    const inode = this.#open.get(fd)
    if (inode === undefined) throw new HostError('DISK', `file ${fd}: EBADF`)
    return inode
  }

  /** Which sectors of a write arrive: mostly all, else any. */
  #torn(sectors: number): (sector: number) => boolean {
    if (this.#random() < 0.5) return () => true
    const kept = Array.from({ length: sectors }, () => this.#random() < 0.5)
    return (sector) => kept[sector] === true
  }

  #shuffled<T>(items: readonly T[]): T[] {
    const all = [...items]
    if (this.#random() < 0.5) return all
    for (let i = all.length - 1; i > 0; i--) {
      const j = Math.floor(this.#random() * (i + 1))
      const swapped = all[i] as T
      all[i] = all[j] as T
      all[j] = swapped
    }
    return all
  }
}

function apply(
  content: Buffer,
  change: Change,
  torn?: (sectors: number) => (sector: number) => boolean,
): Buffer {
  if (change.kind === 'truncate') {
    const cut = Buffer.alloc(change.length)
    content.copy(cut)
    return cut
  }
  const { at, bytes } = change
  const grown = Buffer.alloc(Math.max(content.length, at + bytes.length))
  content.copy(grown)
  const first = Math.floor(at / sectorBytes)
  const arrives = torn?.(Math.floor((at + bytes.length) / sectorBytes) - first + 1)
  for (let i = 0; i < bytes.length; i++) {
    const sector = Math.floor((at + i) / sectorBytes) - first
    if (arrives === undefined || arrives(sector)) grown[at + i] = bytes[i] as number
  }
  return grown
}

/** Numbers from 0 to 1 by a seed (xorshift32). */
export function seededRandom(seed: number): () => number {
  let state = (seed * 2654435761 + 1) | 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
