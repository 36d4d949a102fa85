// Supervisor mode (`npm start -- --supervise`): runs the host as a child, starts it again after a crash.
//
// A process of its own that does nothing else, so that it has nothing to crash of. The child is this
// very command without `--supervise`, in a process group of its own: Ctrl-C reaches the supervisor
// alone, which passes signals on. The child ends in order when the supervisor is gone (main.ts sees
// the closed channel), so a killed supervisor leaves nobody behind.
//
//   child ended with             then
//   0, or 2 (usage)              the supervisor ends with the same code
//   anything, while stopping     the supervisor ends with that code
//   another code, or a signal    a pause, and a new child; pauses double from superviseFirstMs to
//                                superviseDelayMsMax, and begin anew after superviseHealthyMs of life

import { type ChildProcess, spawn } from 'node:child_process'
import { exitCodes } from './base/errors.ts'
import { limits } from './base/limits.ts'

/** A closed terminal ends the host in order, too. */
const passedOn = { SIGINT: 'SIGINT', SIGTERM: 'SIGTERM', SIGHUP: 'SIGTERM' } as const

export interface SupervisorOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly firstDelayMs?: number
  /** One line for people. */
  readonly say: (text: string) => void
}

/** The pause before the next start. @param before the last pause, 0 at first */
export function nextDelayMs(before: number, livedMs: number, firstMs: number): number {
  if (before === 0 || livedMs >= limits.superviseHealthyMs) return firstMs
  return Math.min(before * 2, limits.superviseDelayMsMax)
}

/** Runs the child until it ends for good. @returns the exit code for this process */
export async function supervise(options: SupervisorOptions): Promise<number> {
  const { say, firstDelayMs = limits.superviseFirstMs } = options
  let child: ChildProcess | undefined
  let stopping = false
  let wake: () => void = () => {}
  for (const [signal, passed] of Object.entries(passedOn)) {
    process.on(signal, () => {
      stopping = true
      child?.kill(passed)
      wake()
    })
  }
  let delayMs = 0
  for (;;) {
    const startedMs = performance.now()
    child = spawn(options.command, [...options.args], {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      detached: true,
    })
    say(`the host is process ${child.pid}`)
    const ended = await endOf(child)
    child = undefined
    const code = ended.code ?? exitCodes.bug
    if (stopping || code === exitCodes.ok || code === exitCodes.usage) return code
    delayMs = nextDelayMs(delayMs, performance.now() - startedMs, firstDelayMs)
    say(`the host ended with ${ended.words}; starting it again in ${delayMs} ms`)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    if (stopping) return code
  }
}

function endOf(child: ChildProcess): Promise<{ code: number | null; words: string }> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: exitCodes.bug, words: error.message }))
    child.once('exit', (code, signal) => {
      resolve({ code, words: signal === null ? `code ${code}` : `signal ${signal}` })
    })
  })
}

/** In the child: `gone` is called when the supervisor has died. */
export function onSupervisorGone(gone: () => void): void {
  if (process.channel === undefined) return
  process.once('disconnect', gone)
  process.channel.unref()
}
