// One connection to Redis: opened, opened again when it breaks, and its state told.
//
// Core thread. A connection that cannot be made or that breaks is tried again for ever, with pauses
// that grow and jitter; each change is logged once. While there is none, commands fail at once:
// nothing is queued, and what was under way when it broke fails too, because nobody can know whether
// it was carried out. Replies are bytes.

import { Redis } from 'ioredis'
import { messageOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'

export interface RedisSettings {
  /** `redis://user:password@host:port/database`, or `rediss://` */
  readonly url: string
  /** Of one command. */
  readonly timeoutMs: number
}

export type RedisLog = (level: 'info' | 'warn', text: string, data: object) => void

/**
 * Opens a connection; returns at once.
 * @param what names it in the log
 */
export function openRedis(url: string, what: string, log: RedisLog): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: true,
    connectTimeout: limits.redisConnectMs,
    keepAlive: limits.redisKeepAliveMs,
    noDelay: true,
    protocol: 2,
    retryStrategy: (times) => retryDelayMs(times, Math.random()),
  })
  let isUp: boolean | undefined
  let lastError = 'the connection ended'
  redis.on('ready', () => {
    if (isUp !== true) log('info', `Redis: ${what} is connected`, { redis: shownUrl(url) })
    isUp = true
  })
  redis.on('error', (error) => {
    lastError = messageOf(error)
  })
  redis.on('close', () => {
    if (isUp !== false)
      log('warn', `Redis: ${what} is lost: ${lastError}`, { redis: shownUrl(url) })
    isUp = false
  })
  // What it rejects with comes as 'error' too, and the next attempt is under way already.
  redis.connect().catch(() => {})
  return redis
}

/** Resolves when a connection is there, or an attempt has failed; never rejects. */
export function firstAttempt(redis: Redis): Promise<void> {
  if (redis.status === 'ready') return Promise.resolve()
  return new Promise((resolve) => {
    redis.once('ready', () => resolve())
    redis.once('close', () => resolve())
  })
}

/** Ends it for good, without a word in the log. */
export function closeRedis(redis: Redis): void {
  redis.removeAllListeners('close')
  redis.disconnect()
}

/** @param random from 0 to 1 @returns 50 ms, doubled up to limits.redisRetryMsMax, ± 25 % */
export function retryDelayMs(times: number, random: number): number {
  const wholeMs = Math.min(limits.redisRetryMsMax, 50 * 2 ** Math.min(times - 1, 20))
  return Math.round(wholeMs * (0.75 + random / 2))
}

/** An address for the log: without its password. */
export function shownUrl(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//')
}
