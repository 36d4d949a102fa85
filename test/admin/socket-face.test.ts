// The admin socket by itself: who may use it, whose it is, and what it does with strange input.
import { once } from 'node:events'
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AdminHost } from '../../core/admin/admin-host.ts'
import { AuditLog } from '../../core/admin/audit-log.ts'
import { type Command, command } from '../../core/admin/command.ts'
import { CommandRunner } from '../../core/admin/command-runner.ts'
import { askAdmin, connectAdmin } from '../../core/admin/socket-client.ts'
import { openSocketFace, type SocketFace } from '../../core/admin/socket-face.ts'
import { streamLimits, streamWithin } from '../../core/admin/stream-limits.ts'
import { systemClock } from '../../core/base/clock.ts'
import { HostError } from '../../core/base/errors.ts'
import { limits } from '../../core/base/limits.ts'

/** What streams of `count` hand on, from a test's own hand. */
const emitters = new Set<(value: unknown) => void>()

const commands: readonly Command[] = [
  command({
    name: 'echo',
    summary: 'answers its text',
    arguments: [{ name: 'text', type: 'text', help: 'any' }],
    example: 'echo',
    run: (args) => ({ text: args.text('text') ?? '' }),
    text: (result: { text: string }) => result.text,
  }),
  command({
    name: 'bug',
    summary: 'has a bug',
    arguments: [],
    example: 'bug',
    run: () => {
      throw new TypeError('a bug')
    },
    text: () => '',
  }),
  command({
    name: 'watch',
    summary: 'streams',
    arguments: streamLimits,
    example: 'watch',
    run: async (args, _host, stream) => {
      const seen = await streamWithin(args, stream, (event) => {
        emitters.add(event)
        return () => void emitters.delete(event)
      })
      return { seen, dropped: stream.dropped }
    },
    text: () => '',
    eventText: String,
  }),
]

let folder: string
let path: string
let face: SocketFace | undefined
let runner: CommandRunner
const logged: string[] = []

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'moon-admin-'))
  path = join(folder, 'data/admin.sock')
  logged.length = 0
  const log = (_level: string, text: string): void => void logged.push(text)
  const audit = new AuditLog(join(folder, 'audit.log'), (text) => void logged.push(text))
  // None of the commands above looks at the host.
  const host = {} as AdminHost
  runner = new CommandRunner({ commands, host, node: 'n', audit, clock: systemClock, log })
  face = await openSocketFace(path, runner)
})
afterEach(async () => {
  runner.close()
  await face?.close()
  rmSync(folder, { recursive: true })
})

async function dial(): Promise<Socket> {
  const socket = await connectAdmin(path)
  if (socket === undefined) throw new Error('nobody answers')
  return socket
}

/** Sends these bytes as they are, and reads until the host closes. */
async function raw(bytes: string | Buffer): Promise<string> {
  const socket = await dial()
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.write(bytes)
  await once(socket, 'close')
  return text
}

const ask = async (name: string, args: object = {}) =>
  askAdmin(await dial(), { command: name, args })

describe('the socket file', () => {
  it('lets in nobody but its owner, and so does a folder that was made for it', () => {
    expect(statSync(path).isSocket()).toBe(true)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o700)
  })

  it('is gone after the end', async () => {
    await face?.close()
    expect(existsSync(path)).toBe(false)
    expect(await connectAdmin(path)).toBeUndefined()
  })

  it('of a live host is refused, and goes on answering', async () => {
    await expect(openSocketFace(path, runner)).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringMatching(/belongs to a host that is running already: .*--node/),
    })
    expect(await ask('echo', { text: 'still here' })).toMatchObject({ ok: true })
  })

  it('of a dead host is replaced', async () => {
    const dead = join(folder, 'dead.sock')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(dead, resolve))
    // A link keeps the file when its server closes: so it lies after a crash.
    const kept = join(folder, 'kept.sock')
    const { linkSync } = await import('node:fs')
    linkSync(dead, kept)
    await new Promise((resolve) => server.close(resolve))
    expect(statSync(kept).isSocket()).toBe(true)
    const second = await openSocketFace(kept, runner)
    expect(await connectAdmin(kept).then((socket) => socket?.destroy() !== undefined)).toBe(true)
    await second.close()
  })

  it('is never put in the place of a file', async () => {
    const file = join(folder, 'notes.txt')
    writeFileSync(file, 'mine')
    await expect(openSocketFace(file, runner)).rejects.toMatchObject({ code: 'CONFIG' })
    expect(readFileSync(file, 'utf8')).toBe('mine')
    const link = join(folder, 'link')
    symlinkSync(file, link)
    await expect(openSocketFace(link, runner)).rejects.toMatchObject({ code: 'CONFIG' })
    expect(readFileSync(file, 'utf8')).toBe('mine')
  })

  it('has a path that the kernel takes, or says so', async () => {
    const long = join(folder, 'x'.repeat(limits.socketPathBytesMax), 'a.sock')
    const opened = openSocketFace(long, runner)
    await expect(opened).rejects.toBeInstanceOf(HostError)
    await expect(opened).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringMatching(/too long .*admin\.socket/),
    })
  })
})

