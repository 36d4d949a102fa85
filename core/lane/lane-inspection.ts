// What an operator may ask of a lane: collect garbage, run a piece of Lua, take a CPU profile.
//
// Lane thread. A question comes as message adminCall { a: call, JSON } and is answered by adminResult
// { a: call, b: answer kind }; long answers come in parts. A profile is begun here, and ended by a
// timer of the lane, which goes on working meanwhile.
//
// Lua that an operator sends runs as a task like any other, but with a time limit of its own: it may
// wait, the limit ends its waits and the watchdog its loops, and what it raises goes back to the
// operator.

import { messageOf } from '../base/errors.ts'
import { bytesToText, textToBytes } from '../lua/bytes.ts'
import { LuaError, type LuaFunction, type LuaTable, type LuaValue } from '../lua/engine.ts'
import { message } from '../thread/messages.ts'
import { collectGarbage, type GarbageCollected, RunningProfile } from '../thread/self-inspection.ts'
import type { Lane } from './lane.ts'
import type { Task } from './task.ts'

/** How an adminResult is to be read. */
export const answerKind = { part: 0, last: 1, refused: 2 } as const

/** A question, as JSON. */
export type LaneQuestion =
  | { readonly ask: 'gc' }
  | { readonly ask: 'eval'; readonly source: string; readonly limitMs: number }
  | { readonly ask: 'profile'; readonly durationMs: number }

export type LaneGcAnswer = GarbageCollected

export interface LaneEvalAnswer {
  readonly values: readonly string[]
  readonly durationMs: number
}

const partBytes = 64 * 1024
/** The longest text of one value that `eval` shows, in bytes. */
const valueBytesMax = 64 * 1024

export class LaneInspection {
  readonly #lane: Lane
  #isProfiling = false

  constructor(lane: Lane) {
    this.#lane = lane
    lane.listen('admin', {
      returned: (task, results) => this.#evalEnded(task, undefined, results),
      failed: (task, failure) => this.#evalEnded(task, failure.detail, []),
    })
  }

  /** adminCall: answers now or later, always once. */
  ask(call: number, bytes: Buffer, start: number, end: number): void {
    const question = JSON.parse(bytes.toString('utf8', start, end)) as LaneQuestion
    switch (question.ask) {
      case 'gc':
        return this.#answer(call, JSON.stringify(collectGarbage()))
      case 'eval':
        return this.#eval(call, question)
      case 'profile':
        return this.#profile(call, question.durationMs)
    }
  }

  #eval(call: number, { source, limitMs }: { source: string; limitMs: number }): void {
    let chunk: LuaFunction
    try {
      chunk = this.#compile(source)
    } catch (error) {
      if (!(error instanceof LuaError)) throw error
      return this.#refuse(call, bytesToText(error.message))
    }
    const startedMs = this.#lane.clock.monotonicMs()
    const task = this.#lane.newTask({ kind: 'admin', name: 'admin eval', call, startedMs, limitMs })
    const services = this.#lane.engine.rawGet(this.#lane.library, 'services')
    this.#lane.run(task, chunk, services)
  }

  /** An expression, or else statements; both see `services`. */
  #compile(source: string): LuaFunction {
    const { engine } = this.#lane
    const load = (code: string) => engine.load(Buffer.from(code), 'eval')
    try {
      return load(`local services = ... return ${source}\n`)
    } catch (error) {
      if (!(error instanceof LuaError)) throw error
      return load(`local services = ... ${source}\n`)
    }
  }

  #evalEnded(task: Task, problem: string | undefined, results: readonly LuaValue[]): void {
    const { origin } = task
    this.#lane.release(task)
    if (origin.kind !== 'admin') return
    if (problem !== undefined) return this.#refuse(origin.call, problem)
    const values = results.map((value) => this.#show(value))
    const durationMs = this.#lane.clock.monotonicMs() - origin.startedMs
    const answer: LaneEvalAnswer = { values, durationMs }
    this.#answer(origin.call, JSON.stringify(answer))
  }

  /** A value for people: tables as JSON where JSON has a form for them. */
  #show(value: LuaValue): string {
    const { engine } = this.#lane
    let shown: string
    try {
      shown =
        engine.typeOf(value) === 'table'
          ? engine.stringifyJson(value as LuaTable)
          : this.#luaToString(value)
    } catch (error) {
      if (!(error instanceof LuaError)) throw error
      shown = this.#luaToString(value)
    }
    const text = bytesToText(shown.slice(0, valueBytesMax))
    return shown.length > valueBytesMax ? `${text}… (${shown.length} bytes)` : text
  }

  #luaToString(value: LuaValue): string {
    const { engine } = this.#lane
    try {
      const tostring = engine.rawGet(engine.globals, 'tostring') as LuaFunction
      return String(engine.call(tostring, value)[0])
    } catch (error) {
      if (!(error instanceof LuaError)) throw error
      return textToBytes(`(its __tostring failed: ${bytesToText(error.message)})`)
    }
  }

  #profile(call: number, durationMs: number): void {
    if (this.#isProfiling) return this.#refuse(call, 'this lane is being profiled already')
    let profile: RunningProfile
    try {
      profile = new RunningProfile()
    } catch (error) {
      return this.#refuse(call, messageOf(error))
    }
    this.#isProfiling = true
    this.#lane.timers.after(durationMs, () => {
      this.#isProfiling = false
      try {
        this.#answer(call, profile.stop())
      } catch (error) {
        this.#refuse(call, messageOf(error))
      }
    })
  }

  #answer(call: number, text: string): void {
    const bytes = Buffer.from(text)
    let at = 0
    for (; bytes.length - at > partBytes; at += partBytes) {
      const part = bytes.subarray(at, at + partBytes)
      this.#lane.port.bytes(message.adminResult, call, answerKind.part, part)
    }
    this.#lane.port.bytes(message.adminResult, call, answerKind.last, bytes.subarray(at))
  }

  #refuse(call: number, reason: string): void {
    const bytes = Buffer.from(reason).subarray(0, partBytes)
    this.#lane.port.bytes(message.adminResult, call, answerKind.refused, bytes)
  }
}
