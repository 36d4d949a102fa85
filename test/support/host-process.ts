// A host in a process of its own, as a user starts it: for tests of the whole.
//
// Runs dist/core/main.js (npm test builds it first) on free ports. stdout's addresses are parsed, the
// log is collected as objects. `stop` ends it with SIGINT and says how it ended; every host that a
// test leaves running is killed by `stopAllHosts`, which the tests call in afterEach.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { hostNodeArgs } from '../../core/thread/node-args.ts'

export const projectFolder = fileURLToPath(new URL('../..', import.meta.url))
export const testGame = fileURLToPath(new URL('../fixtures/game', import.meta.url))

export interface LogLine {
  readonly level: number
  readonly msg: string
  readonly [field: string]: unknown
}

export interface HostExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface HostProcess {
  readonly pid: number
  readonly tcpPort: number
  readonly wsPort: number
  readonly httpUrl: string
  /** Unless the arguments named another one. */
  readonly adminSocket: string
  readonly log: readonly LogLine[]
  /** The first line of the log, from its start on, that `test` accepts. */
  waitLog(test: (line: LogLine) => boolean, what: string): Promise<LogLine>
  /** What matches in all that was printed on stdout, or on stderr, from the start on. */
  waitText(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray>
  signal(name: NodeJS.Signals): void
  exited: Promise<HostExit>
  /** Ctrl-C, and how it ended. */
  stop(): Promise<HostExit>
}

const running = new Set<ChildProcess>()

/** Runs the host's main to its end or its `ready`. */
export async function startHostProcess(
  options: {
    readonly root?: string
    readonly args?: readonly string[]
    /** Options of node itself. */
    readonly nodeArgs?: readonly string[]
    /** A command that runs the host, as strace does. */
    readonly before?: readonly string[]
    /** Its config says where it listens; left out: anywhere. */
    readonly ownPorts?: boolean
  } = {},
): Promise<HostProcess> {
  const { child, exited, log, onLog, onText, adminSocket } = spawnHost(
    [
      '--root',
      options.root ?? testGame,
      ...(options.ownPorts === true ? [] : ['--port-base', '0']),
      ...(options.args ?? []),
    ],
    options.nodeArgs,
    options.before,
  )
  const addresses: string[] = []
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const ready = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      if (line === 'ready') resolve()
      else addresses.push(line)
    })
  })
  const early = await Promise.race([ready, exited])
  if (early !== undefined) {
    throw new Error(`the host ended with ${early.code} before it was ready:\n${early.stderr}`)
  }
  const portOf = (scheme: string) =>
    Number(new URL(addresses.find((each) => each.startsWith(scheme)) ?? `${scheme}//0:0`).port)
  return {
    pid: child.pid ?? 0,
    tcpPort: portOf('tcp:'),
    wsPort: portOf('ws:'),
    httpUrl: addresses.find((each) => each.startsWith('http:')) ?? '',
    adminSocket,
    log,
    waitLog: (test, what) => onLog(test, what),
    waitText: onText,
    signal: (name) => void child.kill(name),
    exited,
    stop: () => {
      child.kill('SIGINT')
      return exited
    },
  }
}

/** Runs the host's main with any arguments to its end; for those that do not start. */
export function runHostToEnd(args: readonly string[]): Promise<HostExit> {
  return spawnHost(args).exited
}

/** Kills what a failed test has left running. */
export async function stopAllHosts(): Promise<void> {
  const left = [...running]
  for (const child of left) child.kill('SIGKILL')
  await Promise.all(left.map((child) => child.exitCode ?? once(child, 'exit')))
}

/** An admin socket of its own for each host: many of them run the same game at once. */
let lastSocket = 0
const socketFolder = mkdtempSync(join(tmpdir(), 'moon-sockets-'))
process.once('exit', () => rmSync(socketFolder, { recursive: true, force: true }))

function spawnHost(
  given: readonly string[],
  nodeArgs: readonly string[] = [],
  before: readonly string[] = [],
) {
  const adminSocket = join(socketFolder, `${process.pid}-${++lastSocket}.sock`)
  const args = given.includes('--admin-socket') ? given : [...given, '--admin-socket', adminSocket]
  const main = `${projectFolder}dist/core/main.js`
  const [command = '', ...rest] = [
    ...before,
    process.execPath,
    ...hostNodeArgs,
    ...nodeArgs,
    main,
    ...args,
  ]
  const child = spawn(command, rest, { cwd: projectFolder, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  let stdout = ''
  let stderr = ''
  const log: LogLine[] = []
  const watchers = new Set<() => void>()
  child.stdout.on('data', (chunk) => {
    stdout += chunk
    for (const watch of watchers) watch()
  })
  createInterface({ input: child.stderr }).on('line', (line) => {
    stderr += `${line}\n`
    if (line.startsWith('{')) log.push(JSON.parse(line) as LogLine)
    for (const watch of watchers) watch()
  })
  const exited = new Promise<HostExit>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child)
      resolve({ code, signal, stdout, stderr })
    })
  })
  const onLog = (test: (line: LogLine) => boolean, what: string) =>
    onFound(() => log.find(test), `no log line: ${what}`)
  const onText = (stream: 'stdout' | 'stderr', pattern: RegExp) =>
    onFound(
      () => pattern.exec(stream === 'stdout' ? stdout : stderr) ?? undefined,
      `nothing on ${stream} matches ${pattern}`,
    )
  const onFound = <T>(find: () => T | undefined, what: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const look = (): boolean => {
        const found = find()
        if (found === undefined) return false
        watchers.delete(look)
        clearTimeout(timer)
        resolve(found)
        return true
      }
      const timer = setTimeout(() => {
        watchers.delete(look)
        reject(new Error(`${what}; the output was\n${stdout}\n${stderr}`))
      }, 10_000)
      if (!look()) watchers.add(look)
    })
  return { child, exited, log, onLog, onText, adminSocket }
}
