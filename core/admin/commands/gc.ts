// gc: collects garbage in every thread, and shows what it was worth.
import type { GcReport } from '../admin-host.ts'
import { command } from '../command.ts'
import { showBytes, textTable } from '../text-table.ts'

export const gc = command({
  name: 'gc',
  summary: 'collects garbage in every lane and in the core, one after the other',
  arguments: [],
  example: 'gc',
  run: (_args, host) => host.gc(),
  text: (threads: readonly GcReport[]) =>
    textTable(
      ['thread', 'before', 'after', 'took'],
      threads.map(({ thread, beforeBytes, afterBytes, durationMs }) => [
        thread,
        showBytes(beforeBytes),
        showBytes(afterBytes),
        `${durationMs.toFixed(1)} ms`,
      ]),
    ),
})
