// Promise G5: a lane that loops, fills memory or dies takes down no socket and no other lane.
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { runawayHandlers } from '../../bench/runaway/handlers.ts'
import { gameFolder, removeGameFolders } from '../support/game-folder.ts'
import { type HostProcess, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient, type PomeloClient } from '../support/pomelo-client.ts'

const services = `return {
  { name = "login" }, { name = "probe" }, { name = "wild" }, { name = "work" },
  { name = "counter", lanes = "one" },
}`

const wild = `
local wild = service "wild"
local S = state "wild"
S.attached = S.attached or {}
${runawayHandlers}
function wild.handler.stubborn()
  while true do pcall(function() while true do end end) end
end
function wild.handler.hoard()
  S.hoard = S.hoard or {}
  for i = 1, 50000 do S.hoard[#S.hoard + 1] = { i, tostring(i) } end
  return { size = #S.hoard }
end
function wild.handler.slow(session, msg)
  local stop = clock.mono_ms() + msg.ms
  while clock.mono_ms() < stop do end
  return { ran = msg.ms }
end
function wild.handler.wait(session, msg) sleep(msg.ms) return { waited = true } end
function wild.handler.seen(session) return { uid = session.uid, attached = S.attached[session.id] or false } end
function wild.handler.keep(session, msg) session.data.kept = msg.kept return {} end
function wild.handler.kept(session) return { kept = session.data.kept } end
function wild.on_attach(session)
  S.attached[session.id] = true
  log.info("attached", { uid = session.uid })
end
return wild`

/** Lanes of 64 MiB in the one, so that memory runs out soon, and of 1 GiB in the other. */
let small: HostProcess
let roomy: HostProcess
const open: PomeloClient[] = []

/** Both engines, unless one is asked for. */
const engines = process.env.MOONWHEEL_TEST_ENGINE?.split(',') ?? ['v8', 'fengari']

function start(engine: string, memoryMb: number): Promise<HostProcess> {
  const game = gameFolder({
    'config/services.lua': services,
    'config/host.lua': `return {
      node = { name = "test", id = 7 },
      lua = { engine = "${engine}" },
      lanes = { count = 3, memory_mb = ${memoryMb}, request_timeout_ms = 5000, run_budget_ms = 300 },
      gate = { public_routes = { "probe.*", "login.*" } },
      log = { level = "debug", pretty = false },
    }`,
    'lua/services/wild.lua': wild,
  })
  return startHostProcess({ root: game.root })
}

afterEach(async () => {
  for (const client of open) expect(client.violations).toEqual([])
  await Promise.all(open.splice(0).map((client) => client.close()))
})
afterAll(async () => {
  await stopAllHosts()
  removeGameFolders()
})

async function logIn(uid: string, host = small): Promise<PomeloClient> {
  const client = await connectClient({ transport: 'tcp', port: host.tcpPort, timeoutMs: 10_000 })
  open.push(client)
  await client.request('login.handler.as', { uid })
  return client
}

/** FNV-1a, as lanes are chosen. */
function laneOf(uid: string): number {
  let hash = 2166136261
  for (let i = 0; i < uid.length; i++) hash = Math.imul(hash ^ uid.charCodeAt(i), 16777619)
  return (hash >>> 0) % 3
}
let nextUid = 0
/** A uid that belongs to this lane, new each time. */
function uidIn(lane: number): string {
  for (;;) {
    const uid = `u${nextUid++}`
    if (laneOf(uid) === lane) return uid
  }
}

