// The RPC gates: a host in a process of its own behind a proxy that breaks things, and a client here.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { LuaValue } from '../../core/lua/engine.ts'
import { openEngine } from '../../core/lua/open-engine.ts'
import { WireValueReader, WireValueWriter } from '../../core/lua/wire-value.ts'
import type { Outcome } from '../../core/rpc/outcome.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { freePorts } from '../support/free-ports.ts'
import { startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { makeTempGame, removeTempGames } from '../support/temp-game.ts'
import { nodeAt, routesTo, startClient, startServer, stopAll, until } from './rpc-fixture.ts'

const ledger = `local ledger = service "ledger"
local S = state "ledger"
S.gold = S.gold or 0
function ledger.remote.add(n)
  S.gold = S.gold + n
  return S.gold
end
function ledger.remote.slow_add(n, ms)
  S.gold = S.gold + n
  sleep(ms)
  return S.gold
end
function ledger.remote.reset()
  S.gold = 0
end
function ledger.remote.gold()
  return S.gold
end
function ledger.remote.slow(ms)
  sleep(ms)
  return ms
end
return ledger
`

const engine = openEngine('v8', {
  print: () => {},
  wallMs: () => 0,
  seed: [1n, 2n],
  stringBytesMax: 1_000_000,
})
const writer = new WireValueWriter(engine)
const reader = new WireValueReader(engine)
const body = (...args: LuaValue[]): Buffer => Buffer.from(writer.encode(args))
function valuesOf(outcome: Outcome): LuaValue[] {
  expect(outcome).toMatchObject({ code: 0 })
  const bytes = Buffer.from(outcome.body)
  return reader.decode(bytes, 0, bytes.length) ?? []
}

/** A host with the ledger; on the same port as an earlier one, if that is given. */
async function startLedger(port?: number) {
  const rpcPort = port ?? (await freePorts(1))[0]
  const root = makeTempGame(
    { ledger },
    {
      'config/services.lua': 'return { { name = "ledger", lanes = "one" } }\n',
      'config/host.lua': `return {
  node = { name = "world" },
  lanes = { count = 1 },
  rpc = { port = ${rpcPort} },
  log = { level = "warn", pretty = false },
}\n`,
    },
  )
  return { host: await startHostProcess({ root }), port: rpcPort as number }
}

async function clientThrough(port: number, rules = {}) {
  const proxy = await FaultProxy.open('127.0.0.1', port)
  proxies.push(proxy)
  const { client, call } = startClient(routesTo([nodeAt('world', proxy.port)], 'ledger'), { rules })
  const ledgerCall = (method: string, args: LuaValue[], more = {}): Promise<Outcome> =>
    call({ service: 'ledger', method, body: body(...args), timeoutMs: 5000, ...more })
  return { proxy, client, call: ledgerCall }
}

const proxies: FaultProxy[] = []

afterEach(async () => {
  stopAll()
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()))
})
afterAll(async () => {
  await stopAllHosts()
  removeTempGames()
})

