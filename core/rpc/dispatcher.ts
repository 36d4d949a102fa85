// Takes the calls that this node is asked for, from any face: drain, keys, numbers, then the one
// who carries them out.
//
// Core thread. A service is one of the host's own (`addService`, in TypeScript) or the game's, for
// which `lanes` answers. While the node drains, new calls from outside are refused as not run; what is
// under way goes on to its end, and so do the calls that it makes in turn.

import type { Clock } from '../base/clock.ts'
import type { IncomingCall, RpcHandler } from './incoming-call.ts'
import { type OnceLimits, OnceTable } from './once-table.ts'
import { failed, type Outcome } from './outcome.ts'
import { RpcStats } from './rpc-stats.ts'

export class Dispatcher implements RpcHandler {
  readonly stats = new RpcStats()
  readonly once: OnceTable
  readonly #clock: Clock
  readonly #lanes: RpcHandler
  readonly #own = new Map<string, RpcHandler>()
  #isDraining = false
  #inFlight = 0
  #whenIdle: (() => void)[] = []

  constructor(clock: Clock, lanes: RpcHandler, once: OnceLimits) {
    this.#clock = clock
    this.#lanes = lanes
    this.once = new OnceTable(once, clock)
  }

  /** A service of the host itself; it answers also while the node drains. */
  addService(name: string, handler: RpcHandler): void {
    this.#own.set(name, handler)
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Calls that were begun and have not ended. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** From now on nothing new is taken. @returns when what is under way has ended */
  drain(): Promise<void> {
    this.#isDraining = true
    if (this.#inFlight === 0) return Promise.resolve()
    return new Promise((resolve) => this.#whenIdle.push(resolve))
  }

  handle(call: IncomingCall): boolean {
    const { service, method, idempotencyKey, body } = call.request
    const own = this.#own.get(service)
    if (this.#isDraining && own === undefined && !call.isOwn) {
      const text = 'this node is draining: it takes nothing new'
      call.end(failed('SHUTTING_DOWN', text, { notRun: true }))
      return true
    }
    const handler = own ?? this.#lanes
    if (idempotencyKey === '') return this.#run(handler, call)
    const name = `${service}\0${method}\0${idempotencyKey}`
    const known = this.once.begin(name, body, call.end)
    if (known !== 'new') {
      this.stats.method(service, method).repeated++
      return true
    }
    const end = (outcome: Outcome): void => this.once.finish(name, outcome)
    if (this.#run(handler, { ...call, end })) return true
    this.once.cancel(name)
    return false
  }

  #run(handler: RpcHandler, call: IncomingCall): boolean {
    const numbers = this.stats.method(call.request.service, call.request.method)
    const startedMs = this.#clock.monotonicMs()
    const end = (outcome: Outcome): void => {
      const tookMs = this.#clock.monotonicMs() - startedMs
      numbers.ended(outcome.code, Math.round(tookMs * 1000))
      this.#inFlight--
      call.end(outcome)
      if (this.#inFlight > 0 || this.#whenIdle.length === 0) return
      for (const tell of this.#whenIdle.splice(0)) tell()
    }
    numbers.began()
    this.#inFlight++
    if (handler.handle({ ...call, end })) return true
    numbers.calls--
    numbers.inFlight--
    this.#inFlight--
    return false
  }
}
