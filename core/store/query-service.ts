// The queries of all lanes: each waits until it can see what its session has written, then runs.
//
// Core thread. Writes go spool → drainer → database, so a query that ran at once would miss the very
// last of them. Two things are waited for, then the source is asked, all within one deadline:
//
//   asked ─▶ durable[lane] ≥ ticket ─▶ applied ≥ target ─▶ source ─▶ answered
//            (the session's own write      target: the sequence that was durable at that moment; for a
//             is on disk)                  session that wrote nothing, what the spool held at start
//
// A query of `seeAll` (an entity is loaded) waits for all that is durable, whoever wrote it. Queries
// are bounded in number; one too many is refused at once.

import type { Clock } from '../base/clock.ts'
import { HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Timers } from '../timer/timers.ts'
import type { ReadSource } from './read-source.ts'

/** How far the spool and the drainer have come. */
export interface Progress {
  /** The last ticket of a lane that is settled. */
  settledTicket(lane: number): number
  /** The last sequence that is on disk. */
  durableSequence(): number
  /** The last sequence that is in the database. */
  appliedSequence(): number
  /** Why the drainer does not come further, and what to do; undefined when it does. */
  drainerProblem(): string | undefined
}

export interface Question {
  readonly lane: number
  /** The last ticket that the query must see, or 0. */
  readonly ticket: number
  readonly seeAll: boolean
  readonly sql: string
  answered(rows: Uint8Array): void
  failed(error: HostError): void
}

export interface QueryServiceOptions {
  readonly source: ReadSource
  readonly progress: Progress
  readonly timers: Timers
  readonly clock: Clock
  readonly timeoutMs: number
  /** How long to wait for the backlog of before the start, instead of timeoutMs. */
  readonly backlogTimeoutMs: number
}

/** Numbers for status and metrics. */
export interface QueryStats {
  asked: number
  failed: number
  refused: number
  /** Those that had to wait for the drainer. */
  waited: number
  /** Those that took longer than querySlowMs, whatever came of them. */
  slow: number
}

interface Waiting {
  readonly question: Question
  readonly beganMs: number
  readonly timeoutMs: number
  readonly timer: number
  target: number | undefined
}

export class QueryService {
  readonly stats: QueryStats = { asked: 0, failed: 0, refused: 0, waited: 0, slow: 0 }
  readonly #options: QueryServiceOptions
  readonly #backlog: number
  readonly #waiting = new Set<Waiting>()
  #running = 0

  constructor(options: QueryServiceOptions) {
    this.#options = options
    this.#backlog = options.progress.durableSequence()
  }

  /** Queries under way: waiting for the drainer, or asked of the database. */
  get size(): number {
    return this.#waiting.size + this.#running
  }

  /** Those among them that wait for the drainer. */
  get waiting(): number {
    return this.#waiting.size
  }

  ask(question: Question): void {
    this.stats.asked++
    if (this.size >= limits.queriesMax) {
      this.stats.refused++
      const text = `more than ${limits.queriesMax} queries are under way`
      return question.failed(new HostError('OVERLOADED', text))
    }
    const { timers, clock, timeoutMs, backlogTimeoutMs, progress } = this.#options
    const hasBacklog = progress.appliedSequence() < this.#backlog
    const limitMs = hasBacklog ? Math.max(timeoutMs, backlogTimeoutMs) : timeoutMs
    const waiting: Waiting = {
      question,
      beganMs: clock.monotonicMs(),
      timeoutMs: limitMs,
      timer: timers.after(limitMs, () => this.#late(waiting)),
      target: undefined,
    }
    if (this.#isReady(waiting)) return this.#run(waiting)
    this.stats.waited++
    this.#waiting.add(waiting)
  }

  /** The spool or the drainer has come further; call it often, it is cheap. */
  progressed(): void {
    if (this.#waiting.size === 0) return
    for (const waiting of this.#waiting) {
      if (!this.#isReady(waiting)) continue
      this.#waiting.delete(waiting)
      this.#run(waiting)
    }
  }

  /** No query is answered after this. */
  async close(): Promise<void> {
    for (const waiting of this.#waiting) {
      this.#options.timers.cancel(waiting.timer)
      this.#fail(waiting.question, new HostError('SHUTTING_DOWN', 'the host stops'))
    }
    this.#waiting.clear()
    await this.#options.source.close()
  }

  #isReady(waiting: Waiting): boolean {
    const { progress } = this.#options
    const { lane, ticket, seeAll } = waiting.question
    if (waiting.target === undefined) {
      if (ticket !== 0 && ((progress.settledTicket(lane) - ticket) | 0) < 0) return false
      waiting.target = ticket !== 0 || seeAll ? progress.durableSequence() : this.#backlog
    }
    return progress.appliedSequence() >= waiting.target
  }

  #run({ question, beganMs, timeoutMs, timer }: Waiting): void {
    this.#options.timers.cancel(timer)
    const spentMs = this.#options.clock.monotonicMs() - beganMs
    this.#running++
    this.#options.source.query(question.sql, Math.max(1, timeoutMs - spentMs)).then(
      (rows) => {
        this.#running--
        this.#took(beganMs)
        question.answered(rows)
      },
      (error: unknown) => {
        this.#running--
        this.#took(beganMs)
        if (!(error instanceof HostError)) throw error
        this.#fail(question, error)
      },
    )
  }

  #took(beganMs: number): void {
    if (this.#options.clock.monotonicMs() - beganMs > limits.querySlowMs) this.stats.slow++
  }

  #late(waiting: Waiting): void {
    if (!this.#waiting.delete(waiting)) return
    this.#took(waiting.beganMs)
    const { progress } = this.#options
    const target = waiting.target ?? progress.durableSequence()
    const behind = target - progress.appliedSequence()
    const text =
      `the database is behind: after ${waiting.timeoutMs} ms ${behind} transactions ` +
      `that this query must see are not in it yet (${progress.drainerProblem() ?? 'npm run drain -- --status'})`
    this.#fail(waiting.question, new HostError('TIMEOUT', text))
  }

  #fail(question: Question, error: HostError): void {
    this.stats.failed++
    question.failed(error)
  }
}
