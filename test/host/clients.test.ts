// Clients against a whole host in its own process, over both transports.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type HostProcess, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { type ClientOptions, connectClient, type PomeloClient } from '../support/pomelo-client.ts'

let host: HostProcess
const open: PomeloClient[] = []

beforeAll(async () => {
  host = await startHostProcess()
})
afterEach(async () => {
  for (const client of open) expect(client.violations).toEqual([])
  await Promise.all(open.splice(0).map((client) => client.close()))
})
afterAll(async () => {
  const exit = await host.stop()
  await stopAllHosts()
  expect(exit, exit.stderr).toMatchObject({ code: 0 })
})

async function connect(
  transport: 'tcp' | 'ws' = 'tcp',
  options: Partial<ClientOptions> = {},
): Promise<PomeloClient> {
  const port = transport === 'tcp' ? host.tcpPort : host.wsPort
  const client = await connectClient({ transport, port, ...options })
  open.push(client)
  return client
}

async function logIn(uid: string, transport: 'tcp' | 'ws' = 'tcp', tag = 'plain') {
  const client = await connect(transport)
  expect(await client.request('login.handler.as', { uid, tag })).toEqual({ code: 200, uid })
  return client
}

describe.each(['tcp', 'ws'] as const)('a client over %s', (transport) => {
  it('gets back what a handler returns', async () => {
    const client = await connect(transport)
    const message = { text: 'h\u00e9llo \u6708 \u{1f319}', n: 1, list: [1, 2.5, null], none: {} }
    expect(await client.request('probe.handler.echo', message)).toEqual(message)
    expect(await client.request('probe.handler.nothing')).toEqual({ code: 200 })
    expect(await client.request('probe.handler.text')).toBe('just text')
  })

  it('speaks pitaya to a pitaya client, with heartbeats and the error flag', async () => {
    const client = await connect(transport, { dialect: 'pitaya' })
    expect(client.handshakeReply.sys).toMatchObject({ dict: {}, serializer: 'json' })
    expect(client.handshakeReply.sys).not.toHaveProperty('useDict')
    await client.waitHeartbeat()
    await client.waitHeartbeat()
    const reply = await client.requestBytes('probe.handler.fail', '{"code":402,"text":"poor"}')
    expect(reply.error).toBe(true)
  })

  it('shows the handler its transport and the user of its handshake', async () => {
    const client = await connect(transport, { user: { build: 12, name: 'n\u00e9' } })
    expect(await client.request('probe.handler.session')).toEqual({
      transport,
      user: { build: 12, name: 'n\u00e9' },
      data: {},
    })
  })

  it('pushes, and kicks with a reason', async () => {
    const client = await connect(transport)
    await client.request('probe.handler.fork')
    expect(await client.waitPush('onFork')).toMatchObject({ text: 'from the fork' })
    client.notify('probe.handler.kick_me', { reason: 'because' })
    expect(await client.waitKick()).toBe('because')
    await client.waitClose()
  })

  it('is kicked when its uid logs in again, and the newer one keeps the uid', async () => {
    const first = await logIn(`again-${transport}`, transport)
    const second = await logIn(`again-${transport}`, transport)
    expect(await first.waitKick()).toBe('logged in from another place')
    await first.waitClose()
    const third = await logIn('whisperer', transport)
    const whisper = { to: `again-${transport}`, text: 'still there?' }
    await third.request('work.handler.whisper', whisper)
    expect(await second.waitPush('onWhisper')).toEqual({ from: 'whisperer', text: 'still there?' })
  })
})

