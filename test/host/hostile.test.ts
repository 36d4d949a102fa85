// What a client may do wrong: each known weakness of the peers' servers, and noise.

import { readFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { encodeKick, encodeNotify, encodeRequest } from '../../core/gate/message-codec.ts'
import { encodePackage, packageType } from '../../core/gate/package-codec.ts'
import { type HostProcess, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient, PomeloClient } from '../support/pomelo-client.ts'

let host: HostProcess
const open: PomeloClient[] = []

beforeAll(async () => {
  host = await startHostProcess()
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.abort()))
})
afterAll(async () => {
  const exit = await host.stop()
  await stopAllHosts()
  expect(exit, exit.stderr).toMatchObject({ code: 0 })
  expect(exit.stderr).not.toMatch(/AssertionError|uncaught/i)
})

const transports = ['tcp', 'ws'] as const
type Transport = (typeof transports)[number]
const portOf = (transport: Transport) => (transport === 'tcp' ? host.tcpPort : host.wsPort)

async function ready(transport: Transport): Promise<PomeloClient> {
  const client = await connectClient({ transport, port: portOf(transport) })
  open.push(client)
  return client
}

async function raw(transport: Transport): Promise<PomeloClient> {
  const client = new PomeloClient({ transport, port: portOf(transport), heartbeats: false })
  open.push(client)
  await client.opened()
  return client
}

/** The host still serves others. */
async function expectAlive(): Promise<void> {
  const client = await connectClient({ transport: 'tcp', port: host.tcpPort })
  expect(await client.request('probe.handler.echo', { alive: true })).toEqual({ alive: true })
  await client.close()
}

function rssMiB(): number {
  const pages = Number(readFileSync(`/proc/${host.pid}/statm`, 'utf8').split(' ')[1])
  return (pages * 4096) / 2 ** 20
}

describe.each(transports)('over %s', (transport) => {
  it('allocates nothing for a length of 16 MiB before the handshake', async () => {
    const before = rssMiB()
    for (let i = 0; i < 20; i++) {
      const client = await raw(transport)
      client.sendRaw(Buffer.from([1, 0xff, 0xff, 0xff, 0x7b]))
      expect(await client.waitKick()).toMatch(/4096 bytes at most/)
      await client.waitClose()
    }
    expect(rssMiB() - before).toBeLessThan(64)
  })

  it.each([
    ['not JSON', 'xx'],
    ['no sys', '{}'],
    ['an array', '[1]'],
    ['not UTF-8', '\xff\xfe'],
    ['nested a thousand deep', `{"sys":${'['.repeat(1000)}${']'.repeat(1000)}}`],
  ])('answers a handshake that is %s with a code and a reason', async (_name, body) => {
    const client = await raw(transport)
    client.sendPackage(packageType.handshake, Buffer.from(body, 'latin1'))
    expect(await client.waitHandshake()).toMatchObject({ code: 500, reason: expect.any(String) })
    await client.waitClose()
  })

  it('takes the longest frame before login, and not one byte more', async () => {
    const overhead = encodeRequest(1, 'probe.handler.echo', '').length - 4
    const fits = JSON.stringify({ pad: 'x'.repeat(4096 - overhead - 10) })
    const client = await ready(transport)
    const small = await connectClient({ transport, port: portOf(transport), routeCodes: false })
    open.push(small)
    expect(overhead + fits.length).toBe(4096)
    expect((await small.requestBytes('probe.handler.echo', fits)).body.toString()).toBe(fits)
    client.sendRaw(encodeRequest(1, 'probe.handler.echo', `${fits} `))
    expect(await client.waitKick()).toMatch(/4096 bytes at most/)
    const bound = await connectClient({ transport, port: portOf(transport), routeCodes: false })
    open.push(bound)
    await bound.request('login.handler.as', { uid: `long-${transport}` })
    const long = JSON.stringify({ pad: 'x'.repeat(65536 - overhead - 10) })
    expect((await bound.requestBytes('probe.handler.echo', long)).body.length).toBe(long.length)
    bound.sendRaw(encodeRequest(9, 'probe.handler.echo', `${long} `))
    expect(await bound.waitKick()).toMatch(/65536 bytes at most/)
  })

  it('takes several packages in one frame, and one package byte by byte', async () => {
    const client = await ready(transport)
    const replies: Promise<unknown>[] = []
    const sent: Buffer[] = []
    const send = client.sendRaw.bind(client)
    client.sendRaw = (bytes) => void sent.push(Buffer.from(bytes))
    for (let n = 0; n < 10; n++) replies.push(client.request('probe.handler.echo', { n }))
    client.sendRaw = send
    client.sendRaw(Buffer.concat(sent))
    expect(await Promise.all(replies)).toEqual(Array.from({ length: 10 }, (_, n) => ({ n })))
    client.sendRaw = (bytes) => {
      for (const byte of bytes) send(Buffer.from([byte]))
    }
    expect(await client.request('probe.handler.echo', { slow: 1 })).toEqual({ slow: 1 })
    expect(client.violations).toEqual([])
  })

  it('ignores data before the handshake is done', async () => {
    const client = await raw(transport)
    client.sendRaw(encodeRequest(1, 'probe.handler.echo', '{"early":1}'))
    await client.shakeHands()
    expect(await client.request('probe.handler.echo', { late: 1 })).toEqual({ late: 1 })
  })

  it('closes who never shakes hands, and who falls silent', async () => {
    const mute = await raw(transport)
    expect(await mute.waitKick()).toBe('no handshake in time')
    const silent = await raw(transport)
    await silent.shakeHands()
    expect(await silent.waitKick()).toBe('heartbeat missed')
  })

  it.each([
    ['an unknown package type', Buffer.from([9, 0, 0, 0])],
    ['a message of nothing', Buffer.from([4, 0, 0, 0])],
    ['a response from a client', Buffer.from([4, 0, 0, 2, 4, 1])],
    ['a cut id', Buffer.from([4, 0, 0, 2, 0, 0x80])],
    ['a cut route', Buffer.from([4, 0, 0, 3, 0, 1, 9])],
    ['a compressed body', Buffer.from([4, 0, 0, 7, 0x10, 1, 1, 0x61, 1, 2, 3])],
  ])('kicks for %s with a reason', async (_name, bytes) => {
    const client = await ready(transport)
    client.sendRaw(bytes)
    expect(await client.waitKick()).toEqual(expect.any(String))
    await client.waitClose()
    await expectAlive()
  })

  it('lets no package type of a server or of another state do harm', async () => {
    const client = await ready(transport)
    client.sendPackage(packageType.handshake, '{"sys":{"type":"again"}}')
    client.sendPackage(packageType.handshakeAck, '')
    client.sendRaw(encodeKick('you'))
    expect(await client.request('probe.handler.echo', { n: 1 })).toEqual({ n: 1 })
  })

  it('answers CESU-8 as the text that it is, with escapes that old clients read', async () => {
    const client = await ready(transport)
    const cesu = Buffer.from('7b226d223a22eda0bcedbc99227d', 'hex')
    const { body } = await client.requestBytes('probe.handler.echo', cesu)
    expect(JSON.parse(body.toString())).toEqual({ m: '\u{1f319}' })
    expect(body.toString('latin1')).toMatch(/\\ud83c\\udf19/i)
    const broken = await client.requestBytes(
      'probe.handler.echo',
      Buffer.from('{"m":"\xff"}', 'latin1'),
    )
    expect(JSON.parse(broken.body.toString())).toMatchObject({ code: 400 })
  })

  it('survives random bytes', async () => {
    const seed = Date.now() >>> 0
    console.log(`random bytes over ${transport}, seed ${seed}`)
    let random = seed
    const byte = () => {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0
      return random >>> 24
    }
    for (let i = 0; i < 60; i++) {
      const client = i % 2 === 0 ? await raw(transport) : await ready(transport)
      const noise = Buffer.from(Array.from({ length: 1 + byte() * 4 }, byte))
      // Half of them look like packages, so that noise reaches the layers behind the first.
      client.sendRaw(i % 4 < 2 ? noise : encodePackage(packageType.data, noise))
      client.sendRaw(noise)
      await client.close()
      await client.abort()
    }
    await expectAlive()
  })
})

