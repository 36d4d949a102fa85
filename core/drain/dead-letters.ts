// Transactions that the database refused: kept as files, and what an operator decided about each.
//
//   sql-spool/<node>/dead-letter/<sequence, 16 digits>.json   what, whose, why; its state
//                                <sequence, 16 digits>.sql    the transaction as text
//
//   state     made by                          what the drainer does with this transaction
//   stopped   the drainer, refused             stands still before it
//   retry     drain retry SEQ                  applies it again
//   skip      drain skip SEQ --reason TEXT     passes it by: moves the progress row without it
//   applied   the drainer, after a retry       nothing; it is history
//
// The drain process and tools; synchronous. A file is replaced whole and synced, so the state is what
// it was or what it became. A skipped one stays for ever: a rebuild must pass it by as well.

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { HostError } from '../base/errors.ts'

export type DeadLetterState = 'stopped' | 'retry' | 'skip' | 'applied'

export interface DeadLetter {
  readonly sequence: number
  readonly state: DeadLetterState
  /** When the transaction was written, and when it was refused or decided upon: ISO 8601. */
  readonly writtenAt: string
  readonly changedAt: string
  /** Who caused it: node, lane, uid, route, request. */
  readonly origin: Readonly<Record<string, string>>
  /** The database's words. */
  readonly error: string
  /** The statement that it refused, from 1, and its text; absent when it could not be singled out. */
  readonly statement?: number
  readonly sql?: string
  /** Why it is skipped. */
  readonly reason?: string
}

const fileName = /^(\d{16})\.json$/

export class DeadLetters {
  readonly #folder: string

  /** @param spoolFolder `sql-spool/<node>` */
  constructor(spoolFolder: string) {
    this.#folder = join(spoolFolder, 'dead-letter')
  }

  /** All of them, by sequence. */
  list(): DeadLetter[] {
    if (!existsSync(this.#folder)) return []
    return readdirSync(this.#folder)
      .filter((name) => fileName.test(name))
      .sort()
      .flatMap((name) => this.get(Number(name.slice(0, 16))) ?? [])
  }

  get(sequence: number): DeadLetter | undefined {
    const path = this.#path(sequence, 'json')
    if (!existsSync(path)) return undefined
    try {
      return JSON.parse(readFileSync(path, 'utf8')) as DeadLetter
    } catch (cause) {
      throw new HostError('DISK', `${path} cannot be read`, { cause })
    }
  }

  put(letter: DeadLetter, sql?: Uint8Array): void {
    try {
      mkdirSync(this.#folder, { recursive: true })
      if (sql !== undefined) writeWhole(this.#path(letter.sequence, 'sql'), sql)
      const text = `${JSON.stringify(letter, undefined, 2)}\n`
      writeWhole(this.#path(letter.sequence, 'json'), Buffer.from(text))
    } catch (cause) {
      throw new HostError('DISK', `${this.#folder} cannot be written`, { cause })
    }
  }

  /**
   * Records a decision about a transaction that the drainer stands before.
   * @throws HostError NOT_FOUND when it does not
   */
  decide(sequence: number, state: 'retry' | 'skip', at: Date, reason?: string): DeadLetter {
    const letter = this.get(sequence)
    if (letter === undefined || letter.state === 'applied') {
      const text = `the drainer does not stand before transaction ${sequence}`
      throw new HostError('NOT_FOUND', `${text}: npm run drain -- --status says before which`)
    }
    const decided: DeadLetter = {
      ...letter,
      state,
      changedAt: at.toISOString(),
      ...(reason === undefined ? {} : { reason }),
    }
    this.put(decided)
    return decided
  }

  #path(sequence: number, ending: 'json' | 'sql'): string {
    return join(this.#folder, `${String(sequence).padStart(16, '0')}.${ending}`)
  }
}

/** Replaces a file whole: its new content is on disk before its name is. */
export function writeWhole(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.new`
  const fd = openSync(temporary, 'w')
  try {
    writeFileSync(fd, bytes)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(temporary, path)
}
