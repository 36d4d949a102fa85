// Sessions of the real browser client, pomelo-jsclient-websocket, unmodified, with the whole host.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { loadRealClient, type RealClient } from '../gate/real-client.ts'
import { type HostProcess, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient } from '../support/pomelo-client.ts'

let host: HostProcess
const clients: RealClient[] = []

beforeAll(async () => {
  host = await startHostProcess()
})
afterEach(() => {
  for (const client of clients.splice(0)) client.dispose()
})
afterAll(async () => {
  const exit = await host.stop()
  await stopAllHosts()
  expect(exit, exit.stderr).toMatchObject({ code: 0 })
})

async function connect(user: unknown = {}): Promise<RealClient> {
  const client = loadRealClient()
  clients.push(client)
  await client.init({ host: '127.0.0.1', port: host.wsPort, user })
  return client
}

async function logIn(uid: string, tag = 'web'): Promise<RealClient> {
  const client = await connect({ build: 3 })
  expect(await client.request('login.handler.as', { uid, tag })).toEqual({ code: 200, uid })
  return client
}

it('logs in, requests, is pushed to by uid and by channel, and is told of errors', async () => {
  const mei = await logIn('mei')
  const ada = await logIn('ada')
  // This client writes characters beyond the BMP as CESU-8, and reads nothing else.
  const words = { text: '月轮 \u{1f319}', list: [1, 2.5, 'x'] }
  expect(await mei.request('probe.handler.echo', words)).toEqual(words)
  expect(await mei.request('probe.handler.session', {})).toMatchObject({
    uid: 'mei',
    transport: 'ws',
    user: { build: 3 },
    data: { tag: 'web' },
  })

  const whisper = ada.next('onWhisper')
  await mei.request('work.handler.whisper', { to: 'ada', text: words.text })
  expect(await whisper).toEqual({ from: 'mei', text: words.text })

  await mei.request('work.handler.join', { channel: 'hall' })
  expect(await ada.request('work.handler.join', { channel: 'hall' })).toEqual({ count: 2 })
  const shouts = [mei.next('onShout'), ada.next('onShout')]
  mei.notify('work.handler.shout', { channel: 'hall', text: 'all!' })
  expect(await Promise.all(shouts)).toEqual([
    { from: 'mei', text: 'all!' },
    { from: 'mei', text: 'all!' },
  ])

  expect(await ada.request('probe.handler.fail', { code: 404, text: 'no item' })).toMatchObject({
    code: 404,
    message: 'no item',
  })
  expect(await ada.request('nobody.handler.home', {})).toMatchObject({ code: 404 })
  await mei.disconnect()
  await ada.disconnect()
})

it('answers many requests that are on their way at once, each with its own', async () => {
  const client = await logIn('busy')
  const sent = Array.from({ length: 300 }, (_, n) => n)
  const replies = await Promise.all(
    sent.map((n) =>
      client.request(n % 3 === 0 ? 'work.handler.where' : 'probe.handler.echo', { n }),
    ),
  )
  for (const n of sent) {
    expect(replies[n]).toEqual(n % 3 === 0 ? expect.objectContaining({ uid: 'busy' }) : { n })
  }
  await client.disconnect()
})

it('lives on heartbeats, as many as it is asked for', async () => {
  const client = await logIn('patient')
  let timedOut = false
  client.on('heartbeat timeout', () => {
    timedOut = true
  })
  // Its uid is still there after three of the host's intervals of a second.
  await client.request('probe.handler.sleep', { ms: 900 })
  await client.request('probe.handler.sleep', { ms: 900 })
  await client.request('probe.handler.sleep', { ms: 900 })
  await client.request('probe.handler.sleep', { ms: 900 })
  expect(await client.request('probe.handler.session', {})).toMatchObject({ uid: 'patient' })
  expect(timedOut).toBe(false)
  await client.disconnect()
})

it('is kicked with a reason when its uid logs in again', async () => {
  const first = await logIn('twice')
  const kick = first.next('onKick')
  const closed = first.next('close')
  const second = await logIn('twice')
  expect(await kick).toEqual({ reason: 'logged in from another place' })
  await closed
  expect(await second.request('probe.handler.session', {})).toMatchObject({ uid: 'twice' })
  await second.disconnect()
})

it('connects again after it was kicked, with the same object', async () => {
  const client = await logIn('again')
  const closed = client.next('close')
  client.notify('probe.handler.kick_me', { reason: 'for a test' })
  await closed
  await client.init({ host: '127.0.0.1', port: host.wsPort })
  expect(await client.request('login.handler.as', { uid: 'again' })).toEqual({
    code: 200,
    uid: 'again',
  })
  await client.disconnect()
})

it('a client that knows the dictionary is not sent it again, and its codes still hold', async () => {
  const first = await connectClient({ transport: 'ws', port: host.wsPort })
  const { dict, dictVersion } = first.handshakeReply.sys
  expect(dict).toHaveProperty(['probe.handler.echo'])
  await first.close()
  const known = { dictionary: dict ?? {}, sys: { dictVersion } }
  const second = await connectClient({ transport: 'ws', port: host.wsPort, ...known })
  expect(second.handshakeReply.sys).not.toHaveProperty('dict')
  expect(second.handshakeReply.sys).toMatchObject({ useDict: true })
  expect(await second.request('probe.handler.echo', { n: 1 })).toEqual({ n: 1 })
  expect(second.violations).toEqual([])
  await second.close()

  const stale = { dictionary: dict ?? {}, sys: { dictVersion: 'of another game' } }
  const third = await connectClient({ transport: 'ws', port: host.wsPort, ...stale })
  expect(third.handshakeReply.sys.dict).toEqual(dict)
  await third.close()
})
