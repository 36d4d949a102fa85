// Starting, watching and ending the host's worker threads.
//
// Core thread. `postMessage` is used for two things only: the worker's report that it is ready (or
// why it cannot be) and nothing else; all later traffic goes over rings. A worker that dies of an
// exception, of memory or by exit is reported once, through `onExit`.

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parentPort, type ResourceLimits, type Transferable, Worker } from 'node:worker_threads'
import { type ErrorCode, HostError } from '../base/errors.ts'

/** What a worker says once, when it is ready or when it cannot start. */
type StartReport<Ready> =
  | { readonly ready: Ready }
  | { readonly refused: string; readonly code: ErrorCode }

export interface WorkerExit {
  readonly name: string
  /** Process-style exit code; 0 after an orderly end. */
  readonly code: number
  /** The exception that ended it, or 'out of memory'. */
  readonly cause: Error | undefined
}

export interface RunningWorker<Ready> {
  readonly name: string
  readonly ready: Ready
  /** Settles when the thread is gone. */
  readonly exited: Promise<WorkerExit>
  /** Ends the thread at once, in whatever it is doing. */
  terminate(): Promise<void>
}

/**
 * The compiled file of a worker main. Under a test runner the caller runs from source, and Node
 * cannot start a worker from TypeScript, so the compiled twin in dist/ is taken.
 * @param relative path from core/, ending in .ts
 */
export function workerFile(relative: string): URL {
  const compiled = relative.replace(/\.ts$/, '.js')
  const beside = new URL(`../${compiled}`, import.meta.url)
  if (existsSync(fileURLToPath(beside))) return beside
  return new URL(`../../dist/core/${compiled}`, import.meta.url)
}

/** What a thread is made of. */
export interface ThreadOptions {
  readonly name: string
  /** The worker's main, as a path from core/: `lane/lane-thread.ts`. */
  readonly file: string
  readonly data: unknown
  readonly resourceLimits?: ResourceLimits
  /** What of `data` is handed over instead of copied: message ports. */
  readonly transfer?: readonly Transferable[]
}

/** A thread that is there, whatever it has said so far. */
export interface Thread {
  readonly worker: Worker
  /** Settles when the thread is gone. */
  readonly exited: Promise<WorkerExit>
}

/** Starts a thread; returns at once. */
export function launchThread(options: ThreadOptions): Thread {
  const worker = new Worker(workerFile(options.file), {
    name: options.name,
    workerData: options.data,
    transferList: [...(options.transfer ?? [])],
    ...(options.resourceLimits === undefined ? {} : { resourceLimits: options.resourceLimits }),
  })
  let cause: Error | undefined
  worker.on('error', (error) => {
    cause = error instanceof Error ? error : new Error(String(error))
  })
  const exited = new Promise<WorkerExit>((resolve) => {
    worker.once('exit', (code) => resolve({ name: options.name, code, cause }))
  })
  return { worker, exited }
}

/**
 * Starts a worker and waits for its start report.
 * @throws HostError as `awaitReport`
 */
export function startWorker<Ready>(
  options: ThreadOptions & {
    /** When it has not reported by then, it is ended. */
    readonly startMsMax?: number
  },
): Promise<RunningWorker<Ready>> {
  return awaitReport(launchThread(options), options.name, options.startMsMax)
}

/**
 * Waits for the next start report of a thread.
 * @throws HostError CONFIG, SCRIPT, SPOOL_... with the worker's own words when it refused to start,
 *   INTERNAL when it died before it reported; then the thread is gone
 */
export async function awaitReport<Ready>(
  { worker, exited }: Thread,
  name: string,
  startMsMax?: number,
): Promise<RunningWorker<Ready>> {
  const late =
    startMsMax === undefined ? undefined : setTimeout(() => void worker.terminate(), startMsMax)
  const report = await Promise.race([
    new Promise<StartReport<Ready>>((resolve) => worker.once('message', resolve)),
    exited,
  ])
  clearTimeout(late)
  if ('ready' in report) {
    return {
      name,
      ready: report.ready,
      exited,
      terminate: async () => {
        await worker.terminate()
      },
    }
  }
  await worker.terminate()
  if ('refused' in report) throw new HostError(report.code, report.refused)
  throw new HostError('INTERNAL', `${name} died while starting: ${describeExit(report)}`, {
    cause: report.cause,
  })
}

/** One line for a log or an error: how a worker ended. */
export function describeExit(exit: WorkerExit): string {
  if (exit.cause === undefined) return `exit code ${exit.code}`
  const code = (exit.cause as { code?: string }).code
  return code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'out of memory' : exit.cause.message
}

/** In a worker: everything stands, `ready` is what the core wants to know about it. */
export function reportReady<Ready>(ready: Ready): void {
  parentPort?.postMessage({ ready } satisfies StartReport<Ready>)
}

/** What a worker says it was refused by; any other code comes out of a service's script. */
const keptCodes: ReadonlySet<ErrorCode> = new Set([
  'CONFIG',
  'DISK',
  'STORAGE_FULL',
  'SPOOL_DAMAGED',
  'SPOOL_LOCKED',
])

/** In a worker: it cannot start, and a user can mend it. */
export function reportRefused(error: HostError): void {
  const code = keptCodes.has(error.code) ? error.code : 'SCRIPT'
  parentPort?.postMessage({ refused: error.message, code } satisfies StartReport<never>)
}
