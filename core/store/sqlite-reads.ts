// Queries on the SQLite file: the core's side of the thread that reads it.
//
// Core thread. A query waits in a queue of ours while the ring is full; QueryService bounds how many
// there are. One that is late is answered by its timer; what the thread says of it afterwards finds
// nobody. A thread that dies takes the queries that it had with it, and the next query starts another.

import { assert } from '../base/assert.ts'
import { type ErrorCode, HostError, messageOf } from '../base/errors.ts'
import type { RowLimits } from '../lua/row-writer.ts'
import type { CorePump } from '../thread/core-pump.ts'
import { allocateDoorbell, DoorbellButton } from '../thread/doorbell.ts'
import { message } from '../thread/messages.ts'
import { allocateRing, RingReader, RingWriter } from '../thread/ring.ts'
import { describeExit, type RunningWorker, startWorker } from '../thread/worker.ts'
import type { ReadSource } from './read-source.ts'
import { type SqliteReaderStart, sqlStatus } from './sqlite-reader-status.ts'

const requestRingBytes = 1024 * 1024
const answerRingBytes = 4 * 1024 * 1024

const codeOf: Readonly<Record<number, ErrorCode>> = {
  [sqlStatus.refused]: 'SQL',
  [sqlStatus.unreachable]: 'DATABASE_DOWN',
  [sqlStatus.tooLarge]: 'TOO_LARGE',
  [sqlStatus.late]: 'TIMEOUT',
}

interface Pending {
  readonly resolve: (rows: Uint8Array) => void
  readonly reject: (error: HostError) => void
  readonly timer: NodeJS.Timeout
}

/** One thread and its rings. */
interface Thread {
  readonly writer: RingWriter
  readonly button: DoorbellButton
  readonly reader: RingReader
  readonly worker: Promise<RunningWorker<undefined>>
}

export class SqliteReads implements ReadSource {
  readonly #file: string
  readonly #limits: RowLimits
  readonly #pump: CorePump
  readonly #coreBell: SharedArrayBuffer
  readonly #pending = new Map<number, Pending>()
  /** For which the ring had no room. */
  #unsent: { id: number; sql: Buffer; timeoutMs: number }[] = []
  #thread: Thread | undefined
  #nextId = 1
  #isClosed = false

  constructor(file: string, rowLimits: RowLimits, pump: CorePump, coreBell: SharedArrayBuffer) {
    this.#file = file
    this.#limits = rowLimits
    this.#pump = pump
    this.#coreBell = coreBell
    pump.afterTurn(() => this.#sendUnsent())
  }

  query(sql: string, timeoutMs: number): Promise<Uint8Array> {
    assert(!this.#isClosed, 'a query after close')
    this.#thread ??= this.#start()
    const id = this.#nextId
    this.#nextId = id === 0xffffffff ? 1 : id + 1
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const text = `the query took more than ${timeoutMs} ms`
        this.#settle(id)?.reject(new HostError('TIMEOUT', text))
      }, timeoutMs)
      this.#pending.set(id, { resolve, reject, timer })
      this.#unsent.push({ id, sql: Buffer.from(sql), timeoutMs: Math.ceil(timeoutMs) })
      this.#sendUnsent()
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const thread = this.#thread
    if (thread === undefined) return
    this.#pump.removeReader(thread.reader)
    await (await thread.worker.catch(() => undefined))?.terminate()
    this.#failAll('the host stops')
  }

  #start(): Thread {
    const memory = {
      toReader: allocateRing(requestRingBytes),
      toCore: allocateRing(answerRingBytes),
      readerBell: allocateDoorbell(),
    }
    const data: SqliteReaderStart = {
      ...memory,
      file: this.#file,
      coreBell: this.#coreBell,
      limits: { rowsMax: this.#limits.rowsMax, bytesMax: this.#limits.bytesMax },
    }
    const name = 'sqlite reader'
    const worker = startWorker<undefined>({ name, file: 'store/sqlite-reader-thread.ts', data })
    const thread: Thread = {
      writer: new RingWriter(memory.toReader),
      button: new DoorbellButton(memory.readerBell),
      reader: new RingReader(memory.toCore),
      worker,
    }
    this.#pump.addReader(thread.reader, this.#answered)
    worker.then(
      ({ exited }) => exited.then((exit) => this.#lost(thread, describeExit(exit))),
      (error) => this.#lost(thread, messageOf(error)),
    )
    return thread
  }

  #lost(thread: Thread, why: string): void {
    this.#pump.removeReader(thread.reader)
    if (this.#isClosed || this.#thread !== thread) return
    this.#thread = undefined
    this.#unsent = []
    this.#failAll(`the thread that reads the database has ended: ${why}`)
  }

  #failAll(why: string): void {
    for (const id of [...this.#pending.keys()]) {
      this.#settle(id)?.reject(new HostError('DATABASE_DOWN', why))
    }
  }

  #sendUnsent(): void {
    const thread = this.#thread
    if (this.#unsent.length === 0 || thread === undefined) return
    let sent = 0
    for (const { id, sql, timeoutMs } of this.#unsent) {
      // One that nobody waits for any more is left out.
      if (this.#pending.has(id) && !thread.writer.write(message.sqlRead, id, timeoutMs, sql)) break
      sent++
    }
    if (sent === 0) return
    this.#unsent = this.#unsent.slice(sent)
    thread.button.ring()
    // The pump must sleep with its bell hung up to hear the answer.
    this.#pump.schedule()
  }

  readonly #answered = (
    _kind: number,
    id: number,
    status: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void => {
    const pending = this.#settle(id)
    if (pending === undefined) return
    if (status === sqlStatus.rows) return pending.resolve(Buffer.from(bytes.subarray(start, end)))
    const code = codeOf[status] ?? 'INTERNAL'
    pending.reject(new HostError(code, bytes.toString('utf8', start, end)))
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    clearTimeout(pending?.timer)
    return pending
  }
}
