// A promise with an end: what a database's driver promises may never come. Any thread.

import { HostError } from '../base/errors.ts'

/**
 * Waits for `work`, `ms` at most.
 * @throws HostError DATABASE_DOWN when the time is up, saying that `what` did not answer
 */
export async function withDeadline<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new HostError('DATABASE_DOWN', `${what} did not answer for ${ms} ms`))
    }, ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
