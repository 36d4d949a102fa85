// Opens what lanes share beside the gate: Redis, the cache, the topics. Core thread.

import { systemClock } from '../base/clock.ts'
import type { HostConfig } from '../config/types.ts'
import { Cache } from '../store/cache.ts'
import { RedisCalls } from '../store/redis-calls.ts'
import type { RedisLog } from '../store/redis-connection.ts'
import type { Stores } from '../store/store-messages.ts'
import { Topics } from '../store/topics.ts'
import type { WriteLease } from '../thread/write-lease.ts'
import type { Timers } from '../timer/timers.ts'

/** Opens them; connections are made meanwhile, and again and again when need be. */
export function openStores(
  { redis, cache }: HostConfig,
  timers: Timers,
  schedule: () => void,
  writeLease: WriteLease,
  log: RedisLog,
): Stores {
  const isOn = redis.url !== ''
  return {
    redis: isOn ? new RedisCalls(redis, systemClock, timers, writeLease, log) : undefined,
    cache: new Cache(cache.bytesMax, systemClock),
    topics: new Topics({ schedule, log, ...(isOn ? { redis } : {}) }),
    schedule,
  }
}

export function closeStores({ redis, topics }: Stores): void {
  redis?.close()
  topics.close()
}
