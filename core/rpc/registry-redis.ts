// The registry: every node tells Redis that it lives and what it serves, and reads who else does.
//
// Core thread. An entry is a lease: it is renewed three times within its time, and goes by itself when
// its process does. An entry belongs to an incarnation (one start of one process): a process that was
// started anew takes the entry over at once, and whatever its predecessor still sends, late renewals
// and removals, finds another incarnation there and changes nothing. The predecessor is told so.
//
//   <prefix>node:<name>   JSON of NodeEntry, with a time to live of leaseMs
//   <prefix>over:<incarnation>   somebody relies on this one's being gone: it gets no lease any more
//   <prefix>nodes         sorted set: names, by when they were last renewed (Redis's clock)
//   <prefix>nodes         channel: the name of a node that has changed, `-name` of one that left
//
// While Redis is away the last known table stays, and so it does for one leaseMs after it is back,
// because a Redis that was started anew knows nothing until everybody has renewed.

import type { Redis } from 'ioredis'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Timers } from '../timer/timers.ts'
import type { RouteNode, Routes } from './route-table.ts'

/** What a node tells of itself. */
export interface NodeEntry {
  readonly name: string
  readonly incarnation: string
  readonly host: string
  /** Of its RPC listener. */
  readonly port: number
  readonly weight: number
  readonly draining: boolean
  readonly services: readonly string[]
  /** For others than RPC: where its clients connect. */
  readonly meta: Readonly<Record<string, string | number>>
}

export interface RegistryParts {
  /** For commands, and a second one for the change events; this file ends neither. */
  readonly redis: Redis
  readonly events: Redis
  readonly prefix: string
  readonly leaseMs: number
  readonly clock: Clock
  readonly timers: Timers
  /** Hears of each change of the table. */
  readonly changed: (routes: Routes, entries: ReadonlyMap<string, NodeEntry>) => void
  /** Another process has this node's name now: this one is out, for good. */
  readonly replaced: () => void
  /** This incarnation gets no lease any more; another one of this process may (`announce`). */
  readonly givenUp: () => void
  readonly log: (level: 'info' | 'warn', text: string, data: object) => void
}

// KEYS: entry, names, over. ARGV: incarnation, JSON, lease ms, name, 1 to take it over.
const renewScript = `
local now = redis.call('TIME')
if redis.call('EXISTS', KEYS[3]) == 1 then return -1 end
local held = redis.call('GET', KEYS[1])
if held and ARGV[5] ~= '1' and cjson.decode(held).incarnation ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[2], now[1], ARGV[4])
if held ~= ARGV[2] then redis.call('PUBLISH', KEYS[2], ARGV[4]) end
return 1`
// KEYS: entry, names. ARGV: incarnation, name.
const removeScript = `
local held = redis.call('GET', KEYS[1])
if not held or cjson.decode(held).incarnation ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('PUBLISH', KEYS[2], '-' .. ARGV[2])
return 1`
// KEYS: entry, over. ARGV: incarnation, milliseconds for which this is remembered.
const giveUpScript = `
local held = redis.call('GET', KEYS[1])
if held and cjson.decode(held).incarnation == ARGV[1] then return 0 end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
return 1`
// KEYS: names. ARGV: prefix of entries, seconds after which a name is forgotten.
const readScript = `
local now = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now[1] - ARGV[2])
local found = {}
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  found[#found + 1] = redis.call('GET', ARGV[1] .. name) or nil
end
return found`

