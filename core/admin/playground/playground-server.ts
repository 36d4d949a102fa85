// Serves the playground: a static page that speaks to the game port, and one JSON that describes it.
//
// Core thread. Every file is read once at the start and answered from memory, by exact path from the
// list in playground-assets.ts: no request path ever reaches the file system. GET only; nothing here
// changes the host, and what it tells (node, version, handler names) is no secret on the address that
// the operator chose, 127.0.0.1 unless configured. What begins with /admin/ goes to the admin face
// (http-face.ts), where there is one. A port in use or a missing file fails the start with a
// HostError; a route list that throws answers 500 and the page says so.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { HostError, messageOf } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { exampleOf } from './demo-examples.ts'
import { loadAssets } from './playground-assets.ts'

/** One handler that a client may call. */
export interface PlaygroundRoute {
  readonly route: string
  /** Whether it may be called before login. */
  readonly public: boolean
  /** A body to start from; the demo game's handlers have one of their own. */
  readonly example?: unknown
}

export interface PlaygroundOptions {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  /** Where the page connects to. With a wildcard host the page puts its own host name in. */
  readonly wsUrl: string
  /** Asked for each time, so that a reload of services shows up. */
  readonly routes: () => readonly PlaygroundRoute[]
  readonly title: string
  readonly version: string
  readonly node: string
  /** Answers what is asked below /admin/. */
  readonly admin?: (request: IncomingMessage, response: ServerResponse) => void
}

export interface Playground {
  readonly url: string
  close(): Promise<void>
}

const securityHeaders = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    // The page may be pointed at another node's game port by hand.
    "connect-src 'self' ws: wss:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/**
 * Starts the page's server.
 * @throws HostError PORT_IN_USE, CONFIG (an address that cannot be listened on, a `wsUrl` that is
 * none), NOT_FOUND (a file of the page is missing from the installation).
 */
export async function startPlayground(options: PlaygroundOptions): Promise<Playground> {
  const assets = loadAssets()
  const ws = gameAddress(options.wsUrl)
  const describe = () => Buffer.from(JSON.stringify(description(options, ws)))
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    if (options.admin !== undefined && path.startsWith('/admin/')) {
      options.admin(request, response)
    } else if (request.method !== 'GET') {
      send(response, 405, 'text/plain; charset=utf-8', 'only GET is answered here\n', request)
    } else if (path === '/playground.json') {
      sendDescription(response, describe, request)
    } else {
      const asset = assets.get(path)
      if (asset) send(response, 200, asset.type, asset.bytes, request)
      else send(response, 404, 'text/plain; charset=utf-8', 'no such page\n', request)
    }
  })
  server.maxConnections = limits.playgroundConnectionsMax
  server.headersTimeout = limits.playgroundHeadersTimeoutMs
  server.requestTimeout = limits.playgroundHeadersTimeoutMs
  await listen(server, options)
  return {
    url: `http://${reachableHost(options.host)}:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function listen(server: Server, { host, port }: PlaygroundOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const inUse = error.code === 'EADDRINUSE'
      const why = inUse ? 'the port is in use by another program' : error.message
      const message = `the playground cannot listen on ${host}:${port}: ${why}`
      reject(new HostError(inUse ? 'PORT_IN_USE' : 'CONFIG', message, { cause: error }))
    })
    server.listen(port, host, () => resolve())
  })
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: Buffer | string,
  request: IncomingMessage,
): void {
  // A body that nobody asked for is not read: the connection ends with the answer instead.
  const hasBody = request.headers['content-length'] ?? request.headers['transfer-encoding']
  response.writeHead(status, {
    ...securityHeaders,
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    ...(status === 405 ? { Allow: 'GET' } : {}),
    ...(hasBody === undefined ? {} : { Connection: 'close' }),
  })
  response.end(body)
}

function sendDescription(
  response: ServerResponse,
  describe: () => Buffer,
  request: IncomingMessage,
): void {
  try {
    send(response, 200, 'application/json; charset=utf-8', describe(), request)
  } catch (thrown) {
    const body = JSON.stringify({ code: 500, message: messageOf(thrown) })
    send(response, 500, 'application/json; charset=utf-8', body, request)
  }
}

/** The whole address, or without its host where the page's own host name must stand in. */
type GameAddress = { readonly url: string } | { readonly port: number; readonly path: string }

function gameAddress(wsUrl: string): GameAddress {
  if (!URL.canParse(wsUrl)) throw new HostError('CONFIG', `not a WebSocket address: ${wsUrl}`)
  const { hostname, port, pathname } = new URL(wsUrl)
  return isWildcard(hostname) ? { port: Number(port), path: pathname } : { url: wsUrl }
}

/** What /playground.json says; app.js reads it. */
function description({ routes, title, version, node }: PlaygroundOptions, ws: GameAddress) {
  return {
    title,
    version,
    node,
    ws,
    routes: routes().map(({ route, public: open, example = exampleOf(route) }) => ({
      route,
      public: open,
      ...(example === undefined ? {} : { example }),
    })),
  }
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '[::]' || host === '::'
}

function reachableHost(host: string): string {
  if (isWildcard(host)) return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
