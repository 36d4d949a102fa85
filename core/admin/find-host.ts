// Finds the admin socket of a running host: in data/, or where the game's config says. Main thread of
// the command line.
//
// data/ comes first, because the config may be broken just when an operator needs the host. Files of
// dead hosts lie there, too: only a socket that answers counts.

import { existsSync, readdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join, relative } from 'node:path'
import { HostError } from '../base/errors.ts'
import { loadConfig } from '../config/load.ts'
import { socketPath } from './admin-faces.ts'
import { connectAdmin } from './socket-client.ts'

export interface WhichHost {
  readonly root: string
  readonly node: string | undefined
  /** A path, which then is the only one. */
  readonly socket: string | undefined
}

/**
 * Connects to the host that is meant.
 * @throws HostError NOT_FOUND when none runs, CONFLICT when several do; one line that says what to do
 */
export async function findHost(which: WhichHost): Promise<Socket> {
  const paths = which.socket === undefined ? knownPaths(which) : [which.socket]
  const found: { path: string; socket: Socket }[] = []
  for (const path of paths) {
    const socket = await connectAdmin(path)
    if (socket !== undefined) found.push({ path, socket })
  }
  const [only] = found
  if (only !== undefined && found.length === 1) return only.socket
  for (const { socket } of found) socket.destroy()
  if (only === undefined) throw new HostError('NOT_FOUND', nobody(which))
  const names = found.map(({ path }) => relative(which.root, path)).join(', ')
  throw new HostError('CONFLICT', `several hosts run here (${names}): say which by --node NAME`)
}

function nobody({ node, socket }: WhichHost): string {
  if (socket !== undefined) return `no host answers at ${socket}; start one: npm start`
  const start = node === undefined ? 'npm start' : `npm start -- --node ${node}`
  return `no host${node === undefined ? '' : ` '${node}'`} is running here; start one: ${start}`
}

/** Where a host of this game may have its socket. */
function knownPaths({ root, node }: WhichHost): string[] {
  const folder = join(root, 'data')
  const names = existsSync(folder) ? readdirSync(folder) : []
  const wanted = node === undefined ? /^admin-.*\.sock$/ : `admin-${node}.sock`
  const inData = names
    .filter((name) => (typeof wanted === 'string' ? name === wanted : wanted.test(name)))
    .map((name) => join(folder, name))
  const configured = configuredPath(root, node)
  return [...new Set(configured === undefined ? inData : [...inData, configured])]
}

/** What the config says; undefined while it cannot be read. */
function configuredPath(root: string, node: string | undefined): string | undefined {
  try {
    const config = loadConfig({ root, ...(node === undefined ? {} : { node }) })
    const { socket } = config.admin
    return socket === false ? undefined : socketPath(root, socket, config.node.name)
  } catch (error) {
    if (error instanceof HostError) return undefined
    throw error
  }
}