it('survives random bytes on the http port and on the WebSocket port without an upgrade', async () => {
  for (const port of [host.wsPort, Number(new URL(host.httpUrl).port)]) {
    for (const text of ['\x00\x01\x02', 'GET / HTTP/1.1\r\n\r\n', 'GET '.repeat(5000), '\r\n']) {
      await new Promise<void>((resolve) => {
        const socket = connectTcp(port, '127.0.0.1', () => socket.end(text))
        socket.on('data', () => {})
        socket.on('error', () => {})
        socket.on('close', () => resolve())
        socket.setTimeout(3000, () => socket.destroy())
      })
    }
  }
  await expectAlive()
})

it('reads no more from a client whose inbox is full, and loses nothing of it', async () => {
  const client = await ready('tcp')
  await client.request('login.handler.as', { uid: 'eager' })
  // 20 MB of requests behind a handler that sleeps: held by the sockets, not by the host.
  const before = rssMiB()
  const filler = 'x'.repeat(20_000)
  const slow = client.request('probe.handler.sleep', { ms: 800 })
  const rest = Array.from({ length: 1000 }, (_, n) =>
    client.request('probe.handler.echo', { n, filler }),
  )
  await slow
  const grown = rssMiB() - before
  const replies = (await Promise.all(rest)) as { n: number }[]
  expect(replies.map((reply) => reply.n)).toEqual(Array.from({ length: 1000 }, (_, n) => n))
  expect(grown).toBeLessThan(16)
})

it('drops a WebSocket client that sends on without end, because it cannot be paused', async () => {
  const client = await ready('ws')
  await client.request('login.handler.as', { uid: 'endless' })
  client.notify('probe.handler.sleep', { ms: 900 })
  const filler = 'x'.repeat(20_000)
  for (let n = 0; n < 60; n++) client.notify('probe.handler.echo', { filler })
  expect(await client.waitKick()).toBe('too many messages without waiting for answers')
  await expectAlive()
})

it('drops a client that does not read what it is sent', async () => {
  const client = await ready('tcp')
  await client.request('login.handler.as', { uid: 'deaf' })
  const socket = connectTcp(host.tcpPort, '127.0.0.1')
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  socket.write(encodePackage(packageType.handshake, '{"sys":{"type":"t","version":"1"}}'))
  socket.write(Buffer.from([2, 0, 0, 0]))
  socket.pause()
  for (let n = 0; n < 400; n++) {
    socket.write(encodeNotify('probe.handler.big', JSON.stringify({ bytes: 60_000 })))
  }
  await host.waitLog((line) => line.msg === 'session dropped', 'the slow client')
  socket.destroy()
  await expectAlive()
})

it('refuses connections over the limit with a reason, and takes new ones when there is room', async () => {
  const clients: PomeloClient[] = []
  for (let i = 0; i < 50; i++) clients.push(await ready('tcp'))
  const late = await raw('tcp')
  expect(await late.waitKick()).toBe('the server is full')
  await clients[0]?.close()
  const next = await ready('ws')
  expect(await next.request('probe.handler.echo', { n: 1 })).toEqual({ n: 1 })
})
