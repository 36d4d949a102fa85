// The audit log: who asked this host for what, and what came of it. Core thread.
//
// One JSON object a line, appended to data/audit.log (0600), never rewritten. A line is handed to the
// kernel before the operator has his answer; that of a stream, when the stream begins. When the file
// cannot be written the command goes on, and the host's log says so.
//
//   time      ISO 8601             node     the host's name
//   face      socket | http        uid, user, pid   what the command line said of itself (the socket
//                                  lets in nobody but its owner and root); ip for http
//   command   args                 outcome  ok | streaming | refused (the operator's fault) | failed
//   code, message                  of a refusal or failure     durationMs   not for streams

import { appendFile, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { messageOf } from '../base/errors.ts'

/** Who asks, as far as the face can tell. */
export interface Caller {
  readonly face: 'socket' | 'http'
  readonly uid?: number
  readonly user?: string
  readonly pid?: number
  readonly ip?: string
}

export interface AuditEntry {
  readonly time: string
  readonly node: string
  readonly caller: Caller
  readonly command: string
  readonly args: unknown
  readonly outcome: 'ok' | 'refused' | 'failed' | 'streaming'
  readonly code?: string
  readonly message?: string
  readonly durationMs?: number
}

export class AuditLog {
  readonly #path: string
  readonly #tell: (text: string) => void
  #last: Promise<void> = Promise.resolve()

  /** @param tell one line for the host's log when the file cannot be written */
  constructor(path: string, tell: (text: string) => void) {
    this.#path = path
    this.#tell = tell
  }

  /** Settles when the line is with the kernel; lines keep the order of their calls. */
  write({ caller, time, node, ...rest }: AuditEntry): Promise<void> {
    const line = `${JSON.stringify({ time, node, ...caller, ...rest })}\n`
    this.#last = this.#last.then(() => this.#append(line))
    return this.#last
  }

  async #append(line: string): Promise<void> {
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
      await appendFile(this.#path, line, { mode: 0o600 })
    } catch (error) {
      this.#tell(`the audit log cannot be written: ${messageOf(error)}`)
    }
  }
}
