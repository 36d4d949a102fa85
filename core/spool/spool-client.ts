// A lane's way into the spool: renders statements, hands whole transactions to the spool thread.
//
// Lane thread. A transaction is gathered here as text and crosses the ring as one record, when it is
// committed; the ring (spoolRingBytes) takes records up to half its size, which is more than the
// longest transaction (spoolTransactionBytesMax). bench/spool.ts guards the cost of exec and commit.
//
//   begin ─▶ exec, exec … ─▶ commit ─▶ ticket        ring record   kind   spoolTransaction
//                       └──▶ (forgotten: dropped)                  a      ticket
//                                                                  b      statements
//                                                                  payload: u32 epoch | u16 length of
//                                                                  origin | tail (format.ts)
//
// A full ring is back-pressure: tryCommit answers 0, commit stands still for at most
// spoolFullWaitMs. When the disk is full, exec and commit raise STORAGE_FULL. After any refusal the
// lane must forget what it believed to be written: `onRefused` is called before the next begin or
// exec, and transactions that began before it are refused as well, so that nothing is built on what
// is not there.

import type { Dialect } from '../base/dialect.ts'
import { HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { DoorbellButton } from '../thread/doorbell.ts'
import { message } from '../thread/messages.ts'
import { RingWriter } from '../thread/ring.ts'
import { DurableTickets, nextTicket } from './durable-tickets.ts'
import { type Cause, encodeCause, encodeOrigin, encodeTail } from './format.ts'
import { type DescribeValue, StatementCache } from './statement.ts'

/** What one lane needs to reach the spool thread; plain shared memory, fit for workerData. */
export interface SpoolPort {
  readonly lane: number
  readonly node: string
  readonly dialect: Dialect
  readonly ring: SharedArrayBuffer
  readonly spoolBell: SharedArrayBuffer
  readonly tickets: SharedArrayBuffer
}

/** Bytes before the tail in a record. */
export const recordHeaderBytes = 6
const waitStepMs = 20

/** A transaction that is being gathered; forget it to drop it. */
export class OpenTransaction {
  /** The statements so far, as a byte string. */
  text = ''
  statements = 0
  readonly epoch: number

  constructor(epoch: number) {
    this.epoch = epoch
  }
}

export class SpoolClient {
  readonly #port: SpoolPort
  readonly #writer: RingWriter
  readonly #button: DoorbellButton
  readonly #tickets: DurableTickets
  readonly #statements: StatementCache
  readonly #onRefused: () => void
  /** How the origin of each transaction begins. */
  readonly #place: string
  #issued: number
  #last: number
  #epoch: number

  /** @param onRefused something that the lane had committed was refused; called inside begin or exec */
  constructor(port: SpoolPort, onRefused: () => void = () => {}) {
    this.#port = port
    this.#writer = new RingWriter(port.ring)
    this.#button = new DoorbellButton(port.spoolBell)
    this.#tickets = new DurableTickets(port.tickets)
    this.#statements = new StatementCache(port.dialect)
    this.#onRefused = onRefused
    this.#place = encodeOrigin({ node: port.node, lane: port.lane })
    this.#issued = this.#tickets.issued(port.lane)
    // What a lane before this one has written is not this one's to wait for.
    this.#last = this.#tickets.settled(port.lane)
    this.#epoch = this.#tickets.epoch(port.lane)
  }

  get dialect(): Dialect {
    return this.#port.dialect
  }

  /** The ticket of the last transaction that was committed; one long settled before the first. */
  get lastTicket(): number {
    return this.#last
  }

  /** Whether everything that this lane has committed is on disk, or refused. */
  get isSettled(): boolean {
    return ((this.#tickets.settled(this.#port.lane) - this.#last) | 0) >= 0
  }

  /** Bytes that wait in the ring. */
  get usedBytes(): number {
    return this.#writer.usedBytes
  }

  begin(): OpenTransaction {
    this.#look()
    return new OpenTransaction(this.#epoch)
  }

  /**
   * Adds a statement with its values.
   * @param sql a byte string @param values of type SqlValue
   * @throws HostError SQL naming the fault, TOO_LARGE, STORAGE_FULL; then nothing was added
   */
  exec(
    transaction: OpenTransaction,
    sql: string,
    values: readonly unknown[],
    describe?: DescribeValue,
  ): void {
    if (this.#tickets.isRefusing) throw storageFull()
    this.#look()
    const text = this.#statements.get(sql).render(values, describe)
    if (transaction.text.length + text.length > limits.spoolTransactionBytesMax) {
      const fault = `the transaction is longer than ${limits.spoolTransactionBytesMax} bytes`
      throw new HostError('TOO_LARGE', fault)
    }
    if (transaction.statements >= limits.spoolStatementsMax) {
      const fault = `the transaction has more than ${limits.spoolStatementsMax} statements`
      throw new HostError('TOO_LARGE', fault)
    }
    transaction.text += text
    transaction.statements++
  }

  /**
   * Hands a transaction over, standing still while the ring is full.
   * @returns its ticket; that of the last transaction when this one is empty
   * @throws HostError STORAGE_FULL, OVERLOADED when the spool thread does not keep up
   */
  commit(transaction: OpenTransaction, cause: Cause): number {
    for (let waitedMs = 0; ; waitedMs += waitStepMs) {
      const ticket = this.tryCommit(transaction, cause)
      if (ticket !== 0 || transaction.statements === 0) return ticket
      if (waitedMs >= limits.spoolFullWaitMs) {
        throw new HostError('OVERLOADED', 'the disk does not keep up with what is written')
      }
      this.#writer.waitForRoom(waitStepMs)
    }
  }

  /** The same without standing still: 0 when the ring is full, and nothing was handed over. */
  tryCommit(transaction: OpenTransaction, cause: Cause): number {
    if (transaction.statements === 0) return this.#last
    if (this.#tickets.isRefusing || transaction.epoch !== this.#tickets.epoch(this.#port.lane)) {
      throw storageFull()
    }
    const { statements, epoch } = transaction
    const origin = this.#place + encodeCause(cause)
    const tail = encodeTail(origin, transaction.text)
    const length = recordHeaderBytes + tail.length
    const ticket = nextTicket(this.#issued)
    const at = this.#writer.reserve(message.spoolTransaction, ticket, statements, length)
    if (at < 0) return 0
    const { bytes } = this.#writer
    bytes.writeUInt32LE(epoch, at)
    bytes.writeUInt16LE(origin.length, at + 4)
    bytes.write(tail, at + recordHeaderBytes, 'latin1')
    this.#tickets.setIssued(this.#port.lane, ticket)
    this.#writer.commit(length)
    this.#button.ring()
    this.#issued = ticket
    this.#last = ticket
    return ticket
  }

  #look(): void {
    const epoch = this.#tickets.epoch(this.#port.lane)
    if (epoch === this.#epoch) return
    this.#epoch = epoch
    this.#onRefused()
  }
}

function storageFull(): HostError {
  return new HostError('STORAGE_FULL', 'the disk of the server is full; nothing can be written now')
}
