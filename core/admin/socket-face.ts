// The admin socket: a Unix socket that its owner alone may use, one command a connection.
//
// Core thread. The file has mode 0600 from the moment it exists. A file that a dead host has left is
// replaced; one that answers belongs to a live host, and this one does not start. What comes in is
// bounded in size, in time and in number of connections. admin-protocol.ts draws the lines.

import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { dirname, relative } from 'node:path'
import { HostError, messageOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import {
  type AdminAnswer,
  type AdminRequest,
  decodeRequest,
  encodeLine,
  LineReader,
} from './admin-protocol.ts'
import type { CommandRunner, Listener } from './command-runner.ts'

export interface SocketFace {
  readonly path: string
  /** Takes no more connections, lets the answers that are under way leave, removes the file. */
  close(): Promise<void>
}

/** One operator's connection. */
interface Connection {
  readonly socket: Socket
  /** Settles when its command was answered; undefined while it has sent none. */
  answered: Promise<void> | undefined
}

/**
 * Listens at `path`.
 * @throws HostError PORT_IN_USE when a live host has it, CONFIG when it cannot be
 */
export async function openSocketFace(path: string, runner: CommandRunner): Promise<SocketFace> {
  const address = shortPath(path)
  makePlace(path)
  if (await isAnswered(address)) {
    const text = `the admin socket ${path} belongs to a host that is running already`
    throw new HostError('PORT_IN_USE', `${text}: give this one another --node, or stop that one`)
  }
  rmSync(path, { force: true })
  const open = new Set<Connection>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection: Connection = { socket, answered: undefined }
    open.add(connection)
    socket.once('close', () => open.delete(connection))
    serve(connection, runner)
  })
  server.maxConnections = limits.adminConnectionsMax
  await listen(server, address, path)
  return { path, close: () => close(server, open) }
}

/** The path from here when that is shorter: the kernel has room for 107 bytes. */
export function shortPath(path: string): string {
  const fromHere = relative(process.cwd(), path)
  const short = fromHere.length < path.length ? fromHere : path
  const { length } = Buffer.from(short)
  if (length <= limits.socketPathBytesMax) return short
  const text = `the path ${path} is too long for a Unix socket (${limits.socketPathBytesMax} bytes)`
  throw new HostError('CONFIG', `${text}: set admin.socket in config/host.lua`)
}

/** Makes the folder, and makes sure that nothing but a socket is in the way. */
function makePlace(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new HostError('CONFIG', `the folder of ${path} cannot be made: ${messageOf(error)}`)
  }
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (there === undefined || there.isSocket()) return
  throw new HostError('CONFIG', `admin.socket: ${path} is a file, and no socket`)
}

function isAnswered(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(address)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })
}

function listen(server: Server, address: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const text = `the admin socket ${path} cannot be opened: ${error.message}`
      reject(new HostError(error.code === 'EADDRINUSE' ? 'PORT_IN_USE' : 'CONFIG', text))
    })
    // Node binds within this call, so nobody ever sees the file with another mode.
    const before = process.umask(0o177)
    try {
      server.listen(address, () => {
        chmodSync(path, 0o600)
        resolve()
      })
    } finally {
      process.umask(before)
    }
  })
}

function serve(connection: Connection, runner: CommandRunner): void {
  const { socket } = connection
  const reader = new LineReader(limits.adminRequestBytesMax)
  const gone = new AbortController()
  let isDone = false
  const refuse = (message: string): void => {
    isDone = true
    send(socket, { error: { code: 'BAD_REQUEST', message } })
    socket.end()
  }
  socket.setTimeout(limits.adminRequestMs, () => {
    if (!isDone) refuse('no command came in time')
  })
  socket.on('error', () => gone.abort())
  socket.once('close', () => gone.abort())
  socket.once('end', () => {
    gone.abort()
    if (!isDone) socket.end()
  })
  socket.on('data', (chunk) => {
    if (isDone) return
    const lines = reader.feed(chunk)
    if (lines === undefined) return refuse('that command is too long')
    const [line] = lines
    if (line === undefined) return
    const request = decodeRequest(line)
    if (request === undefined) return refuse('that is no admin command')
    isDone = true
    connection.answered = answer(socket, runner, request, gone.signal)
  })
}

function send(socket: Socket, said: AdminAnswer): void {
  if (socket.writable) socket.write(encodeLine(said))
}

async function answer(
  socket: Socket,
  runner: CommandRunner,
  request: AdminRequest,
  signal: AbortSignal,
): Promise<void> {
  let dropped = 0
  const listener: Listener = {
    signal,
    get dropped() {
      return dropped
    },
    event: (event) => {
      if (socket.writableLength > limits.adminStreamBytesMax) dropped++
      else send(socket, { event })
    },
  }
  const caller = { face: 'socket', ...request.caller } as const
  const outcome = await runner.run(request.command, request.args, caller, listener)
  send(socket, outcome.ok ? { result: outcome.result ?? null } : { error: outcome.error })
  socket.end()
}

/** How long answers may take to leave at the host's end. */
const closeMsMax = 1000

function close(server: Server, open: ReadonlySet<Connection>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      for (const { socket } of open) socket.destroy()
    }, closeMsMax)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
    for (const { socket, answered } of open) if (answered === undefined) socket.destroy()
  })
}
