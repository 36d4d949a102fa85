// Clients and the timer thread's work on one thread, with a clock that moves only when told to.

import { ManualClock } from '../../core/base/clock.ts'
import { allocateDoorbell, Doorbell } from '../../core/thread/doorbell.ts'
import { RingReader } from '../../core/thread/ring.ts'
import { TimerClient } from '../../core/timer/timer-client.ts'
import { type TimerPort, TimerState } from '../../core/timer/timer-port.ts'
import { TimerScheduler } from '../../core/timer/timer-scheduler.ts'
import { allocateTimerPorts } from '../../core/timer/timer-service.ts'

export class TimerFixture {
  readonly clock = new ManualClock()
  readonly ports: readonly TimerPort[]
  readonly state: TimerState
  readonly scheduler: TimerScheduler
  readonly clients: TimerClient[]
  readonly readers: RingReader[]
  readonly timerBell: Doorbell
  readonly clientBells: Doorbell[]

  constructor(
    options: {
      clients?: number
      ringBytes?: number
      timersMax?: number
      startMs?: number
    } = {},
  ) {
    this.clock.advance(options.startMs ?? 12_345.678)
    const bells = Array.from({ length: options.clients ?? 1 }, allocateDoorbell)
    const data = allocateTimerPorts(bells, { clock: this.clock, ...options })
    this.ports = data.ports
    this.state = new TimerState(data.state)
    this.timerBell = new Doorbell(data.timerBell)
    this.clientBells = bells.map((bell) => new Doorbell(bell))
    this.scheduler = new TimerScheduler(this.ports, this.clock)
    this.clients = this.ports.map((port) => new TimerClient(port, this.clock))
    this.readers = this.ports.map((port) => new RingReader(port.firedRing))
    this.scheduler.turn()
  }

  client(index = 0): TimerClient {
    return this.clients[index] as TimerClient
  }

  /** A new client on a port, as when a lane is replaced. */
  replaceClient(index: number): TimerClient {
    const port = this.ports[index] as TimerPort
    const client = new TimerClient(port, this.clock)
    this.clients[index] = client
    this.readers[index] = new RingReader(port.firedRing)
    return client
  }

  /** Has a client call what has reached its ring. @returns messages read */
  dispatch(index = 0): number {
    return (this.readers[index] as RingReader).drain(this.client(index).dispatch, 1e9)
  }

  /** Moves the clock in steps; the timer thread and all clients take a turn after each. */
  run(totalMs: number, stepMs = 1): void {
    for (let done = 0; done < totalMs; done += stepMs) {
      this.clock.advance(Math.min(stepMs, totalMs - done))
      this.turn()
    }
  }

  /** The timer thread, then every client, until nothing moves. */
  turn(): void {
    let moved = 1
    while (moved > 0) {
      moved = this.scheduler.turn() === 0 ? 1 : 0
      for (let index = 0; index < this.clients.length; index++) {
        const unsent = this.client(index).unsent
        this.client(index).flush()
        moved += this.dispatch(index) + unsent - this.client(index).unsent
      }
    }
  }
}
