// What the core and the spool thread say to each other at the thread's start. Any thread; data.

import type { Dialect } from '../base/dialect.ts'
import type { SpoolPolicy } from './durable-mark.ts'
import type { SpoolPort } from './spool-client.ts'

/** What the core hands to the spool thread. */
export interface SpoolThreadData {
  readonly folder: string
  readonly node: string
  readonly dialect: Dialect
  readonly policy: SpoolPolicy
  /** Where a segment ends and the next one begins. */
  readonly segmentBytesMax: number
  readonly ports: readonly SpoolPort[]
  readonly tickets: SharedArrayBuffer
  readonly spoolBell: SharedArrayBuffer
  readonly coreBell: SharedArrayBuffer
  /** A WriteLease's: nothing is written when it is over. */
  readonly writeLease: SharedArrayBuffer
  readonly logRing: SharedArrayBuffer
}

/** What it found at its start. */
export interface SpoolReady {
  readonly spoolId: string
  readonly sequence: number
  readonly segments: number
  readonly cutBytes: number
  readonly lost: number
}

/** Levels as they cross the ring. */
export const spoolLogLevels = ['info', 'warn', 'error'] as const