describe.each(engines)('%s', (engine) => {
  beforeAll(async () => {
    ;[small, roomy] = await Promise.all([start(engine, 64), start(engine, 1024)])
  })
  afterAll(async () => {
    const exits = await Promise.all([small.stop(), roomy.stop()])
    for (const exit of exits) expect(exit, exit.stderr).toMatchObject({ code: 0 })
  }, 20_000)

  describe('a run that takes too long is ended', () => {
    it.each(['loop', 'stubborn', 'pattern'])('%s', async (which) => {
      const client = await logIn(uidIn(1))
      const other = await logIn(uidIn(2))
      const reply = client.request(`wild.handler.${which}`, {})
      expect(await other.request('wild.handler.seen')).toMatchObject({ attached: false })
      expect(await reply).toMatchObject({ code: 503, requestId: expect.any(String) })
      const { requestId } = (await reply) as { requestId: string }
      const line = await small.waitLog((each) => each.requestId === requestId, 'the killed run')
      expect(line.traceback ?? line.msg).toMatch(/lua\/services\/wild\.lua:\d+/)
      expect(line).toMatchObject({ route: `wild.handler.${which}`, code: 'wild v1' })
      // The lane goes on, and the next run is not ended for the last one.
      expect(await client.request('wild.handler.slow', { ms: 100 })).toEqual({ ran: 100 })
      expect(await client.request('wild.handler.seen')).toMatchObject({ attached: false })
    })
  })

  describe('a run that fills memory or builds long texts', () => {
    it.each(['memory', 'bomb'])(
      '%s is ended, or its lane is replaced',
      async (which) => {
        const client = await logIn(uidIn(1))
        const other = await logIn(uidIn(2))
        const reply = client.request(`wild.handler.${which}`, {})
        expect(await other.request('wild.handler.seen')).toMatchObject({ attached: false })
        expect(await reply).toMatchObject({ code: 503, requestId: expect.any(String) })
        const { requestId } = (await reply) as { requestId: string }
        const line = await small.waitLog(
          (each) => each.requestId === requestId,
          'what became of it',
        )
        expect(line).toMatchObject({ route: `wild.handler.${which}` })
        // Whichever limit it meets first: the time, the memory, or that its thread does not yield.
        const wasLost = /^lane 1 is lost: .* in wild\.handler\.(memory|bomb); /.test(line.msg)
        if (!wasLost) expect(line.traceback ?? line.msg).toMatch(/lua\/services\/wild\.lua:\d+/)
        expect(await client.request('wild.handler.seen')).toMatchObject({ attached: wasLost })
        expect(await other.request('wild.handler.seen')).toMatchObject({ attached: false })
        for (const each of [client, other]) expect(each.isClosed).toBe(false)
      },
      30_000,
    )
  })

  describe('a lane that does not come back is replaced', () => {
    it('one that is stuck: sockets stay open, what was under way is answered 503', async () => {
      const culprit = await logIn(uidIn(1), roomy)
      const neighbour = await logIn(uidIn(1), roomy)
      const stranger = await logIn(uidIn(2), roomy)
      await neighbour.request('wild.handler.keep', { kept: 5 })
      const waiting = neighbour.request('wild.handler.wait', { ms: 4000 })
      const fatal = culprit.request('wild.handler.stuck', {})
      expect(await stranger.request('wild.handler.seen')).toMatchObject({ attached: false })
      const lost = (await fatal) as { code: number; requestId: string }
      expect(lost).toMatchObject({
        code: 503,
        requestId: expect.stringMatching(/^test-1-lost-\w+$/),
      })
      expect(await waiting).toEqual(lost)
      const line = await roomy.waitLog((each) => each.requestId === lost.requestId, 'the loss')
      expect(line.msg).toMatch(/^lane 1 is lost: it did not come back .* in wild\.handler\.stuck; /)
      // Asked at once; answered when the new lane stands.
      expect(await neighbour.request('wild.handler.seen')).toMatchObject({ attached: true })
      expect(await culprit.request('wild.handler.seen')).toMatchObject({ attached: true })
      expect(await neighbour.request('wild.handler.kept')).toEqual({})
      expect(await stranger.request('wild.handler.seen')).toMatchObject({ attached: false })
      for (const client of [culprit, neighbour, stranger]) expect(client.isClosed).toBe(false)
    }, 30_000)

    it('by the spare one, which the next loss finds only when all was calm again', async () => {
      const host = await start(engine, 1024)
      const spareIsReady = () => host.log.filter((each) => each.msg === 'a spare lane is ready')
      await vi.waitFor(() => expect(spareIsReady()).toHaveLength(1), 60_000)
      const [culprit, other] = [await logIn(uidIn(1), host), await logIn(uidIn(2), host)]
      for (const client of [culprit, other]) {
        expect(await client.request('wild.handler.stuck', {})).toMatchObject({ code: 503 })
      }
      // Both have their sessions again, and lane 2 was lost before there was another spare one.
      for (const client of [culprit, other]) {
        expect(await client.request('wild.handler.seen')).toMatchObject({ attached: true })
      }
      const again = host.log.filter((each) => / runs again, after /.test(each.msg))
      expect(again).toMatchObject([
        { lane: 1, spare: true },
        { lane: 2, spare: false },
      ])
      await vi.waitFor(() => expect(spareIsReady()).toHaveLength(2), 60_000)
      expect(await host.stop()).toMatchObject({ code: 0 })
    }, 150_000)

    it('one that runs out of memory', async () => {
      const culprit = await logIn(uidIn(1))
      const stranger = await logIn(uidIn(2))
      let lost: { code?: number; requestId?: string } = {}
      for (let i = 0; i < 200 && !/-lost-/.test(lost.requestId ?? ''); i++) {
        lost = (await culprit.request('wild.handler.hoard')) as typeof lost
      }
      expect(lost).toMatchObject({ code: 503, requestId: expect.stringMatching(/^test-1-lost-/) })
      expect(await culprit.request('wild.handler.seen')).toMatchObject({ attached: true })
      const line = await small.waitLog((each) => each.requestId === lost.requestId, 'the loss')
      expect(line.msg).toMatch(/^lane 1 is lost: out of memory in wild\.handler\.hoard; /)
      expect(await stranger.request('wild.handler.seen')).toMatchObject({ attached: false })
      for (const client of [culprit, stranger]) expect(client.isClosed).toBe(false)
    }, 30_000)

    it('numbers requests apart from those of the lanes before', async () => {
      const client = await logIn(uidIn(1))
      const { requestId } = (await client.request('wild.handler.loop', {})) as { requestId: string }
      await small.waitLog((each) => each.requestId === requestId, 'the killed run')
      const killed = small.log.filter((each) => each.traceback !== undefined && each.lane === 1)
      const ids = killed.map((each) => each.requestId)
      expect(ids.length).toBeGreaterThan(3)
      expect(new Set(ids).size).toBe(ids.length)
    })

    it('calls that wait for it get an error, and later ones are answered by its successor', async () => {
      const client = await logIn(uidIn(0), roomy)
      const caller = await logIn(uidIn(1), roomy)
      expect(await client.request('wild.handler.seen')).toMatchObject({ attached: false })
      const fatal = client.request('wild.handler.stuck', {})
      // Lane 0 runs the counter. It hangs now, so this call waits in its ring until the lane is lost.
      await caller.request('wild.handler.wait', { ms: 50 })
      const stuckCall = caller.request('work.handler.count', {})
      expect(await fatal).toMatchObject({ code: 503 })
      expect(await stuckCall).toMatchObject({ code: 503 })
      expect(await caller.request('work.handler.count', {})).toMatchObject({ count: 1 })
    }, 30_000)
  })
})
