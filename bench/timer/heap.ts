// A binary heap of timers, for comparison: what one writes when there is no wheel. Typed arrays, no
// allocation per timer, and each timer knows its place, so that cancel need not search.

const none = -1
const endOfList = 0xffffffff

export class TimerHeap {
  /** Timer at each place of the heap; its children are at 2i + 1 and 2i + 2. */
  #heap: Int32Array
  /** Place of each timer in the heap. */
  #place: Int32Array
  #due: Float64Array
  #payload: Uint32Array
  /** The first of the freed timers, linked by payload. */
  #free = endOfList
  #fresh = 0
  #size = 0

  constructor(timersAtFirst = 1024) {
    this.#heap = new Int32Array(timersAtFirst)
    this.#place = new Int32Array(timersAtFirst)
    this.#due = new Float64Array(timersAtFirst)
    this.#payload = new Uint32Array(timersAtFirst)
  }

  get size(): number {
    return this.#size
  }

  get memoryBytes(): number {
    const { byteLength } = this.#heap
    return byteLength + this.#place.byteLength + this.#due.byteLength + this.#payload.byteLength
  }

  /** When the first timer is due. */
  nextDue(): number | undefined {
    return this.#size === 0 ? undefined : this.#due[this.#heap[0] as number]
  }

  add(due: number, payload: number): number {
    const timer = this.#take()
    this.#due[timer] = due
    this.#payload[timer] = payload
    this.#rise(timer, this.#size++)
    return timer
  }

  cancel(timer: number): boolean {
    const place = this.#place[timer]
    if (place === undefined || place < 0) return false
    this.#remove(timer, place)
    return true
  }

  /** Calls `onFire` for all that is due up to `now`. */
  advance(now: number, onFire: (payload: number) => void): number {
    let fired = 0
    while (this.#size > 0) {
      const timer = this.#heap[0] as number
      if ((this.#due[timer] as number) > now) break
      const payload = this.#payload[timer] as number
      this.#remove(timer, 0)
      fired++
      onFire(payload)
    }
    return fired
  }

  #remove(timer: number, place: number): void {
    const last = this.#heap[--this.#size] as number
    if (last !== timer) {
      if ((this.#due[last] as number) < (this.#due[timer] as number)) this.#rise(last, place)
      else this.#sink(last, place)
    }
    this.#place[timer] = none
    this.#payload[timer] = this.#free
    this.#free = timer
  }

  #take(): number {
    if (this.#free !== endOfList) {
      const timer = this.#free
      this.#free = this.#payload[timer] as number
      return timer
    }
    if (this.#fresh === this.#heap.length) this.#grow()
    return this.#fresh++
  }

  #grow(): void {
    const old = [this.#heap, this.#place, this.#due, this.#payload] as const
    this.#heap = new Int32Array(this.#fresh * 2)
    this.#place = new Int32Array(this.#fresh * 2)
    this.#due = new Float64Array(this.#fresh * 2)
    this.#payload = new Uint32Array(this.#fresh * 2)
    this.#heap.set(old[0])
    this.#place.set(old[1])
    this.#due.set(old[2])
    this.#payload.set(old[3])
  }

  #rise(timer: number, from: number): void {
    const heap = this.#heap
    const due = this.#due[timer] as number
    let place = from
    while (place > 0) {
      const parentPlace = (place - 1) >> 1
      const parent = heap[parentPlace] as number
      if ((this.#due[parent] as number) <= due) break
      heap[place] = parent
      this.#place[parent] = place
      place = parentPlace
    }
    heap[place] = timer
    this.#place[timer] = place
  }

  #sink(timer: number, from: number): void {
    const heap = this.#heap
    const due = this.#due[timer] as number
    let place = from
    for (;;) {
      let child = place * 2 + 1
      if (child >= this.#size) break
      const right = child + 1
      if (right < this.#size && this.#dueAt(right) < this.#dueAt(child)) child = right
      if (this.#dueAt(child) >= due) break
      const moved = heap[child] as number
      heap[place] = moved
      this.#place[moved] = place
      place = child
    }
    heap[place] = timer
    this.#place[timer] = place
  }

  #dueAt(place: number): number {
    return this.#due[this.#heap[place] as number] as number
  }
}
