// The playground's server over raw HTTP: what is served, what is not, and with which headers.
//
// Requests go out through a bare socket, because every client library tidies a path up first.

import { once } from 'node:events'
import { createServer, connect as dial, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import {
  type Playground,
  type PlaygroundOptions,
  startPlayground,
} from '../../core/admin/playground/playground-server.ts'
import { HostError } from '../../core/base/errors.ts'
import { limits } from '../../core/base/limits.ts'

const started: Playground[] = []

afterEach(async () => {
  for (const playground of started.splice(0)) await playground.close()
})

async function start(options: Partial<PlaygroundOptions> = {}): Promise<Playground> {
  const playground = await startPlayground({
    host: '127.0.0.1',
    port: 0,
    wsUrl: 'ws://127.0.0.1:7301',
    routes: () => [{ route: 'login.handler.guest', public: true }],
    title: 'Moonwheel',
    version: '0.1.0',
    node: 'node-1',
    ...options,
  })
  started.push(playground)
  return playground
}

interface Answer {
  status: number
  headers: Map<string, string>
  body: string
}

/** Sends these bytes and reads until the server closes. */
async function ask(url: string, request: string): Promise<Answer> {
  const socket = dial(Number(new URL(url).port), '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.write(request)
  await once(socket, 'close')
  const [head = '', ...rest] = Buffer.concat(chunks).toString().split('\r\n\r\n')
  const [line = '', ...fields] = head.split('\r\n')
  const headers = fields.map((field): [string, string] => {
    const colon = field.indexOf(':')
    return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()]
  })
  return {
    status: Number(line.split(' ')[1]),
    headers: new Map(headers),
    body: rest.join('\r\n\r\n'),
  }
}

const get = (url: string, path: string) =>
  ask(url, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)

describe('files', () => {
  const served: [string, string][] = [
    ['/', 'text/html; charset=utf-8'],
    ['/?from=terminal', 'text/html; charset=utf-8'],
    ['/style.css', 'text/css; charset=utf-8'],
    ['/mark.svg', 'image/svg+xml'],
    ['/app.js', 'text/javascript; charset=utf-8'],
    ['/moonwheel-client.js', 'text/javascript; charset=utf-8'],
  ]
  test.each(served)('%s is served as %s, never cached, never sniffed', async (path, type) => {
    const { url } = await start()
    const { status, headers, body } = await get(url, path)
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe(type)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(Number(headers.get('content-length'))).toBe(Buffer.byteLength(body))
    expect(body.length).toBeGreaterThan(100)
  })

  test('every module and file that the page names is served', async () => {
    const { url } = await start()
    const seen = new Set<string>()
    const follow = async (path: string): Promise<void> => {
      if (seen.has(path)) return
      seen.add(path)
      const { status, body } = await get(url, path)
      expect([path, status]).toEqual([path, 200])
      const named = body.matchAll(/(?:from '\.|(?:src|href)=")\/?([\w-]+\.(?:js|css|svg))/g)
      for (const [, file] of named) await follow(`/${file}`)
    }
    await follow('/')
    expect(seen.size).toBe(11)
  })

  test('the policy allows no inline script and no foreign one', async () => {
    const { url } = await start()
    const { headers, body } = await get(url, '/')
    const policy = headers.get('content-security-policy')
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self';")
    expect(policy).not.toContain('unsafe')
    expect(body).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|https?:\/\//)
  })

  const refused = [
    '/../package.json',
    '/../../../package.json',
    '/..%2f..%2f..%2fpackage.json',
    '/%2e%2e/package.json',
    '/..\\..\\package.json',
    '//etc/passwd',
    '/./app.js',
    '/app.js/',
    '/APP.JS',
    '/app.js%00.css',
    '/index.html',
    '/playground-server.ts',
    '/constructor',
    '/__proto__',
    'http://evil.example/app.js',
    '*',
    `/${'a'.repeat(8_000)}`,
  ]
  test.each(refused)('%s is not found', async (path) => {
    const { url } = await start()
    const { status, headers, body } = await get(url, path)
    expect([status, body]).toEqual([404, 'no such page\n'])
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })
})

describe('methods and bad requests', () => {
  test.each(['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])(
    '%s is refused',
    async (method) => {
      const { url } = await start()
      for (const path of ['/', '/playground.json', '/nowhere']) {
        const request = `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`
        const { status, headers } = await ask(url, request)
        expect([method, path, status, headers.get('allow')]).toEqual([method, path, 405, 'GET'])
      }
    },
  )

  test('a body is not waited for', async () => {
    const { url } = await start()
    const request = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\nx'
    expect((await ask(url, request)).status).toBe(405)
  })

  test.each([
    ['rubbish', 'hello\r\n\r\n', 400],
    ['oversized headers', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('%s gets an error and the server lives', async (_, request, status) => {
    const { url } = await start()
    expect((await ask(url, request)).status).toBe(status)
    expect((await get(url, '/')).status).toBe(200)
  })

  test('connections up to the limit are served, one more is closed', async () => {
    const { url } = await start()
    const port = Number(new URL(url).port)
    const open = async () => {
      const socket = dial(port, '127.0.0.1')
      socket.on('error', () => {})
      await once(socket, 'connect')
      return socket
    }
    const held: Socket[] = []
    for (let n = 0; n < limits.playgroundConnectionsMax; n++) held.push(await open())
    const last = held.at(-1)
    last?.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const [answer] = last ? await once(last, 'data') : []
    expect(String(answer)).toContain('200 OK')
    const extra = await open()
    await once(extra, 'close')
    for (const socket of held) socket.destroy()
  })
})

describe('/playground.json', () => {
  const read = async (url: string) => JSON.parse((await get(url, '/playground.json')).body)

  test('names the node, the version, the game address, and routes with examples', async () => {
    const { url } = await start({
      routes: () => [
        { route: 'login.handler.guest', public: true },
        { route: 'bag.handler.buy', public: false, example: { item: 1 } },
        { route: 'toString', public: false },
      ],
    })
    expect(await read(url)).toEqual({
      title: 'Moonwheel',
      version: '0.1.0',
      node: 'node-1',
      ws: { url: 'ws://127.0.0.1:7301' },
      routes: [
        { route: 'login.handler.guest', public: true, example: { name: 'Luna' } },
        { route: 'bag.handler.buy', public: false, example: { item: 1 } },
        { route: 'toString', public: false },
      ],
    })
  })

  test.each(['ws://0.0.0.0:7301/', 'ws://[::]:7301/'])(
    '%s leaves the host to the page',
    async (wsUrl) => {
      const { url } = await start({ wsUrl })
      expect((await read(url)).ws).toEqual({ port: 7301, path: '/' })
    },
  )

  test('routes are asked for each time, and one that throws is a 500 with its message', async () => {
    let calls = 0
    const routes = () => {
      calls++
      if (calls === 2) throw new Error('services are being reloaded')
      return [{ route: `a.b.c${calls}`, public: true }]
    }
    const { url } = await start({ routes })
    expect((await read(url)).routes[0].route).toBe('a.b.c1')
    const failed = await get(url, '/playground.json')
    expect(failed.status).toBe(500)
    expect(JSON.parse(failed.body)).toEqual({ code: 500, message: 'services are being reloaded' })
    expect((await read(url)).routes[0].route).toBe('a.b.c3')
  })
})

describe('start and stop', () => {
  test('a port in use is a PORT_IN_USE that names it', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const error = await start({ port }).catch((thrown: unknown) => thrown)
    taken.close()
    expect(error).toBeInstanceOf(HostError)
    expect(error).toMatchObject({ code: 'PORT_IN_USE' })
    expect(String(error)).toContain(`127.0.0.1:${port}`)
  })

  test('an address that is not ours, or no address at all, is a CONFIG error', async () => {
    await expect(start({ wsUrl: 'nowhere' })).rejects.toMatchObject({ code: 'CONFIG' })
    await expect(start({ host: '203.0.113.1' })).rejects.toMatchObject({ code: 'CONFIG' })
  })

  test('the url of a wildcard host can be opened', async () => {
    const { url } = await start({ host: '0.0.0.0' })
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/)
    expect((await get(url, '/')).status).toBe(200)
  })

  test('close ends idle connections and frees the port', async () => {
    const playground = await start()
    const socket = dial(Number(new URL(playground.url).port), '127.0.0.1')
    await once(socket, 'connect')
    const ended = once(socket, 'close')
    await playground.close()
    await ended
    started.length = 0
    const again = await start({ port: Number(new URL(playground.url).port) })
    expect(again.url).toBe(playground.url)
  })
})
