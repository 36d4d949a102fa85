// The drainer: brings one node's spool into the database, each transaction once and in order.
//
// The drain process; one at a time for each node, and the progress row sees to that (target.ts).
//
//   reader ─▶ queue ─▶ batch ─▶ target.apply ─▶ applied: the progress row has moved with it
//     ▲                  │
//     │                  ├─ DATABASE_DOWN: nobody knows whether it was applied. Pause, connect again,
//     │                  │    look at the row: at `to` it was, at `from` it was not
//     │                  ├─ DATABASE_REJECTED: smaller batches, until the one bad transaction is alone:
//     │                  │    a dead letter; stand still until somebody decides (dead-letters.ts)
//     │                  └─ DRAIN_FENCED: the row is elsewhere: another drainer is at work; give up
//     └─ the row went back (a database that crashed without its last commits, or was restored from a
//          backup): read again from there
//
// Invariants: #at is where the row is, as far as is known; the queue begins right behind it. Nothing is
// passed over but by a decision, and a batch is only sent with the row's old value as its condition.

import type { Clock } from '../base/clock.ts'
import { HostError, messageOf } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { limits } from '../base/limits.ts'
import { readDurableMark } from '../spool/durable-mark.ts'
import { decodeOrigin, type SpoolTransaction, statementsOf } from '../spool/format.ts'
import { SpoolReader } from '../spool/reader.ts'
import { Backoff, nextTurn, pause } from './backoff.ts'
import { DeadLetters } from './dead-letters.ts'
import type { DrainState, DrainStatus } from './status.ts'
import { isSameProgress, noProgress, type Progress, type Target } from './target.ts'

export interface DrainerOptions {
  readonly node: string
  /** `sql-spool/<node>`. */
  readonly folder: string
  readonly target: Target
  readonly batchTransactionsMax: number
  readonly clock: Clock
  readonly random: () => number
  readonly files?: Files
  /** Called after every batch and at every change of state. */
  readonly onStatus?: (status: DrainStatus) => void
  /** One line for the log. */
  readonly say?: (words: string) => void
  /** Done before the first transaction, each time anew after a refusal of the database. */
  readonly onConnected?: (target: Target) => Promise<void>
}

/** done: all that was on disk is applied; stopped: a transaction is refused; aborted: told to stop. */
export type DrainEnd = 'done' | 'stopped' | 'aborted'

export class Drainer {
  readonly #options: DrainerOptions
  readonly #deadLetters: DeadLetters
  readonly #backoff: Backoff
  #reader: SpoolReader | undefined
  #queue: SpoolTransaction[] = []
  #at: Progress = noProgress
  /** Where batches of lost connections would have moved the row: each may have been applied. */
  #uncertain: Progress[] = []
  /** Bytes of the queue's statements. */
  #queuedBytes = 0
  /** The dialect of what follows behind the queue, when the database does not speak it. */
  #foreign: string | undefined
  /** The last transaction that has a dead letter; spares a look at the disk for each transaction. */
  #lastLetter = 0
  /** Dead letters whose transactions are not in the database. */
  #letters = 0
  /** Transactions in the next batch; small while a bad one is looked for. */
  #batchMax: number
  #state: DrainState = 'starting'
  #applied: number | undefined
  #transactions = 0
  #batches = 0
  #message: string | undefined
  #stoppedAt: number | undefined

  constructor(options: DrainerOptions) {
    this.#options = options
    this.#deadLetters = new DeadLetters(options.folder)
    this.#backoff = new Backoff(options.random)
    this.#batchMax = options.batchTransactionsMax
  }

