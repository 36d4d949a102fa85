// The test clients and the real browser client against the protocol echo server: proof that the tools
// of the gate's own tests work, and that a real client can talk to our codec.

import { once } from 'node:events'
import net from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import { type EchoServer, echoDictionary, startEchoServer } from '../../bench/load/echo-server.ts'
import { encodePush, encodeRequest, encodeResponse } from '../../core/gate/message-codec.ts'
import { encodePackage } from '../../core/gate/package-codec.ts'
import {
  type ClientOptions,
  connectClient,
  HandshakeRefused,
  PomeloClient,
} from '../support/pomelo-client.ts'
import { loadRealClient, type RealClient } from './real-client.ts'

let server: EchoServer
beforeAll(async () => {
  server = await startEchoServer({ heartbeatS: 1 })
})
afterAll(() => server.close())

const portOf = (transport: 'tcp' | 'ws') => (transport === 'tcp' ? server.tcpPort : server.wsPort)
const connect = (options: Omit<ClientOptions, 'port'>) =>
  connectClient({ port: portOf(options.transport), ...options })

const kinds = (['tcp', 'ws'] as const).flatMap((transport) =>
  (['pomelo', 'pitaya'] as const).map((dialect) => ({ transport, dialect })),
)

describe.each(kinds)('the test client over $transport as $dialect', (kind) => {
  it('requests, notifies, is pushed to, and closes', async () => {
    const client = await connect(kind)
    expect(client.handshakeReply.code).toBe(200)
    const message = { text: '月轮 😀', n: 1 }
    expect(await client.request('echo.handler.echo', message)).toEqual(message)
    expect(await client.request('a.route.unknown', [1])).toEqual([1])
    client.notify('echo.handler.push', { n: 2 })
    expect(await client.waitPush('onPush')).toEqual({ n: 2 })
    const seen: unknown[] = []
    const stop = client.onPush('onPush', (push) => seen.push(push))
    await client.request('echo.handler.push', { n: 3 })
    stop()
    await client.request('echo.handler.push', { n: 4 })
    expect(seen).toEqual([{ n: 3 }])
    expect(await client.waitPush('onPush')).toEqual({ n: 4 })
    expect(client.violations).toEqual([])
    await client.close()
    expect(client.isClosed).toBe(true)
  })

  it('tells of a kick, and fails what was waiting with its reason', async () => {
    const client = await connect(kind)
    const reply = client.request('echo.handler.silent')
    const failed = expect(reply).rejects.toThrow(
      /waiting for the reply to echo.handler.silent.*kicked: asked to kick/,
    )
    client.notify('echo.handler.kick')
    expect(await client.waitKick()).toBe('asked to kick')
    expect(await client.waitClose()).toMatchObject({ kicked: 'asked to kick' })
    await failed
    await expect(client.waitPush('onPush')).rejects.toThrow('kicked: asked to kick')
  })

  it('is refused with the reason of the server', async () => {
    const client = new PomeloClient({ ...kind, port: portOf(kind.transport) })
    await client.opened()
    client.sendPackage(1, '{"no":"sys"}')
    expect(await client.waitHandshake()).toMatchObject({
      code: 500,
      reason: 'the handshake has no sys object',
    })
    await client.waitClose()
    await expect(
      connect({ ...kind, sys: { version: 'v'.repeat(300), clientVersion: 'v'.repeat(300) } }),
    ).rejects.toThrow(HandshakeRefused)
  })

  it('is closed for bytes that are no package', async () => {
    const client = await connect(kind)
    client.sendRaw(Buffer.from('GET / HTTP/1.1'))
    await client.waitClose()
    await expect(client.request('echo.handler.echo')).rejects.toThrow('the connection closed')
  })

  it('gives up on silence after its timeout', async () => {
    const client = await connect({ ...kind, timeoutMs: 20 })
    await expect(client.request('echo.handler.silent')).rejects.toThrow('nothing in 20 ms')
    await client.abort()
  })
})

describe('the test client', () => {
  it('uses the dictionary that the server sent, or the one it has', async () => {
    const first = await connect({ transport: 'tcp' })
    const { dict, dictVersion } = first.handshakeReply.sys
    expect(dict).toEqual(JSON.parse(echoDictionary.dictJson))
    await first.close()
    const again = await connect({ transport: 'tcp', sys: { dictVersion }, dictionary: dict ?? {} })
    expect(again.handshakeReply.sys).not.toHaveProperty('dict')
    expect(await again.request('echo.handler.push', 1)).toBe(1)
    expect(await again.waitPush('onPush')).toBe(1)
    await again.close()
  })

  it('fails clearly when nobody listens', async () => {
    const free = net.createServer()
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve))
    const { port } = free.address() as net.AddressInfo
    await new Promise((resolve) => free.close(resolve))
    for (const transport of ['tcp', 'ws'] as const) {
      await expect(connectClient({ transport, port })).rejects.toThrow('ECONNREFUSED')
    }
  })

  it('answers heartbeats so that the server goes on', async () => {
    const client = await connect({ transport: 'tcp' })
    await client.waitHeartbeat()
    expect(await client.waitHeartbeat()).toBe(2)
    await client.close()
  })
})

