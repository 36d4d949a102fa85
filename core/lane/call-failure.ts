// What a caller in another lane or node is told of a task that failed. Lane thread.

import type { Failure } from './task.ts'

/** Added to the code of a failure that is a bug: the caller's client is told no more than a 500. */
export const internalStatus = 0x10000

/** @param name of the remote function: `bag.remote.grant` */
export function statusOf(failure: Failure, name: string): { status: number; text: string } {
  // Callers are services, not clients: they are told what happened.
  if (failure.table !== undefined) {
    const { code, message } = failure
    return { status: code > 0 && code < internalStatus ? code : 500, text: message }
  }
  const [first = failure.message] = failure.detail.split('\n')
  return { status: internalStatus + failure.code, text: `${name}: ${first}` }
}
