// How a host starts, refuses to start, and ends.

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { demoGame, removeDemoGames } from '../support/demo-game.ts'
import { runHostToEnd, startHostProcess, stopAllHosts, testGame } from '../support/host-process.ts'
import { connectClient } from '../support/pomelo-client.ts'

let game: string

beforeEach(() => {
  game = mkdtempSync(join(tmpdir(), 'moonwheel-'))
  cpSync(testGame, game, { recursive: true })
})
afterEach(async () => {
  await stopAllHosts()
  removeDemoGames()
  rmSync(game, { recursive: true, force: true })
})
afterAll(stopAllHosts)

const run = (...args: string[]) => runHostToEnd(['--root', game, '--port-base', '0', ...args])

/** The host refuses to start: exit code 2, one message on stderr, nothing on stdout. */
async function expectRefusal(exit: Awaited<ReturnType<typeof run>>, words: RegExp): Promise<void> {
  expect(exit.stderr).toMatch(words)
  expect(exit).toMatchObject({ code: 2, stdout: '' })
  expect(exit.stderr).not.toMatch(/\n\s+at .*\.js:/)
}

describe('starting', () => {
  it('prints each address on its own line, then ready', async () => {
    const host = await startHostProcess({ root: game })
    const { stdout } = await host.stop()
    expect(stdout).toMatch(
      /^tcp:\/\/127\.0\.0\.1:\d+\nws:\/\/127\.0\.0\.1:\d+\nhttp:\/\/127\.0\.0\.1:\d+\/?\nready\n$/,
    )
  })

  it('starts the demo game that the project ships', async () => {
    const host = await startHostProcess({ root: demoGame() })
    const client = await connectClient({ transport: 'tcp', port: host.tcpPort })
    const guest = (await client.request('login.handler.guest', { name: 'Mei' })) as { uid: string }
    expect(guest).toEqual({ code: 200, uid: expect.stringMatching(/^\d+$/), name: 'Mei' })
    await client.close()
    expect(await host.stop()).toMatchObject({ code: 0 })
  })

  it.each([
    [0, 'TCP'],
    [1, 'WebSocket'],
    [2, ''],
  ] as const)('says which port is taken, port base + %i', async (offset, name) => {
    // Another program may own a port beside ours; then the host rightly names that one.
    for (let attempt = 1; ; attempt++) {
      const taken = createServer()
      await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
      const { port } = taken.address() as AddressInfo
      const exit = await runHostToEnd(['--root', game, '--port-base', String(port - offset)])
      taken.close()
      if (!exit.stderr.includes(String(port)) && attempt < 5) continue
      return expectRefusal(exit, new RegExp(`${name}.*${port}`))
    }
  })

  it('refuses arguments that it does not know', async () => {
    await expectRefusal(await run('--prot-base', '1'), /unknown option '--prot-base'/)
    await expectRefusal(await run('--port-base', 'x'), /expected a number from 0 to 65533/)
    await expectRefusal(await run('surplus'), /too many arguments/)
    await expectRefusal(await run('--config', 'nowhere'), /nowhere: no such config folder/)
  })

  it('names file, line, field and what was expected for a bad config', async () => {
    writeFileSync(join(game, 'config/host.lua'), 'return {\n  lanes = { count = "two" },\n}\n')
    await expectRefusal(await run(), /config\/host\.lua:2: lanes\.count: expected .*"two"/)
  })

  it('names file and line for a service that does not compile', async () => {
    writeFileSync(
      join(game, 'lua/services/probe.lua'),
      'local probe = service "probe"\nfunction probe.handler.x(\nreturn probe\n',
    )
    await expectRefusal(await run(), /lua\/services\/probe\.lua:3: .*near 'return'/)
  })

  it('names file and line for a service that fails while it loads', async () => {
    writeFileSync(
      join(game, 'lua/services/probe.lua'),
      'local probe = service "probe"\nlocal x = nil\nprint(x.y)\nreturn probe\n',
    )
    await expectRefusal(await run(), /lua\/services\/probe\.lua:3: attempt to index a nil value/)
  })

  it.each([
    ['local p = service "probe"', /must end with 'return probe'/],
    ['return service "other"', /loaded as service 'probe' .* but calls service 'other'/],
    ['local p = service "probe" p.handler.x = 5 return p', /probe\.handler\.x must be a function/],
    ['local p = service "probe" p.init = 5 return p', /probe\.init must be a function/],
    ['return 5', /must return what service 'probe' gave it/],
    [
      'require "no.such" return 1',
      /there is no module 'no\.such' \(looked for lua\/no\/such\.lua\)/,
    ],
    ['local p = service "probe" function p.init() error("no luck") end return p', /no luck/],
  ])('refuses the service file %j', async (source, words) => {
    writeFileSync(join(game, 'lua/services/probe.lua'), source)
    await expectRefusal(await run(), words)
  })

  it('refuses handlers in a service that runs in one lane', async () => {
    writeFileSync(
      join(game, 'lua/services/counter.lua'),
      'local c = service "counter"\nfunction c.handler.x() end\nreturn c\n',
    )
    await expectRefusal(await run(), /counter.* runs in one lane .*no handlers/)
  })

  it('says so when a service has no file', async () => {
    rmSync(join(game, 'lua/services/probe.lua'))
    await expectRefusal(
      await run(),
      /services\.lua:3: service 2: file: there is no lua\/services\/probe\.lua/,
    )
  })
})

describe('ending', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'on %s tells clients, runs stop in every lane, exits 0',
    async (signal) => {
      const host = await startHostProcess({ root: game })
      const clients = await Promise.all(
        (['tcp', 'ws', 'tcp'] as const).map(async (transport, i) => {
          const port = transport === 'tcp' ? host.tcpPort : host.wsPort
          const client = await connectClient({ transport, port })
          await client.request('login.handler.as', { uid: `player-${i}` })
          return client
        }),
      )
      const startedMs = performance.now()
      host.signal(signal)
      for (const client of clients) {
        expect(await client.waitKick()).toBe('the server is shutting down')
        await client.waitClose()
      }
      const exit = await host.exited
      expect(exit).toMatchObject({ code: 0, signal: null })
      expect(performance.now() - startedMs).toBeLessThan(5000)
      expect(host.log.filter((line) => line.msg === 'login stopped')).toHaveLength(3)
      expect(host.log.filter((line) => line.msg === 'closed')).toHaveLength(3)
    },
  )

  it('ends within 5 s also when a service never stops', async () => {
    writeFileSync(
      join(game, 'lua/services/probe.lua'),
      'local p = service "probe"\nfunction p.stop() while true do end end\nreturn p\n',
    )
    const host = await startHostProcess({ root: game })
    const startedMs = performance.now()
    expect(await host.stop()).toMatchObject({ code: 0 })
    expect(performance.now() - startedMs).toBeLessThan(5000)
  })
})