  get status(): DrainStatus {
    return {
      node: this.#options.node,
      state: this.#state,
      applied: this.#applied,
      // Not by the reader: what it has seen, it does not wait for.
      durable: readDurableMark(this.#options.folder, this.#options.files)?.sequence ?? 0,
      transactions: this.#transactions,
      batches: this.#batches,
      failures: this.#backoff.failures,
      message: this.#message,
      stoppedAt: this.#stoppedAt,
      deadLetters: this.#letters,
      pid: process.pid,
      writtenAt: this.#options.clock.wallMs(),
    }
  }

  /**
   * Drains what is on disk, and with `follow` what comes until the signal says stop.
   * @throws HostError DRAIN_FENCED, SPOOL_DAMAGED, CONFLICT (another spool), NOT_FOUND (archived)
   */
  async drain(follow: boolean, signal: AbortSignal): Promise<DrainEnd> {
    const { target } = this.#options
    try {
      while (!signal.aborted) {
        try {
          if (this.#reader === undefined || !target.connected) await this.#connect()
          const end = await this.#step(follow, signal)
          if (end !== undefined) return end
        } catch (thrown) {
          if (!isDown(thrown)) throw thrown
          await this.#waitForDatabase(thrown, signal)
        }
      }
      return 'aborted'
    } finally {
      this.#reader?.close()
      this.#reader = undefined
      this.#tell('ended', this.#message)
    }
  }

  /** One batch, or one wait. @returns how it all ended, if it did */
  async #step(follow: boolean, signal: AbortSignal): Promise<DrainEnd | undefined> {
    this.#fill()
    const [first] = this.#queue
    if (first === undefined) {
      if (this.#foreign !== undefined) throw this.#wrongDialect(this.#foreign)
      this.#backoff.succeeded()
      if (!follow) return 'done'
      if (this.#state !== 'idle') this.#tell('idle')
      await (this.#reader as SpoolReader).waitForMore(signal)
      return undefined
    }
    const letter = this.#deadLetters.get(first.sequence)
    if (letter?.state === 'skip') {
      await this.#apply([first], '')
    } else if (letter?.state === 'stopped' && this.#state === 'stopped') {
      if (!follow) return 'stopped'
      await pause(limits.drainLookMs, signal)
    } else {
      if (this.#state !== 'draining') this.#tell('draining')
      await this.#applyBatch()
    }
    // SQLite answers at once: without this, no signal would be heard before the spool's end.
    await nextTurn()
    return undefined
  }

  // --- the connection

  async #connect(): Promise<void> {
    const { node, target, onConnected } = this.#options
    if (!target.connected) {
      await target.connect()
      await target.prepare(node)
      await onConnected?.(target)
    }
    this.#locate(await target.progress(node))
  }

  async #waitForDatabase(thrown: unknown, signal: AbortSignal): Promise<void> {
    const ms = this.#backoff.nextMs()
    if (this.#state !== 'down') this.#options.say?.(`the database is down: ${messageOf(thrown)}`)
    this.#tell('down', messageOf(thrown))
    await pause(ms, signal)
  }

  /** Finds the place in the spool where the database is. */
  #locate(row: Progress): void {
    const { folder, node, say, files } = this.#options
    if (this.#reader !== undefined) {
      if (isSameProgress(row, this.#at)) return
      if (this.#uncertain.some((to) => isSameProgress(row, to))) return this.#moved(row)
      if (row.sequence > this.#at.sequence) throw this.#fenced(row)
      say?.(`the database went back from ${this.#at.sequence} to ${row.sequence}: drained again`)
      this.#reader.close()
    }
    this.#queue = []
    this.#queuedBytes = 0
    this.#uncertain = []
    this.#foreign = undefined
    this.#countLetters()
    this.#reader = new SpoolReader({
      folder,
      from: row.sequence + 1,
      ...(files === undefined ? {} : { files }),
    })
    const durable = this.#reader.durableSequence()
    if (durable < row.sequence) {
      throw new HostError(
        'CONFLICT',
        `the database has transactions of ${node} up to ${row.sequence}, and ${folder} ends at ` +
          `${durable}: this is not the spool that was drained before; if that one is gone for good, ` +
          'npm run drain -- adopt --reason TEXT begins with this one',
      )
    }
    this.#at = row
    this.#applied = row.sequence
  }

  #fenced(row: Progress): HostError {
    const { node } = this.#options
    const words = `the database is at ${row.sequence} of ${node}, not at ${this.#at.sequence}`
    return new HostError('DRAIN_FENCED', `another drainer is at work: ${words}`)
  }

  // --- batches

  /** Takes in what is on disk, as much as one batch holds. */
  #fill(): void {
    const { batchTransactionsMax, target } = this.#options
    const reader = this.#reader as SpoolReader
    while (this.#foreign === undefined && this.#queue.length < batchTransactionsMax) {
      if (this.#queuedBytes >= target.batchBytesMax) return
      const next = reader.next()
      if (next === undefined) return
      if (this.#queue.length === 0) this.#checkFollows(next)
      if (reader.preamble?.dialect === target.dialect) this.#queue.push(next)
      else this.#foreign = reader.preamble?.dialect
      this.#queuedBytes += bytesOf(next)
    }
  }

  /** The first transaction to be applied must be the one behind the database's last. */
  #checkFollows(next: SpoolTransaction): void {
    const { spool, sequence, chain } = this.#at
    const { node, folder } = this.#options
    if ((spool === '' || this.#reader?.preamble?.spool === spool) && next.prev === chain) return
    throw new HostError(
      'CONFLICT',
      `transaction ${next.sequence} in ${folder} does not follow upon transaction ${sequence} of ` +
        `${node} in the database: this is not the spool that was drained before; if that one is ` +
        'gone for good, npm run drain -- adopt --reason TEXT begins with this one',
    )
  }

  #wrongDialect(foreign: string): HostError {
    const { folder, target } = this.#options
    const words = `written for ${foreign}, and the database is ${target.dialect}`
    return new HostError('CONFLICT', `${folder} is ${words}: drain it into the old database first`)
  }

  async #applyBatch(): Promise<void> {
    const { target } = this.#options
    const batch: SpoolTransaction[] = []
    const texts: string[] = []
    let bytes = 0
    for (const transaction of this.#queue) {
      if (batch.length >= this.#batchMax) break
      // A dead letter that is decided upon has a batch of its own.
      if (batch.length > 0 && this.#isDecided(transaction.sequence)) break
      bytes += bytesOf(transaction)
      if (batch.length > 0 && bytes > target.batchBytesMax) break
      batch.push(transaction)
      texts.push(textOf(transaction))
    }
    await this.#apply(batch, texts.join(''))
  }

  #isDecided(sequence: number): boolean {
    return this.#lastLetter >= sequence && this.#deadLetters.get(sequence) !== undefined
  }

  /** Sends a run from the head of the queue, and takes it off when it is applied. */
  async #apply(batch: readonly SpoolTransaction[], sql: string): Promise<void> {
    const { node, target, clock } = this.#options
    const last = batch.at(-1) as SpoolTransaction
    const spool = this.#reader?.preamble?.spool ?? ''
    const to: Progress = { spool, sequence: last.sequence, chain: last.crc }
    try {
      await target.apply(node, { from: this.#at, to, sql, timeMs: clock.wallMs() })
    } catch (thrown) {
      if (isDown(thrown)) this.#uncertain.push(to)
      const code = thrown instanceof HostError ? thrown.code : undefined
      if (code === 'DATABASE_REJECTED') return await this.#rejected(batch, thrown as HostError)
      if (code === 'DRAIN_FENCED') return await this.#looksFenced(thrown)
      throw thrown
    }
    this.#batches++
    this.#moved(to)
    this.#backoff.succeeded()
    this.#batchMax = Math.min(this.#options.batchTransactionsMax, this.#batchMax * 2)
  }

  /** The row is at `to`: takes what it covers off the queue. */
  #moved(to: Progress): void {
    const from = this.#queue.findIndex(({ sequence }) => sequence > to.sequence)
    const count = from < 0 ? this.#queue.length : from
    const gone = this.#queue.splice(0, count)
    for (const transaction of gone) this.#queuedBytes -= bytesOf(transaction)
    this.#transactions += count
    this.#at = to
    this.#applied = to.sequence
    this.#uncertain = []
    const [first] = gone
    if (first !== undefined && this.#isDecided(first.sequence)) this.#settleLetter(first.sequence)
    this.#tell('draining')
  }

  /** A dead letter that was applied after all is history. */
  #settleLetter(sequence: number): void {
    this.#stoppedAt = undefined
    const letter = this.#deadLetters.get(sequence)
    if (letter === undefined || letter.state === 'skip') {
      if (letter !== undefined) {
        this.#options.say?.(`transaction ${sequence} was skipped: ${letter.reason ?? 'no reason'}`)
      }
      return
    }
    const changedAt = new Date(this.#options.clock.wallMs()).toISOString()
    this.#deadLetters.put({ ...letter, state: 'applied', changedAt })
    this.#countLetters()
  }

  #countLetters(): void {
    const letters = this.#deadLetters.list()
    this.#lastLetter = letters.at(-1)?.sequence ?? 0
    this.#letters = letters.filter(({ state }) => state !== 'applied').length
  }

  /** A batch of a lost connection may commit late, and then its own row is in its way. */
  async #looksFenced(thrown: unknown): Promise<void> {
    const row = await this.#options.target.progress(this.#options.node)
    if (this.#uncertain.some((to) => isSameProgress(row, to))) this.#moved(row)
    else if (isSameProgress(row, this.#at)) throw thrown
    else throw this.#fenced(row)
  }

  async #rejected(batch: readonly SpoolTransaction[], error: HostError): Promise<void> {
    if (batch.length > 1) {
      this.#batchMax = Math.floor(batch.length / 2)
      return
    }
    const [transaction] = batch as [SpoolTransaction]
    const { clock, target, say } = this.#options
    const statements = [...statementsOf(transaction)].map((bytes) => bytes.toString('utf8'))
    const at = await target.probe(statements)
    this.#deadLetters.put(
      {
        sequence: transaction.sequence,
        state: 'stopped',
        writtenAt: new Date(transaction.timeMs).toISOString(),
        changedAt: new Date(clock.wallMs()).toISOString(),
        origin: Object.fromEntries(decodeOrigin(transaction.origin)),
        error: error.message,
        ...(at === undefined ? {} : { statement: at + 1, sql: statements[at]?.trimEnd() ?? '' }),
      },
      transaction.bytes.subarray(transaction.start, transaction.end),
    )
    this.#countLetters()
    this.#stoppedAt = transaction.sequence
    const words = `transaction ${transaction.sequence} is refused: ${error.message}`
    say?.(words)
    this.#tell('stopped', words)
  }

  #tell(state: DrainState, message?: string): void {
    this.#state = state
    this.#message = message
    this.#options.onStatus?.(this.status)
  }
}

function isDown(thrown: unknown): boolean {
  return thrown instanceof HostError && thrown.code === 'DATABASE_DOWN'
}

function bytesOf(transaction: SpoolTransaction): number {
  return transaction.statementsEnd - transaction.statementsStart
}

/** The statements of a transaction as text. */
export function textOf(transaction: SpoolTransaction): string {
  return transaction.bytes.toString('utf8', transaction.statementsStart, transaction.statementsEnd)
}
