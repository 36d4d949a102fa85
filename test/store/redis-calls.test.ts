// Redis commands of game code against servers that a test owns: silent, broken, and slow ones.
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../core/base/clock.ts'
import { limits } from '../../core/base/limits.ts'
import { RedisCalls } from '../../core/store/redis-calls.ts'
import { redisRefusal } from '../../core/store/redis-commands.ts'
import { retryDelayMs, shownUrl } from '../../core/store/redis-connection.ts'
import { WriteLease } from '../../core/thread/write-lease.ts'
import type { Timers } from '../../core/timer/timers.ts'

/** Answers what a connection begins with, and hands every other command to `answer`. */
async function fakeRedis(answer: (words: string[], socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (data) => {
      const commands = data.toString('latin1').split(/(?=\*\d+\r\n\$)/)
      for (const command of commands) {
        const words = command.split('\r\n').filter((_, i) => i > 0 && i % 2 === 0)
        const name = (words[0] ?? '').toLowerCase()
        if (name === 'info') socket.write('$17\r\nredis_version:7.0\r\n')
        else if (name === 'client' || name === 'auth') socket.write('+OK\r\n')
        else answer(words, socket)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const stop = () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { port, stop, sockets }
}

const looks: (() => void)[] = []
const timers: Timers = {
  after: () => 1,
  every: (_, fire) => looks.push(() => fire(0)),
  cancel: () => true,
}
const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
  looks.length = 0
})

async function open(timeoutMs: number, answer: (words: string[], socket: Socket) => void) {
  const server = await fakeRedis(answer)
  const log = vi.fn()
  let nowMs = 0
  const lease = new WriteLease()
  const clock = { ...systemClock, monotonicMs: () => nowMs }
  const calls = new RedisCalls(
    { url: `redis://:secret@127.0.0.1:${server.port}`, timeoutMs },
    clock,
    timers,
    lease,
    log,
  )
  ends.push(() => calls.close(), server.stop)
  await vi.waitFor(() => expect(calls.isUp).toBe(true), 5000)
  const pass = (ms: number) => {
    nowMs += ms
    for (const look of looks) look()
  }
  const call = (name: string, ...args: string[]) =>
    new Promise<{ status: number; value: unknown }>((resolve) => {
      const bytes = args.map((arg) => Buffer.from(arg))
      calls.call(name, bytes, (status, value) => resolve({ status, value }))
    })
  return { server, calls, pass, call, lease, log }
}

describe('RedisCalls', () => {
  it('sends nothing more when the write lease ends between the call and the write', async () => {
    const heard: string[] = []
    const { calls, pass, call, lease } = await open(200, (words, socket) => {
      heard.push(words.join(' '))
      socket.write('+OK\r\n')
    })
    lease.set(100)
    pass(99)
    expect(await call('SET', 'k', '1')).toMatchObject({ status: 0 })
    const late = call('SET', 'k', '2')
    pass(1)
    expect(await late).toMatchObject({ status: 503 })
    lease.set(Number.POSITIVE_INFINITY)
    await vi.waitFor(() => expect(calls.isUp).toBe(true), 5000)
    expect(await call('SET', 'k', '3')).toMatchObject({ status: 0 })
    expect(heard).toEqual(['SET k 1', 'SET k 3'])
  })

  it('answers 504 at the deadline and not before, and drops and counts the late reply', async () => {
    let late: (() => void) | undefined
    const { calls, pass, call } = await open(200, (_, socket) => {
      late = () => socket.write('+LATE\r\n')
    })
    let ended = false
    const asked = call('GET', 'x').finally(() => (ended = true))
    await vi.waitFor(() => expect(late).toBeDefined())
    pass(199)
    await Promise.resolve()
    expect([ended, calls.inFlight]).toEqual([false, 1])
    pass(1)
    expect(await asked).toMatchObject({ status: 504 })
    expect([calls.inFlight, calls.stats.timeouts]).toEqual([0, 1])
    late?.()
    await vi.waitFor(() => expect(calls.stats.late).toBe(1))
  })

  it('opens a connection anew that answers nothing any more', async () => {
    const { server, pass, call } = await open(100, () => {})
    const asked = call('GET', 'x')
    pass(100)
    expect(await asked).toMatchObject({ status: 504 })
    const next = call('GET', 'y')
    pass(100)
    expect(await next).toMatchObject({ status: 504 })
    await vi.waitFor(() => expect(server.sockets.size).toBe(2), 5000)
  })

  it('tells what was under way when the connection broke, and says that in the log once', async () => {
    const { call, log, calls } = await open(1000, (_, socket) => void socket.destroy())
    const answers = await Promise.all([call('INCR', 'x'), call('INCR', 'x')])
    for (const answer of answers) {
      expect(answer).toMatchObject({
        status: 503,
        value: expect.stringContaining('may or may not'),
      })
    }
    expect(await call('GET', 'x')).toMatchObject({ status: 503 })
    await vi.waitFor(() => expect(calls.isUp).toBe(true), 5000)
    const words = log.mock.calls.map(([level, text]) => `${level} ${text}`)
    expect(words.filter((each) => each.includes('is lost'))).toHaveLength(1)
    expect(JSON.stringify(log.mock.calls)).not.toContain('secret')
  })

  it('has a limit of commands in flight, and one more is refused', async () => {
    const { calls } = await open(1000, () => {})
    const refused = vi.fn()
    for (let i = 0; i < limits.redisInFlightMax; i++) calls.call('GET', [], refused)
    expect(refused).not.toHaveBeenCalled()
    calls.call('GET', [], refused)
    expect(refused).toHaveBeenCalledExactlyOnceWith(503, expect.stringContaining('10000'))
  })

  it('gives an error of Redis itself as a 500 in its own words', async () => {
    const { call } = await open(1000, (_, socket) => void socket.write('-WRONGTYPE no\r\n'))
    expect(await call('INCR', 'x')).toEqual({
      status: 500,
      value: 'redis.call: INCR: WRONGTYPE no',
    })
  })
})

describe('the stream of a connection', () => {
  it('carries the commands of one turn in one write, and gives each its own answer', async () => {
    const writes: number[] = []
    const { call, server } = await open(1000, (words, socket) => {
      socket.write(`$${words[1]?.length}\r\n${words[1]}\r\n`)
    })
    for (const socket of server.sockets) socket.on('data', (data) => writes.push(data.length))
    const keys = ['a', 'bb', 'ccc']
    const answers = await Promise.all(keys.map((key) => call('GET', key)))
    expect(answers).toEqual(keys.map((key) => ({ status: 0, value: Buffer.from(key) })))
    expect(writes).toHaveLength(1)
  })

  it('gives late replies to nobody, also when those behind them come in time', async () => {
    const held: (() => void)[] = []
    const { pass, call, calls } = await open(200, (words, socket) => {
      const reply = () => void socket.write(`+${words[1]}\r\n`)
      if (words[1] === 'slow') held.push(reply)
      else if (held.length > 0) held.push(reply)
      else reply()
    })
    const slow = call('GET', 'slow')
    await vi.waitFor(() => expect(held).toHaveLength(1))
    pass(150)
    const quick = call('GET', 'quick')
    await vi.waitFor(() => expect(held).toHaveLength(2))
    pass(50)
    expect(await slow).toMatchObject({ status: 504 })
    expect(calls.inFlight).toBe(1)
    for (const reply of held) reply()
    expect(await quick).toEqual({ status: 0, value: Buffer.from('quick') })
    expect([calls.stats.late, calls.stats.timeouts, calls.inFlight]).toEqual([1, 1, 0])
  })

  it.each([
    ['sends what is no reply', '?\r\n'],
    ['sends a reply too many', '+OK\r\n+OK\r\n'],
  ])('is given up when Redis %s', async (_, bytes) => {
    let isFirst = true
    const { call, calls, server } = await open(1000, (_words, socket) => {
      socket.write(isFirst ? bytes : '+fine\r\n')
      isFirst = false
    })
    await call('GET', 'x')
    await vi.waitFor(() => expect(server.sockets.size).toBe(2), 5000)
    await vi.waitFor(() => expect(calls.isUp).toBe(true), 5000)
    expect(await call('GET', 'x')).toEqual({ status: 0, value: Buffer.from('fine') })
  })

  it('says how long a reply may be, and goes on behind one that is longer', async () => {
    const length = limits.redisReplyBytesMax + 1
    const { call } = await open(10_000, (words, socket) => {
      if (words[1] === 'long') socket.write(`$${length}\r\n${'x'.repeat(length)}\r\n`)
      else socket.write(':7\r\n')
    })
    const [long, short] = await Promise.all([call('GET', 'long'), call('GET', 'short')])
    expect(long).toMatchObject({ status: 413, value: expect.stringContaining(`longer than`) })
    expect(short).toEqual({ status: 0, value: 7 })
  })
})

describe('redisRefusal', () => {
  const args = (text: string) => text.split(' ').map((word) => Buffer.from(word))
  it.each([
    'BLPOP x 0',
    'blpop x 0',
    'SUBSCRIBE x',
    'MULTI',
    'EXEC',
    'WATCH x',
    'SELECT 1',
    'CLIENT REPLY OFF',
    'SHUTDOWN',
    'XREAD BLOCK 0 STREAMS x $',
    'xreadgroup GROUP g c block 0 STREAMS x >',
  ])('refuses %s', (line) => {
    const [name = '', ...rest] = line.split(' ')
    expect(redisRefusal(name, args(rest.join(' ')))).toEqual(expect.any(String))
  })
  it.each(['GET x', 'EVAL return 0', 'XREAD COUNT 1 STREAMS BLOCK 0', 'LPOP x'])(
    'lets %s pass',
    (line) => {
      const [name = '', ...rest] = line.split(' ')
      expect(redisRefusal(name, args(rest.join(' ')))).toBeUndefined()
    },
  )
})

it('pauses between attempts grow to their limit, with jitter', () => {
  expect([1, 2, 3].map((times) => retryDelayMs(times, 0.5))).toEqual([50, 100, 200])
  expect(retryDelayMs(1000, 1)).toBe(limits.redisRetryMsMax * 1.25)
  expect(retryDelayMs(1000, 0)).toBe(limits.redisRetryMsMax * 0.75)
})

it('shows no password', () => {
  expect(shownUrl('redis://me:secret@host:6379/2')).toBe('redis://host:6379/2')
})
