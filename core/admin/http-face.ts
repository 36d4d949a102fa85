// The HTTP face of the admin commands: POST /admin/<command>, arguments as a JSON object.
//
// Core thread, on the playground's server. Only from this machine, and only with the token that
// stands in a file of mode 0600, made anew at each start: a page in the operator's browser has
// neither it nor a way to send the header.
//
//   POST /admin/kick        Authorization: Bearer <token>     {"session":"mei"}
//   200 {…the answer…}      400, 403, 404, 409, 5xx {"code":"NOT_FOUND","message":…}
//   a command that streams: 200, application/x-ndjson, lines as in admin-protocol.ts
//
// What comes in is bounded; nothing that a client sends makes this throw.

import { randomBytes, timingSafeEqual } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { dirname } from 'node:path'
import { errorCodes, HostError, messageOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { encodeLine } from './admin-protocol.ts'
import type { AdminError, CommandRunner, Outcome } from './command-runner.ts'

const tokenBytes = 32

export interface HttpFace {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
  /** Settles when what is under way was answered; then removes the token. */
  close(): Promise<void>
}

/**
 * Writes a new token to `tokenPath` and answers requests that bring it.
 * @throws HostError CONFIG when the file cannot be written
 */
export function openHttpFace(tokenPath: string, runner: CommandRunner): HttpFace {
  const token = Buffer.from(randomBytes(tokenBytes).toString('hex'))
  writeToken(tokenPath, token)
  const underWay = new Set<Promise<void>>()
  return {
    handle: (request, response) => {
      const one = answer(request, response, token, runner).finally(() => underWay.delete(one))
      underWay.add(one)
    },
    close: async () => {
      await Promise.all(underWay)
      rmSync(tokenPath, { force: true })
    },
  }
}

function writeToken(path: string, token: Buffer): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    rmSync(path, { force: true })
    writeFileSync(path, `${token}\n`, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    throw new HostError('CONFIG', `the admin token cannot be written: ${messageOf(error)}`)
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  token: Buffer,
  runner: CommandRunner,
): Promise<void> {
  try {
    admit(request, token)
    const name = (request.url ?? '').split('?', 1)[0]?.slice('/admin/'.length) ?? ''
    const args = parseArguments(await readBody(request))
    if (runner.isStream(name)) await answerStream(request, response, runner, name, args)
    else await answerOnce(request, response, runner, name, args)
  } catch (error) {
    const { code, message } = error instanceof HostError ? error : whatHappened(error)
    finish(response, { ok: false, error: { code, message } })
  }
}

/** @throws HostError FORBIDDEN or BAD_REQUEST for what is not let in */
function admit(request: IncomingMessage, token: Buffer): void {
  if (!isLoopback(request.socket.remoteAddress ?? '')) {
    throw new HostError('FORBIDDEN', 'admin commands are taken from this machine only')
  }
  const [scheme, given = ''] = (request.headers.authorization ?? '').split(' ', 2)
  const shown = Buffer.from(given)
  const isRight = shown.length === token.length && timingSafeEqual(shown, token)
  if (scheme?.toLowerCase() !== 'bearer' || !isRight) {
    throw new HostError('FORBIDDEN', 'the admin token is missing or wrong')
  }
  if (request.method !== 'POST') throw new HostError('BAD_REQUEST', 'only POST is answered here')
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > limits.adminRequestBytesMax) {
      throw new HostError('TOO_LARGE', 'that command is too long')
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseArguments(body: string): unknown {
  if (body.trim() === '') return {}
  try {
    return JSON.parse(body)
  } catch (error) {
    throw new HostError('BAD_REQUEST', `the arguments are not JSON: ${messageOf(error)}`)
  }
}

/** The connection broke while the request was being read. */
function whatHappened(error: unknown): AdminError {
  return { code: 'BAD_REQUEST', message: messageOf(error) }
}

async function answerOnce(
  request: IncomingMessage,
  response: ServerResponse,
  runner: CommandRunner,
  name: string,
  args: unknown,
): Promise<void> {
  const stream = { event: () => {}, dropped: 0, signal: new AbortController().signal }
  finish(response, await runner.run(name, args, callerOf(request), stream))
}

async function answerStream(
  request: IncomingMessage,
  response: ServerResponse,
  runner: CommandRunner,
  name: string,
  args: unknown,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  let dropped = 0
  const begin = (): void => {
    if (response.headersSent) return
    response.writeHead(200, { ...headers, 'Content-Type': 'application/x-ndjson' })
    response.flushHeaders()
  }
  const outcome = await runner.run(name, args, callerOf(request), {
    signal: gone.signal,
    begun: begin,
    get dropped() {
      return dropped
    },
    event: (event) => {
      begin()
      if (response.writableLength > limits.adminStreamBytesMax) dropped++
      else response.write(encodeLine({ event }))
    },
  })
  if (!outcome.ok && !response.headersSent) return finish(response, outcome)
  begin()
  response.end(encodeLine(outcome.ok ? { result: outcome.result } : { error: outcome.error }))
}

function callerOf(request: IncomingMessage) {
  return { face: 'http', ip: request.socket.remoteAddress ?? '' } as const
}

const headers = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' }

function finish(response: ServerResponse, outcome: Outcome): void {
  if (response.writableEnded || response.destroyed) return
  const body = JSON.stringify(outcome.ok ? (outcome.result ?? null) : outcome.error)
  response.writeHead(outcome.ok ? 200 : errorCodes[outcome.error.code], {
    ...headers,
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    ...(outcome.ok ? {} : { Connection: 'close' }),
  })
  response.end(body)
}
