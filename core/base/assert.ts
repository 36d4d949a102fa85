// Assertions for bugs, always on. Any thread.
//
// A failed assertion in a lane kills that lane; in the core thread it kills the process. Nothing
// catches an AssertionError except the top of a thread, which reports it and ends.

export class AssertionError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'AssertionError'
  }
}

/** Throws an AssertionError when `condition` is false: the program, not its user, is wrong. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** The place that no value can reach; the compiler checks that every case was handled. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`)
}

/** Unwraps what must be there; `what` names it in the error. */
export function must<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new AssertionError(`missing ${what}`)
  return value
}
