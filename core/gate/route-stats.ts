// Numbers per route: how often it was called, how it failed, how long it took. Core thread.
//
// Indexed by route code, so that counting one message is a store into an array and no look-up by name.
// Code 0 stands for every route that does not exist. A route's histogram is made at its first reply.
// bench/gate-stats.ts guards the cost.

import { Histogram } from '../base/histogram.ts'
import { limits } from '../base/limits.ts'

/** Where error codes are counted that come after `limits.errorCodesPerRouteMax` others. */
export const otherErrors = 0

/** One route's numbers, by its code. */
export interface RouteNumbers {
  readonly code: number
  readonly requests: number
  readonly notifies: number
  /** Error replies by code. */
  readonly errors: ReadonlyMap<number, number>
  /** In microseconds. */
  readonly latency: Histogram
}

const noErrors: ReadonlyMap<number, number> = new Map()
const noLatency = new Histogram()

export class RouteStats {
  #requests = new Float64Array(256)
  #notifies = new Float64Array(256)
  readonly #errors: (Map<number, number> | undefined)[] = []
  readonly #latency: (Histogram | undefined)[] = []
  /** Error replies of all routes. */
  errorCount = 0

  request(code: number): void {
    if (code >= this.#requests.length) this.#grow(code)
    this.#requests[code] = (this.#requests[code] as number) + 1
  }

  notify(code: number): void {
    if (code >= this.#notifies.length) this.#grow(code)
    this.#notifies[code] = (this.#notifies[code] as number) + 1
  }

  replied(code: number, latencyMs: number): void {
    const histogram = this.#latency[code] ?? (this.#latency[code] = new Histogram())
    histogram.record(latencyMs * 1000)
  }

  /** An error reply, whether a lane or the gate itself made it. */
  error(code: number, errorCode: number): void {
    const errors = this.#errors[code] ?? (this.#errors[code] = new Map())
    const isNew = !errors.has(errorCode)
    const counted = isNew && errors.size >= limits.errorCodesPerRouteMax ? otherErrors : errorCode
    errors.set(counted, (errors.get(counted) ?? 0) + 1)
    this.errorCount++
  }

  /** Every route that was called or refused. */
  *[Symbol.iterator](): Iterator<RouteNumbers> {
    for (let code = 0; code < this.#requests.length; code++) {
      const requests = this.#requests[code] as number
      const notifies = this.#notifies[code] as number
      const errors = this.#errors[code]
      if (requests === 0 && notifies === 0 && errors === undefined) continue
      yield {
        code,
        requests,
        notifies,
        errors: errors ?? noErrors,
        latency: this.#latency[code] ?? noLatency,
      }
    }
  }

  #grow(code: number): void {
    const length = Math.max(code + 1, this.#requests.length * 2)
    const requests = new Float64Array(length)
    const notifies = new Float64Array(length)
    requests.set(this.#requests)
    notifies.set(this.#notifies)
    this.#requests = requests
    this.#notifies = notifies
  }
}
