// A window on the log: its last lines, and each new one as it is written. Core thread.
//
// pino hands every finished line through `write` before its own thread gets it. Lines are kept as
// they are, JSON text without the newline, cut at logTapLineCharsMax; the oldest of
// logTapLinesMax goes first. A sink must not write to the log.

import { limits } from './limits.ts'

export class LogTap {
  #recent: string[] = []
  readonly #sinks = new Set<(line: string) => void>()

  /** For pino's `streamWrite` hook: sees a line and gives it back unchanged. */
  readonly write = (line: string): string => {
    const text = line.trimEnd().slice(0, limits.logTapLineCharsMax)
    this.#recent.push(text)
    if (this.#recent.length >= 2 * limits.logTapLinesMax) this.#recent = [...this.recent()]
    for (const sink of this.#sinks) sink(text)
    return line
  }

  /** The last lines, the oldest first. */
  recent(): readonly string[] {
    return this.#recent.slice(-limits.logTapLinesMax)
  }

  /** Hands on each line from now on. @returns what ends that */
  watch(sink: (line: string) => void): () => void {
    this.#sinks.add(sink)
    return () => void this.#sinks.delete(sink)
  }
}
