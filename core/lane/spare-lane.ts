// The spare lane: a thread with all of our code loaded, for the next lane that is lost.
//
// Core thread. One for the host, whichever lane needs it; it knows no game code, so no reload concerns
// it. A new one is started only when it disturbs nobody: when all lanes have been up and on the move for
// a while. A lane that is lost before that is started as the first ones were, which only takes longer.
//
//   none ──calm for laneSpareCalmMs──▶ starting ──loaded──▶ ready ──take──▶ none
//                                         └── died, or could not start ──▶ none

import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Standby } from '../thread/standby.ts'

export interface SpareLaneOptions {
  readonly clock: Clock
  readonly start: () => Promise<Standby>
  /** All lanes are up, and none stands still. */
  readonly isCalm: () => boolean
  readonly log: (level: 'debug' | 'warn', text: string) => void
}

export class SpareLane {
  readonly #options: SpareLaneOptions
  #state: 'none' | 'starting' | 'ready' | 'ended' = 'none'
  #standby: Standby | undefined
  #calmSinceMs: number | undefined

  constructor(options: SpareLaneOptions) {
    this.#options = options
  }

  /** One is there to be taken. */
  get isReady(): boolean {
    return this.#state === 'ready'
  }

  /** Called every watchdogLookMs: starts one when it is time to. */
  look(): void {
    if (this.#state !== 'none') return
    if (!this.#options.isCalm()) {
      this.#calmSinceMs = undefined
      return
    }
    const nowMs = this.#options.clock.monotonicMs()
    this.#calmSinceMs ??= nowMs
    if (nowMs - this.#calmSinceMs >= limits.laneSpareCalmMs) void this.#start()
  }

  /** The spare thread, for its taker to start; undefined when there is none. */
  take(): Standby | undefined {
    if (this.#state !== 'ready') return undefined
    const standby = this.#standby
    this.#forget()
    return standby
  }

  /** No more of them; resolves when it is gone. One that is still loading ends as soon as it has. */
  async end(): Promise<void> {
    const standby = this.#standby
    this.#state = 'ended'
    this.#standby = undefined
    await standby?.terminate()
  }

  async #start(): Promise<void> {
    this.#state = 'starting'
    try {
      const standby = await this.#options.start()
      if (this.#hasEnded) return await standby.terminate()
      this.#standby = standby
      this.#state = 'ready'
      this.#options.log('debug', 'a spare lane is ready')
      void standby.exited.then((exit) => this.#died(standby, exit.code))
    } catch (error) {
      if (this.#hasEnded) return
      this.#forget()
      this.#options.log('warn', `no spare lane: ${messageOf(error)}`)
    }
  }

  /** It may have ended while something was awaited. */
  get #hasEnded(): boolean {
    return this.#state === 'ended'
  }

  #died(standby: Standby, code: number): void {
    if (this.#standby !== standby) return
    this.#forget()
    this.#options.log('warn', `the spare lane died with exit code ${code}`)
  }

  #forget(): void {
    this.#state = 'none'
    this.#standby = undefined
    this.#calmSinceMs = undefined
  }
}
