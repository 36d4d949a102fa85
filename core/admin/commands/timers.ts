// timers: how many wait, and for whom.
import { command } from '../command.ts'
import { textTable } from '../text-table.ts'

interface TimerReport {
  /** In the wheel. */
  readonly waiting: number
  /** Fired, and waiting for room in a full ring. */
  readonly held: number
  readonly threads: readonly { readonly thread: string; readonly timers: number }[]
}

export const timers = command({
  name: 'timers',
  summary: 'shows how many timers wait in the wheel, and whose they are',
  arguments: [],
  example: 'timers',
  run: (_args, host): TimerReport => {
    const status = host.status()
    return {
      waiting: status.timers.waiting,
      held: status.timers.held,
      threads: [
        { thread: 'core', timers: status.timers.core },
        ...status.lanes.map(({ lane, timers: count }) => ({
          thread: `lane ${lane}`,
          timers: count,
        })),
      ],
    }
  },
  text: ({ waiting, held, threads }: TimerReport) =>
    textTable(
      ['thread', 'timers'],
      [
        ...threads.map(({ thread, timers: count }) => [thread, count] as const),
        ['in the wheel', waiting],
        ['held back', held],
      ],
    ),
})
