// pomelo-rpc with its own default mailbox and buffers as arguments. Own processes.
//
// The package finds its remote methods as modules in a folder, so one is written for it.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Caller, Contender } from './contender.ts'

interface PomeloServer {
  start(): void
}
type Echo = {
  toServer(id: string, body: string, done: (error: Error | null, answer: string) => void): void
}
interface PomeloClient {
  start(done: (error: Error | null) => void): void
  addProxies(records: readonly object[]): void
  addServers(servers: readonly object[]): void
  readonly proxies: {
    readonly user: { readonly echo: { readonly service: { readonly echo: Echo } } }
  }
  stop(force: boolean): void
}
interface PomeloRpc {
  readonly server: { create(options: object): PomeloServer }
  readonly client: { create(options: object): PomeloClient }
}

function load(): PomeloRpc {
  return createRequire(import.meta.url)('pomelo-rpc') as PomeloRpc
}

/** A folder with the one remote module. */
function remotes(): string {
  const folder = mkdtempSync(join(tmpdir(), 'moonwheel-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'echo'))
  const source = 'module.exports = () => ({ echo: (body, cb) => cb(null, body) })\n'
  writeFileSync(join(folder, 'echo/service.js'), source)
  return join(folder, 'echo')
}

async function serve(): Promise<number> {
  const probe = createServer()
  const port = await new Promise<number>((resolve) => {
    probe.listen(0, '127.0.0.1', () => resolve((probe.address() as { port: number }).port))
  })
  await new Promise((resolve) => probe.close(resolve))
  load()
    .server.create({ paths: [{ namespace: 'user', path: remotes() }], port })
    .start()
  return port
}

function connect(port: number): Promise<Caller> {
  const servers = [{ id: 'echo-1', serverType: 'echo', host: '127.0.0.1', port }]
  const client = load().client.create({
    routeContext: servers,
    router: (_: unknown, _msg: unknown, _context: unknown, done: (e: null, id: string) => void) =>
      done(null, 'echo-1'),
    context: { serverId: 'bench' },
  })
  return new Promise((resolve, reject) => {
    client.start((error) => {
      if (error) return reject(error)
      client.addProxies([{ namespace: 'user', serverType: 'echo', path: remotes() }])
      client.addServers(servers)
      const { echo } = client.proxies.user.echo.service
      resolve({
        call: (body, done) =>
          echo.toServer('echo-1', body.toString('latin1'), (problem, answer) => {
            const isRight = !problem && answer.length === body.length
            done(isRight ? undefined : (problem ?? new Error('a wrong answer')))
          }),
        close: () => client.stop(true),
      })
    })
  })
}

export const pomelo: Contender = { name: 'pomelo-rpc', serve, connect }
