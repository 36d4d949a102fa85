// Topics: what one lane publishes, every subscribed lane of every host of the game gets.
//
// Core thread. At most once: a subscriber that is not there, or a lane that is that far behind, gets
// nothing later. Lanes of this host are told directly, in the order of publishing; other hosts by
// Redis, where there is one. Without it, or while it is lost, topics reach this host only.
//
//   Redis channel  <prefix>topic:<topic>
//   message        8 bytes that name the publishing process | LuaValue bytes of one value

import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { limits } from '../base/limits.ts'
import { message } from '../thread/messages.ts'
import { closeRedis, firstAttempt, openRedis, type RedisLog } from './redis-connection.ts'

/** A lane that subscribes. */
export interface TopicLane {
  readonly index: number
  /** Messages that wait for room in its ring. */
  readonly heldMessages: number
  send(kind: number, a: number, b: number, payload: Uint8Array): void
}

export interface TopicsOptions {
  /** There is something to send to a lane: asks for a turn of the pump. */
  readonly schedule: () => void
  readonly log: RedisLog
  /** Where other hosts are reached; undefined: this host only. */
  readonly redis?: { readonly url: string; readonly prefix: string }
}

export class Topics {
  readonly stats = { published: 0, delivered: 0, dropped: 0, unsent: 0 }
  readonly #options: TopicsOptions
  readonly #lanes = new Map<string, Set<TopicLane>>()
  readonly #publisher: Redis | undefined
  /** Opened by the first subscription: Redis wants a connection of its own for these. */
  #subscriber: Redis | undefined
  readonly #self = randomBytes(8)
  #isWarned = false

  constructor(options: TopicsOptions) {
    this.#options = options
    const { redis, log } = options
    if (redis !== undefined)
      this.#publisher = openRedis(redis.url, 'the connection for topics', log)
  }

  /** @returns false when the host has as many topics as it may have */
  subscribe(lane: TopicLane, topic: string): boolean {
    let lanes = this.#lanes.get(topic)
    if (lanes === undefined) {
      if (this.#lanes.size >= limits.topicsMax) return false
      this.#lanes.set(topic, (lanes = new Set()))
      this.#listen(topic)
    }
    lanes.add(lane)
    return true
  }

  unsubscribe(lane: TopicLane, topic: string): void {
    const lanes = this.#lanes.get(topic)
    if (lanes?.delete(lane) !== true || lanes.size > 0) return
    this.#lanes.delete(topic)
    if (this.#subscriber?.status !== 'ready') return
    this.#subscriber.unsubscribe(this.#channel(topic)).catch(() => {})
  }

  /** A lane is gone: its successor subscribes anew. */
  laneLost(lane: number): void {
    for (const [topic, lanes] of [...this.#lanes]) {
      for (const each of lanes) if (each.index === lane) this.unsubscribe(each, topic)
    }
  }

  /** @param value LuaValue bytes of one value; not kept */
  publish(topic: string, value: Buffer): void {
    this.stats.published++
    this.#deliver(topic, value)
    if (this.#publisher === undefined) return
    this.#publisher.publish(this.#channel(topic), Buffer.concat([this.#self, value])).then(
      () => {
        this.#isWarned = false
      },
      (error: Error) => this.#unsent(topic, error),
    )
  }

  /** Resolves when the first attempt to connect has succeeded or failed. */
  async opened(): Promise<void> {
    if (this.#publisher !== undefined) await firstAttempt(this.#publisher)
  }

  close(): void {
    if (this.#publisher !== undefined) closeRedis(this.#publisher)
    if (this.#subscriber !== undefined) closeRedis(this.#subscriber)
  }

  #channel(topic: string): Buffer {
    return Buffer.from(`${this.#options.redis?.prefix ?? ''}topic:${topic}`, 'latin1')
  }

  #listen(topic: string): void {
    const { redis } = this.#options
    if (redis === undefined) return
    const subscriber = (this.#subscriber ??= this.#openSubscriber(redis.url))
    // Not connected yet, or no more: 'ready' subscribes to all.
    if (subscriber.status !== 'ready') return
    subscriber.subscribe(this.#channel(topic)).catch(() => {})
  }

  #openSubscriber(url: string): Redis {
    const subscriber = openRedis(url, 'the connection for subscriptions', this.#options.log)
    subscriber.on('ready', () => {
      const channels = [...this.#lanes.keys()].map((topic) => this.#channel(topic))
      if (channels.length > 0) subscriber.subscribe(...channels).catch(() => {})
    })
    subscriber.on('messageBuffer', (channel: Buffer, message: Buffer) => {
      const topic = channel.toString('latin1').slice(this.#channel('').length)
      const isOurs = message.subarray(0, this.#self.length).equals(this.#self)
      if (!isOurs) this.#deliver(topic, message.subarray(this.#self.length))
    })
    return subscriber
  }

  #deliver(topic: string, value: Buffer): void {
    const lanes = this.#lanes.get(topic)
    if (lanes === undefined) return
    const payload = Buffer.concat([Buffer.of(topic.length), Buffer.from(topic, 'latin1'), value])
    for (const lane of lanes) {
      if (lane.heldMessages >= limits.topicHeldMessagesMax) {
        this.stats.dropped++
        continue
      }
      this.stats.delivered++
      lane.send(message.topicMessage, 0, 0, payload)
    }
    this.#options.schedule()
  }

  #unsent(topic: string, error: Error): void {
    this.stats.unsent++
    if (this.#isWarned) return
    this.#isWarned = true
    const text = `a topic reached this host only: ${error.message}`
    this.#options.log('warn', text, { topic: Buffer.from(topic, 'latin1').toString() })
  }
}
