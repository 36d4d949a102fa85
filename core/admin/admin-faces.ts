// Opens the faces of the admin commands as the config says, and closes them again. Core thread.
//
// One command runner and one audit log serve both: the socket, and the playground's HTTP server.

import { join, resolve } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { HostConfig } from '../config/types.ts'
import type { AdminHost } from './admin-host.ts'
import { AuditLog } from './audit-log.ts'
import { CommandRunner } from './command-runner.ts'
import { commandTable } from './command-table.ts'
import { type HttpFace, openHttpFace } from './http-face.ts'
import { openSocketFace } from './socket-face.ts'

export interface AdminFacesOptions {
  readonly config: HostConfig
  readonly host: AdminHost
  readonly clock: Clock
  readonly log: (level: 'info' | 'error', text: string, data: object) => void
}

export interface AdminFaces {
  /** For the playground's server; undefined when the config has it off. */
  readonly http: HttpFace | undefined
  /** Ends streams, answers what is under way, takes no more commands. */
  close(): Promise<void>
}

/** @throws HostError PORT_IN_USE when the socket belongs to a live host, CONFIG */
export async function openAdminFaces(options: AdminFacesOptions): Promise<AdminFaces> {
  const { config, host, clock, log } = options
  const { root, node, admin, listen } = config
  const audit = new AuditLog(join(root, 'data/audit.log'), (text) => log('error', text, {}))
  const commands = commandTable
  const runner = new CommandRunner({ commands, host, node: node.name, audit, clock, log })
  const path = admin.socket === false ? undefined : socketPath(root, admin.socket, node.name)
  const socket = path === undefined ? undefined : await openSocketFace(path, runner)
  if (path !== undefined) log('info', 'admin socket', { path })
  const wantsHttp = admin.http && listen.http !== false
  const http = wantsHttp ? openHttpFace(tokenPath(path ?? defaultPath(config)), runner) : undefined
  return {
    http,
    close: async () => {
      runner.close()
      await Promise.all([socket?.close(), http?.close()])
    },
  }
}

/** Where a host of this name has its socket. @param setting admin.socket of its config */
export function socketPath(root: string, setting: string, node: string): string {
  return resolve(root, setting.replaceAll('{node}', node))
}

function defaultPath({ root, node }: HostConfig): string {
  return socketPath(root, 'data/admin-{node}.sock', node.name)
}

/** The HTTP face's token stands beside the socket. */
function tokenPath(socket: string): string {
  return `${socket.replace(/\.sock$/, '')}.token`
}
