// Calls with an idempotency key: what runs, and what the answer was, so that each runs once.
//
// Core thread, in memory: a restarted process has forgotten, and callers know that by its incarnation.
// The answer is kept for `keptMs`, whatever it was, failures included: the call has run. When the table
// is full the oldest answers go first, but none that is younger than `keptMsMin` and none that is still
// awaited: then new calls are refused as not run.
//
//   begin ──▶ running (more arrivals wait with the first) ──finish──▶ stored ──keptMs──▶ forgotten
//                └── cancel: it was not begun after all

import { createHash } from 'node:crypto'
import { must } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { errorCodes } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { failed, type Outcome } from './outcome.ts'

export interface OnceLimits {
  readonly keptMs: number
  readonly keptMsMin: number
  readonly entriesMax: number
  readonly bytesMax: number
}

export const defaultOnceLimits: OnceLimits = {
  keptMs: limits.onceKeptMs,
  keptMsMin: limits.onceKeptMsMin,
  entriesMax: limits.onceEntriesMax,
  bytesMax: limits.onceBytesMax,
}

/** What an entry takes beside its name and its answer's body, about. */
const entryBytes = 256

interface Entry {
  /** Of the arguments. */
  readonly digest: string
  readonly waiting: ((outcome: Outcome) => void)[]
  outcome: Outcome | undefined
  endedMs: number
  bytes: number
}

export class OnceTable {
  readonly #limits: OnceLimits
  readonly #clock: Clock
  readonly #running = new Map<string, Entry>()
  /** In the order in which they ended. */
  readonly #stored = new Map<string, Entry>()
  #bytes = 0
  /** Answers that were dropped before their time, for want of room. */
  dropped = 0

  constructor(rules: OnceLimits, clock: Clock) {
    this.#limits = rules
    this.#clock = clock
  }

  get size(): number {
    return this.#running.size + this.#stored.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * A call arrives. `end` hears the outcome: at once if it is known, later if it is awaited.
   * @returns `new`: it must be run now, then `finish` or `cancel`; `known`: nothing is to be done
   */
  begin(name: string, body: Uint8Array, end: (outcome: Outcome) => void): 'new' | 'known' {
    this.#forgetOld()
    const digest = createHash('sha1').update(body).digest('base64')
    const known = this.#running.get(name) ?? this.#stored.get(name)
    if (known !== undefined) {
      if (known.digest !== digest) {
        const text = 'this idempotency key was used for a call with other arguments'
        end(failed('CONFLICT', text, { notRun: false }))
      } else if (known.outcome !== undefined) {
        end(known.outcome)
      } else {
        known.waiting.push(end)
      }
      return 'known'
    }
    const bytes = entryBytes + name.length
    if (!this.#makeRoom(bytes)) {
      const text = 'too many calls with idempotency keys are remembered already'
      end(failed('OVERLOADED', text, { notRun: true }))
      return 'known'
    }
    this.#running.set(name, { digest, waiting: [end], outcome: undefined, endedMs: 0, bytes })
    this.#bytes += bytes
    return 'new'
  }

  /** The call has run; all who wait for it hear of it. */
  finish(name: string, outcome: Outcome): void {
    const entry = must(this.#running.get(name), 'running call')
    this.#running.delete(name)
    // On a full disk nothing was stored of what it did: it may be tried again.
    const isUndone = outcome.notRun || outcome.code === errorCodes.STORAGE_FULL
    if (isUndone) this.#bytes -= entry.bytes
    else this.#store(name, entry, outcome)
    for (const end of entry.waiting.splice(0)) end(entry.outcome ?? outcome)
  }

  /** It was not begun; whoever waits for it is handed to nobody, so only its own caller may. */
  cancel(name: string): void {
    const entry = must(this.#running.get(name), 'running call')
    this.#running.delete(name)
    this.#bytes -= entry.bytes
  }

  #store(name: string, entry: Entry, outcome: Outcome): void {
    const body = Uint8Array.prototype.slice.call(outcome.body)
    const stored = { ...outcome, body }
    entry.outcome = stored
    entry.endedMs = this.#clock.monotonicMs()
    entry.bytes += body.length + stored.error.length
    this.#bytes += body.length + stored.error.length
    this.#stored.set(name, entry)
  }

  #forgetOld(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [name, entry] of this.#stored) {
      if (nowMs - entry.endedMs < this.#limits.keptMs) return
      this.#drop(name, entry)
    }
  }

  #makeRoom(bytes: number): boolean {
    const { entriesMax, bytesMax, keptMsMin } = this.#limits
    const nowMs = this.#clock.monotonicMs()
    for (const [name, entry] of this.#stored) {
      if (this.size < entriesMax && this.#bytes + bytes <= bytesMax) return true
      if (nowMs - entry.endedMs < keptMsMin) return false
      this.#drop(name, entry)
      this.dropped++
    }
    return this.size < entriesMax && this.#bytes + bytes <= bytesMax
  }

  #drop(name: string, entry: Entry): void {
    this.#stored.delete(name)
    this.#bytes -= entry.bytes
  }
}
