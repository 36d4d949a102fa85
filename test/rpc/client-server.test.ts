// Calls over a real socket: answers, errors, deadlines, limits, keys, drain.

import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { IncomingCall } from '../../core/rpc/incoming-call.ts'
import { failed, type Outcome, succeeded } from '../../core/rpc/outcome.ts'
import {
  anyCall,
  nodeAt,
  routesTo,
  startClient,
  startServer,
  stopAll,
  until,
} from './rpc-fixture.ts'

afterEach(stopAll)

const textOf = (body: Uint8Array): string => Buffer.from(body).toString()

describe('client and server', () => {
  it('a call is answered, and carries all of its fields', async () => {
    const a = await startServer('a')
    const { call } = startClient(routesTo([nodeAt('a', a.port)]))
    const outcome = await call({ body: Buffer.from('hi'), traceId: 'trace-1', key: 'k' })
    expect([outcome.code, textOf(outcome.body)]).toEqual([0, 'hi'])
    expect(a.calls[0]?.request).toMatchObject({ method: 'echo', traceId: 'trace-1', key: 'k' })
    const { timeoutMs } = a.calls[0]?.request ?? {}
    expect(timeoutMs).toBeGreaterThan(1000)
    expect(timeoutMs).toBeLessThanOrEqual(2000)
  })

  it('many calls are under way at once, and each gets its own answer', async () => {
    const held: IncomingCall[] = []
    const a = await startServer('a', (call) => void held.push(call))
    const { call, client } = startClient(routesTo([nodeAt('a', a.port)]))
    const all = Array.from({ length: 500 }, (_, i) => call({ body: Buffer.from(`${i}`) }))
    await until(() => held.length === 500, 'all calls arrived')
    expect(client.inFlight).toBe(500)
    for (const each of held.reverse()) each.end(succeeded(each.request.body))
    const bodies = (await Promise.all(all)).map(({ body }) => textOf(body))
    expect(bodies).toEqual(Array.from({ length: 500 }, (_, i) => `${i}`))
    expect(client.inFlight).toBe(0)
  })

  it('an error keeps its code, its words and its marks', async () => {
    const a = await startServer('a', (call) =>
      call.request.method === 'bug'
        ? void call.end(failed('INTERNAL', 'bag.lua:3: oh', { internal: true }))
        : void call.end({ ...failed('NOT_FOUND', 'kein Gegenstand ✓'), code: 402 }),
    )
    const { call, client } = startClient(routesTo([nodeAt('a', a.port)]))
    expect(await call()).toMatchObject({ code: 402, error: 'kein Gegenstand ✓', internal: false })
    expect(await call({ method: 'bug' })).toMatchObject({ code: 500, internal: true })
    const [first] = client.stats.all
    expect([first?.calls, first?.inFlight, first?.latency.count]).toEqual([1, 0, 1])
    expect(client.stats.method('echo', 'echo').errors.get(402)).toBe(1)
  })

  it('unknown services and nodes are told as not found, and nothing is sent', async () => {
    const { call, client } = startClient(routesTo([]))
    expect(await call()).toMatchObject({ code: 404, notRun: true })
    expect(await call({ node: 'nobody' })).toMatchObject({ code: 404, notRun: true })
    expect(client.counts.sent).toBe(0)
  })

  it('a call ends at its deadline, and the late reply is dropped and counted', async () => {
    const held: IncomingCall[] = []
    const a = await startServer('a', (call) => void held.push(call))
    const { call, client } = startClient(routesTo([nodeAt('a', a.port)]))
    const outcome = await call({ timeoutMs: 60 })
    expect(outcome).toMatchObject({ code: 504, notRun: false })
    expect(outcome.error).toContain('node a did not answer within 60 ms')
    held[0]?.end(succeeded(Buffer.from('late')))
    await until(() => client.counts.lateReplies === 1, 'the late reply is counted')
    expect(client.inFlight).toBe(0)
  })

  it('a node that cannot be reached is told as such, at once', async () => {
    const gone = await startServer('a')
    gone.server.close('')
    const { call } = startClient(routesTo([nodeAt('a', gone.port)]))
    const outcome = await call()
    expect(outcome).toMatchObject({ code: 503, notRun: true })
    expect(outcome.error).toContain('ECONNREFUSED')
  })

  it('a call that could not be sent to one node goes to another', async () => {
    const gone = await startServer('a')
    gone.server.close('')
    const b = await startServer('b')
    const { call } = startClient(routesTo([nodeAt('a', gone.port), nodeAt('b', b.port)]))
    const codes = await Promise.all(Array.from({ length: 4 }, () => call()))
    expect(codes.map(({ code }) => code)).toEqual([0, 0, 0, 0])
    expect(b.calls).toHaveLength(4)
  })

  it('another node at the address is refused: a call must not go astray', async () => {
    const other = await startServer('other')
    const { call } = startClient(routesTo([nodeAt('a', other.port)]))
    expect((await call()).error).toContain('node other answers at the address of node a')
    expect(other.calls).toHaveLength(0)
  })

  it('the token is asked for', async () => {
    const a = await startServer('a', undefined, { token: 'secret' })
    const routes = routesTo([nodeAt('a', a.port)])
    expect(await startClient(routes, { token: 'secret' }).call()).toMatchObject({ code: 0 })
    const stranger = await startClient(routes, { token: 'secreT' }).call()
    expect(stranger.code).toBe(503)
    expect(stranger.error).toContain('token')
    expect(a.calls).toHaveLength(1)
  })

  it('the limit of calls under way holds at both ends', async () => {
    const a = await startServer('a', () => undefined, { rules: { inFlightMax: 3 } })
    const routes = routesTo([nodeAt('a', a.port)])
    const mild = startClient(routes, { rules: { inFlightMax: 2 } })
    void mild.call()
    void mild.call()
    expect(await mild.call()).toMatchObject({ code: 503, notRun: true })
    const bold = startClient(routes)
    for (let i = 0; i < 3; i++) void bold.call()
    expect(await bold.call()).toMatchObject({ code: 503, notRun: true })
    expect(a.calls).toHaveLength(5)
  })

  it('without room nothing more is read, and nothing is lost or run twice', async () => {
    let room = 10
    const a = await startServer('a', (call) => {
      if (room === 0) return false
      room--
      call.end(succeeded(call.request.body))
      return true
    })
    const { call } = startClient(routesTo([nodeAt('a', a.port)]))
    const all = Promise.all(Array.from({ length: 95 }, (_, i) => call({ body: Buffer.from([i]) })))
    for (let round = 1; round <= 10; round++) {
      await until(() => room === 0 || a.calls.length === 95, 'the room is used up')
      room = 10
      a.server.retry()
    }
    expect((await all).map(({ body }) => body[0])).toEqual(Array.from({ length: 95 }, (_, i) => i))
    expect(a.dispatcher.stats.method('echo', 'echo').calls).toBe(95)
  })

  it('a node that drains ends what it has and takes nothing new; others do', async () => {
    const held: IncomingCall[] = []
    const a = await startServer('a', (call) => void held.push(call))
    const b = await startServer('b')
    const routes = routesTo([nodeAt('a', a.port), nodeAt('b', b.port)], 'echo', 'round_robin')
    const { call, client } = startClient(routes)
    const first = call()
    await until(() => held.length === 1, 'a has a call')
    const drained = a.dispatcher.drain()
    a.server.announce()
    const more = await Promise.all(Array.from({ length: 6 }, () => call()))
    expect(more.every(({ code }) => code === 0)).toBe(true)
    expect(held).toHaveLength(1)
    held[0]?.end(succeeded(Buffer.from('done')))
    expect(textOf((await first).body)).toBe('done')
    await drained
    await until(() => client.peers[0]?.isDraining === true, 'the client knows')
    expect(await call({ node: 'a' })).toMatchObject({ code: 503, notRun: true })
  })

  it('a node that drains still carries out the calls of its own coroutines', async () => {
    const a = await startServer('a')
    await a.dispatcher.drain()
    const request = { ...anyCall, id: 0 }
    const handle = (isOwn: boolean) =>
      new Promise<Outcome>((end) => {
        a.dispatcher.handle({ request, format: 'proto', safeOnly: false, isOwn, end })
      })
    expect(await handle(true)).toMatchObject({ code: 0 })
    expect(await handle(false)).toMatchObject({ code: 503, notRun: true })
  })

  it('a call whose connection is lost fails, without a key', async () => {
    const a = await startServer('a', () => undefined)
    const { call } = startClient(routesTo([nodeAt('a', a.port)]))
    const pending = call()
    await until(() => a.calls.length === 1, 'the call arrived')
    a.server.close('going')
    expect((await pending).error).toContain('may or may not have been carried out')
  })

  it('garbage ends the connection and nothing else', async () => {
    const a = await startServer('a')
    for (const bytes of [
      [0xff, 0xff, 0xff, 0xff],
      [0, 0, 0, 2, 0x0a, 0xff],
      [0, 0, 0, 1, 0x03],
    ]) {
      const socket = connect(a.port, '127.0.0.1')
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.on('error', () => {})
      socket.resume()
      socket.write(Buffer.from(bytes))
      await closed
    }
    await until(() => a.server.connections === 0, 'no connection is left')
    expect(await startClient(routesTo([nodeAt('a', a.port)])).call()).toMatchObject({ code: 0 })
  })
})
