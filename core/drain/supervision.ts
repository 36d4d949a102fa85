// What the host and its drainer say to each other, over the child's IPC channel. Data.
//
//   host ─▶ drainer   stop    after this batch, or when all that is on disk is in the database
//   host ◀─ drainer   status  after every batch and at every change of state
//   host ◀─ drainer   failed  it gives up, and says why; then it ends
//
// A closed channel is the other side's death: the drainer then ends after its batch.

import type { ErrorCode } from '../base/errors.ts'
import type { DrainStatus } from './status.ts'

export interface StopMessage {
  readonly kind: 'stop'
  /** Drain what is on disk first. */
  readonly finish: boolean
}

export type DrainerMessage =
  | { readonly kind: 'status'; readonly status: DrainStatus }
  | { readonly kind: 'said'; readonly words: string }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