describe('errors, as a client is told them', () => {
  it('passes on what fail() says, with a request id', async () => {
    const client = await connect()
    const reply = await client.request('probe.handler.fail', { code: 404, text: 'no such item' })
    expect(reply).toEqual({
      code: 404,
      message: 'no such item',
      data: { hint: 'try again' },
      requestId: expect.stringMatching(/^test-\d-\w+$/),
    })
    expect(await client.request('probe.handler.raise_table')).toMatchObject({
      code: 409,
      message: 'raised on purpose',
    })
  })

  it('hides a bug from the client and shows the log its place and traceback', async () => {
    const client = await connect()
    const reply = (await client.request('probe.handler.raise_text')) as { requestId: string }
    expect(reply).toMatchObject({ code: 500, message: 'internal error' })
    const line = await host.waitLog((each) => each.requestId === reply.requestId, 'the traceback')
    expect(line).toMatchObject({ level: 50, route: 'probe.handler.raise_text' })
    expect(line.msg).toBe('lua/services/probe.lua:26: a bug in a service')
    expect(line.traceback).toMatch(/probe\.lua:26: in .*deep.*\n.*probe\.lua:28/)
    const next = (await client.request('probe.handler.index_nil')) as { requestId: string }
    const second = await host.waitLog((each) => each.requestId === next.requestId, 'index error')
    expect(second.msg).toMatch(/probe\.lua:32: attempt to index a nil value \(field 'missing'\)/)
  })

  it('refuses a reply that cannot be sent, naming the field in the log', async () => {
    const client = await connect()
    const reply = (await client.request('probe.handler.unsendable')) as { requestId: string }
    expect(reply).toMatchObject({ code: 500 })
    const line = await host.waitLog((each) => each.requestId === reply.requestId, 'the field')
    expect(line.msg).toMatch(/callback/)
  })

  it('refuses what is not JSON, unknown routes, and closed routes before login', async () => {
    const client = await connect()
    const bad = await client.requestBytes('probe.handler.echo', '{"a":')
    expect(JSON.parse(bad.body.toString())).toMatchObject({ code: 400 })
    expect(await client.request('probe.handler.absent')).toMatchObject({ code: 404 })
    expect(await client.request('counter.remote.add')).toMatchObject({ code: 404 })
    expect(await client.request('work.handler.count')).toMatchObject({ code: 401 })
    expect(await client.request('probe.handler.echo', { still: 'here' })).toEqual({ still: 'here' })
  })

  it('ends a request that waits too long, also one that catches its timeout', async () => {
    const client = await connect()
    const late = await client.request('probe.handler.sleep', { ms: 60_000 })
    expect(late).toMatchObject({ code: 504, message: 'timed out after 1000 ms' })
    expect(await client.request('probe.handler.stubborn')).toMatchObject({ code: 504 })
    expect(await client.request('probe.handler.caught')).toEqual({ ok: false, failed: 504 })
    expect(await client.request('probe.handler.echo', { n: 1 })).toEqual({ n: 1 })
  })

  it('refuses undeclared globals and a yield that belongs to nobody', async () => {
    const client = await connect()
    for (const [route, words] of [
      ['probe.handler.global', /undeclared_global/],
      ['probe.handler.yield', /coroutine\.yield/],
    ] as const) {
      const reply = (await client.request(route)) as { requestId: string }
      expect(reply).toMatchObject({ code: 500 })
      const line = await host.waitLog((each) => each.requestId === reply.requestId, route)
      expect(line.msg).toMatch(words)
    }
  })
})

