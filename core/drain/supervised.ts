// The host's drainer: a child process that is started, listened to, and started again when it dies.
//
// Core thread. The child's death costs nothing but time: what it has applied is in the progress row.
// It is started again after a pause that doubles, for ever, whatever it died of: a spool that cannot be
// drained does not stop the game, and `status` says why. Read-your-writes waits here (`waitApplied`).

import { type ChildProcess, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { Backoff } from './backoff.ts'
import type { DrainStatus } from './status.ts'
import type { DrainerMessage, StopMessage } from './supervision.ts'

export interface SupervisedOptions {
  /** The folder of the game; the child reads its config itself. */
  readonly root: string
  readonly configFolder?: string
  readonly node: string
  readonly random: () => number
  /** One line for the log. */
  readonly say: (words: string) => void
  /** Called with every status: after each batch, and at each change of state. */
  readonly onStatus?: (status: DrainStatus) => void
}

interface Waiter {
  readonly sequence: number
  readonly done: (applied: boolean) => void
  readonly timer: NodeJS.Timeout
}

export class SupervisedDrainer {
  readonly #options: SupervisedOptions
  readonly #backoff: Backoff
  #child: ChildProcess | undefined
  #ended: Promise<void> = Promise.resolve()
  #status: DrainStatus | undefined
  #failure: { readonly code: string; readonly message: string } | undefined
  #stopping = false
  #again: NodeJS.Timeout | undefined
  #waiters: Waiter[] = []
  #started: ((outcome: HostError | undefined) => void) | undefined

  constructor(options: SupervisedOptions) {
    this.#options = options
    this.#backoff = new Backoff(options.random)
  }

  /** The last that the child said of itself; undefined before it has said anything. */
  get status(): DrainStatus | undefined {
    return this.#status
  }

  /** Why nothing goes on: the child gave up, or waits for somebody; undefined while it works. */
  get problem(): string | undefined {
    return this.#failure?.message ?? this.#status?.message
  }

  /** The last transaction that is in the database, as far as the host knows; 0 before it knows. */
  get applied(): number {
    return this.#status?.applied ?? 0
  }

  /**
   * Starts the child, and waits until it drains, or says that the database is down (it keeps trying).
   * @throws HostError of the child when it gave up at once: CONFIG for a schema that does not fit
   */
  async start(): Promise<void> {
    const outcome = new Promise<HostError | undefined>((resolve) => {
      this.#started = resolve
    })
    this.#spawn()
    const error = await outcome
    if (error === undefined) return
    await this.stop(false)
    throw error
  }

  /**
   * Waits until a transaction is in the database.
   * @returns false when it was not after `timeoutMs`
   */
  waitApplied(sequence: number, timeoutMs: number): Promise<boolean> {
    if (this.applied >= sequence) return Promise.resolve(true)
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((each) => each.timer !== timer)
        resolve(false)
      }, timeoutMs)
      this.#waiters.push({ sequence, done: resolve, timer })
    })
  }

  /**
   * Ends the child: after its batch, or with `finish` when all that is on disk is in the database
   * (unless that takes longer than drainStopMs, or the database is down).
   */
  async stop(finish: boolean): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#again)
    const child = this.#child
    if (child?.connected === true) {
      const canFinish =
        finish && this.#status?.state !== 'down' && this.#status?.state !== 'stopped'
      const message: StopMessage = { kind: 'stop', finish: canFinish }
      child.send(message, () => {})
      const kill = setTimeout(() => {
        this.#options.say(`the drainer did not end within ${limits.drainStopMs} ms: killed`)
        child.kill('SIGKILL')
      }, limits.drainStopMs)
      await this.#ended
      clearTimeout(kill)
    }
    for (const waiter of this.#waiters.splice(0)) {
      clearTimeout(waiter.timer)
      waiter.done(false)
    }
  }

  #spawn(): void {
    const { root, configFolder, node } = this.#options
    const config = configFolder === undefined ? [] : ['--config', configFolder]
    const args = ['--root', root, '--node', node, ...config]
    const child = fork(processFile(), args, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: [],
    })
    this.#child = child
    this.#failure = undefined
    child.on('message', (message: DrainerMessage) => this.#heard(message))
    this.#ended = new Promise((resolve) => {
      const gone = (words: string): void => {
        resolve()
        if (this.#child === child) this.#gone(words)
      }
      child.once('error', (error) => gone(error.message))
      child.once('exit', (code, signal) => gone(signal ?? `exit code ${code}`))
    })
  }

  #heard(message: DrainerMessage): void {
    if (message.kind === 'said') this.#options.say(message.words)
    else if (message.kind === 'failed') this.#failure = message
    else {
      this.#status = message.status
      const { applied, state } = message.status
      if (applied !== undefined) this.#backoff.succeeded()
      if (state !== 'starting' && state !== 'ended') this.#reportStart(undefined)
      if (applied !== undefined) this.#wake(applied)
      this.#options.onStatus?.(message.status)
    }
  }

  #wake(applied: number): void {
    if (this.#waiters.length === 0) return
    const ready = this.#waiters.filter((waiter) => waiter.sequence <= applied)
    this.#waiters = this.#waiters.filter((waiter) => waiter.sequence > applied)
    for (const waiter of ready) {
      clearTimeout(waiter.timer)
      waiter.done(true)
    }
  }

  #gone(words: string): void {
    this.#child = undefined
    const failure = this.#failure
    if (failure !== undefined) this.#options.say(`the drainer gave up: ${failure.message}`)
    // The drainer of a host that died may be finishing its work: no reason not to start.
    if (failure?.code !== 'DRAIN_FENCED') {
      const error = new HostError('CONFIG', failure?.message ?? `the drainer ended with ${words}`)
      this.#reportStart(error)
    }
    if (this.#stopping) return
    const ms = Math.round(this.#backoff.nextMs())
    this.#options.say(`the drainer ended (${words}); starting it again in ${ms} ms`)
    this.#again = setTimeout(() => this.#spawn(), ms)
  }

  #reportStart(outcome: HostError | undefined): void {
    const started = this.#started
    this.#started = undefined
    if (started === undefined) return
    if (outcome !== undefined) this.#stopping = true
    started(outcome)
  }
}

/** The child's compiled main; its twin in dist/ when we run from source, as worker.ts does it. */
function processFile(): string {
  const beside = fileURLToPath(new URL('./drain-process.js', import.meta.url))
  if (existsSync(beside)) return beside
  return fileURLToPath(new URL('../../dist/core/drain/drain-process.js', import.meta.url))
}
