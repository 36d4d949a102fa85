// The shared memory between the timer thread and one thread that uses timers (its client).
//
// Each client has a port: a ring of commands to the timer thread, a ring of firings back, and both
// sides' bells. The core allocates the ports (timer-service.ts) and hands them over when the
// threads start. A port outlives its client: the lane that replaces a dead one takes the same port
// over.
//
//   client → timer thread                          timer thread → client
//   timerAdd     a slot  b generation              timerFired   a 0  b epoch
//                f64 due ms                                     n × { u32 slot | u32 generation }
//                u32 period ms (0: once) | u32 0
//   timerCancel  a slot  b generation
//   timerReset   a 0     b epoch
//
// Slot and generation are the client's own choice, so that nothing needs an answer: it takes a free
// slot of its table, adds, and may cancel in the next breath. A slot is free again when its timer
// has fired (and was once), or when the cancel is in the ring. A record of an older generation, or
// of an epoch before the client's (a dead lane's), is out of date, and is passed over.
//
// Times are those of systemClock.monotonicMs, which all threads share. Tick n is originMs + n.
//
//   cell 0      i32 sleepUntil  the tick at which the timer thread will wake by itself
//        1      i32 stop        1: the timer thread ends
//        2      i32 waiting     timers in the wheel       (for the status)
//        3      i32 held        firings not yet sent      (for the status)
//        4 + 2i i32 epoch       of client i; counts up with each client that takes the port
//        5 + 2i i32 wantsRoom   1: client i found its ring of commands full
//
// Order of accesses to sleepUntil: the timer thread stores it, then looks into its rings once more,
// then sleeps; a client publishes its command, then loads it, then rings the bell if the command is
// due before it. All are sequentially consistent, so either the thread finds the command or the
// client rings. A timer that is due later costs no system call at all. A client that wants room
// says so, then rings; the thread looks at wantsRoom after each turn of draining, and rings back.

const sleepUntilCell = 0
const stopCell = 1
const waitingCell = 2
const heldCell = 3
const clientCells = 4
const cellsPerClient = 2

/** What one client needs to reach the timer thread; plain shared memory, fit for workerData. */
export interface TimerPort {
  readonly client: number
  readonly commandRing: SharedArrayBuffer
  readonly firedRing: SharedArrayBuffer
  readonly timerBell: SharedArrayBuffer
  readonly clientBell: SharedArrayBuffer
  readonly state: SharedArrayBuffer
  /** The monotonic time of tick 0. */
  readonly originMs: number
  /** How many timers this client may have waiting. */
  readonly timersMax: number
}

/** The cells above. */
export class TimerState {
  readonly #cells: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory)
  }

  static allocate(clients: number): SharedArrayBuffer {
    return new SharedArrayBuffer((clientCells + clients * cellsPerClient) * 4)
  }

  /** The timer thread will not look into its rings before this tick (modulo 2^32). */
  setSleepUntil(tick: number): void {
    Atomics.store(this.#cells, sleepUntilCell, tick | 0)
  }

  /** Whether a timer due at `tick` comes before the thread's own waking; `tick` is within 2^31. */
  isBeforeWaking(tick: number): boolean {
    return ((tick - Atomics.load(this.#cells, sleepUntilCell)) | 0) < 0
  }

  requestStop(): void {
    Atomics.store(this.#cells, stopCell, 1)
  }

  get isStopping(): boolean {
    return Atomics.load(this.#cells, stopCell) === 1
  }

  setCounts(waiting: number, held: number): void {
    Atomics.store(this.#cells, waitingCell, waiting)
    Atomics.store(this.#cells, heldCell, held)
  }

  /** Timers in the wheel, as of the timer thread's last turn. */
  get waiting(): number {
    return Atomics.load(this.#cells, waitingCell)
  }

  /** Firings that wait for room in their client's ring. */
  get held(): number {
    return Atomics.load(this.#cells, heldCell)
  }

  /** Begins the life of a client on this port. */
  nextEpoch(client: number): number {
    return (Atomics.add(this.#cells, clientCells + client * cellsPerClient, 1) + 1) >>> 0
  }

  wantRoom(client: number): void {
    Atomics.store(this.#cells, clientCells + client * cellsPerClient + 1, 1)
  }

  /** Whether the client has asked for room since the last call. */
  takeRoomWanted(client: number): boolean {
    const cell = clientCells + client * cellsPerClient + 1
    return Atomics.load(this.#cells, cell) === 1 && Atomics.exchange(this.#cells, cell, 0) === 1
  }
}
