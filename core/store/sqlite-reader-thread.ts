// The main of the thread that reads the SQLite file: one query after the other, each in full.
//
// Worker thread. It sleeps on its bell, takes sqlRead from its ring, answers sqlRows. The file is
// opened read-only when first needed, and anew after an error that is not the statement's own. SQLite
// cannot be stopped inside of one step here, so the time limit is looked at between rows; the core
// gives up by itself meanwhile (sqlite-reads.ts).

import { workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { HostError, messageOf } from '../base/errors.ts'
import { type Cell, RowWriter } from '../lua/row-writer.ts'
import { Doorbell, DoorbellButton } from '../thread/doorbell.ts'
import { message } from '../thread/messages.ts'
import { RingReader, RingWriter } from '../thread/ring.ts'
import { reportReady } from '../thread/worker.ts'
import { type SqliteReaderStart, sqlStatus } from './sqlite-reader-status.ts'

/** Asleep, the thread looks up this often, so that it can be ended. */
const sleepMsMax = 50
/** How long a read waits for a lock; the drainer's write-ahead log needs none but for moments. */
const lockWaitMsMax = 1000

const start = workerData as SqliteReaderStart
const reader = new RingReader(start.toReader)
const writer = new RingWriter(start.toCore)
const bell = new Doorbell(start.readerBell)
const core = new DoorbellButton(start.coreBell)
let database: Database.Database | undefined

function open(): Database.Database {
  database ??= new Database(start.file, {
    readonly: true,
    fileMustExist: true,
    timeout: lockWaitMsMax,
  })
  return database
}

function read(sql: string, timeoutMs: number): Uint8Array {
  const endMs = performance.now() + timeoutMs
  const statement = open().prepare(sql)
  if (!statement.reader) throw new HostError('SQL', 'this statement returns no rows')
  const rows = new RowWriter(
    statement.columns().map((column) => column.name),
    start.limits,
  )
  for (const cells of statement.raw(true).safeIntegers(true).iterate()) {
    rows.add(cells as Cell[])
    if (performance.now() > endMs) {
      throw new HostError('TIMEOUT', `the query took more than ${timeoutMs} ms`)
    }
  }
  return rows.finish()
}

function statusOf(error: unknown): number {
  if (error instanceof HostError) {
    if (error.code === 'TOO_LARGE') return sqlStatus.tooLarge
    return error.code === 'TIMEOUT' ? sqlStatus.late : sqlStatus.refused
  }
  // SQLITE_ERROR is the statement's fault (a syntax error, an unknown column); the rest is the file's.
  const code = (error as { code?: string }).code ?? ''
  if (code === 'SQLITE_ERROR' || code === 'SQLITE_READONLY' || error instanceof RangeError) {
    return sqlStatus.refused
  }
  database?.close()
  database = undefined
  return sqlStatus.unreachable
}

function visit(
  _kind: number,
  id: number,
  timeoutMs: number,
  bytes: Buffer,
  from: number,
  to: number,
) {
  let status: number = sqlStatus.rows
  let payload: Uint8Array
  try {
    payload = read(bytes.toString('utf8', from, to), timeoutMs)
  } catch (error) {
    status = statusOf(error)
    payload = Buffer.from(messageOf(error))
  }
  while (!writer.write(message.sqlRows, id, status, payload)) {
    core.ring()
    writer.waitForRoom(sleepMsMax)
  }
  core.ring()
}

reportReady(undefined)
for (;;) {
  const ticket = bell.ticket()
  if (reader.drain(visit, 1) === 0) bell.wait(ticket, sleepMsMax)
}
