// A lane's subscriptions: which functions hear of which topic (`channel.subscribe`).
//
// Lane thread. The core is asked for a topic while at least one function listens to it. Each message
// runs each function as a task of its own, so it may wait; what it raises is logged and ends this one
// call only. Values come from other hosts too: bytes that are no LuaValue are logged and dropped.
//
// While a reload tries out new code (begin … commit or abort), nothing of it is final: new
// subscriptions begin at the commit, and a cancelled one goes on until then.

import { LuaError, type LuaFunction, type LuaValue } from '../lua/engine.ts'
import { ValueReader, ValueWriter } from '../lua/value-codec.ts'
import { message } from '../thread/messages.ts'
import { readShortText, shortText } from './core-port.ts'
import { type Lane, logLevel } from './lane.ts'
import type { Failure, Task } from './task.ts'

interface Subscription {
  readonly id: number
  readonly topic: string
  readonly fn: LuaFunction
}

export class LuaTopics {
  readonly #lane: Lane
  readonly #writer: ValueWriter
  readonly #reader: ValueReader
  readonly #byId = new Map<number, Subscription>()
  readonly #byTopic = new Map<string, Set<Subscription>>()
  #nextId = 1
  #staged: { readonly started: Subscription[]; readonly cancelled: Set<number> } | undefined

  constructor(lane: Lane) {
    this.#lane = lane
    this.#writer = new ValueWriter(lane.engine)
    this.#reader = new ValueReader(lane.engine)
    lane.listen('topic', {
      returned: (task) => lane.release(task),
      failed: (task, failure) => this.#failed(task, failure),
    })
  }

  publish(topic: string, value: LuaValue): void {
    const encoded = this.#writer.encode([value])
    this.#lane.port.namedBytes(message.topicPublish, 0, 0, [topic], encoded)
  }

  /** @returns the number of the subscription */
  subscribe(topic: string, fn: LuaFunction): number {
    const subscription = { id: this.#nextId++, topic, fn }
    if (this.#staged === undefined) this.#start(subscription)
    else this.#staged.started.push(subscription)
    this.#byId.set(subscription.id, subscription)
    return subscription.id
  }

  /** @returns whether it was there */
  cancel(id: number): boolean {
    const subscription = this.#byId.get(id)
    if (subscription === undefined) return false
    if (this.#staged !== undefined) {
      if (this.#staged.cancelled.has(id)) return false
      this.#staged.cancelled.add(id)
      return true
    }
    this.#byId.delete(id)
    const { topic } = subscription
    const all = this.#byTopic.get(topic)
    if (all?.delete(subscription) === true && all.size === 0) {
      this.#byTopic.delete(topic)
      this.#lane.port.text(message.topicSubscribe, 0, 0, topic)
    }
    return true
  }

  /** topicMessage: somebody has published. */
  message(bytes: Buffer, start: number, end: number): void {
    const valueAt = readShortText(bytes, start)
    const topic = shortText.value
    const all = this.#byTopic.get(topic)
    if (all === undefined) return
    // Each gets a copy of its own, as if it had come to it alone.
    for (const { fn } of [...all]) {
      const value = this.#decode(topic, bytes.subarray(valueAt, end))
      if (value === undefined) return
      this.#lane.run(this.#lane.newTask({ kind: 'topic', name: `topic ${topic}` }), fn, value[0])
    }
  }

  /** From now on new subscriptions and cancels are only noted. */
  begin(): void {
    this.#staged = { started: [], cancelled: new Set() }
  }

  abort(): void {
    const staged = this.#staged
    this.#staged = undefined
    for (const { id } of staged?.started ?? []) this.#byId.delete(id)
  }

  commit(): void {
    const staged = this.#staged
    this.#staged = undefined
    for (const subscription of staged?.started ?? []) this.#start(subscription)
    for (const id of staged?.cancelled ?? []) this.cancel(id)
  }

  #start(subscription: Subscription): void {
    const { topic } = subscription
    let all = this.#byTopic.get(topic)
    if (all === undefined) {
      this.#byTopic.set(topic, (all = new Set()))
      this.#lane.port.text(message.topicSubscribe, 1, 0, topic)
    }
    all.add(subscription)
  }

  #decode(topic: string, bytes: Buffer): LuaValue[] | undefined {
    try {
      return this.#reader.decode(bytes, 0)
    } catch (error) {
      if (!(error instanceof RangeError) && !(error instanceof LuaError)) throw error
      this.#lane.log(logLevel.warn, `topic ${topic}: a message that cannot be read is dropped`)
      return undefined
    }
  }

  #failed(task: Task, failure: Failure): void {
    const { origin } = task
    this.#lane.release(task)
    // An error with a code was not logged where it was raised, and nobody else hears of this one.
    if (failure.table === undefined || origin.kind !== 'topic') return
    this.#lane.log(logLevel.warn, `${origin.name}: a subscriber failed: ${failure.detail}`)
  }
}
