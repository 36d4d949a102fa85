// What the timer thread does in one turn, apart from sleeping: take in commands, move the wheel to
// the present, send what fired. Timer thread; driven by timer-thread.ts, and by tests step by step.
//
// A turn never blocks. Commands are read before the wheel moves, so a cancel that has arrived keeps
// its timer from firing. Each client gives at most timerCommandsPerTurnMax commands a turn, and a
// client whose ring of firings is full is tried again every heldRetryTicks: neither holds up
// others.

import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { limits } from '../base/limits.ts'
import { message } from '../thread/messages.ts'
import { type RecordVisitor, RingReader } from '../thread/ring.ts'
import { ClientTimers } from './client-timers.ts'
import { type TimerPort, TimerState } from './timer-port.ts'
import { TimingWheel } from './wheel.ts'

/** The longest sleep: the wheel's tick stays well within 2^31 of the present. */
const sleepTicksMax = 3_600_000
/** How soon a full ring is tried again. */
const heldRetryTicks = 2
/** The furthest that the wheel moves in one step; a stopped process may have missed more. */
const advanceTicksMax = 2 ** 31

export class TimerScheduler {
  readonly #clock: Clock
  readonly #originMs: number
  readonly #state: TimerState
  readonly #wheel: TimingWheel
  readonly #readers: RingReader[] = []
  readonly #visitors: RecordVisitor[] = []
  readonly #clients: ClientTimers[] = []
  /** The wheel's tick without wrapping. */
  #tick = 0

  /** @param ports at least one; all with the same state and origin */
  constructor(ports: readonly TimerPort[], clock: Clock) {
    const [first] = ports
    assert(first !== undefined, 'a timer thread without clients')
    this.#clock = clock
    this.#originMs = first.originMs
    this.#state = new TimerState(first.state)
    const timersMax = ports.reduce((sum, port) => sum + port.timersMax, 0)
    this.#wheel = new TimingWheel(0, { timersMax })
    for (const port of ports) {
      this.#readers.push(new RingReader(port.commandRing))
      const timers = new ClientTimers(this.#wheel, port)
      this.#clients.push(timers)
      this.#visitors.push(this.#visitor(timers))
    }
  }

  /** Bytes of the wheel and of the clients' tables. */
  get memoryBytes(): number {
    return this.#clients.reduce((sum, client) => sum + client.memoryBytes, this.#wheel.memoryBytes)
  }

  /**
   * Does all that can be done now.
   * @returns how long the thread may sleep, in milliseconds; 0 when there is more to do already
   */
  turn(): number {
    for (const [client, reader] of this.#readers.entries()) {
      reader.drain(this.#visitors[client] as RecordVisitor, limits.timerCommandsPerTurnMax)
      if (this.#state.takeRoomWanted(client)) this.#clients[client]?.wake()
    }
    this.#advance()
    let held = 0
    for (const client of this.#clients) {
      client.send()
      held += client.held
    }
    this.#state.setCounts(this.#wheel.size, held)
    const wakeTick = this.#wakeTick(held)
    this.#state.setSleepUntil(wakeTick)
    if (this.#readers.some((reader) => !reader.isEmpty)) return 0
    return Math.max(0, this.#originMs + wakeTick - this.#clock.monotonicMs())
  }

  #visitor(timers: ClientTimers): RecordVisitor {
    return (kind, a, b, bytes, start) => {
      if (kind === message.timerAdd) {
        // Rounded up to a whole tick, so that no timer fires early.
        const dueTick = Math.ceil(bytes.readDoubleLE(start) - this.#originMs)
        timers.add(a, b, Math.max(0, dueTick - this.#tick), bytes.readUInt32LE(start + 8))
      } else if (kind === message.timerCancel) timers.cancel(a, b)
      else if (kind === message.timerReset) timers.reset(b)
      else assert(false, `ring message ${kind} to the timer thread`)
    }
  }

  #advance(): void {
    const present = Math.floor(this.#clock.monotonicMs() - this.#originMs)
    while (this.#tick < present) {
      this.#tick = Math.min(present, this.#tick + advanceTicksMax)
      this.#wheel.advance(this.#tick, this.#onFire)
    }
  }

  readonly #onFire = (client: number, slot: number, dueTick: number): void => {
    ;(this.#clients[client] as ClientTimers).hold(slot, dueTick)
  }

  #wakeTick(held: number): number {
    const retryTick = this.#tick + (held > 0 ? heldRetryTicks : sleepTicksMax)
    const dueTick = this.#wheel.nextDueTick()
    if (dueTick === undefined) return retryTick
    return Math.min(retryTick, this.#tick + ((dueTick - this.#wheel.nowTick) >>> 0))
  }
}
