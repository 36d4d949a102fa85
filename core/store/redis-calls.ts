// Redis commands of game code: many in flight on one connection, each with a deadline.
//
// Core thread. ioredis makes the connection, makes it again when it breaks, and logs in; what it needs
// for one command is more than all the rest of the way, so once it is ready its stream is ours: commands
// are written as resp.ts encodes them, those of one turn in one write, and the replies come in the
// order of the commands.
//
//   #queue   [ answered … │ overdue, not answered │ in flight … ]
//                         ^ #first                ^ #firstInTime
//
// All have the same time, so one look every 100 ms finds what is overdue: it is answered with a 504,
// its late reply dropped and counted. A connection that answers nothing for twice that time is taken
// for dead and opened anew. When it ends, what was under way is told so: nobody can know what of it was
// carried out. When the write lease has ended, what has not left yet never does: its connection is
// given up.

import type { Redis } from 'ioredis'
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
import { encodeCommand, RespReader } from './resp.ts'

/**
 * Hears of a command's end, once: a value, whose bytes are valid until it returns, or a code from 400 on
 * and what was wrong.
 */
export type RedisDone = (status: number, value: PlainLua) => void

interface InFlight {
  readonly name: string
  readonly startedMs: number
  /** Undefined when it is overdue. */
  done: RedisDone | undefined
}

type Stream = Redis['stream']

export class RedisCalls {
  readonly stats = { calls: 0, errors: 0, timeouts: 0, late: 0 }
  readonly #redis: Redis
  readonly #timeoutMs: number
  readonly #clock: Clock
  readonly #writeLease: WriteLease
  /** Undefined while there is no connection. */
  #stream: Stream | undefined
  /** Written at the end of this turn. */
  #unsent: Buffer[] = []
  #queue: InFlight[] = []
  #first = 0
  #firstInTime = 0
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
    this.#redis.on('ready', () => this.#takeOver(this.#redis.stream))
    timers.every(limits.redisLookMs, () => this.#look())
  }

  /** Commands that will still be answered. */
  get inFlight(): number {
    return this.#queue.length - this.#firstInTime
  }

  get isUp(): boolean {
    return this.#stream !== undefined
  }

  /** Sends a command; `done` may be called before this returns. @param args are copied */
  call(name: string, args: readonly Buffer[], done: RedisDone): void {
    const refusal = redisRefusal(name, args)
    if (refusal !== undefined) return done(400, `redis.call: ${name} is refused: ${refusal}`)
    if (this.inFlight >= limits.redisInFlightMax) {
      return done(503, `redis.call: ${limits.redisInFlightMax} commands are in flight already`)
    }
    if (this.#stream === undefined) return done(503, 'redis.call: there is no connection to Redis')
    const nowMs = this.#clock.monotonicMs()
    if (this.#unanswered === 0) this.#lastReplyMs = nowMs
    this.#queue.push({ name, startedMs: nowMs, done })
    this.stats.calls++
    if (this.#unsent.length === 0) queueMicrotask(() => this.#flush())
    this.#unsent.push(encodeCommand(name, args))
  }

  /** Resolves when the first attempt to connect has succeeded or failed. */
  opened(): Promise<void> {
    return firstAttempt(this.#redis)
  }

  close(): void {
    closeRedis(this.#redis)
  }

  /** Sent and not replied to: those in flight, and those that are overdue. */
  get #unanswered(): number {
    return this.#queue.length - this.#first
  }

  // --- the connection -----------------------------------------------------------------------------

  /** ioredis has asked and heard all that it wanted to; from here on it only waits for the end. */
  #takeOver(stream: Stream): void {
    const reader = new RespReader({
      value: (value) => this.#replied(0, value),
      error: (text) => this.#refused(500, text),
      refused: (why) => this.#refused(413, `the answer cannot be sent: ${why}`),
    })
    let lastError = 'the connection ended'
    stream.removeAllListeners('data')
    stream.on('data', (piece: Buffer) => {
      try {
        reader.feed(piece)
      } catch (error) {
        stream.destroy(error as Error)
      }
    })
    stream.on('error', (error: Error) => {
      lastError = messageOf(error)
    })
    stream.once('close', () => this.#broken(lastError))
    this.#stream = stream
  }

  #flush(): void {
    const unsent = this.#unsent
    this.#unsent = []
    // As late as can be: what this server wrote without its lease could undo another one's work.
    if (this.#writeLease.isOver(this.#clock.monotonicMs())) return void this.#stream?.destroy()
    this.#stream?.write(unsent.length === 1 ? (unsent[0] as Buffer) : Buffer.concat(unsent))
  }

  #broken(why: string): void {
    this.#stream = undefined
    this.#unsent = []
    const lost = this.#queue.slice(this.#firstInTime)
    this.#queue = []
    this.#first = 0
    this.#firstInTime = 0
    for (const { name, done } of lost) {
      this.stats.errors++
      done?.(503, `redis.call: ${name}: ${why}; it may or may not have been carried out`)
    }
  }

  // --- replies ------------------------------------------------------------------------------------

  #refused(status: number, text: string): void {
    this.stats.errors++
    this.#replied(status, `redis.call: ${this.#queue[this.#first]?.name}: ${text}`)
  }

  #replied(status: number, value: PlainLua): void {
    this.#lastReplyMs = this.#clock.monotonicMs()
    const flight = this.#queue[this.#first]
    // Nobody asked: what follows would be taken for the answers of others.
    if (flight === undefined) return void this.#stream?.destroy(new Error('a reply too many'))
    this.#first++
    if (this.#firstInTime < this.#first) this.#firstInTime = this.#first
    this.#compact()
    if (flight.done === undefined) this.stats.late++
    else flight.done(status, value)
  }

  /** Lets go of the answered ones. */
  #compact(): void {
    if (this.#first === this.#queue.length) this.#queue.length = 0
    else if (this.#first >= 1024 && this.#first * 2 >= this.#queue.length) {
      this.#queue.splice(0, this.#first)
    } else return
    this.#firstInTime = Math.max(0, this.#firstInTime - this.#first)
    this.#first = 0
  }

  #look(): void {
    const nowMs = this.#clock.monotonicMs()
    for (; this.#firstInTime < this.#queue.length; this.#firstInTime++) {
      const flight = this.#queue[this.#firstInTime] as InFlight
      if (nowMs - flight.startedMs < this.#timeoutMs) break
      const { done } = flight
      flight.done = undefined
      this.stats.timeouts++
      done?.(504, `redis.call: no answer within ${this.#timeoutMs} ms; it may still be carried out`)
    }
    const isSilent = this.#unanswered > 0 && nowMs - this.#lastReplyMs >= 2 * this.#timeoutMs
    if (isSilent) this.#stream?.destroy(new Error('Redis does not answer'))
  }
}