describe('rpc gates', () => {
  let port = 0
  beforeAll(async () => {
    port = (await startLedger()).port
  })
  beforeEach(async () => {
    const { call } = await clientThrough(port)
    expect(await call('reset', [])).toMatchObject({ code: 0 })
  })

  it('reply lost: with a key it is sent again and runs once, without one it fails', async () => {
    const { proxy, client, call } = await clientThrough(port)
    expect(valuesOf(await call('add', [1]))).toEqual([1])
    let lost = 0
    const loseNext = (): void => {
      const onBytes = (): 'reset' => {
        proxy.toClient = {}
        lost++
        return 'reset'
      }
      proxy.toClient = { onBytes }
    }
    for (let i = 1; i <= 20; i++) {
      loseNext()
      const outcome = await call('add', [10], { idempotencyKey: `pay-${i}` })
      expect(valuesOf(outcome)).toEqual([1 + 10 * i])
      // Calls that go well earn the next one's second try.
      for (let good = 0; good < 6; good++) await call('gold', [])
    }
    expect(lost).toBe(20)
    expect(client.counts.retries).toBe(20)
    expect(valuesOf(await call('gold', []))).toEqual([201])
    loseNext()
    const without = await call('add', [1000])
    expect(without).toMatchObject({ code: 503, notRun: false })
    expect(without.error).toContain('may or may not have been carried out')
    const other = await call('add', [11], { idempotencyKey: 'pay-1' })
    expect(other).toMatchObject({ code: 409 })
    expect(valuesOf(await call('gold', []))).toEqual([1201])
  })

  it('reply swallowed by the network: it is sent again over the same connection', async () => {
    const { proxy, call } = await clientThrough(port, { attemptMs: 100 })
    expect(valuesOf(await call('add', [1]))).toEqual([1])
    proxy.toClient = {
      get silent() {
        proxy.toClient = {}
        return true
      },
    }
    const more = { idempotencyKey: 'swallowed', timeoutMs: 1000 }
    expect(valuesOf(await call('add', [5], more))).toEqual([6])
    expect(valuesOf(await call('gold', []))).toEqual([6])
  })

  it('late reply: dropped and counted, and nobody else gets it', async () => {
    const { proxy, client, call } = await clientThrough(port)
    await call('gold', [])
    proxy.toClient = { latencyMs: 250 }
    const late = await Promise.all(
      Array.from({ length: 5 }, () => call('gold', [], { timeoutMs: 100 })),
    )
    expect(late.map(({ code }) => code)).toEqual(Array(5).fill(504))
    await until(() => client.counts.lateReplies === 5, 'all late replies are counted')
    proxy.toClient = {}
    expect(valuesOf(await call('add', [7]))).toEqual([7])
  })

  it('silent peer: a connection on which nothing comes is given up by its heartbeats', async () => {
    const { proxy, client, call } = await clientThrough(port, { heartbeatMs: 50 })
    await call('gold', [])
    proxy.toServer = { silent: true }
    proxy.toClient = { silent: true }
    const started = Date.now()
    const outcome = await call('gold', [])
    expect(outcome).toMatchObject({ code: 503 })
    expect(outcome.error).toContain('heartbeats')
    expect(Date.now() - started).toBeLessThan(2000)
    proxy.toServer = {}
    proxy.toClient = {}
    await until(() => client.peers[0]?.breaker.state === 'closed', 'the circuit is closed')
    expect(valuesOf(await call('gold', []))).toEqual([0])
  })

  it('peer restarts mid-call: no call runs twice, and the next ones are answered', async () => {
    const first = await startLedger()
    const { proxy, call } = await clientThrough(first.port)
    await call('gold', [])
    const patient = { timeoutMs: 30_000 }
    const keyed = call('slow_add', [1, 8000], { idempotencyKey: 'k', ...patient })
    const bare = call('slow_add', [1, 8000], patient)
    let gold = 0
    while (gold < 2) gold = Number(valuesOf(await call('gold', []))[0])
    first.host.signal('SIGKILL')
    await first.host.exited
    const second = await startLedger(first.port)
    expect(await bare).toMatchObject({ code: 503, notRun: false })
    const outcome = await keyed
    expect(outcome).toMatchObject({ code: 503, notRun: false })
    expect(outcome.error).toContain('was restarted')
    expect(valuesOf(await call('gold', []))).toEqual([0])
    expect(proxy.connections).toBeGreaterThan(1)
    second.host.signal('SIGKILL')
  })

  it('10,000 calls are under way at once, all parked in Lua, and each is answered', async () => {
    const { client, call } = await clientThrough(port)
    await call('gold', [])
    const more = { timeoutMs: 20_000 }
    const all = Array.from({ length: 10_000 }, (_, i) => call('slow', [1000 + (i % 50)], more))
    expect(client.inFlight).toBe(10_000)
    const outcomes = await Promise.all(all)
    expect(outcomes.filter(({ code }) => code !== 0)).toEqual([])
    expect(outcomes.map((each) => valuesOf(each)[0])).toEqual(
      Array.from({ length: 10_000 }, (_, i) => 1000 + (i % 50)),
    )
    expect(client.inFlight).toBe(0)
  }, 60_000)

  it('when all fail, sending again adds at most a fifth', async () => {
    let arrived = 0
    const silent = await startServer('silent', () => {
      arrived++
    })
    const { client, call } = startClient(routesTo([nodeAt('silent', silent.port)]), {
      // The circuit would keep the load down by itself; here the budget must.
      rules: {
        attemptMs: 5,
        breaker: { failuresInRowMax: 1e9, window: 1e6, openMs: 1, openMsMax: 1 },
      },
    })
    void call()
    await until(() => client.peers[0]?.isOpen === true, 'the connection is open')
    const calls = 1500
    let begun = 0
    const worker = async (): Promise<void> => {
      while (begun < calls) {
        begun++
        const outcome = await call({ idempotencyKey: `key-${begun}`, timeoutMs: 40 })
        expect(outcome.code).toBe(504)
      }
    }
    await Promise.all(Array.from({ length: 30 }, worker))
    expect(client.counts.sent - client.counts.retries).toBe(begun + 1)
    expect(client.counts.retries).toBeGreaterThan(begun * 0.1)
    expect(client.counts.sent).toBeLessThanOrEqual(begun * 1.2)
    expect(client.budget.refused).toBeGreaterThan(0)
    expect(arrived).toBeLessThanOrEqual(begun + 1)
  })

  it('when all fail, the circuit opens: nothing is sent, and callers know at once', async () => {
    const silent = await startServer('silent', () => undefined)
    const { client, call } = startClient(routesTo([nodeAt('silent', silent.port)]))
    await Promise.all(Array.from({ length: 8 }, () => call({ timeoutMs: 50 })))
    expect(client.peers[0]?.breaker.state).toBe('open')
    const { sent } = client.counts
    expect(await call()).toMatchObject({ code: 503, notRun: true })
    expect(client.counts.sent).toBe(sent)
  })
})
