// The drainer that an operator runs himself (drain.auto = false), as the host sees it: by drain.json.
//
// Core thread. The file is read a few times a second, without waiting for the disk. What it says was
// applied, was: so a query that must see a write waits for it here as it does with a drainer of our own.

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { limits } from '../base/limits.ts'
import type { Timers } from '../timer/timers.ts'
import { type DrainStatus, isDrainer, parseStatus, statusPath } from './status.ts'

export class FollowedDrainer {
  readonly #folder: string
  readonly #onStatus: () => void
  readonly #timers: Timers
  readonly #timer: number
  #status: DrainStatus | undefined
  #isReading = false

  /**
   * @param folder `sql-spool/<node>`
   * @param onStatus called when the database is further than before
   */
  constructor(folder: string, timers: Timers, onStatus: () => void) {
    this.#folder = folder
    this.#onStatus = onStatus
    this.#timers = timers
    this.#timer = timers.every(limits.drainFollowMs, () => this.#look())
    this.#look()
  }

  /** It is not looked at any more; it goes on by itself. */
  async stop(): Promise<void> {
    this.#timers.cancel(this.#timer)
  }

  /** The last transaction that is known to be in the database; 0 when nothing is known. */
  get applied(): number {
    return this.#status?.applied ?? 0
  }

  /** What the last drainer said of itself; undefined when none was ever run. */
  get status(): DrainStatus | undefined {
    return this.#status
  }

  /** Why nothing goes on, and what to do; undefined while a drainer is at work. */
  get problem(): string | undefined {
    const status = this.#status
    if (status !== undefined && status.state !== 'ended' && isDrainer(status.pid)) {
      return status.message
    }
    return 'no drainer is running, and drain.auto is false: start npm run drain -- --follow'
  }

  #look(): void {
    if (this.#isReading) return
    const path = statusPath(this.#folder)
    if (this.#status === undefined && !existsSync(path)) return
    this.#isReading = true
    readFile(path, 'utf8').then(
      (text) => {
        this.#isReading = false
        const before = this.applied
        this.#status = parseStatus(text) ?? this.#status
        if (this.applied !== before) this.#onStatus()
      },
      () => {
        this.#isReading = false
      },
    )
  }
}
