// The JavaScript client against the fake game server and against pomelo-protocol as oracle.
//
// Each test starts its own server on port 0. Time is real but never slept on: a test waits for what
// the server or the client reports. Heartbeats run at tenths of a second where a test needs them.

import { createRequire } from 'node:module'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import {
  type ConnectOptions,
  connect,
  MoonwheelClient,
  MoonwheelError,
} from '../../sdk/js/moonwheel-client.js'
import {
  type FakeGameServer,
  type FakePlayer,
  type FakeServerOptions,
  json,
  pack,
  packPush,
  packResponse,
  startFakeGameServer,
} from '../support/fake-game-server.ts'

const endings: (() => unknown)[] = []

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

async function serve(options: FakeServerOptions = {}): Promise<FakeGameServer> {
  const server = await startFakeGameServer(options)
  endings.push(() => server.close())
  return server
}

async function join(
  server: FakeGameServer,
  options: ConnectOptions = {},
): Promise<MoonwheelClient> {
  const client = await connect(server.url, { WebSocket, ...options })
  endings.push(() => client.close())
  await server.until(() => server.players.size > 0)
  return client
}

function only(server: FakeGameServer): FakePlayer {
  const [player] = server.players
  if (player === undefined) throw new Error('nobody is connected')
  return player
}

const failure = (promise: Promise<unknown>): Promise<MoonwheelError> =>
  promise.then(
    (value) => {
      throw new Error(`resolved with ${JSON.stringify(value)}`)
    },
    (error) => error,
  )

const echo = { 'echo.handler.echo': (_: FakePlayer, body: never) => body }

describe('handshake', () => {
  test('says who it is, hands over user, acknowledges, and measures the round trip', async () => {
    const server = await serve()
    const client = await join(server, { user: { token: '月' } })
    expect(only(server).hello).toEqual({
      sys: { type: 'moonwheel-js', version: expect.any(String) },
      user: { token: '月' },
    })
    expect(client.state).toBe('open')
    expect(client.rttMs).toBeGreaterThan(0)
  })

  test('a refusal rejects with its code and reason, and is not retried', async () => {
    const handshakeReply = { code: 501, message: 'client too old' }
    const server = await serve({ handshakeReply })
    const error = await failure(connect(server.url, { WebSocket, reconnect: true }))
    expect(error).toBeInstanceOf(MoonwheelError)
    expect(error).toMatchObject({ kind: 'refused', code: 501, body: handshakeReply })
    expect(error.message).toContain('client too old')
  })

  test('nobody listening rejects with an address and a question', async () => {
    const server = await startFakeGameServer()
    await server.close()
    const error = await failure(connect(server.url, { WebSocket }))
    expect(error.kind).toBe('closed')
    expect(error.message).toMatch(/not reachable at ws:\/\/127.*: is it running\?/)
  })

  test('an error event without a close event, as from Node 20 itself, rejects as well', async () => {
    class ErrorOnly {
      onerror?: () => void
      constructor() {
        queueMicrotask(() => this.onerror?.())
      }
      close() {}
    }
    const error = await failure(connect('ws://127.0.0.1:1', { WebSocket: ErrorOnly }))
    expect(error).toMatchObject({ kind: 'closed' })
  })

  test('a server that never answers rejects after connectTimeoutMs', async () => {
    const server = await serve({ handshakeReply: { code: 200 } })
    const silent = new MoonwheelClient(server.url, {
      connectTimeoutMs: 50,
      WebSocket: class extends WebSocket {
        override send() {}
      },
    })
    expect(await failure(silent.open())).toMatchObject({ kind: 'timeout' })
    expect(silent.state).toBe('closed')
  })

  test('an address that does not parse rejects as usage, no WebSocket throws as usage', async () => {
    expect(await failure(connect('http//nowhere', { WebSocket }))).toMatchObject({ kind: 'usage' })
    const bare = () => new MoonwheelClient('ws://127.0.0.1:1', { WebSocket: null })
    if (globalThis.WebSocket === undefined) expect(bare).toThrow(/pass one/)
    else expect(bare).not.toThrow()
  })
})

