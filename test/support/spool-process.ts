// Runs test/fixtures/spool-writer.mjs as a process of its own, and keeps what it says.
//
// Test process; the writer runs from dist/. Every process that was started is killed by `endWriters`.

import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('../fixtures/spool-writer.mjs', import.meta.url))
const running = new Set<ChildProcess>()

export interface WriterEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly lines: readonly string[]
  /** Ids by what the writer was told of them. */
  readonly acknowledged: readonly string[]
  readonly refused: readonly string[]
}

export interface Writer {
  readonly child: ChildProcess
  readonly ended: Promise<WriterEnd>
  /** Settles when a line begins so; with undefined when the writer ended before. */
  saw(prefix: string): Promise<string | undefined>
}

/**
 * @param before a command that runs the writer, as strace does
 * @param uid the user it runs as
 * @param spools how many it writes to; `test`, `test1`, `test2`... below root
 * @param segmentBytesMax of each
 */
export function startWriter(
  root: string,
  run: string,
  count: number,
  options: {
    readonly before?: readonly string[]
    readonly uid?: number
    readonly spools?: number
    readonly segmentBytesMax?: number
  } = {},
): Writer {
  const { before = [], uid, spools = 1, segmentBytesMax } = options
  const size = segmentBytesMax === undefined ? [] : [String(segmentBytesMax)]
  const what = [root, run, String(count), String(spools), ...size]
  const [command, ...args] = [...before, process.execPath, script, ...what]
  const child = spawn(command as string, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  running.add(child)
  const lines: string[] = []
  const waiting: { prefix: string; done: (line: string | undefined) => void }[] = []
  let rest = ''
  const take = (bytes: Buffer) => {
    const parts = (rest + bytes.toString()).split('\n')
    rest = parts.pop() ?? ''
    for (const line of parts) {
      lines.push(line)
      for (const each of waiting) if (line.startsWith(each.prefix)) each.done(line)
    }
  }
  child.stdout?.on('data', take)
  child.stderr?.on('data', (bytes: Buffer) => lines.push(`stderr ${bytes}`))
  const ended = new Promise<WriterEnd>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child)
      for (const each of waiting) each.done(undefined)
      const of = (word: string) =>
        lines.filter((line) => line.startsWith(word)).map((line) => line.slice(word.length))
      resolve({ code, signal, lines, acknowledged: of('ack '), refused: of('refused ') })
    })
  })
  const saw = (prefix: string) => {
    const already = lines.find((line) => line.startsWith(prefix))
    if (already !== undefined) return Promise.resolve(already)
    return new Promise<string | undefined>((done) => waiting.push({ prefix, done }))
  }
  return { child, ended, saw }
}

export function endWriters(): void {
  for (const child of running) child.kill('SIGKILL')
}
