// The operator's end of the admin socket. Main thread of the command line; tests use it, too.
//
// One command a connection. Nobody at the other end is no error here: the caller knows what to say.

import { connect, type Socket } from 'node:net'
import { userInfo } from 'node:os'
import { HostError } from '../base/errors.ts'
import { type AdminAnswer, decodeAnswer, encodeLine, LineReader } from './admin-protocol.ts'
import type { Outcome } from './command-runner.ts'
import { shortPath } from './socket-face.ts'

/**
 * Connects to a host's admin socket.
 * @returns undefined when no host answers there
 * @throws HostError FORBIDDEN when it is somebody else's
 */
export function connectAdmin(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(shortPath(path))
    socket.once('connect', () => resolve(socket))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EACCES' && error.code !== 'EPERM') return resolve(undefined)
      reject(new HostError('FORBIDDEN', `${path} belongs to another user of this machine`))
    })
  })
}

/**
 * Runs one command over a connection, which ends with it.
 * @param event is called with each event of a stream
 * @param signal ends a stream
 * @throws HostError INTERNAL when the host went away before it had answered
 */
export function askAdmin(
  socket: Socket,
  request: { readonly command: string; readonly args: unknown },
  event: (value: unknown) => void = () => {},
  signal?: AbortSignal,
): Promise<Outcome> {
  const reader = new LineReader(Number.POSITIVE_INFINITY)
  return new Promise((resolve, reject) => {
    let answer: Outcome | undefined
    const take = (said: AdminAnswer | undefined): void => {
      if (said === undefined) return
      if ('event' in said) event(said.event)
      else if ('result' in said) answer = { ok: true, result: said.result }
      else answer = { ok: false, error: said.error }
    }
    socket.on('data', (chunk) => {
      for (const line of reader.feed(chunk) ?? []) take(decodeAnswer(line))
    })
    socket.on('error', () => {})
    socket.once('close', () => {
      if (answer !== undefined) return resolve(answer)
      reject(new HostError('INTERNAL', 'the host went away before it had answered'))
    })
    signal?.addEventListener('abort', () => socket.end())
    const { uid, username } = userInfo()
    const caller = { uid, user: username, pid: process.pid }
    socket.write(encodeLine({ ...request, caller }))
  })
}
