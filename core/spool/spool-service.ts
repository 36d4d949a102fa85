// The spool thread as the core sees it: allocates what the lanes need, starts the thread, ends it.
//
// Core thread. Each lane gets a port, which its successor takes over. The thread ends by `stop`,
// when all that is in the rings is on disk. When it ends otherwise, `exited` says how: with code 70
// the disk cannot be trusted, and the process must end at once with the same code, acknowledging
// nothing more.

import { join } from 'node:path'
import type { Dialect } from '../base/dialect.ts'
import { limits } from '../base/limits.ts'
import { allocateDoorbell, DoorbellButton } from '../thread/doorbell.ts'
import { allocateRing, RingReader, usedBytesOf } from '../thread/ring.ts'
import { startWorker, type WorkerExit } from '../thread/worker.ts'
import { WriteLease } from '../thread/write-lease.ts'
import type { SpoolPolicy } from './durable-mark.ts'
import { DurableTickets } from './durable-tickets.ts'
import { encodeWord } from './format.ts'
import type { SpoolPort } from './spool-client.ts'
import type { SpoolSay } from './spool-server.ts'
import { type SpoolReady, type SpoolThreadData, spoolLogLevels } from './spool-thread-data.ts'

const logRingBytes = 64 * 1024

export interface SpoolServiceOptions {
  /** `sql-spool`; the node's folder is made below it. */
  readonly root: string
  readonly node: string
  readonly dialect: Dialect
  readonly policy: SpoolPolicy
  /** Where a segment ends and the next one begins; spoolSegmentBytesMax when left out. */
  readonly segmentBytesMax?: number
  readonly lanes: number
  readonly coreBell: SharedArrayBuffer
  /** A WriteLease's; without an end when left out. */
  readonly writeLease?: SharedArrayBuffer
  readonly log: SpoolSay
}

export interface SpoolService {
  /** `sql-spool/<node>`. */
  readonly folder: string
  /** One for each lane. */
  readonly ports: readonly SpoolPort[]
  readonly tickets: DurableTickets
  /** What the thread found at its start. */
  readonly ready: SpoolReady
  /** Bytes that wait in the rings of the lanes; a status number. */
  usedBytes(): number
  /** Says in the log what the thread has to say; for each turn of the core. */
  readLog(): void
  /** Settles when the thread is gone; with code 70 the process must end with it. */
  readonly exited: Promise<WorkerExit>
  /** Writes what is in the rings, then ends the thread. The lanes have ended before. */
  stop(): Promise<WorkerExit>
}

/** The folder of a node's spool. */
export function spoolFolder(root: string, node: string): string {
  return join(root, encodeWord(node).replaceAll('/', '%2F'))
}

/**
 * Starts the spool thread, which recovers what is there.
 * @throws HostError SPOOL_LOCKED, SPOOL_DAMAGED, DISK, STORAGE_FULL in words for the user
 */
export async function startSpoolService(options: SpoolServiceOptions): Promise<SpoolService> {
  const { node, dialect, policy, lanes, coreBell, log } = options
  const spoolBell = allocateDoorbell()
  const ticketMemory = DurableTickets.allocate(lanes)
  const ports = Array.from({ length: lanes }, (_, lane) => {
    const ring = allocateRing(limits.spoolRingBytes)
    return { lane, node, dialect, ring, spoolBell, tickets: ticketMemory }
  })
  const folder = spoolFolder(options.root, node)
  const logRing = allocateRing(logRingBytes)
  const data: SpoolThreadData = {
    folder,
    node,
    dialect,
    policy,
    segmentBytesMax: options.segmentBytesMax ?? limits.spoolSegmentBytesMax,
    ports,
    tickets: ticketMemory,
    spoolBell,
    coreBell,
    writeLease: options.writeLease ?? new WriteLease().memory,
    logRing,
  }
  const worker = await startWorker<SpoolReady>({
    name: 'spool',
    file: 'spool/spool-thread.ts',
    data,
  })
  const tickets = new DurableTickets(ticketMemory)
  const logReader = new RingReader(logRing)
  const readLog = () => {
    logReader.drain((_kind, level, _b, bytes, start, end) => {
      const { text, ...fields } = JSON.parse(bytes.toString('utf8', start, end)) as { text: string }
      log(spoolLogLevels[level] ?? 'error', text, fields)
    }, Number.POSITIVE_INFINITY)
  }
  sayStart(options, folder, worker.ready)
  return {
    folder,
    ports,
    tickets,
    ready: worker.ready,
    usedBytes: () => ports.reduce((sum, { ring }) => sum + usedBytesOf(ring), 0),
    readLog,
    exited: worker.exited.then((exit) => {
      readLog()
      return exit
    }),
    stop: () => {
      tickets.requestStop()
      new DoorbellButton(spoolBell).ring()
      return worker.exited
    },
  }
}

function sayStart({ policy, log }: SpoolServiceOptions, folder: string, ready: SpoolReady): void {
  const { sequence, cutBytes, lost } = ready
  const kept = policy === 'fdatasync' ? 'each group is forced to the disk' : 'a power cut loses'
  const what = policy === 'fdatasync' ? kept : `${kept} what the system has not written yet`
  log('info', `spool: ${folder}, policy ${policy}: ${what}`, { policy, folder, sequence })
  if (cutBytes > 0) {
    const text = `spool: ${cutBytes} bytes of an unfinished transaction were cut off the end`
    log('warn', text, { folder, cutBytes, sequence })
  }
  if (lost > 0) {
    const from = sequence + 1
    const text = `spool: transactions ${from} to ${sequence + lost} were on disk and are gone`
    log('error', text, { folder, lost, sequence })
  }
}
