// What an admin command is: its name, its arguments, what it does, and how people read its answer.
//
// Any thread; types and one function. The answer of `run` is a plain JSON value, the same for every
// face; `text` makes lines of it for a terminal, in the process of whoever asked, so it sees what
// JSON has made of the answer. A command that streams hands on events until nobody listens, or until
// its own limits are reached, and then answers like any other.
//
// To add a command: a file in commands/, and its line in command-table.ts.

import type { AdminHost } from './admin-host.ts'
import type { ArgumentSpec, Arguments } from './arguments.ts'

/** Where a streaming command puts its events. */
export interface CommandStream {
  /** The stream is on: this command does not just answer. Events may come before. */
  begun(): void
  /** Hands on one event, a JSON value; it is left out when the listener reads too slowly. */
  event(value: unknown): void
  /** How many were left out. */
  readonly dropped: number
  /** Aborted when nobody listens any more. */
  readonly signal: AbortSignal
}

/** A command as its file writes it. */
export interface CommandSpec<Result, Event = never> {
  readonly name: string
  /** One line, without a full stop. */
  readonly summary: string
  readonly arguments: readonly ArgumentSpec[]
  /** A line that may be typed as it is, without `npm run admin --`. */
  readonly example: string
  /** @throws HostError for what the operator can understand */
  run(args: Arguments, host: AdminHost, stream: CommandStream): Result | Promise<Result>
  text(result: Result): string
  /** Makes the command a stream: one event as a line. */
  readonly eventText?: (event: Event) => string
}

/** A command in the table: what it answers is known to itself alone. */
export interface Command {
  readonly name: string
  readonly summary: string
  readonly arguments: readonly ArgumentSpec[]
  readonly example: string
  readonly isStream: boolean
  run(args: Arguments, host: AdminHost, stream: CommandStream): Promise<unknown>
  text(result: unknown): string
  eventText(event: unknown): string
}

export function command<Result, Event = never>(spec: CommandSpec<Result, Event>): Command {
  const { eventText } = spec
  return {
    name: spec.name,
    summary: spec.summary,
    arguments: spec.arguments,
    example: spec.example,
    isStream: eventText !== undefined,
    run: async (args, host, stream) => spec.run(args, host, stream),
    // The other end runs the same table: what `run` gave is what arrives here, less what JSON drops.
    text: (result) => spec.text(result as Result),
    eventText: (event) => eventText?.(event as Event) ?? JSON.stringify(event),
  }
}
