// The core thread's side of its rings: drains them between socket events, sleeps with the event loop.
//
// Core thread. A turn drains every ring, then runs the after-turn steps (write what was produced,
// ring the lanes' bells, let paused sockets read on). While there is work, a turn follows each round
// of the event loop, so that sockets and rings share the thread fairly and the lanes need no system
// call to be heard. When nothing came, the pump lets one waitAsync stand and costs nothing.
//
//            ┌── work ──┐                        schedule() (a socket had something)
//            ▼          │                              │
//   turn ─▶ drained? ───┘── nothing ─▶ asleep ─ ring ──┴─▶ turn

import type { Doorbell } from './doorbell.ts'
import type { RecordVisitor, RingReader } from './ring.ts'

/** Records taken from one ring in one turn; more wait for the next, after the sockets had theirs. */
const recordsPerTurnMax = 4096

export class CorePump {
  readonly #bell: Doorbell
  readonly #sources = new Map<RingReader, RecordVisitor>()
  readonly #beforeTurn: (() => void)[] = []
  readonly #afterTurn: (() => void)[] = []
  #scheduled = false
  #waitPending = false
  #stopped = false

  constructor(bell: Doorbell) {
    this.#bell = bell
  }

  addReader(reader: RingReader, visit: RecordVisitor): void {
    this.#sources.set(reader, visit)
  }

  removeReader(reader: RingReader): void {
    this.#sources.delete(reader)
  }

  /** `step` runs before a turn drains the rings; it must not throw. */
  beforeTurn(step: () => void): void {
    this.#beforeTurn.push(step)
  }

  /** `step` runs at the end of every turn; it must not throw. */
  afterTurn(step: () => void): void {
    this.#afterTurn.push(step)
  }

  /** Asks for a turn after this round of the event loop: something was written, or may be read. */
  schedule(): void {
    if (this.#scheduled || this.#stopped) return
    this.#scheduled = true
    setImmediate(this.#turn)
  }

  stop(): void {
    this.#stopped = true
  }

  readonly #turn = (): void => {
    this.#scheduled = false
    if (this.#stopped) return
    this.#bell.awake()
    const ticket = this.#bell.ticket()
    let drained = 0
    for (const step of this.#beforeTurn) step()
    for (const [reader, visit] of this.#sources) drained += reader.drain(visit, recordsPerTurnMax)
    for (const step of this.#afterTurn) step()
    if (drained > 0) this.schedule()
    else this.#sleep(ticket)
  }

  #sleep(ticket: number): void {
    this.#bell.asleep()
    for (const reader of this.#sources.keys()) {
      if (!reader.isEmpty) return this.schedule()
    }
    // One that still stands from before wakes by the next ring, whatever its ticket was.
    if (this.#waitPending) return
    const waiting = this.#bell.waitAsync(ticket)
    if (waiting === undefined) return this.schedule()
    this.#waitPending = true
    void waiting.then(() => {
      this.#waitPending = false
      this.schedule()
    })
  }
}
