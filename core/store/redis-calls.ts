// Redis commands of game code: many in flight on one connection, each with a deadline.
//
// Core thread. Commands of one turn leave in one write. All have the same time, so those in flight
// stand in a queue by their end, and one look every 100 ms finds what is overdue: it is answered
// with a 504, its late reply dropped and counted. A connection that answers nothing for twice that
// time is taken for dead and opened anew. When the write lease has ended, what has not left yet never
// does: its connection is given up.

import { Command, type Redis } from 'ioredis'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { PlainLua } from '../lua/plain-codec.ts'
import type { WriteLease } from '../thread/write-lease.ts'
import type { Timers } from '../timer/timers.ts'
import { redisRefusal } from './redis-commands.ts'
import {
  closeRedis,
  firstAttempt,
  openRedis,
  type RedisLog,
  type RedisSettings,
} from './redis-connection.ts'

/** Hears of a command's end, once: a value, or a code from 400 on and what was wrong. */
export type RedisDone = (status: number, value: PlainLua) => void

interface InFlight {
  readonly startedMs: number
  done: RedisDone | undefined
}

export class RedisCalls {
  readonly stats = { calls: 0, errors: 0, timeouts: 0, late: 0 }
  readonly #redis: Redis
  readonly #timeoutMs: number
  readonly #clock: Clock
  readonly #writeLease: WriteLease
  /** By the time they started; those that have ended leave when they are the first. */
  #queue: InFlight[] = []
  #first = 0
  #inFlight = 0
  /** Sent and not replied to: those in flight, and those that are overdue. */
  #unanswered = 0
  #isCorked = false
  #lastReplyMs = 0

  constructor(
    settings: RedisSettings,
    clock: Clock,
    timers: Timers,
    writeLease: WriteLease,
    log: RedisLog,
  ) {
    this.#redis = openRedis(settings.url, 'the connection for commands', log)
    this.#timeoutMs = settings.timeoutMs
    this.#clock = clock
    this.#writeLease = writeLease
    timers.every(limits.redisLookMs, () => this.#look())
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get isUp(): boolean {
    return this.#redis.status === 'ready'
  }

  /** Sends a command; `done` may be called before this returns. */
  call(name: string, args: Buffer[], done: RedisDone): void {
    const refusal = redisRefusal(name, args)
    if (refusal !== undefined) return done(400, `redis.call: ${name} is refused: ${refusal}`)
    if (this.#inFlight >= limits.redisInFlightMax) {
      return done(503, `redis.call: ${limits.redisInFlightMax} commands are in flight already`)
    }
    if (!this.isUp) return done(503, 'redis.call: there is no connection to Redis')
    const nowMs = this.#clock.monotonicMs()
    if (this.#unanswered === 0) this.#lastReplyMs = nowMs
    const flight: InFlight = { startedMs: nowMs, done }
    this.#queue.push(flight)
    this.#inFlight++
    this.#unanswered++
    this.stats.calls++
    this.#cork()
    // In capitals: ioredis reshapes the replies of some commands that it knows by small letters.
    const command = new Command(name.toUpperCase(), args, { replyEncoding: null })
    void this.#redis.sendCommand(command)
    command.promise.then(
      (reply: unknown) => this.#end(flight, 0, toPlain(reply)),
      (error: unknown) => this.#failed(flight, name, error),
    )
  }

  /** Resolves when the first attempt to connect has succeeded or failed. */
  opened(): Promise<void> {
    return firstAttempt(this.#redis)
  }

  close(): void {
    closeRedis(this.#redis)
  }

  /** Everything until the end of this turn leaves in one write. */
  #cork(): void {
    const { stream } = this.#redis
    if (this.#isCorked || stream === undefined) return
    this.#isCorked = true
    stream.cork()
    queueMicrotask(() => {
      this.#isCorked = false
      // As late as can be: what this server wrote without its lease could undo another one's work.
      if (this.#writeLease.isOver(this.#clock.monotonicMs())) stream.destroy()
      else stream.uncork()
    })
  }

  #failed(flight: InFlight, name: string, error: unknown): void {
    this.stats.errors++
    const isReply = error instanceof Error && error.name === 'ReplyError'
    if (isReply) return this.#end(flight, 500, `redis.call: ${name}: ${error.message}`)
    const text = `redis.call: ${name}: ${messageOf(error)}; it may or may not have been carried out`
    this.#end(flight, 503, text)
  }

  #end(flight: InFlight, status: number, value: PlainLua): void {
    this.#lastReplyMs = this.#clock.monotonicMs()
    this.#unanswered--
    const { done } = flight
    if (done === undefined) {
      if (status !== 503) this.stats.late++
      return
    }
    flight.done = undefined
    this.#inFlight--
    this.#forget()
    done(status, value)
  }

  /** Lets go of the ended ones at the front. */
  #forget(): void {
    while (this.#first < this.#queue.length && this.#queue[this.#first]?.done === undefined) {
      this.#first++
    }
    if (this.#first < 1024 || this.#first * 2 < this.#queue.length) return
    this.#queue = this.#queue.slice(this.#first)
    this.#first = 0
  }

  #look(): void {
    const nowMs = this.#clock.monotonicMs()
    for (let i = this.#first; i < this.#queue.length; i++) {
      const flight = this.#queue[i] as InFlight
      if (nowMs - flight.startedMs < this.#timeoutMs) break
      const { done } = flight
      if (done === undefined) continue
      flight.done = undefined
      this.#inFlight--
      this.stats.timeouts++
      done(504, `redis.call: no answer within ${this.#timeoutMs} ms; it may still be carried out`)
    }
    this.#forget()
    const isSilent = this.#unanswered > 0 && nowMs - this.#lastReplyMs >= 2 * this.#timeoutMs
    if (isSilent) this.#redis.disconnect(true)
  }
}

/** A reply as Lua gets it: nil inside a list is false, as in Redis's own scripts. */
function toPlain(reply: unknown, inside = false): PlainLua {
  if (Buffer.isBuffer(reply) || typeof reply === 'number' || typeof reply === 'bigint') return reply
  if (typeof reply === 'string') return Buffer.from(reply)
  if (Array.isArray(reply)) return reply.map((each) => toPlain(each, true))
  if (reply instanceof Error) return Buffer.from(reply.message)
  return inside ? false : null
}
