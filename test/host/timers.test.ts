// Timers of services: after, every, cron, cancel; what they raise, and that they may wait.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gameFolder, removeGameFolders } from '../support/game-folder.ts'
import { type HostProcess, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient, type PomeloClient } from '../support/pomelo-client.ts'

const ticker = `
local probe = service "probe"
local S = state "probe"
local running = {}

function probe.handler.after(session, msg)
  local began = clock.mono_ms()
  timer.after(msg.ms, function()
    sleep(1)
    session:push("onFired", { took = clock.mono_ms() - began })
  end)
  return {}
end

function probe.handler.cancelled(session)
  local t = timer.after(1, function() session:push("onFired", {}) end)
  local first, second = t:cancel(), t:cancel()
  sleep(20)
  return { first = first, second = second }
end

-- A bad firing must not end it; a firing during a wait is counted as missed.
function probe.handler.every(session, msg)
  local n, total = 0, 0
  local began = clock.mono_ms()
  running[session.id] = timer.every(msg.ms, function(missed)
    n = n + 1
    total = total + 1 + missed
    if n == 1 then error("the first one fails") end
    if n == 2 then sleep(msg.ms * 5) end
    if n == 4 then
      running[session.id]:cancel()
      session:push("onFired", { n = n, total = total, due = total * msg.ms, at = clock.mono_ms() - began, missed = missed })
    end
  end)
  return {}
end

function probe.handler.cron(session, msg)
  local ok, err = pcall(timer.cron, msg.text, function() end)
  if ok then err:cancel() end
  return { ok = ok, err = ok and tostring(err) or err }
end

function probe.handler.bad(session, msg)
  local ok, err = pcall(timer.every, msg.ms, msg.no_function and 5 or function() end)
  return { ok = ok, err = err }
end

return probe`

let host: HostProcess
let client: PomeloClient

beforeAll(async () => {
  const game = gameFolder({
    'config/services.lua':
      'return { { name = "login" }, { name = "probe" }, { name = "counter", lanes = "one" } }',
    'lua/services/probe.lua': ticker,
  })
  host = await startHostProcess({ root: game.root })
  client = await connectClient({ transport: 'tcp', port: host.tcpPort })
})

afterAll(async () => {
  await client.close()
  expect(await host.stop()).toMatchObject({ code: 0 })
  await stopAllHosts()
  removeGameFolders()
})

describe('timer.after', () => {
  it('fires once, not early, as a task that may wait', async () => {
    await client.request('probe.handler.after', { ms: 20 })
    const { took } = (await client.waitPush('onFired')) as { took: number }
    expect(took).toBeGreaterThanOrEqual(20)
  })

  it('does not fire when it was cancelled, and says whether it was waiting', async () => {
    expect(await client.request('probe.handler.cancelled')).toEqual({ first: true, second: false })
  })
})

describe('timer.every', () => {
  it('outlives an error, counts what it missed while a call waited, and does not drift', async () => {
    await client.request('probe.handler.every', { ms: 10 })
    const fired = (await client.waitPush('onFired')) as {
      n: number
      total: number
      due: number
      at: number
    }
    expect(fired.n).toBe(4)
    expect(fired.total).toBeGreaterThanOrEqual(4 + 4)
    // The last firing came at start + total × period, and not before.
    expect(fired.at).toBeGreaterThanOrEqual(fired.due - 0.01)
    const line = await host.waitLog((each) => /the first one fails/.test(each.msg), 'the error')
    expect(line).toMatchObject({ level: 50 })
    expect(line.traceback).toMatch(/lua\/services\/probe\.lua:\d+/)
    expect(line.route).toMatch(/^timer lua\/services\/probe\.lua:\d+$/)
  })

  it.each([
    [{ ms: 0 }, /timer\.every: argument 1 must be a number from 1/],
    [{ ms: 1.5 }, /timer\.every: expected a whole number of milliseconds/],
    [{ ms: 5, no_function: true }, /timer\.every: argument 2 must be a function/],
  ])('refuses %j', async (msg, expected) => {
    const reply = (await client.request('probe.handler.bad', msg)) as { ok: boolean; err: string }
    expect(reply.ok).toBe(false)
    expect(reply.err).toMatch(expected)
  })
})

describe('timer.cron', () => {
  it('takes an expression, and names what it does not understand', async () => {
    expect(await client.request('probe.handler.cron', { text: '0 5 * * *' })).toMatchObject({
      ok: true,
    })
    const bad = (await client.request('probe.handler.cron', { text: '61 * * * *' })) as {
      err: string
    }
    expect(bad.err).toContain('minute: expected')
  })
})
