// A host in a process of its own, for benchmarks that steer it: free ports, an own admin socket.
//
// Main thread of the benchmark. The game lies in a temporary folder, which `stop` removes.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { askAdmin, connectAdmin } from '../../core/admin/socket-client.ts'
import { hostNodeArgs } from '../../core/thread/node-args.ts'

export interface BenchHost {
  readonly root: string
  readonly tcpPort: number
  /** NaN when the game listens to none. */
  readonly wsPort: number
  readonly pid: number
  /** The log so far. */
  readonly stderr: () => string
  /** Writes a file of the game. */
  write(path: string, text: string): void
  /** The answer of an admin command. @throws Error with the host's words */
  admin(command: string, args?: object): Promise<unknown>
  stop(): Promise<void>
}

/** The compiled main, also when this runs from source. */
const main = fileURLToPath(
  new URL(
    import.meta.url.includes('/dist/') ? '../../core/main.js' : '../../dist/core/main.js',
    import.meta.url,
  ),
)

/** @param files of the game, by path @param env beside that of this process */
export async function startBenchHost(
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): Promise<BenchHost> {
  const root = mkdtempSync(join(tmpdir(), 'moon-bench-'))
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  for (const [path, text] of Object.entries(files)) write(path, text)
  const socket = join(root, 'admin.sock')
  const args = [...hostNodeArgs, main, '--root', root, '--port-base', '0', '--admin-socket', socket]
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const ports = await readyPorts(child, () => stderr)
  return {
    root,
    tcpPort: ports.tcp,
    wsPort: ports.ws,
    pid: child.pid ?? 0,
    stderr: () => stderr,
    write,
    admin: async (command, given = {}) => {
      const connection = await connectAdmin(socket)
      if (connection === undefined) throw new Error(`the host has gone:\n${stderr}`)
      const outcome = await askAdmin(connection, { command, args: given })
      if (!outcome.ok) throw new Error(`${command}: ${outcome.error.message}`)
      return outcome.result
    },
    stop: async () => {
      if (child.exitCode === null) {
        child.kill('SIGINT')
        await once(child, 'exit')
      }
      rmSync(root, { recursive: true, force: true })
    },
  }
}

/** The ports, when the host is ready. */
async function readyPorts(
  child: ChildProcess,
  stderr: () => string,
): Promise<{ tcp: number; ws: number }> {
  const ports = { tcp: Number.NaN, ws: Number.NaN }
  if (child.stdout === null) throw new Error('the host has no stdout')
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('tcp:')) ports.tcp = Number(new URL(line).port)
    if (line.startsWith('ws:')) ports.ws = Number(new URL(line).port)
    if (line === 'ready') return ports
  }
  throw new Error(`the host did not start:\n${stderr()}`)
}
