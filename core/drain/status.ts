// What a drainer tells of itself: `drain.json` in the spool's folder, read by `drain --status`.
//
// Written by the drain process when its state changes and a few times a second while it works; never
// synced, it is about now. Read by anybody; a missing or torn one is undefined.

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { limits } from '../base/limits.ts'

/**
 * starting   connecting, finding its place
 * draining   applying
 * idle       nothing to apply; follows the spool
 * down       the database cannot be reached: tries again, for ever
 * stopped    the database refuses a transaction: waits for `drain skip` or `drain retry`
 * ended      the process has ended in order
 */
export type DrainState = 'starting' | 'draining' | 'idle' | 'down' | 'stopped' | 'ended'

export interface DrainStatus {
  readonly node: string
  readonly state: DrainState
  /** The last transaction in the database; undefined before it was asked. */
  readonly applied: number | undefined
  /** The last transaction on disk. */
  readonly durable: number
  /** Of this process: transactions applied, batches, failed attempts in a row. */
  readonly transactions: number
  readonly batches: number
  readonly failures: number
  /** Why it is down or stopped. */
  readonly message: string | undefined
  /** The transaction that it stands before. */
  readonly stoppedAt: number | undefined
  /** Transactions that the database has refused, and that are not in it. */
  readonly deadLetters: number
  readonly pid: number
  /** Milliseconds since 1970. */
  readonly writtenAt: number
}

const statusFileName = 'drain.json'

export function statusPath(folder: string): string {
  return join(folder, statusFileName)
}

/** Writes each change of state at once, and what changes within a state now and then. */
export function statusWriter(folder: string, clock: Clock): (status: DrainStatus) => void {
  let last: DrainState | undefined
  let writtenMs = Number.NEGATIVE_INFINITY
  return (status) => {
    const nowMs = clock.monotonicMs()
    if (status.state === last && nowMs - writtenMs < limits.drainStatusMs) return
    last = status.state
    writtenMs = nowMs
    writeStatus(folder, status)
  }
}

function writeStatus(folder: string, status: DrainStatus): void {
  const path = statusPath(folder)
  try {
    writeFileSync(`${path}.new`, `${JSON.stringify(status)}\n`)
    renameSync(`${path}.new`, path)
  } catch {
    // A full disk must not stop the drainer: it is what makes room.
  }
}

/** @returns undefined when no drainer has written one that can be read */
export function readStatus(folder: string): DrainStatus | undefined {
  try {
    return parseStatus(readFileSync(statusPath(folder), 'utf8'))
  } catch {
    return undefined
  }
}

/** What a drainer wrote; undefined when it is torn. */
export function parseStatus(text: string): DrainStatus | undefined {
  try {
    return JSON.parse(text) as DrainStatus
  } catch {
    return undefined
  }
}

/** The status of a drainer that is at work on this spool; undefined when none is. */
export function runningDrainer(folder: string): DrainStatus | undefined {
  const status = readStatus(folder)
  if (status === undefined || status.state === 'ended' || status.pid === process.pid)
    return undefined
  return isDrainer(status.pid) ? status : undefined
}

/** A process number may be somebody else's by now; Linux tells what a process runs. */
export function isDrainer(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return (
      !existsSync('/proc/self') || readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('drain')
    )
  } catch {
    return false
  }
}
