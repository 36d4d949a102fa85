// The cache of one host: values by key, with a time to live and a limit of bytes.
//
// Core thread, so that all lanes see one cache; lanes ask by ring (store-messages.ts). Values are the
// bytes of value-codec.ts and are looked into by `incr` alone. Beyond `bytesMax` the entries used
// longest ago go first; one whose time has passed goes when it is asked for, or in its turn.
// It is a cache: a host that starts anew has an empty one, and a lane that is replaced finds it full.
//
//   Map order = order of use:   oldest ── evicted first …… newest ── just read or written

import type { Clock } from '../base/clock.ts'
import { encodePlain, readPlainInteger } from '../lua/plain-codec.ts'

/** What an entry takes beside its key and value: the map's slot and the objects, about. */
const entryBytes = 120

interface Entry {
  readonly value: Buffer
  /** Monotonic; infinite when it has no end. */
  readonly endsMs: number
}

export class Cache {
  #bytesMax: number
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()
  #bytes = 0
  readonly stats = { hits: 0, misses: 0, evictions: 0 }

  constructor(bytesMax: number, clock: Clock) {
    this.#bytesMax = bytesMax
    this.#clock = clock
  }

  get size(): number {
    return this.#entries.size
  }

  /** Keys, values and what holds them; never more than the limit. */
  get bytes(): number {
    return this.#bytes
  }

  /** Numbers for `status`. */
  report() {
    return { entries: this.size, bytes: this.#bytes, bytesMax: this.#bytesMax, ...this.stats }
  }

  set bytesMax(bytes: number) {
    this.#bytesMax = bytes
    this.#evict()
  }

  /** @returns the value's bytes, not to be written to */
  get(key: string): Buffer | undefined {
    const entry = this.#live(key)
    if (entry === undefined) {
      this.stats.misses++
      return undefined
    }
    this.stats.hits++
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.value
  }

  /**
   * Keeps a value; its bytes are not copied.
   * @param ttlMs 0 for no end
   * @returns false when it alone is larger than the cache; then the key is gone
   */
  set(key: string, value: Buffer, ttlMs: number): boolean {
    const endsMs = ttlMs === 0 ? Number.POSITIVE_INFINITY : this.#clock.monotonicMs() + ttlMs
    return this.#put(key, { value, endsMs })
  }

  /** @returns whether it was there */
  del(key: string): boolean {
    const entry = this.#live(key)
    if (entry !== undefined) this.#drop(key, entry)
    return entry !== undefined
  }

  /**
   * Adds to a whole number, which is 0 when there is none yet. A number that is there keeps the end
   * of its time; `ttlMs` is for one that this call makes.
   * @returns the sum; undefined when what is there is no whole number, or the sum is not a safe one
   */
  incr(key: string, by: number, ttlMs: number): number | undefined {
    const entry = this.#live(key)
    const before = entry === undefined ? 0 : readPlainInteger(entry.value)
    if (before === undefined || !Number.isSafeInteger(before + by)) return undefined
    const value = encodePlain([before + by])
    if (entry === undefined) this.set(key, value, ttlMs)
    else this.#put(key, { value, endsMs: entry.endsMs })
    return before + by
  }

  #put(key: string, entry: Entry): boolean {
    const before = this.#entries.get(key)
    if (before !== undefined) this.#drop(key, before)
    if (weight(key, entry) > this.#bytesMax) return false
    this.#entries.set(key, entry)
    this.#bytes += weight(key, entry)
    this.#evict()
    return true
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.endsMs > this.#clock.monotonicMs()) return entry
    this.#drop(key, entry)
    return undefined
  }

  #evict(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) return
      this.#drop(key, entry)
      this.stats.evictions++
    }
  }

  #drop(key: string, entry: Entry): void {
    this.#entries.delete(key)
    this.#bytes -= weight(key, entry)
  }
}

function weight(key: string, { value }: Entry): number {
  return key.length + value.length + entryBytes
}