export class RedisRegistry {
  readonly #parts: RegistryParts
  #self: NodeEntry | undefined
  #isClaimed = false
  #entries: ReadonlyMap<string, NodeEntry> = new Map()
  #leaseEndsMs = 0
  /** Since when Redis has answered without a break; undefined while it does not. */
  #upSinceMs: number | undefined
  #isRead = false
  #wasTold = false
  #timer = 0
  readonly #onReady = () => this.#beat()
  readonly #onMessage = (_: string, text: string) => {
    if (text.startsWith('-')) this.#left.add(text.slice(1))
    void this.#read()
  }
  /** Nodes that have taken themselves out; they are not kept for safety's sake. */
  readonly #left = new Set<string>()
  readonly #onClose = () => this.#down('the connection was lost')

  constructor(parts: RegistryParts) {
    this.#parts = parts
    const { redis, events, timers, leaseMs } = parts
    redis.on('ready', this.#onReady)
    redis.on('close', this.#onClose)
    events.on('message', this.#onMessage)
    events.on('ready', () => void events.subscribe(`${parts.prefix}nodes`).catch(() => {}))
    if (events.status === 'ready') events.subscribe(`${parts.prefix}nodes`).catch(() => {})
    this.#timer = timers.every(Math.floor(leaseMs / 3), () => this.#beat())
    if (redis.status === 'ready') this.#beat()
  }

  /** Enters this node, or changes what it says of itself; the first time it takes the name over. */
  announce(self: NodeEntry): void {
    if (self.incarnation !== this.#self?.incarnation) {
      this.#isClaimed = false
      this.#leaseEndsMs = 0
    }
    this.#self = self
    this.#beat()
  }

  /** Every node known, this one too, by name. */
  get entries(): ReadonlyMap<string, NodeEntry> {
    return this.#entries
  }

  /** Until when, on the monotonic clock, nobody else may think that this process is gone. */
  get leaseEndsMs(): number {
    return this.#leaseEndsMs
  }

  /** Redis answers, and has for long enough that who is not in it has no lease. */
  get isCertain(): boolean {
    const { clock, leaseMs } = this.#parts
    return (
      this.#isRead &&
      this.#upSinceMs !== undefined &&
      clock.monotonicMs() - this.#upSinceMs >= leaseMs
    )
  }

  get isUp(): boolean {
    return this.#upSinceMs !== undefined
  }

  /** Takes this node out, unless another process has its name by now. */
  async remove(): Promise<void> {
    const self = this.#self
    this.#self = undefined
    this.#leaseEndsMs = 0
    if (self === undefined || this.#parts.redis.status !== 'ready') return
    const keys = this.#keys(self.name)
    await this.#parts.redis
      .eval(removeScript, 2, ...keys, self.incarnation, self.name)
      .catch(() => {})
  }

  /** Reads the table anew; the promise settles when that is done, or Redis does not answer. */
  refresh(): Promise<void> {
    return this.#read()
  }

  /**
   * Makes sure that an incarnation without an entry never gets one again.
   * @returns false when it has one, or Redis cannot tell for certain
   */
  async giveUp(name: string, incarnation: string): Promise<boolean> {
    const { redis } = this.#parts
    if (!this.isCertain || redis.status !== 'ready') return false
    const [entry] = this.#keys(name)
    const args = [entry, this.#overKey(incarnation), incarnation, limits.registryOverMs]
    const done = await redis.eval(giveUpScript, 2, ...args).catch(() => 0)
    return done === 1 && this.isCertain
  }

  stop(): void {
    const { redis, events, timers } = this.#parts
    if (this.#timer !== 0) timers.cancel(this.#timer)
    this.#timer = 0
    redis.off('ready', this.#onReady)
    redis.off('close', this.#onClose)
    events.off('message', this.#onMessage)
  }

  #overKey(incarnation: string): string {
    return `${this.#parts.prefix}over:${incarnation}`
  }

  #keys(name: string): [string, string] {
    const { prefix } = this.#parts
    return [`${prefix}node:${name}`, `${prefix}nodes`]
  }

  #beat(): void {
    if (this.#timer === 0 || this.#parts.redis.status !== 'ready') return
    void this.#renew().then(() => this.#read())
  }

  async #renew(): Promise<void> {
    const { redis, clock, leaseMs } = this.#parts
    const self = this.#self
    if (self === undefined) return
    const sentMs = clock.monotonicMs()
    const take = this.#isClaimed ? '0' : '1'
    const [entry, names] = this.#keys(self.name)
    const text = JSON.stringify(self)
    try {
      const args = [entry, names, this.#overKey(self.incarnation), self.incarnation, text]
      const held = await redis.eval(renewScript, 3, ...args, leaseMs, self.name, take)
      // What an earlier incarnation of this process was told is not for this one.
      if (this.#self?.incarnation !== self.incarnation) return
      if (held === 1) {
        this.#isClaimed = true
        this.#leaseEndsMs = Math.max(this.#leaseEndsMs, sentMs + leaseMs)
        return
      }
      this.#self = undefined
      this.#leaseEndsMs = 0
      if (held === -1) return this.#parts.givenUp()
      const told = `another process runs as node '${self.name}'; this one is out of the registry`
      this.#parts.log('warn', told, { node: self.name })
      this.#parts.replaced()
    } catch (error) {
      this.#down(messageOf(error))
    }
  }

  async #read(): Promise<void> {
    const { redis, prefix, clock } = this.#parts
    if (redis.status !== 'ready' || this.#timer === 0) return
    let found: string[]
    try {
      const args = [`${prefix}nodes`, `${prefix}node:`, limits.registryForgetS]
      found = (await redis.eval(readScript, 1, ...args)) as string[]
    } catch (error) {
      return this.#down(messageOf(error))
    }
    this.#upSinceMs ??= clock.monotonicMs()
    this.#isRead = true
    if (this.#wasTold) this.#parts.log('info', 'the registry is back', { nodes: found.length })
    this.#wasTold = false
    const next = new Map<string, NodeEntry>()
    // A Redis that has just come back may not know everybody yet.
    if (!this.isCertain) {
      for (const [name, each] of this.#entries) if (!this.#left.has(name)) next.set(name, each)
    }
    this.#left.clear()
    for (const text of found) {
      const entry = decodeEntry(text)
      if (entry !== undefined) next.set(entry.name, entry)
    }
    if (isSame(this.#entries, next)) return
    this.#entries = next
    this.#parts.changed(routesOf(next), next)
  }

  #down(reason: string): void {
    this.#upSinceMs = undefined
    if (this.#wasTold || this.#timer === 0) return
    this.#wasTold = true
    const count = this.#entries.size
    const text = `the registry is lost (${reason}); the last known table of ${count} nodes is kept`
    this.#parts.log('warn', text, { nodes: count })
  }
}

/** What the route table is told. */
export function routesOf(entries: ReadonlyMap<string, NodeEntry>): Routes {
  const nodes: RouteNode[] = []
  const services = new Map<string, string[]>()
  for (const {
    name,
    host,
    port,
    weight,
    incarnation,
    draining,
    services: own,
  } of entries.values()) {
    nodes.push({ name, host, port, weight, incarnation, draining })
    for (const service of own) services.set(service, [...(services.get(service) ?? []), name])
  }
  return {
    nodes,
    services: [...services].map(([service, names]) => ({
      service,
      balance: undefined,
      nodes: names.sort(),
    })),
  }
}

/** Reads what is in Redis, which others may have written; undefined for what is no entry. */
export function decodeEntry(text: string): NodeEntry | undefined {
  let value: Partial<NodeEntry> | null
  try {
    value = JSON.parse(text) as Partial<NodeEntry> | null
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { name, incarnation, host, port, weight, draining, services, meta } = value
  const isNode =
    typeof name === 'string' &&
    typeof incarnation === 'string' &&
    typeof host === 'string' &&
    Number.isInteger(port) &&
    typeof weight === 'number' &&
    typeof draining === 'boolean' &&
    Array.isArray(services) &&
    services.every((each) => typeof each === 'string') &&
    typeof meta === 'object' &&
    meta !== null
  return isNode ? (value as NodeEntry) : undefined
}

function isSame(a: ReadonlyMap<string, NodeEntry>, b: ReadonlyMap<string, NodeEntry>): boolean {
  if (a.size !== b.size) return false
  for (const [name, entry] of a) {
    if (JSON.stringify(entry) !== JSON.stringify(b.get(name))) return false
  }
  return true
}
