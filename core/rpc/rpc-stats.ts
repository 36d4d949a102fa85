// Numbers per service and method: calls, errors by code, how long they took, how many are under way.
//
// Core thread. One of these counts what this node calls, another what it is asked. Names come from
// outside, so only so many are counted apart; the rest is counted as "(other)". `tick` is called once a
// second for the rates. Latency is in microseconds, from the call's start to its end.

import { Histogram } from '../base/histogram.ts'
import { limits } from '../base/limits.ts'

const otherErrors = 0
const minuteS = 60

export class MethodNumbers {
  readonly service: string
  readonly method: string
  calls = 0
  inFlight = 0
  /** Sent again; in what this node is asked, answered from the table of keys. */
  repeated = 0
  readonly errors = new Map<number, number>()
  readonly latency = new Histogram()
  /** Calls by the second, as a ring. */
  readonly #seconds = new Float64Array(minuteS + 1)
  #ticks = 0

  constructor(service: string, method: string) {
    this.service = service
    this.method = method
  }

  /** A call began; `ended` must follow. */
  began(): void {
    this.calls++
    this.inFlight++
  }

  ended(code: number, latencyUs: number): void {
    this.inFlight--
    this.latency.record(latencyUs)
    if (code === 0) return
    const isKnown = this.errors.has(code) || this.errors.size < limits.errorCodesPerRouteMax
    const counted = isKnown ? code : otherErrors
    this.errors.set(counted, (this.errors.get(counted) ?? 0) + 1)
  }

  tick(): void {
    this.#ticks++
    this.#seconds[this.#ticks % this.#seconds.length] = this.calls
  }

  /** Calls a second, over the last `seconds` whole ones or as many as there were. */
  rate(seconds: number): number {
    const over = Math.min(seconds, this.#ticks, minuteS)
    if (over === 0) return 0
    const at = (tick: number): number => this.#seconds[tick % this.#seconds.length] as number
    return (at(this.#ticks) - at(this.#ticks - over)) / over
  }
}

export class RpcStats {
  readonly #services = new Map<string, Map<string, MethodNumbers>>()
  readonly #other = new MethodNumbers('(other)', '')
  #size = 0

  method(service: string, method: string): MethodNumbers {
    const found = this.#services.get(service)?.get(method)
    if (found !== undefined) return found
    if (this.#size >= limits.rpcMethodsCountedMax) return this.#other
    this.#size++
    const fresh = new MethodNumbers(service, method)
    const methods = this.#services.get(service)
    if (methods === undefined) this.#services.set(service, new Map([[method, fresh]]))
    else methods.set(method, fresh)
    return fresh
  }

  tick(): void {
    for (const each of this.all) each.tick()
  }

  /** Those that were called, the busiest first. */
  get all(): readonly MethodNumbers[] {
    const all = [...this.#services.values()].flatMap((methods) => [...methods.values()])
    if (this.#other.calls > 0) all.push(this.#other)
    return all.sort((a, b) => b.calls - a.calls)
  }
}
