// What is in the lanes: every message that was handed to one and not answered yet. Core thread.
//
// A lane answers a session's messages in their order, so each session has a queue of them: a list by
// index through one pool of typed arrays, with no allocation per message. An entry says what the
// answer will not: the route, when the message came, and the id under which its client waits.
//
//   session.flightFirst ─▶ slot ─next─▶ slot ─next─▶ none ◀─ session.flightLast
//   #freeFirst ─▶ slot ─next─▶ …

import { assert } from '../base/assert.ts'

const none = -1

/** Where a session's queue begins and ends; both -1 while nothing is under way. */
export interface Flights {
  flightFirst: number
  flightLast: number
}

export class InFlight {
  #next = new Int32Array(64)
  #routeCode = new Uint16Array(64)
  #kind = new Uint8Array(64)
  #messageId = new Float64Array(64)
  #receivedMs = new Float64Array(64)
  #freeFirst = none
  #slots = 0
  #size = 0

  /** Messages that are in all lanes together. */
  get size(): number {
    return this.#size
  }

  push(of: Flights, kind: number, messageId: number, routeCode: number, receivedMs: number): void {
    const slot = this.#take()
    this.#kind[slot] = kind
    this.#messageId[slot] = messageId
    this.#routeCode[slot] = routeCode
    this.#receivedMs[slot] = receivedMs
    this.#next[slot] = none
    if (of.flightFirst === none) of.flightFirst = slot
    else this.#next[of.flightLast] = slot
    of.flightLast = slot
    this.#size++
  }

  /** Takes the oldest one out; @returns its slot, whose fields stand until the next `push` */
  shift(of: Flights): number {
    const slot = of.flightFirst
    assert(slot !== none, 'an answer came for nothing')
    of.flightFirst = this.#next[slot] as number
    if (of.flightFirst === none) of.flightLast = none
    this.#free(slot)
    return slot
  }

  /** Forgets all of a session: it is gone, nobody waits for the answers. */
  clear(of: Flights): void {
    while (of.flightFirst !== none) this.shift(of)
  }

  kind(slot: number): number {
    return this.#kind[slot] as number
  }

  messageId(slot: number): number {
    return this.#messageId[slot] as number
  }

  routeCode(slot: number): number {
    return this.#routeCode[slot] as number
  }

  receivedMs(slot: number): number {
    return this.#receivedMs[slot] as number
  }

  #take(): number {
    const slot = this.#freeFirst
    if (slot !== none) {
      this.#freeFirst = this.#next[slot] as number
      return slot
    }
    if (this.#slots === this.#next.length) this.#grow()
    return this.#slots++
  }

  #free(slot: number): void {
    this.#next[slot] = this.#freeFirst
    this.#freeFirst = slot
    this.#size--
  }

  #grow(): void {
    const slots = this.#slots * 2
    this.#next = grown(new Int32Array(slots), this.#next)
    this.#routeCode = grown(new Uint16Array(slots), this.#routeCode)
    this.#kind = grown(new Uint8Array(slots), this.#kind)
    this.#messageId = grown(new Float64Array(slots), this.#messageId)
    this.#receivedMs = grown(new Float64Array(slots), this.#receivedMs)
  }
}

function grown<T extends { set(from: ArrayLike<number>): void }>(
  to: T,
  from: ArrayLike<number>,
): T {
  to.set(from)
  return to
}
