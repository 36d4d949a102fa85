// Questions that the core asks lanes on an operator's behalf, and their answers.
//
// Core thread. A question has a number and a time limit; an answer may come in parts, bounded by
// answerBytesMax. An answer that comes too late finds nobody and is dropped.

import { HostError } from '../base/errors.ts'
import { message } from '../thread/messages.ts'
import type { Timers } from '../timer/timers.ts'
import { answerKind, type LaneQuestion } from './lane-inspection.ts'

const answerBytesMax = 256 * 1024 * 1024

interface Pending {
  readonly lane: number
  readonly parts: Buffer[]
  bytes: number
  readonly timer: number
  readonly resolve: (text: string) => void
  readonly reject: (error: HostError) => void
}

export class LaneQuestions {
  readonly #send: (lane: number, kind: number, a: number, b: number, payload: Uint8Array) => void
  readonly #timers: Timers
  readonly #pending = new Map<number, Pending>()
  #lastCall = 0

  constructor(
    send: (lane: number, kind: number, a: number, b: number, payload: Uint8Array) => void,
    timers: Timers,
  ) {
    this.#send = send
    this.#timers = timers
  }

  /**
   * Asks one lane.
   * @returns the answer's JSON text
   * @throws HostError SCRIPT with the lane's words when it refuses; TIMEOUT when it says nothing
   */
  ask(lane: number, question: LaneQuestion, timeoutMs: number): Promise<string> {
    this.#lastCall = (this.#lastCall % 0xffffffff) + 1
    const call = this.#lastCall
    return new Promise((resolve, reject) => {
      const timer = this.#timers.after(timeoutMs, () => {
        this.#pending.delete(call)
        const text = `lane ${lane} did not answer in ${timeoutMs} ms: it is busy`
        reject(new HostError('TIMEOUT', text))
      })
      this.#pending.set(call, { lane, parts: [], bytes: 0, timer, resolve, reject })
      this.#send(lane, message.adminCall, call, 0, Buffer.from(JSON.stringify(question)))
    })
  }

  /** adminResult: a lane's answer, or a part of it. */
  answered(call: number, kind: number, bytes: Buffer, start: number, end: number): void {
    const pending = this.#pending.get(call)
    if (pending === undefined) return
    if (kind === answerKind.refused) {
      const text = bytes.toString('utf8', start, end)
      return this.#fail(call, pending, new HostError('SCRIPT', text))
    }
    pending.parts.push(Buffer.from(bytes.subarray(start, end)))
    pending.bytes += end - start
    if (pending.bytes > answerBytesMax) {
      const text = `the answer of lane ${pending.lane} is longer than ${answerBytesMax} bytes`
      return this.#fail(call, pending, new HostError('TOO_LARGE', text))
    }
    if (kind !== answerKind.last) return
    this.#forget(call, pending)
    pending.resolve(Buffer.concat(pending.parts).toString('utf8'))
  }

  /** A lane has died: what was asked of it is not answered any more. */
  laneDied(lane: number): void {
    for (const [call, pending] of this.#pending) {
      if (pending.lane !== lane) continue
      this.#fail(call, pending, new HostError('LANE_DOWN', `lane ${lane} died before it answered`))
    }
  }

  #fail(call: number, pending: Pending, error: HostError): void {
    this.#forget(call, pending)
    pending.reject(error)
  }

  #forget(call: number, pending: Pending): void {
    this.#pending.delete(call)
    this.#timers.cancel(pending.timer)
  }
}