describe('the host library', () => {
  it('waits inside a coroutine of the service', async () => {
    const client = await connect()
    expect(await client.request('probe.handler.generator')).toEqual({
      seen: ['one', 'two', 'three'],
    })
  })

  it('loads modules by require', async () => {
    const client = await connect()
    expect(await client.request('probe.handler.required', { value: 21 })).toEqual({ value: 42 })
  })

  it('makes ids that are unique, decimal and growing over all lanes', async () => {
    const clients = await Promise.all([connect(), connect(), connect(), connect()])
    const lists = await Promise.all(
      clients.map((each) => each.request('probe.handler.ids') as Promise<string[]>),
    )
    const all = lists.flat()
    expect(new Set(all).size).toBe(400)
    for (const list of lists) {
      for (let i = 1; i < list.length; i++) {
        expect(BigInt(list[i] as string) > BigInt(list[i - 1] as string)).toBe(true)
      }
    }
  })

  it('keeps integers, floats, empty arrays and null apart in JSON', async () => {
    const client = await connect()
    const sent = { int: 7, float: 2.5, text: 'x' }
    expect(await client.request('probe.handler.kinds', sent)).toEqual({
      ...sent,
      math_type: 'integer',
      empty: [],
      null: null,
    })
  })

  it('reaches a service of another lane, with copies both ways and errors as values', async () => {
    const uids = ['u1', 'u2', 'u3', 'u4', 'u5', 'u6']
    const clients = await Promise.all(uids.map((uid) => logIn(uid)))
    const counts = await Promise.all(clients.map((each) => each.request('work.handler.count')))
    const sorted = counts.map((each) => (each as { count: number }).count).sort((a, b) => a - b)
    expect(sorted).toEqual(sorted.map((_, i) => (sorted[0] as number) + i))
    for (const client of clients) {
      expect(await client.request('work.handler.copies')).toEqual({ sent: 1, got: 2, float: true })
      const error = (method: string, argument = 1) =>
        client.request('work.handler.remote_error', { method, argument })
      expect(await error('raise_table')).toMatchObject({
        ok: false,
        failed: 418,
        message: 'teapot',
      })
      expect(await error('raise_text')).toMatchObject({
        ok: false,
        failed: 500,
        message: expect.stringMatching(/counter\.lua:\d+: broken remote/),
      })
      expect(await error('absent')).toMatchObject({ ok: false, failed: 404 })
      expect(await error('return_function')).toMatchObject({
        ok: false,
        failed: 500,
        message: expect.stringMatching(/a function cannot be sent/),
      })
    }
  })

  it('carries session.data to the lane of the uid', async () => {
    for (let i = 0; i < 12; i++) {
      const client = await logIn(`mover-${i}`, 'tcp', `tag-${i}`)
      expect(await client.request('work.handler.where')).toEqual({
        uid: `mover-${i}`,
        data: { seen: 1, tag: `tag-${i}` },
        lane: 'one',
      })
    }
  })

  it('broadcasts to a channel over all lanes, in order, but not to those who left', async () => {
    const names = ['c1', 'c2', 'c3', 'c4', 'c5']
    const members = await Promise.all(names.map((uid) => logIn(uid)))
    for (const [i, member] of members.entries()) {
      expect(await member.request('work.handler.join', { channel: 'hall' })).toEqual({
        count: i + 1,
      })
    }
    const [first, second, third] = members as [PomeloClient, PomeloClient, PomeloClient]
    for (let n = 0; n < 20; n++) {
      await first.request('work.handler.shout', { channel: 'hall', text: n, not_me: true })
    }
    for (const member of members.slice(1)) {
      for (let n = 0; n < 20; n++) {
        expect(await member.waitPush('onShout')).toEqual({ from: 'c1', text: n })
      }
    }
    expect(await second.request('work.handler.leave', { channel: 'hall' })).toEqual({ count: 4 })
    await third.close()
    await first.request('work.handler.shout', { channel: 'hall', text: 'last' })
    expect(await first.waitPush('onShout')).toEqual({ from: 'c1', text: 'last' })
    expect(await second.request('probe.handler.echo', { after: 1 })).toEqual({ after: 1 })
    await expect(
      Promise.race([
        second.waitPush('onShout'),
        first.request('work.handler.leave', { channel: 'hall' }),
      ]),
    ).resolves.toMatchObject({ count: expect.any(Number) })
    second.onPush('onShout', () => expect.unreachable('a push after leave'))
  })

  it('tells services when a session closes, and kicks by uid', async () => {
    const watcher = await logIn('watcher')
    const gone = await logIn('goner')
    await watcher.request('work.handler.expel', { uid: 'goner', reason: 'expelled' })
    expect(await gone.waitKick()).toBe('expelled')
    const line = await host.waitLog(
      (each) => each.msg === 'closed' && (each.data as { uid?: string })?.uid === 'goner',
      'closed',
    )
    expect(line.data).toEqual({ uid: 'goner', reason: 'expelled' })
    const { closed } = (await watcher.request('work.handler.closed')) as { closed: string[] }
    expect(closed).toContain('goner')
  })
})
