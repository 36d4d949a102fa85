// When a stream of events ends: nobody listens any more, so many were shown, so long has it run.
//
// Core thread. `streamLimits` are the arguments that every streaming command has beside its own.

import type { ArgumentSpec, Arguments } from './arguments.ts'
import type { CommandStream } from './command.ts'

const secondsMax = 86_400

export const streamLimits: readonly ArgumentSpec[] = [
  { name: 'count', type: 'integer', min: 1, help: 'ends after so many' },
  { name: 'seconds', type: 'integer', min: 1, max: secondsMax, help: 'ends after so long' },
]

/**
 * Hands events on until the stream is closed or a limit is reached.
 * @param start begins the events, and returns what ends them
 * @returns how many there were
 */
export function streamWithin(
  args: Arguments,
  stream: CommandStream,
  start: (event: (value: unknown) => void) => () => void,
): Promise<number> {
  const countMax = args.integer('count') ?? Number.POSITIVE_INFINITY
  const seconds = args.integer('seconds')
  return new Promise((resolve, reject) => {
    let count = 0
    let timer: NodeJS.Timeout | undefined
    let stop: (() => void) | undefined
    let isOver = false
    const end = (): void => {
      isOver = true
      clearTimeout(timer)
      stop?.()
      stream.signal.removeEventListener('abort', end)
      resolve(count)
    }
    const event = (value: unknown): void => {
      if (isOver) return
      stream.event(value)
      if (++count >= countMax) end()
    }
    if (stream.signal.aborted) return resolve(0)
    stream.signal.addEventListener('abort', end)
    if (seconds !== undefined) timer = setTimeout(end, seconds * 1000)
    try {
      stop = start(event)
    } catch (error) {
      clearTimeout(timer)
      stream.signal.removeEventListener('abort', end)
      return reject(error)
    }
    stream.begun()
    // Events that came while it began may have been enough.
    if (isOver) stop()
  })
}