describe('messages', () => {
  test('a request resolves with its reply, and many replies find their requests', async () => {
    const server = await serve({ handlers: echo })
    const client = await join(server)
    const bodies = Array.from({ length: 300 }, (_, n) => ({ n, text: 'é月🌙' }))
    expect(await Promise.all(bodies.map((b) => client.request('echo.handler.echo', b)))).toEqual(
      bodies,
    )
    expect(server.received.at(-1)).toMatchObject({ kind: 'request', id: 300, compressed: false })
  })

  test('a reply of code >= 400 rejects with code, message, requestId and the body', async () => {
    const server = await serve()
    const client = await join(server)
    const error = await failure(client.request('no.handler.here'))
    expect(error).toMatchObject({
      kind: 'reply',
      code: 404,
      message: 'no handler no.handler.here',
      requestId: 'r-404',
      route: 'no.handler.here',
      body: { code: 404 },
    })
  })

  test('code 399 resolves, code 400 and the error flag of pitaya reject', async () => {
    const server = await serve({ handlers: echo })
    const client = await join(server)
    expect(await client.request('echo.handler.echo', { code: 399 })).toEqual({ code: 399 })
    expect(await failure(client.request('echo.handler.echo', { code: 400 }))).toMatchObject({
      kind: 'reply',
      code: 400,
    })
    const flagged = failure(client.request('echo.handler.quiet', {}))
    only(server).raw(packResponse(3, json({ msg: 'bad' }), 0x24))
    expect(await flagged).toMatchObject({ kind: 'reply', code: 500, message: 'bad' })
  })

  test('routes of the dictionary go as codes both ways', async () => {
    const dictionary = { 'echo.handler.echo': 1, onChat: 300 }
    const server = await serve({ dictionary, handlers: echo })
    const client = await join(server)
    const pushed = new Promise((resolve) => client.on('onChat', resolve))
    client.notify('echo.handler.echo', { a: 1 })
    await client.request('echo.handler.echo', {})
    only(server).push('onChat', { text: 'hi' })
    expect(await pushed).toEqual({ text: 'hi' })
    expect(server.received.map((r) => [r.kind, r.compressed])).toEqual([
      ['notify', true],
      ['request', true],
    ])
  })

  test('several packages in one frame arrive in order; * hears every route', async () => {
    const server = await serve()
    const client = await join(server)
    const heard: unknown[] = []
    const done = new Promise<void>((resolve) => {
      client.on('*', (body, route) => {
        heard.push([route, body])
        if (heard.length === 3) resolve()
      })
    })
    only(server).raw(
      packPush('a', json(1)),
      packPush('b', json(2)),
      pack(3),
      packPush('c', json(3)),
    )
    await done
    expect(heard).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ])
  })

  test('off() takes a listener away', async () => {
    const server = await serve()
    const client = await join(server)
    const heard: unknown[] = []
    const off = client.on('a', (body) => heard.push(body))
    off()
    const last = new Promise((resolve) => client.on('b', resolve))
    only(server).raw(packPush('a', json(1)), packPush('b', json(2)))
    await last
    expect(heard).toEqual([])
  })

  test('no reply in time rejects, and the late reply disturbs nobody', async () => {
    const server = await serve({ handlers: { ...echo, 'slow.handler.slow': () => undefined } })
    const client = await join(server)
    const error = await failure(client.request('slow.handler.slow', {}, { timeoutMs: 20 }))
    expect(error).toMatchObject({ kind: 'timeout', route: 'slow.handler.slow' })
    only(server).raw(packResponse(1, json({ late: true })))
    expect(await client.request('echo.handler.echo', { ok: 1 })).toEqual({ ok: 1 })
  })

  test('10,000 requests may wait, and one more is refused', async () => {
    const server = await serve({ handlers: { 'a.b.c': () => undefined } })
    const client = await join(server)
    const waiting = Array.from({ length: 10_000 }, () => failure(client.request('a.b.c')))
    expect(await failure(client.request('a.b.c'))).toMatchObject({ kind: 'usage' })
    client.close()
    const kinds = (await Promise.all(waiting)).map((error) => error.kind)
    expect(new Set(kinds)).toEqual(new Set(['stopped']))
  })

  test('routes of 255 bytes pass, 0 and 256 are refused before anything is sent', async () => {
    const server = await serve()
    const client = await join(server)
    expect(await failure(client.request('r'.repeat(255)))).toMatchObject({ code: 404 })
    expect(await failure(client.request('r'.repeat(256)))).toMatchObject({ kind: 'usage' })
    expect(await failure(client.request(''))).toMatchObject({ kind: 'usage' })
    expect(server.received.length).toBe(1)
  })

  test('bytes are those of pomelo-protocol, with and without a dictionary', async () => {
    const { Package, Message, strencode } = createRequire(import.meta.url)('pomelo-protocol')
    const server = await serve({ dictionary: { 'x.y.z': 7 }, handlers: echo })
    const sent: Buffer[] = []
    class Tapped extends WebSocket {
      override send(data: Uint8Array) {
        sent.push(Buffer.from(data))
        super.send(data)
      }
    }
    const client = await join(server, { WebSocket: Tapped })
    for (let n = 0; n < 300; n++) void failure(client.request('x.y.z', { n }))
    client.notify('a.b.c', {})
    const data = sent.filter((bytes) => bytes[0] === 4)
    expect(data[299]).toEqual(
      Package.encode(4, Message.encode(300, 0, 1, 7, strencode(JSON.stringify({ n: 299 })))),
    )
    expect(data[300]).toEqual(Buffer.from('0400000902 05612e622e637b7d'.replace(' ', ''), 'hex'))
    client.close()
  })
})

