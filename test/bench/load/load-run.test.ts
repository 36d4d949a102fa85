// Whole runs of the load client against the echo server: that it counts what happens, whatever happens.

import net from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EchoServer, startEchoServer } from '../../../bench/load/echo-server.ts'
import { type LoadOptions, runLoad } from '../../../bench/load/load-run.ts'
import { formatReport, makeReport, type Report } from '../../../bench/load/report.ts'

let server: EchoServer
beforeAll(async () => {
  server = await startEchoServer({ heartbeatS: 1 })
})
afterAll(() => server.close())

function optionsFor(proto: 'tcp' | 'ws', changes: Partial<LoadOptions> = {}): LoadOptions {
  const port = proto === 'tcp' ? server.tcpPort : server.wsPort
  return {
    target: { webSocket: proto === 'ws', host: '127.0.0.1', port, path: '/' },
    conns: 10,
    ratePerS: 50,
    secs: 0.2,
    routes: ['echo.handler.echo'],
    bodies: ['{"code":200,"n":{{n}}}'],
    loginRoute: 'login.handler.guest',
    rampPerS: 10_000,
    pid: undefined,
    graceMs: 3000,
    openTimeoutMs: 5000,
    onPhase: () => undefined,
    ...changes,
  }
}

async function run(proto: 'tcp' | 'ws', changes: Partial<LoadOptions> = {}): Promise<Report> {
  const options = optionsFor(proto, changes)
  return makeReport(options, await runLoad(options))
}

describe.each(['tcp', 'ws'] as const)('a run over %s', (proto) => {
  it('sends what is due, and has every reply', async () => {
    const report = await run(proto, {
      routes: ['battle.handler.move', 'unlisted.handler.route'],
      bodies: ['{"x":{{rand:9}}}', '{"to":"{{peer}}"}'],
    })
    expect(report).toMatchObject({ proto, sent: 100, replied: 100, lost: 0, unsent: 0 })
    expect(report).toMatchObject({ failed: {}, outOfOrder: 0, unasked: 0, clean: true })
    expect(report.rttMs.max).toBeGreaterThan(0)
    expect(report.rttMs.p50).toBeLessThanOrEqual(report.rttMs.p99)
  })

  it('counts failed replies by code', async () => {
    const report = await run(proto, { routes: ['a.handler.echo', 'a.handler.fail'] })
    expect(report).toMatchObject({ replied: 100, failed: { 503: 50 }, lost: 0, clean: false })
  })

  it('counts what is never answered as lost', async () => {
    const report = await run(proto, { routes: ['a.handler.silent'], graceMs: 10 })
    expect(report).toMatchObject({ sent: 100, replied: 0, lost: 100, clean: false })
  })

  it('counts pushes, kicks, closes and what could not be sent', async () => {
    const pushed = await run(proto, { routes: ['a.handler.push'] })
    expect(pushed).toMatchObject({ pushes: 100, replied: 100, clean: true })
    const kicked = await run(proto, { routes: ['a.handler.kick'], graceMs: 10 })
    expect(kicked.kicked).toEqual({ 'asked to kick': 10 })
    expect(kicked.closed).toEqual({ 'kicked: asked to kick': 10 })
    expect(kicked.sent + kicked.unsent).toBe(100)
    expect(kicked.unsent).toBeGreaterThan(0)
    expect(kicked).toMatchObject({ reconnects: 0, clean: false })
    expect(kicked.warnings.join()).toContain('were not sent')
  })

  it('needs no login', async () => {
    expect(await run(proto, { loginRoute: undefined })).toMatchObject({ replied: 100, clean: true })
  })

  it('says why connections cannot be opened', async () => {
    await expect(run(proto, { loginRoute: 'login.handler.fail' })).rejects.toThrow(
      'logging-in: login refused: {"code":503',
    )
    await expect(
      run(proto, { loginRoute: 'login.handler.silent', openTimeoutMs: 50 }),
    ).rejects.toThrow('the last connections to log in: not within 50 ms')
    const target = { webSocket: proto === 'ws', host: '127.0.0.1', port: 1, path: '/' }
    await expect(run(proto, { target })).rejects.toThrow(
      'connection 0, connecting: connect ECONNREF',
    )
  })
})

describe('a run', () => {
  it('says that a server does not speak its protocol', async () => {
    const web = net.createServer((socket) => {
      socket.on('error', () => socket.destroy()).resume()
      socket.end('HTTP/1.1 404 Not Found\r\n\r\n')
    })
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
    const { port } = web.address() as net.AddressInfo
    const target = { webSocket: true, host: '127.0.0.1', port, path: '/' }
    await expect(run('ws', { target })).rejects.toThrow('answered the upgrade: HTTP/1.1 404')
    const tcp = { ...target, webSocket: false }
    await expect(run('tcp', { target: tcp })).rejects.toThrow('sent a package: bad_type')
    await new Promise((resolve) => web.close(resolve))
  })

  it('counts a round trip from the time it was due, so a stall shows in all it held up', async () => {
    // The run and this timer share one thread: the stall delays sending itself.
    const stall = setTimeout(() => {
      for (const until = performance.now() + 150; performance.now() < until; );
    }, 100)
    const report = await run('tcp', { secs: 0.4, loginRoute: undefined })
    clearTimeout(stall)
    expect(report).toMatchObject({ sent: 200, replied: 200 })
    expect(report.rttMs.max).toBeGreaterThan(100)
    expect(report.rttMs.p90).toBeGreaterThan(60)
    expect(report.lateMs.max).toBeGreaterThan(100)
    expect(report.warnings.join()).toContain('the client itself ran late')
  })

  it("reports the server's use when it is told the process, and says so when it cannot", async () => {
    const own = await run('tcp', { pid: process.pid })
    if (process.platform === 'linux') expect(own.server?.rssMib).toBeGreaterThan(10)
    const none = await run('tcp', { pid: 2 ** 30 })
    expect(none.server).toBeUndefined()
    expect(none.warnings.join()).toContain('could not be read')
    expect(formatReport(none)).toContain('not measured')
  })
})
