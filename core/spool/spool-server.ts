// The spool thread's work, without the thread: from the lanes' rings into the log, group by group.
//
// Spool thread. A turn takes what the lanes have committed, up to spoolGroupBytesMax, appends it
// with one write and one fdatasync, and settles the tickets. While it waits for the disk the next
// group gathers in the rings, so groups grow with the load and a lone transaction waits for nobody.
//
//   writing ──no room, or a write failed──▶ refusing ──every spoolProbeMs: room again──▶ writing
//
// A group whose write lease has ended is dropped, and refused. While refusing, whatever comes is
// refused at once. A lane whose transaction was refused has a new epoch; what it began under the old
// one is refused even when there is room again.
// What the log throws is passed on: the process must end with exit code 70.

import type { Clock } from '../base/clock.ts'
import type { HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { DoorbellButton } from '../thread/doorbell.ts'
import { RingReader } from '../thread/ring.ts'
import { WriteLease } from '../thread/write-lease.ts'
import { DurableTickets } from './durable-tickets.ts'
import { recordHeaderBytes, type SpoolPort } from './spool-client.ts'
import type { SpoolLog } from './spool-log.ts'

/** Records taken from one lane before another has its turn. */
const recordsPerLaneMax = 256
/** The least that must fit before a full disk counts as one with room. */
const probeBytesMin = 4096

interface LanePort {
  readonly lane: number
  readonly reader: RingReader
  readonly visit: (
    kind: number,
    ticket: number,
    statements: number,
    bytes: Buffer,
    start: number,
    end: number,
  ) => void
  /** Tickets of the group: 0 for none. */
  first: number
  last: number
}

export type SpoolSay = (level: 'info' | 'warn' | 'error', text: string, data: object) => void

export class SpoolServer {
  readonly #log: SpoolLog
  readonly #lanes: readonly LanePort[]
  readonly #tickets: DurableTickets
  readonly #coreBell: DoorbellButton
  readonly #writeLease: WriteLease
  readonly #clock: Clock
  readonly #say: SpoolSay
  #isRefusing = false
  #probeBytes = probeBytesMin
  #probeAtMs = 0
  #refused = 0
  #markFailures = 0
  #nextLane = 0

  constructor(options: {
    readonly log: SpoolLog
    readonly ports: readonly SpoolPort[]
    readonly tickets: SharedArrayBuffer
    readonly coreBell: SharedArrayBuffer
    readonly writeLease: SharedArrayBuffer
    readonly clock: Clock
    readonly say: SpoolSay
  }) {
    this.#log = options.log
    this.#tickets = new DurableTickets(options.tickets)
    this.#coreBell = new DoorbellButton(options.coreBell)
    this.#writeLease = new WriteLease(options.writeLease)
    this.#clock = options.clock
    this.#say = options.say
    this.#lanes = options.ports.map((port) => this.#lanePort(port))
    this.#tickets.setSequence(this.#log.sequence)
  }

  /**
   * One group.
   * @returns how long the thread may sleep until the next: 0 when there may be more
   * @throws HostError DISK when the process must end with code 70
   */
  turn(): number {
    if (this.#isRefusing) this.#probe()
    this.#gather()
    let taken = false
    for (const lane of this.#lanes) taken ||= lane.last !== 0
    if (!taken) return this.#isRefusing ? limits.spoolProbeMs : Number.POSITIVE_INFINITY
    if (this.#log.groupTransactions > 0) this.#flush()
    this.#settle()
    return 0
  }

  #lanePort({ lane, ring }: SpoolPort): LanePort {
    const port: LanePort = {
      lane,
      reader: new RingReader(ring),
      visit: (_kind, ticket, statements, bytes, start, end) =>
        this.#take(port, ticket, statements, bytes, start, end),
      first: 0,
      last: 0,
    }
    return port
  }

  #gather(): void {
    const lanes = this.#lanes
    // The lane that is first differs, so that one which writes much does not fill every group.
    this.#nextLane = (this.#nextLane + 1) % lanes.length
    for (let taken = 1; taken > 0; ) {
      taken = 0
      for (let i = 0; i < lanes.length; i++) {
        if (this.#log.groupBytes >= limits.spoolGroupBytesMax) return
        const lane = lanes[(this.#nextLane + i) % lanes.length] as LanePort
        taken += lane.reader.drain(lane.visit, recordsPerLaneMax)
      }
      if (this.#isRefusing) return
    }
  }

  #take(
    port: LanePort,
    ticket: number,
    statements: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    if (port.first === 0) port.first = ticket
    port.last = ticket
    const epoch = bytes.readUInt32LE(start)
    if (this.#isRefusing || epoch !== this.#tickets.epoch(port.lane)) {
      this.#tickets.refuse(port.lane, ticket, ticket)
      this.#refused++
      // A lane that looks only now must not take this for written.
      if (epoch === this.#tickets.epoch(port.lane)) this.#tickets.nextEpoch(port.lane)
      return
    }
    const tail = start + recordHeaderBytes
    this.#log.addTail(statements, bytes, tail, bytes.readUInt16LE(start + 4), end)
  }

  #flush(): void {
    const bytes = this.#log.groupBytes
    const transactions = this.#log.groupTransactions
    if (this.#writeLease.isOver(this.#clock.monotonicMs())) {
      this.#log.drop()
      this.#refuseGroup()
      const text = 'spool: this server has lost its cluster; what its lanes still wrote is dropped'
      return this.#say('warn', text, { transactions })
    }
    const failure = this.#log.flush()
    if (failure === undefined) {
      this.#tickets.setSequence(this.#log.sequence)
      return this.#sayMarkFailures()
    }
    this.#startRefusing(failure, bytes, transactions)
    this.#refuseGroup()
  }

  #refuseGroup(): void {
    for (const lane of this.#lanes) {
      if (lane.last === 0) continue
      this.#tickets.refuse(lane.lane, lane.first, lane.last)
      this.#tickets.nextEpoch(lane.lane)
    }
  }

  /** Acknowledging goes on without the file `durable`, but nothing more would be drained. */
  #sayMarkFailures(): void {
    const { markFailures } = this.#log
    if (this.#markFailures === 0 && markFailures > 0) {
      const text = 'spool: the file `durable` cannot be written; the drainer sees nothing new'
      this.#say('error', text, { markFailures })
    }
    this.#markFailures = markFailures
  }

  #settle(): void {
    for (const lane of this.#lanes) {
      if (lane.last === 0) continue
      this.#tickets.settle(lane.lane, lane.last)
      lane.first = 0
      lane.last = 0
    }
    this.#coreBell.ring()
  }

  #startRefusing(failure: HostError, bytes: number, transactions: number): void {
    this.#isRefusing = true
    this.#refused = transactions
    this.#probeBytes = Math.max(probeBytesMin, bytes)
    this.#probeAtMs = this.#clock.monotonicMs() + limits.spoolProbeMs
    this.#tickets.setRefusing(true)
    const text = `spool: ${failure.message}; nothing is written until there is room again`
    this.#say('error', text, { ...failure.data, transactions })
  }

  #probe(): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs < this.#probeAtMs) return
    this.#probeAtMs = nowMs + limits.spoolProbeMs
    if (!this.#log.hasRoomFor(this.#probeBytes)) return
    this.#isRefusing = false
    this.#tickets.setRefusing(false)
    const text = `spool: there is room again; ${this.#refused} transactions were refused`
    this.#say('info', text, { refused: this.#refused })
  }
}
