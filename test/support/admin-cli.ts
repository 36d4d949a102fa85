// The admin command line as an operator runs it: dist/tools/admin.js in a process of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { projectFolder } from './host-process.ts'

export interface CliExit {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs it to its end. @param cwd where the operator stands; the project when left out */
export function runAdmin(args: readonly string[], cwd: string = projectFolder): Promise<CliExit> {
  return startAdmin(args, cwd).exited
}

/** Runs it, and lets the test see what it prints meanwhile. */
export function startAdmin(
  args: readonly string[],
  cwd: string = projectFolder,
): {
  readonly child: ChildProcess
  readonly exited: Promise<CliExit>
  /** Settles when stdout holds this. */
  printed(pattern: RegExp): Promise<void>
} {
  const child = spawn(process.execPath, [`${projectFolder}dist/tools/admin.js`, ...args], { cwd })
  let stdout = ''
  let stderr = ''
  const looks = new Set<() => void>()
  child.stdout.on('data', (chunk) => {
    stdout += chunk
    for (const look of looks) look()
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const exited = new Promise<CliExit>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
  const printed = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!pattern.test(stdout)) return
        looks.delete(look)
        resolve()
      }
      looks.add(look)
      look()
      void exited.then(() => reject(new Error(`ended without ${pattern}: ${stdout}${stderr}`)))
    })
  return { child, exited, printed }
}
