// The same services over HTTP: POST /rpc/<service>/<method>, and GET for methods that are safe.
//
// Core thread. For tools and programs without protobuf; hosts use TCP. The body is JSON or protobuf, as
// its content type says, and so is the answer's. What comes in is bounded before it is read; nothing
// that a client sends makes this throw. A client that goes away does not end its call.
//
//   POST /rpc/bag/grant   content-type: application/json   [1, "sword"]      200 [true]
//   GET  /rpc/bag/count?uid=7                              (safe)            200 [3]
//   authorization: Bearer <rpc.token>     idempotency-key     x-timeout-ms     x-rpc-key     x-trace-id
//   any failure: its code, where HTTP has it, else 500     {"code": 402, "message": "not enough gold"}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { RequestEnvelope } from './envelope.ts'
import type { BodyFormat, RpcHandler } from './incoming-call.ts'
import { failed, type Outcome } from './outcome.ts'
import { isToken } from './server.ts'

export interface HttpFaceParts {
  readonly handler: RpcHandler
  /** What a caller must say; '' lets everybody in. */
  readonly token: string
}

interface Asked {
  readonly service: string
  readonly method: string
  readonly query: URLSearchParams
}

const contentTypes: Readonly<Record<BodyFormat, string>> = {
  json: 'application/json',
  proto: 'application/x-protobuf',
}
const protobufTypes: ReadonlySet<string> = new Set([
  'application/x-protobuf',
  'application/protobuf',
  'application/octet-stream',
])

export class RpcHttpFace {
  readonly #parts: HttpFaceParts
  readonly #server: Server

  private constructor(parts: HttpFaceParts) {
    this.#parts = parts
    this.#server = createServer(
      { requestTimeout: limits.rpcHttpRequestMs, headersTimeout: limits.rpcHttpRequestMs },
      (request, response) => this.#request(request, response),
    )
    this.#server.maxConnections = limits.rpcConnectionsMax
  }

  /** @throws HostError PORT_IN_USE when it cannot listen there */
  static async listen(host: string, port: number, parts: HttpFaceParts): Promise<RpcHttpFace> {
    const face = new RpcHttpFace(parts)
    await new Promise<void>((resolve, reject) => {
      face.#server.once('error', (cause) => {
        const text = `cannot listen for RPC over HTTP on ${host}:${port} (see rpc in config/host.lua): ${cause.message}`
        reject(new HostError('PORT_IN_USE', text, { cause }))
      })
      face.#server.listen({ host, port }, resolve)
    })
    // Accepting one connection failed (out of file descriptors): the others go on.
    face.#server.on('error', () => {})
    return face
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    request.on('error', () => {})
    response.on('error', () => {})
    const asked = readPath(request.url ?? '')
    if (asked === undefined) return refuse(response, 404, 'expected /rpc/<service>/<method>')
    if (!this.#isTrusted(request)) return refuse(response, 401, 'expected the token of this node')
    if (request.method === 'GET') {
      const body = Buffer.from(queryJson(asked.query))
      return this.#call(request, response, asked, 'json', true, body)
    }
    if (request.method !== 'POST') {
      response.setHeader('allow', 'GET, POST')
      return refuse(response, 405, 'expected POST, or GET for a method that is safe')
    }
    const format = formatOf(request.headers['content-type'])
    if (format === undefined) {
      const text = `expected content-type ${contentTypes.json} or ${contentTypes.proto}`
      return refuse(response, 415, text)
    }
    readBody(request, (body) => {
      if (body !== undefined) return this.#call(request, response, asked, format, false, body)
      response.setHeader('connection', 'close')
      refuse(response, 413, `a body of more than ${limits.valueBytesMax} bytes`)
    })
  }

  #isTrusted(request: IncomingMessage): boolean {
    const { token } = this.#parts
    if (token === '') return true
    const [scheme, given = ''] = (request.headers.authorization ?? '').split(' ')
    return scheme === 'Bearer' && isToken(given, token)
  }

  #call(
    request: IncomingMessage,
    response: ServerResponse,
    { service, method }: Asked,
    format: BodyFormat,
    safeOnly: boolean,
    body: Buffer,
  ): void {
    const text = (name: string): string => {
      const value = request.headers[name]
      return typeof value === 'string' ? value : ''
    }
    const timeoutMs = Number(text('x-timeout-ms'))
    if (!Number.isInteger(timeoutMs) || timeoutMs < 0 || timeoutMs > limits.rpcTimeoutMsMax) {
      return refuse(response, 400, 'x-timeout-ms: expected a whole number of milliseconds')
    }
    const envelope: RequestEnvelope = {
      id: 0,
      service,
      method,
      body,
      timeoutMs,
      traceId: text('x-trace-id'),
      idempotencyKey: text('idempotency-key'),
      key: text('x-rpc-key'),
    }
    const end = (outcome: Outcome): void => answer(response, outcome, format)
    const call = { request: envelope, format, safeOnly, isOwn: false, end }
    if (this.#parts.handler.handle(call)) return
    response.setHeader('retry-after', '1')
    end(failed('OVERLOADED', 'this node has no room for more calls now', { notRun: true }))
  }
}

/** @returns undefined for any other path */
function readPath(url: string): Asked | undefined {
  const [path = '', query = ''] = url.split('?', 2)
  const names = /^\/rpc\/(\w{1,255})\/(\w{1,255})$/.exec(path)
  if (names === null) return undefined
  const [, service = '', method = ''] = names
  return { service, method, query: new URLSearchParams(query) }
}

/** One table with the parameters, all texts; nothing without any. */
function queryJson(query: URLSearchParams): string {
  const fields = [...query].slice(0, limits.rpcQueryFieldsMax)
  return fields.length === 0 ? '' : JSON.stringify(Object.fromEntries(fields))
}

function formatOf(contentType = contentTypes.json): BodyFormat | undefined {
  const [type = ''] = contentType.toLowerCase().split(';', 1)
  if (type.trim() === contentTypes.json) return 'json'
  return protobufTypes.has(type.trim()) ? 'proto' : undefined
}

/** Hands over the whole body; undefined when it is too long, as soon as that is known. */
function readBody(request: IncomingMessage, done: (body: Buffer | undefined) => void): void {
  if (Number(request.headers['content-length'] ?? 0) > limits.valueBytesMax) return done(undefined)
  const parts: Buffer[] = []
  let bytes = 0
  let isOver = false
  request.on('data', (part: Buffer) => {
    if (isOver) return
    bytes += part.length
    parts.push(part)
    if (bytes <= limits.valueBytesMax) return
    isOver = true
    parts.length = 0
    done(undefined)
  })
  request.on('end', () => {
    if (!isOver) done(Buffer.concat(parts))
  })
}

function answer(response: ServerResponse, outcome: Outcome, format: BodyFormat): void {
  const { code, error, body } = outcome
  if (code !== 0) return refuse(response, code, error)
  // The body may lie in memory that is written over when this returns.
  const copy = Buffer.from(body)
  response.writeHead(200, { 'content-type': contentTypes[format], 'content-length': copy.length })
  response.end(copy)
}

function refuse(response: ServerResponse, code: number, message: string): void {
  const body = Buffer.from(JSON.stringify({ code, message }))
  const status = code >= 400 && code <= 599 ? code : 500
  response.writeHead(status, { 'content-type': contentTypes.json, 'content-length': body.length })
  response.end(body)
}
