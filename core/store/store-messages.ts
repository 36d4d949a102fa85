// What lanes ask of Redis, the cache and the topics: each message, carried out and answered.
//
// Core thread. Answers go back as rpcResult, under the number by which a coroutine waits; one for a
// lane that was replaced meanwhile is dropped, because its successor uses the same numbers. Payloads
// come from our own lanes, so their layout is trusted (thread/messages.ts).

import { HostError } from '../base/errors.ts'
import { encodePlain, type PlainLua } from '../lua/plain-codec.ts'
import { message } from '../thread/messages.ts'
import type { Cache } from './cache.ts'
import type { RedisCalls } from './redis-calls.ts'
import type { TopicLane, Topics } from './topics.ts'

/** `b` of a cacheCall. */
export const cacheOp = { get: 0, set: 1, del: 2, incr: 3 } as const

/** Added to the code of an error: Lua code sees it, a client is told no more than a 500. */
const internalStatus = 0x10000
const nilAnswer = encodePlain([null])

/** The lane that asks. */
export interface AskingLane extends TopicLane {
  /** How often its thread was replaced. */
  readonly lives: number
  send(kind: number, a: number, b: number, payload: Uint8Array): void
}

export interface Stores {
  /** Undefined when it is off. */
  readonly redis: RedisCalls | undefined
  readonly cache: Cache
  readonly topics: Topics
  /** There is something to send: asks for a turn of the pump. */
  schedule(): void
}

/**
 * Carries out one message.
 * @returns false when it is not one of these
 */
export function storeMessage(
  stores: Stores,
  from: AskingLane,
  kind: number,
  a: number,
  b: number,
  bytes: Buffer,
  start: number,
  end: number,
): boolean {
  switch (kind) {
    case message.redisCall:
      redisCall(stores, from, a, bytes, start, end)
      return true
    case message.cacheCall:
      cacheCall(stores.cache, from, a, b, bytes, start, end)
      return true
    case message.topicPublish: {
      const valueAt = start + 1 + (bytes[start] as number)
      const topic = bytes.toString('latin1', start + 1, valueAt)
      stores.topics.publish(topic, bytes.subarray(valueAt, end))
      return true
    }
    case message.topicSubscribe: {
      const topic = bytes.toString('latin1', start, end)
      if (a === 0) stores.topics.unsubscribe(from, topic)
      else stores.topics.subscribe(from, topic)
      return true
    }
    default:
      return false
  }
}

function redisCall(
  stores: Stores,
  from: AskingLane,
  wait: number,
  bytes: Buffer,
  start: number,
  end: number,
): void {
  if (stores.redis === undefined) {
    const text = 'redis.call: Redis is off; set redis.url in config/host.lua to switch it on'
    return refuse(from, wait, 503, text)
  }
  let at = start + 1 + (bytes[start] as number)
  const name = bytes.toString('latin1', start + 1, at)
  const args: Buffer[] = []
  while (at < end) {
    const length = bytes.readUInt32LE(at)
    args.push(bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  const { lives } = from
  stores.redis.call(name, args, (status, value) => {
    if (from.lives !== lives) return
    if (status === 0) answer(from, wait, value)
    else refuse(from, wait, status, value as string)
    stores.schedule()
  })
}

function cacheCall(
  cache: Cache,
  from: AskingLane,
  wait: number,
  op: number,
  bytes: Buffer,
  start: number,
  end: number,
): void {
  const at = start + 1 + (bytes[start] as number)
  const key = bytes.toString('latin1', start + 1, at)
  const ttlMs = bytes.readDoubleLE(at)
  if (op === cacheOp.set) {
    cache.set(key, Buffer.from(bytes.subarray(at + 16, end)), ttlMs)
  } else if (op === cacheOp.get) {
    from.send(message.rpcResult, wait, 0, cache.get(key) ?? nilAnswer)
  } else if (op === cacheOp.del) {
    const wasThere = cache.del(key)
    if (wait !== 0) answer(from, wait, wasThere)
  } else {
    const sum = cache.incr(key, bytes.readDoubleLE(at + 8), ttlMs)
    if (sum !== undefined) return answer(from, wait, sum)
    refuse(from, wait, 500, 'cache.incr: the value that is there is no whole number, or too large')
  }
}

function answer(to: AskingLane, wait: number, value: PlainLua): void {
  let bytes: Buffer
  try {
    bytes = encodePlain([value])
  } catch (error) {
    if (!(error instanceof HostError)) throw error
    return refuse(to, wait, error.status, `the answer cannot be sent: ${error.message}`)
  }
  to.send(message.rpcResult, wait, 0, bytes)
}

function refuse(to: AskingLane, wait: number, code: number, text: string): void {
  to.send(message.rpcResult, wait, internalStatus + code, Buffer.from(text, 'latin1'))
}