describe('what the test client finds wrong with a server (the canary of its users)', () => {
  /** A WebSocket server that answers the handshake, and then every message with `frames`. */
  async function wrongServer(frames: readonly (Buffer | string)[]): Promise<WebSocketServer> {
    const wrong = new WebSocketServer({ host: '127.0.0.1', port: 0 })
    await once(wrong, 'listening')
    wrong.on('connection', (socket) => {
      socket.on('message', (bytes: Buffer) => {
        if (bytes[0] === 1) socket.send(encodePackage(1, '{"code":200,"sys":{}}'))
        if (bytes[0] === 4) for (const frame of frames) socket.send(frame)
      })
    })
    return wrong
  }

  it.each<[string, (Buffer | string)[], string]>([
    ['two packages in a frame', [Buffer.from('0300000003000000', 'hex')], 'frame with 2 packages'],
    [
      'a package in two frames',
      [Buffer.from('0300', 'hex'), Buffer.from('0000', 'hex')],
      'frame with 0 packages',
    ],
    ['a text frame', ['{}'], 'a text frame'],
    ['a reply that nobody awaits', [encodeResponse(9, '{}')], 'a reply to id 9'],
    ['an unknown route code', [encodePush(9, '{}')], 'unknown route code 9'],
    ['a request from the server', [encodeRequest(1, 'a', '{}')], 'a message: bad_type'],
    ['a kick that is no JSON', [encodePackage(5, '')], 'cannot read'],
    ['no package at all', [Buffer.from('00')], 'bad_type'],
  ])('%s', async (_name, frames, violation) => {
    const wrong = await wrongServer([...frames, Buffer.from('00')])
    const { port } = wrong.address() as net.AddressInfo
    const client = await connectClient({ transport: 'ws', port })
    client.notify('any')
    await client.waitClose()
    expect(client.violations.join()).toContain(violation)
    wrong.close()
  })
})

describe('pomelo-jsclient-websocket', () => {
  const clients: RealClient[] = []
  afterEach(() => {
    for (const client of clients.splice(0)) client.dispose()
  })
  const load = () => {
    const client = loadRealClient()
    clients.push(client)
    return client
  }

  it('logs in, requests, is pushed to and is kicked', async () => {
    const client = load()
    await client.init({ host: '127.0.0.1', port: server.wsPort, user: { token: 't' } })
    expect(await client.request('login.handler.guest', { name: 'a' })).toMatchObject({ code: 200 })
    expect(await client.request('echo.handler.echo', { text: '月轮' })).toEqual({ text: '月轮' })
    const push = client.next('onPush')
    client.notify('echo.handler.push', { n: 1 })
    expect(await push).toEqual({ n: 1 })
    const kick = client.next('onKick')
    const closed = client.next('close')
    client.notify('echo.handler.kick', {})
    expect(await kick).toEqual({ reason: 'asked to kick' })
    await closed
  })

  it('sends CESU-8 beyond the BMP, which the server must mend', async () => {
    const client = load()
    await client.init({ host: '127.0.0.1', port: server.wsPort })
    // The echo sends the same CESU-8 back, and only this client reads that.
    expect(await client.request('echo.handler.echo', { text: '😀' })).toEqual({ text: '😀' })
    await client.disconnect()
  })

  it('fails clearly when nobody listens', async () => {
    await expect(load().init({ host: '127.0.0.1', port: 1 })).rejects.toThrow('ECONNREFUSED')
  })

  it('shares nothing between two clients', async () => {
    const [one, two] = [load(), load()]
    await one.init({ host: '127.0.0.1', port: server.wsPort })
    await two.init({ host: '127.0.0.1', port: server.wsPort })
    expect(await one.request('echo.handler.echo', { me: 1 })).toEqual({ me: 1 })
    expect(await two.request('echo.handler.echo', { me: 2 })).toEqual({ me: 2 })
    await one.disconnect()
    expect(await two.request('echo.handler.echo', { me: 3 })).toEqual({ me: 3 })
    await two.disconnect()
  })
})
