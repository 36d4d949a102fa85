// Supervisor mode and the watcher of development, as a user starts them.
import { afterAll, describe, expect, it } from 'vitest'
import { limits } from '../../core/base/limits.ts'
import { nextDelayMs } from '../../core/supervisor.ts'
import { gameFolder, removeGameFolders } from '../support/game-folder.ts'
import { runHostToEnd, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient } from '../support/pomelo-client.ts'

afterAll(async () => {
  await stopAllHosts()
  removeGameFolders()
})

describe('pauses before a new start', () => {
  it('double up to the limit, and begin anew after a healthy life', () => {
    expect(nextDelayMs(0, 10, 500)).toBe(500)
    expect(nextDelayMs(500, 10, 500)).toBe(1000)
    expect(nextDelayMs(limits.superviseDelayMsMax, 10, 500)).toBe(limits.superviseDelayMsMax)
    expect(nextDelayMs(8000, limits.superviseHealthyMs - 1, 500)).toBe(16_000)
    expect(nextDelayMs(8000, limits.superviseHealthyMs, 500)).toBe(500)
  })
})

describe('--supervise', () => {
  it('starts a crashed host again, and ends with it in order', async () => {
    const game = gameFolder()
    const host = await startHostProcess({ root: game.root, args: ['--supervise'] })
    const first = await host.waitText('stderr', /host is process (\d+)/)
    process.kill(Number(first[1]), 'SIGKILL')
    const second = await host.waitText('stderr', /host is process \d+[\s\S]*host is process (\d+)/)
    expect(second[1]).not.toBe(first[1])
    const port = await host.waitText(
      'stdout',
      /ready\n[\s\S]*tcp:\/\/127\.0\.0\.1:(\d+)[\s\S]*ready/,
    )
    const client = await connectClient({ transport: 'tcp', port: Number(port[1]) })
    expect(await client.request('probe.handler.nothing')).toEqual({ code: 200 })
    await client.close()
    const exit = await host.stop()
    expect(exit.code).toBe(0)
    expect(exit.stderr).toMatch(/supervisor: the host ended with signal SIGKILL; starting it again/)
  }, 30_000)

  it('ends with 2 when the host refuses to start', async () => {
    const exit = await runHostToEnd(['--supervise', '--root', '/nonexistent/game'])
    expect(exit.code).toBe(2)
    expect(exit.stderr).not.toMatch(/starting it again/)
  }, 20_000)
})

describe('--dev', () => {
  it('reloads what is saved and prints one line, or the error with its place', async () => {
    const game = gameFolder()
    const host = await startHostProcess({ root: game.root, args: ['--dev'] })
    const client = await connectClient({ transport: 'tcp', port: host.tcpPort })
    expect(await client.request('probe.handler.required', { value: 2 })).toEqual({ value: 4 })
    game.write('lua/shared/damage.lua', 'return { double = function(n) return n * 20 end }')
    await host.waitText('stdout', /^reloaded probe v2 in \d+ ms$/m)
    expect(await client.request('probe.handler.required', { value: 2 })).toEqual({ value: 40 })
    game.write('lua/shared/damage.lua', 'return {')
    await host.waitText(
      'stdout',
      /^reload failed, nothing has changed: lua\/shared\/damage\.lua:1: /m,
    )
    expect(await client.request('probe.handler.required', { value: 2 })).toEqual({ value: 40 })
    await client.close()
    expect(await host.stop()).toMatchObject({ code: 0 })
  }, 30_000)
})
