// The host functions behind lua/lib/store.lua and cluster.lua: redis, cache, topics, cluster.
//
// Lane thread. Each checks its arguments and writes one message to the core; those that wait are
// followed by a yield in Lua. Redis gets text: numbers are written as Lua writes them, booleans and
// tables are refused, because Redis knows neither and would keep something else.

import { limits } from '../base/limits.ts'
import {
  type HostFunction,
  LuaError,
  LuaFloat,
  type LuaFunction,
  type LuaValue,
} from '../lua/engine.ts'
import { ValueWriter } from '../lua/value-codec.ts'
import { message } from '../thread/messages.ts'
import type { Lane } from './lane.ts'
import type { LuaTopics } from './lua-topics.ts'

/** `b` of a cacheCall, as in store/store-messages.ts. */
const op = { get: 0, set: 1, del: 2, incr: 3 } as const
/** `b` of a clusterCall, as in cluster/cluster-messages.ts. */
const clusterOp = { place: 0, accept: 1 } as const
const ttlMsMax = 2 ** 40

export function storeFunctions(lane: Lane, topics: LuaTopics): Record<string, HostFunction> {
  return {
    ...redisFunctions(lane),
    ...cacheFunctions(lane),
    ...topicFunctions(lane, topics),
    ...clusterFunctions(lane),
  }
}

function redisFunctions(lane: Lane): Record<string, HostFunction> {
  return {
    redis_call: (command, ...args) => {
      if (typeof command !== 'string' || !/^\w{1,64}$/.test(command)) {
        throw problem('redis.call: argument 1 must be the name of a command, such as "GET"')
      }
      const encoded = encodeArguments(args)
      const wait = lane.beginWait('redis.call')
      lane.port.namedBytes(message.redisCall, wait, 0, [command], encoded)
      return undefined
    },
  }
}

function encodeArguments(args: readonly LuaValue[]): Buffer {
  const texts = args.map((arg, i) => {
    if (typeof arg === 'string') return arg
    if (arg instanceof LuaFloat) return arg.n.toFixed(1)
    if (typeof arg === 'number' || typeof arg === 'bigint') return String(arg)
    throw problem(`redis.call: argument ${i + 2} must be text or a number; json.encode makes text`)
  })
  const length = texts.reduce((sum, text) => sum + 4 + text.length, 0)
  if (length > limits.redisCommandBytesMax) {
    throw problem(`redis.call: arguments of more than ${limits.redisCommandBytesMax} bytes`)
  }
  const bytes = Buffer.allocUnsafe(length)
  let at = 0
  for (const text of texts) {
    at = bytes.writeUInt32LE(text.length, at)
    at += bytes.write(text, at, 'latin1')
  }
  return bytes
}

function cacheFunctions(lane: Lane): Record<string, HostFunction> {
  const writer = new ValueWriter(lane.engine)
  const nothing = new Uint8Array(0)
  const send = (
    wait: number,
    which: number,
    key: string,
    ttlMs: number,
    by: number,
    value: Uint8Array,
  ): undefined => {
    const body = Buffer.allocUnsafe(16 + value.length)
    body.writeDoubleLE(ttlMs, 0)
    body.writeDoubleLE(by, 8)
    body.set(value, 16)
    lane.port.namedBytes(message.cacheCall, wait, which, [key], body)
    return undefined
  }
  return {
    cache_get: (key) => {
      const name = keyArgument('cache.get', key)
      return send(lane.beginWait('cache.get'), op.get, name, 0, 0, nothing)
    },
    cache_set: (key, value, ttlMs) => {
      const name = keyArgument('cache.set', key)
      const ttl = ttlArgument('cache.set', ttlMs)
      if (value === undefined) return send(0, op.del, name, 0, 0, nothing)
      return send(0, op.set, name, ttl, 0, writer.encode([value]))
    },
    cache_del: (key) => {
      const name = keyArgument('cache.del', key)
      return send(lane.beginWait('cache.del'), op.del, name, 0, 0, nothing)
    },
    cache_incr: (key, by, ttlMs) => {
      const name = keyArgument('cache.incr', key)
      const ttl = ttlArgument('cache.incr', ttlMs)
      const step = by ?? 1
      if (typeof step !== 'number' || !Number.isSafeInteger(step)) {
        throw problem('cache.incr: argument 2 must be a whole number or nothing')
      }
      return send(lane.beginWait('cache.incr'), op.incr, name, ttl, step, nothing)
    },
  }
}

function topicFunctions(lane: Lane, topics: LuaTopics): Record<string, HostFunction> {
  const topicArgument = (name: string, topic: LuaValue): string => {
    if (typeof topic === 'string' && topic.length > 0 && topic.length <= 255) return topic
    throw problem(`${name}: argument 1 must be a topic of 1 to 255 bytes`)
  }
  return {
    publish: (topic, value) => {
      topics.publish(topicArgument('channel.publish', topic), value)
      return undefined
    },
    subscribe: (topic, fn) => {
      const name = topicArgument('channel.subscribe', topic)
      if (lane.engine.typeOf(fn) !== 'function') {
        throw problem('channel.subscribe: argument 2 must be a function')
      }
      return topics.subscribe(name, fn as LuaFunction)
    },
    unsubscribe: (id) => topics.cancel(id as number),
  }
}

function clusterFunctions(lane: Lane): Record<string, HostFunction> {
  const writer = new ValueWriter(lane.engine)
  return {
    cluster_place: (uid, isWs, context) => {
      const encoded = writer.encode([context])
      const body = Buffer.allocUnsafe(1 + encoded.length)
      body[0] = isWs === true ? 1 : 0
      body.set(encoded, 1)
      const wait = lane.beginWait('cluster.place')
      lane.port.namedBytes(message.clusterCall, wait, clusterOp.place, [uid as string], body)
      return undefined
    },
    cluster_accept: (token) => {
      if (typeof token !== 'string') throw problem('cluster.accept: the token must be text')
      const wait = lane.beginWait('cluster.accept')
      lane.port.text(message.clusterCall, wait, clusterOp.accept, token)
      return undefined
    },
  }
}

function keyArgument(name: string, key: LuaValue): string {
  if (typeof key === 'string' && key.length > 0 && key.length <= 255) return key
  throw problem(`${name}: argument 1 must be a key of 1 to 255 bytes`)
}

/** Milliseconds; 0 for no end. */
function ttlArgument(name: string, ttlMs: LuaValue): number {
  if (ttlMs === undefined) return 0
  const ms = ttlMs instanceof LuaFloat ? ttlMs.n : ttlMs
  if (typeof ms === 'number' && ms >= 1 && ms <= ttlMsMax) return ms
  throw problem(`${name}: argument 3 must be milliseconds from 1 on, or nothing`)
}

function problem(text: string): LuaError {
  return new LuaError(text, text, '')
}