describe('bad servers', () => {
  const cases: [string, Uint8Array][] = [
    ['a cut package', Buffer.from([4, 0, 0, 9, 1])],
    ['a cut header', Buffer.from([4, 0])],
    ['an unknown package type', pack(9)],
  ]
  test.each(cases)('%s ends the connection as a protocol error', async (_, bytes) => {
    const server = await serve()
    const client = await join(server)
    const closed = new Promise<MoonwheelError>((resolve) => client.onClose(resolve))
    only(server).raw(bytes)
    expect((await closed).kind).toBe('protocol')
  })

  const faults: [string, Uint8Array][] = [
    ['a push that is not JSON', packPush('a', Buffer.from('{'))],
    ['a route code that the dictionary lacks', packPush(9, json({}))],
    ['a cut route', pack(4, Buffer.from([0x06, 9, 65]))],
    ['a cut id', pack(4, Buffer.from([0x04, 0x80]))],
    ['an endless id', pack(4, Buffer.from([0x04, 255, 255, 255, 255, 255, 255, 1]))],
    ['an empty message', pack(4)],
    ['a request', pack(4, Buffer.from([0x00, 1, 1, 65]))],
  ]
  test.each(faults)('%s goes to onError and the connection lives', async (_, bytes) => {
    const server = await serve({ handlers: echo })
    const client = await join(server)
    const fault = new Promise<MoonwheelError>((resolve) => client.onError(resolve))
    only(server).raw(bytes)
    expect((await fault).kind).toBe('protocol')
    expect(await client.request('echo.handler.echo', { ok: 1 })).toEqual({ ok: 1 })
  })

  test('a reply that is not JSON rejects its own request', async () => {
    const server = await serve({ handlers: { 'a.b.c': () => undefined } })
    const client = await join(server)
    const failed = failure(client.request('a.b.c'))
    await server.until(() => server.received.length === 1)
    only(server).raw(packResponse(1, Buffer.from('oops')))
    expect(await failed).toMatchObject({ kind: 'protocol', route: 'a.b.c', body: 'oops' })
  })
})

describe('ends', () => {
  test('a kick tells its reason, then closes, and is not followed by a reconnection', async () => {
    const server = await serve()
    const client = await join(server, { reconnect: { initialMs: 1 } })
    const heard: unknown[] = []
    client.onKick((reason) => heard.push(reason))
    const closed = new Promise<MoonwheelError>((resolve) => client.onClose(resolve))
    only(server).kick('logged in elsewhere')
    expect((await closed).kind).toBe('kicked')
    expect(heard).toEqual(['logged in elsewhere'])
    expect(client.state).toBe('closed')
  })

  test('a lost connection rejects what waits, once, and later calls say not connected', async () => {
    const server = await serve({ handlers: { 'a.b.c': () => undefined } })
    const client = await join(server)
    const waiting = failure(client.request('a.b.c'))
    const closed = new Promise<MoonwheelError>((resolve) => client.onClose(resolve))
    await server.until(() => server.received.length === 1)
    only(server).drop()
    expect(await waiting).toMatchObject({ kind: 'closed', route: 'a.b.c' })
    expect((await closed).kind).toBe('closed')
    expect(await failure(client.request('a.b.c'))).toMatchObject({ kind: 'closed' })
    expect(() => client.notify('a.b.c')).toThrow(/not connected/)
  })

  test('it comes back with the dictionary it knows, and asks for a new login', async () => {
    const dictionary = { 'echo.handler.echo': 4 }
    const server = await serve({ dictionary, handlers: echo })
    const client = await join(server, { reconnect: { initialMs: 1 } })
    const states: string[] = []
    client.onState((state) => states.push(state))
    const again = new Promise<void>((resolve) => client.onReconnect(resolve))
    only(server).drop()
    await again
    await server.until(() => server.players.size === 1)
    expect(only(server).hello.sys?.dictVersion).toBe('v1')
    await client.request('echo.handler.echo', {})
    expect(server.received.at(-1)?.compressed).toBe(true)
    expect(states).toEqual(['reconnecting', 'open'])
  })

  test('it gives up after attemptsMax, with delays that grow', async () => {
    const server = await startFakeGameServer()
    const client = await join(server, { reconnect: { initialMs: 4, maxMs: 8, attemptsMax: 3 } })
    const delays: number[] = []
    client.onState((_, { delayMs }) => delayMs !== undefined && delays.push(delayMs))
    const closed = new Promise<MoonwheelError>((resolve) => client.onClose(resolve))
    await server.close()
    expect((await closed).kind).toBe('closed')
    expect(delays.length).toBe(3)
    expect(delays[0]).toBeGreaterThanOrEqual(2)
    expect(delays[2]).toBeGreaterThanOrEqual(4)
    expect(delays[2]).toBeLessThanOrEqual(8)
  })

  test('close() rejects what waits, and an open() that is under way', async () => {
    const server = await serve({ handlers: { 'a.b.c': () => undefined } })
    const client = await join(server)
    const waiting = failure(client.request('a.b.c'))
    client.close()
    expect(await waiting).toMatchObject({ kind: 'stopped', route: 'a.b.c' })
    const opening = failure(client.open())
    client.close()
    expect(await opening).toMatchObject({ kind: 'stopped' })
    expect(client.state).toBe('closed')
  })

  test('close() while it waits to come back stops it', async () => {
    const server = await serve()
    const client = await join(server, { reconnect: { initialMs: 60_000 } })
    const waits = new Promise<void>((resolve) => {
      client.onState((state) => state === 'reconnecting' && resolve())
    })
    only(server).drop()
    await waits
    const closed = new Promise<MoonwheelError>((resolve) => client.onClose(resolve))
    client.close()
    expect((await closed).kind).toBe('stopped')
    expect(client.state).toBe('closed')
    await client.open()
    expect(client.state).toBe('open')
  })

  test('heartbeats flow each interval, and ping refreshes the round trip', async () => {
    const server = await serve({ heartbeatS: 0.05 })
    const client = await join(server)
    await server.until(() => server.heartbeats >= 3)
    client.ping()
    await server.until(() => server.heartbeats >= 4)
    expect(client.state).toBe('open')
    expect(client.rttMs).toBeGreaterThan(0)
  })

  test('a server silent for two intervals is left', async () => {
    const server = await serve({ heartbeatS: 0.05, answersHeartbeats: false })
    const client = await join(server)
    const closed = new Promise<MoonwheelError>((resolve) => client.onClose(resolve))
    expect(await closed).toMatchObject({ kind: 'timeout' })
    expect(server.heartbeats).toBeGreaterThanOrEqual(1)
  })
})

