// The Redis of the tests: where it is, and keys of a test's own.
//
// 127.0.0.1:6379, or MOONWHEEL_TEST_REDIS. Without one, tests are skipped with one line that says so;
// with MOONWHEEL_REQUIRE_SERVICES=1 that is a failure.

import { connect } from 'node:net'
import { Redis } from 'ioredis'

export const redisUrl = process.env.MOONWHEEL_TEST_REDIS ?? 'redis://127.0.0.1:6379'

/** Whether there is a Redis to test with. @throws when there must be one and is none */
export async function hasRedis(): Promise<boolean> {
  const { hostname, port } = new URL(redisUrl)
  const isThere = await new Promise<boolean>((resolve) => {
    const socket = connect({ host: hostname, port: Number(port || 6379) })
    const end = (found: boolean): void => {
      socket.destroy()
      resolve(found)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
  if (isThere) return true
  const text = `no Redis at ${redisUrl}`
  if (process.env.MOONWHEEL_REQUIRE_SERVICES === '1') throw new Error(text)
  console.info(`skipped: ${text}`)
  return false
}

let serial = 0

/** What a test puts before its keys: nobody else's. */
export function redisPrefix(): string {
  return `moonwheel-test:${process.pid}:${Date.now()}:${++serial}:`
}

/** Removes all keys that begin with it. */
export async function removeRedisKeys(prefix: string): Promise<void> {
  const redis = new Redis(redisUrl)
  for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1000 })) {
    if ((keys as string[]).length > 0) await redis.del(...(keys as string[]))
  }
  redis.disconnect()
}
