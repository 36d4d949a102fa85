// The main of the spool thread: locks the folder, makes it whole, writes until it is told to stop.
//
// It waits for nobody but its bell and the disk. What it has to say goes into a ring of log records
// to the core. When the disk cannot be trusted any more (spool-log.ts) it ends with exit code 70,
// and the core ends the process with the same; what was not settled by then is never acknowledged.

import { workerData } from 'node:worker_threads'
import { systemClock } from '../base/clock.ts'
import { exitCodes, HostError, messageOf } from '../base/errors.ts'
import { SystemFiles } from '../base/files.ts'
import { Doorbell, DoorbellButton } from '../thread/doorbell.ts'
import { message } from '../thread/messages.ts'
import { RingWriter } from '../thread/ring.ts'
import { reportReady, reportRefused } from '../thread/worker.ts'
import { DurableTickets } from './durable-tickets.ts'
import { newSpoolId } from './settle-spool.ts'
import { lockSpool, type SpoolLock } from './spool-lock.ts'
import { SpoolLog } from './spool-log.ts'
import { type SpoolSay, SpoolServer } from './spool-server.ts'
import { type SpoolReady, type SpoolThreadData, spoolLogLevels } from './spool-thread-data.ts'

const longestSleepMs = 60_000

function run(data: SpoolThreadData): void {
  const opened = open(data)
  if (opened === undefined) return
  const { log, lock } = opened
  const bell = new Doorbell(data.spoolBell)
  const tickets = new DurableTickets(data.tickets)
  const say = sayThrough(data)
  const server = new SpoolServer({ ...data, log, clock: systemClock, say })
  const { segments, cutBytes, lost } = log.recovery
  const found = { sequence: log.sequence, segments: segments.length, cutBytes, lost }
  reportReady<SpoolReady>({ spoolId: log.spoolId, ...found })
  try {
    for (;;) {
      const ticket = bell.ticket()
      const isStopping = tickets.isStopping
      const sleepMs = server.turn()
      if (sleepMs === 0) continue
      // Empty rings, seen after the stop: the lanes have ended, nothing more comes.
      if (isStopping) break
      bell.wait(ticket, Math.min(sleepMs, longestSleepMs))
    }
    log.close()
    lock.release()
  } catch (error) {
    if (!(error instanceof HostError)) throw error
    say('error', `spool: ${error.message}; the process ends, nothing more is acknowledged`, {
      ...error.data,
      cause: error.cause === undefined ? undefined : messageOf(error.cause),
    })
    process.exit(exitCodes.disk)
  }
}

function open(data: SpoolThreadData): { log: SpoolLog; lock: SpoolLock } | undefined {
  const files = new SystemFiles()
  let lock: SpoolLock | undefined
  try {
    lock = lockSpool(data.folder, files)
    const log = new SpoolLog({ ...data, files, clock: systemClock, newSpoolId })
    return { log, lock }
  } catch (error) {
    lock?.release()
    if (!(error instanceof HostError)) throw error
    reportRefused(error)
    return undefined
  }
}

function sayThrough(data: SpoolThreadData): SpoolSay {
  const writer = new RingWriter(data.logRing)
  const button = new DoorbellButton(data.coreBell)
  return (level, text, fields) => {
    // A core that reads no log loses log lines; the spool never waits for it.
    const json = Buffer.from(JSON.stringify({ text, ...fields }))
    writer.write(message.log, spoolLogLevels.indexOf(level), 0, json)
    button.ring()
  }
}

run(workerData as SpoolThreadData)