describe('redirects', () => {
  /** A master whose login sends everybody to `slave`, and a slave that takes the token. */
  async function cluster(more: FakeServerOptions = {}) {
    const slave = await serve({
      handlers: {
        'login.handler.enter': (_: FakePlayer, { token }: never) => ({ code: 200, token }),
        ...echo,
      },
      ...more,
    })
    const { hostname: host, port } = new URL(slave.url)
    const redirect = { host, port: Number(port), token: 't1', route: 'login.handler.enter' }
    const master = await serve({
      handlers: { 'login.handler.guest': () => ({ code: 200, redirect }), ...echo },
    })
    return { master, slave }
  }

  test('are followed, and the request has its answer from there', async () => {
    const { master, slave } = await cluster()
    const client = await join(master)
    const closed: unknown[] = []
    client.onClose((error) => closed.push(error))
    client.onReconnect(() => closed.push('reconnect'))
    expect(await client.request('login.handler.guest', {})).toEqual({ code: 200, token: 't1' })
    expect(new URL(client.url).port).toBe(String(slave.port))
    await master.until(() => master.players.size === 0)
    expect(await client.request('echo.handler.echo', { n: 1 })).toEqual({ n: 1 })
    expect(closed).toEqual([])
  })

  test('end when the new host is lost: the client comes back to where it began', async () => {
    const { master, slave } = await cluster()
    const client = await join(master, { reconnect: { initialMs: 10 } })
    await client.request('login.handler.guest', {})
    const back = new Promise<void>((resolve) => client.onReconnect(resolve))
    only(slave).drop()
    await back
    expect(client.url).toBe(master.url)
    expect(await client.request('login.handler.guest', {})).toEqual({ code: 200, token: 't1' })
  })

  test('to a host that is not there fail the request', async () => {
    const { master, slave } = await cluster()
    const client = await join(master)
    await slave.close()
    const error = await failure(client.request('login.handler.guest', {}))
    expect(error).toMatchObject({ kind: 'closed', route: 'login.handler.guest' })
  })

  test('that lead on and on are given up', async () => {
    let port = 0
    const redirect = () => ({
      code: 200,
      redirect: { host: '127.0.0.1', port, token: 't', route: 'login.handler.enter' },
    })
    const server = await serve({
      handlers: { 'login.handler.guest': redirect, 'login.handler.enter': redirect },
    })
    port = Number(new URL(server.url).port)
    const client = await join(server)
    const error = await failure(client.request('login.handler.guest', {}))
    expect(error).toMatchObject({ kind: 'protocol' })
  })
})
