// Runs one admin command for any face: finds it, checks its arguments, runs it, writes the audit log.
//
// Core thread. Never throws: what the operator can understand and what is a bug both come back as an
// outcome, the bug with no more than its message; its stack is in the host's log.

import type { Clock } from '../base/clock.ts'
import { type ErrorCode, HostError, messageOf } from '../base/errors.ts'
import type { AdminHost } from './admin-host.ts'
import { readArguments } from './arguments.ts'
import type { AuditLog, Caller } from './audit-log.ts'
import type { Command, CommandStream } from './command.ts'

export interface AdminError {
  readonly code: ErrorCode
  readonly message: string
  readonly data?: Readonly<Record<string, unknown>>
}

export type Outcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: AdminError }

/** Whoever asked, for commands that stream. */
export type Listener = Pick<CommandStream, 'event' | 'dropped' | 'signal'> &
  Partial<Pick<CommandStream, 'begun'>>

export interface CommandRunnerOptions {
  readonly commands: readonly Command[]
  readonly host: AdminHost
  readonly node: string
  readonly audit: AuditLog
  readonly clock: Clock
  readonly log: (level: 'error', text: string, data: object) => void
}

/** Nothing is the matter with the host: the operator asked for what cannot be. */
const refusals: readonly ErrorCode[] = ['BAD_REQUEST', 'FORBIDDEN', 'NOT_FOUND']

export class CommandRunner {
  readonly #options: CommandRunnerOptions
  readonly #closing = new AbortController()

  constructor(options: CommandRunnerOptions) {
    this.#options = options
  }

  /** Whether a command of this name answers by a stream. */
  isStream(name: string): boolean {
    return this.#find(name)?.isStream === true
  }

  /** Ends all streams, and refuses what comes from now on. */
  close(): void {
    this.#closing.abort()
  }

  /** @param raw the arguments as they came, not yet checked */
  async run(name: string, raw: unknown, caller: Caller, listener: Listener): Promise<Outcome> {
    const { audit, clock, node } = this.#options
    const entry = { time: new Date(clock.wallMs()).toISOString(), node, caller, command: name }
    const beganMs = clock.monotonicMs()
    const durationMs = (): number => Math.round(clock.monotonicMs() - beganMs)
    let args: unknown = raw
    let streaming: Promise<void> | undefined
    const begun = (): void => {
      streaming = audit.write({ ...entry, args, outcome: 'streaming' })
      listener.begun?.()
    }
    try {
      const found = this.#need(name)
      const checked = readArguments(found.arguments, raw)
      args = checked.record()
      const stream = this.#streamTo(listener, begun)
      const result = await found.run(checked, this.#options.host, stream)
      await (streaming ?? audit.write({ ...entry, args, outcome: 'ok', durationMs: durationMs() }))
      return { ok: true, result }
    } catch (thrown) {
      const error = this.#errorOf(name, thrown)
      const { code, message } = error
      const outcome = refusals.includes(code) ? 'refused' : 'failed'
      await audit.write({ ...entry, args, outcome, code, message, durationMs: durationMs() })
      return { ok: false, error }
    }
  }

  #streamTo(listener: Listener, begun: () => void): CommandStream {
    return {
      begun,
      signal: AbortSignal.any([listener.signal, this.#closing.signal]),
      event: listener.event,
      get dropped() {
        return listener.dropped
      },
    }
  }

  #need(name: string): Command {
    if (this.#closing.signal.aborted) {
      throw new HostError('SHUTTING_DOWN', 'the host is stopping')
    }
    const found = this.#find(name)
    if (found !== undefined) return found
    throw new HostError('BAD_REQUEST', `there is no command '${name.slice(0, 64)}' (see help)`)
  }

  #find(name: string): Command | undefined {
    return this.#options.commands.find((each) => each.name === name)
  }

  #errorOf(name: string, thrown: unknown): AdminError {
    if (thrown instanceof HostError) {
      const { code, message, data } = thrown
      return data === undefined ? { code, message } : { code, message, data }
    }
    const stack = thrown instanceof Error ? thrown.stack : undefined
    this.#options.log('error', `admin command ${name} failed: ${messageOf(thrown)}`, { stack })
    return { code: 'INTERNAL', message: messageOf(thrown) }
  }
}