describe('what comes in', () => {
  it('in pieces is one command all the same', async () => {
    const socket = await dial()
    const line = '{"command":"echo","args":{"text":"月"}}\n'
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    for (const byte of Buffer.from(line)) socket.write(Buffer.of(byte))
    await once(socket, 'close')
    expect(JSON.parse(text)).toEqual({ result: { text: '月' } })
  })

  it.each([
    ['no JSON', 'hello\n', /no admin command/],
    ['no object', '[1]\n', /no admin command/],
    ['no command', '{"args":{}}\n', /no admin command/],
    ['an unknown command', '{"command":"fly"}\n', /no command 'fly'/],
    ['arguments of a wrong shape', '{"command":"echo","args":[1]}\n', /must be an object/],
    ['an unknown argument', '{"command":"echo","args":{"loud":true}}\n', /unknown argument 'loud'/],
    ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0x0a]), /no admin command/],
  ])('%s is refused in one line', async (_what, bytes, words) => {
    const { error } = JSON.parse(await raw(bytes)) as { error: { code: string; message: string } }
    expect(error.code).toBe('BAD_REQUEST')
    expect(error.message).toMatch(words)
  })

  it('may be as long as the limit, and no longer', async () => {
    const request = (chars: number): string => {
      const empty = '{"command":"echo","args":{},"caller":{"user":""}}'
      return empty.replace('"user":""', `"user":"${'x'.repeat(chars - empty.length)}"`)
    }
    const { adminRequestBytesMax: most } = limits
    expect(request(most)).toHaveLength(most)
    expect(JSON.parse(await raw(`${request(most)}\n`))).toHaveProperty('result')
    const tooLong = JSON.parse(await raw(`${request(most + 1)}\n`)) as { error: object }
    expect(tooLong.error).toMatchObject({ message: 'that command is too long' })
    const endless = JSON.parse(await raw('x'.repeat(most + 1))) as { error: object }
    expect(endless.error).toMatchObject({ message: 'that command is too long' })
  })

  it('a client that goes away before it has asked leaves nothing behind', async () => {
    const socket = connect(path)
    await once(socket, 'connect')
    socket.end()
    await once(socket, 'close')
    expect(await ask('echo')).toMatchObject({ ok: true })
  })

  it('a bug in a command is told, logged, and ends nothing', async () => {
    expect(await ask('bug')).toMatchObject({ ok: false, error: { code: 'INTERNAL' } })
    expect(logged).toEqual([expect.stringMatching(/admin command bug failed: a bug/)])
    expect(await ask('echo')).toMatchObject({ ok: true })
  })

  it('an audit log that cannot be written stops no command, and the log says so', async () => {
    rmSync(join(folder, 'audit.log'), { force: true })
    symlinkSync(join(folder, 'nowhere/else'), join(folder, 'audit.log'))
    expect(await ask('echo')).toMatchObject({ ok: true })
    expect(logged).toEqual([expect.stringMatching(/^the audit log cannot be written: /)])
  })
})

describe('a stream', () => {
  const emit = (value: unknown): void => {
    for (const event of [...emitters]) event(value)
  }
  const begun = () => expect.poll(() => emitters.size).toBe(1)

  it('ends with the operator, with the count, and with the host', async () => {
    const stop = new AbortController()
    const first = askAdmin(await dial(), { command: 'watch', args: {} }, () => {}, stop.signal)
    await begun()
    stop.abort()
    expect(await first).toMatchObject({ ok: true, result: { seen: 0 } })

    const seen: unknown[] = []
    const request = { command: 'watch', args: { count: 2 } }
    const second = askAdmin(await dial(), request, (value) => seen.push(value))
    await begun()
    for (const value of [1, 2, 3]) emit(value)
    expect(await second).toMatchObject({ ok: true, result: { seen: 2 } })
    expect(seen).toEqual([1, 2])

    const third = askAdmin(await dial(), { command: 'watch', args: {} })
    await begun()
    runner.close()
    expect(await third).toMatchObject({ ok: true, result: { seen: 0 } })
    expect(await ask('echo')).toMatchObject({ ok: false, error: { code: 'SHUTTING_DOWN' } })
  })

  it('ends when the operator is gone without a word', async () => {
    const socket = await dial()
    const asked = askAdmin(socket, { command: 'watch', args: {} })
    await begun()
    socket.destroy()
    await expect(asked).rejects.toThrow(/went away/)
    await expect.poll(() => emitters.size).toBe(0)
  })

  it('leaves events out for an operator who does not read, and says how many', async () => {
    const socket = await dial()
    const asked = askAdmin(socket, { command: 'watch', args: { count: 200 } })
    socket.pause()
    await begun()
    const big = 'x'.repeat(64 * 1024)
    for (let i = 0; i < 200; i++) emit(big)
    socket.resume()
    const outcome = await asked
    expect(outcome).toMatchObject({ ok: true, result: { seen: 200 } })
    const { dropped } = (outcome as unknown as { result: { dropped: number } }).result
    expect(dropped).toBeGreaterThan(100)
    expect(dropped).toBeLessThan(200)
  })
})
