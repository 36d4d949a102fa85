// The hierarchical timing wheel: which timers fire at which tick. Pure; any one thread owns it.
//
// Five levels as in the classic Linux kernel (kernel/timer.c before 4.8): 256 slots of one tick,
// then four times 64 slots, each slot as wide as the whole level below it. A due tick is cut into
// digits:
//
//     31      26 25      20 19      14 13       8 7            0
//    |  level 4 |  level 3 |  level 2 |  level 1 |   level 0   |
//
// A timer lies in the level of the highest digit in which its due tick differs from `now`, in the
// slot of that digit. When `now` reaches the start of that slot, its list is dealt out to the
// levels below (a cascade); a level 0 slot holds one due tick, and fires. So each timer moves at
// most four times, and add, cancel and fire take constant time.
//
// Invariants
//   - All timers of one due tick lie in one list at any time, in the order in which they were
//     added: that order is the order of firing. (Placing by distance, as the kernel does, breaks
//     it.)
//   - Levels 0 to 3 hold slots at or after the digit of `now`, level 4 wraps: so the first set bit
//     of the lowest level that is not empty is the next thing to happen, however far away it is.
//   - A handle is generation * 2^24 + index, below 2^53 and never 0. Firing and cancelling count
//     the generation up, so a handle of a past timer is known as such for 2^29 reuses of its node.
//   - Ticks are unsigned 32-bit and wrap; a delay is at most 2^32 - 2^26, so a due tick in the next
//     round of the wheel never shares the top digit of `now`.
//
// A full pool is a HostError OVERLOADED and changes nothing; there is no other failure.

import { assert } from '../base/assert.ts'
import { HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'

/** The longest delay of one timer, in ticks (48.9 days at 1 ms). */
export const delayTicksMax = 2 ** 32 - 2 ** 26

/** `a` and `b` as given to `add`; `dueTick` is the tick that the timer was set for. */
export type OnFire = (a: number, b: number, dueTick: number) => void

// A node is six 32-bit words, side by side so that one timer costs one cache line.
const nodeWords = 6
const NEXT = 0
const PREV = 1
const DUE = 2
const GENERATION = 3
const A = 4
const B = 5

// Nodes 0..511 are the heads of the slots' circular lists: 0..255 level 0, then 64 for each level.
const heads = 512
const level0Slots = 256
const level1Head = 256
const level2Head = 320
const level3Head = 384
const level4Head = 448

const indexRange = 2 ** 24
const generationMax = 2 ** 29 - 1
const none = -1

export class TimingWheel {
  #nodes: Int32Array
  #nodesMax: number
  /** Nodes below this index have been used at least once. */
  #fresh = heads
  /** First of the list of freed nodes, linked by NEXT. */
  #freed = none
  #size = 0
  #now: number
  #advancing = false
  /** One bit for each slot that is not empty. */
  readonly #occupied = new Int32Array(heads / 32)

  /**
   * @param nowTick where the wheel starts, a u32
   * @param options.timersMax how many timers may wait at once; the pool doubles up to that
   * @param options.timersAtFirst how many fit before the pool grows for the first time
   */
  constructor(nowTick = 0, options: { timersMax?: number; timersAtFirst?: number } = {}) {
    const timersMax = options.timersMax ?? limits.timersMax
    assert(timersMax > 0 && timersMax <= indexRange - heads, `timersMax ${timersMax}`)
    this.#now = nowTick >>> 0
    this.#nodesMax = timersMax + heads
    const first = Math.min(options.timersAtFirst ?? 1024, timersMax)
    this.#nodes = new Int32Array((first + heads) * nodeWords)
    for (let head = 0; head < heads; head++) this.#empty(head)
  }

  /** The tick that the wheel stands at; in a callback of `advance`, the tick that fires. */
  get nowTick(): number {
    return this.#now
  }

  /** How many timers wait. */
  get size(): number {
    return this.#size
  }

  /** Bytes of the node pool and the bitmap. */
  get memoryBytes(): number {
    return this.#nodes.byteLength + this.#occupied.byteLength
  }

  /**
   * Adds a timer that fires `delayTicks` after `nowTick`; a delay of 0 counts as 1, so that nothing
   * added while a tick fires can fire in that same tick.
   * @param delayTicks an integer from 0 to `delayTicksMax`
   * @param a @param b two u32 that come back when it fires
   * @returns the handle for `cancel`
   * @throws HostError OVERLOADED when `timersMax` timers wait
   */
  add(delayTicks: number, a: number, b: number): number {
    assert(delayTicks >= 0 && delayTicks <= delayTicksMax, `delay of ${delayTicks} ticks`)
    const index = this.#take()
    const nodes = this.#nodes
    const at = index * nodeWords
    nodes[at + DUE] = this.#now + Math.max(delayTicks, 1)
    nodes[at + A] = a
    nodes[at + B] = b
    this.#place(index)
    this.#size++
    return (nodes[at + GENERATION] as number) * indexRange + index
  }

  /** Takes a timer out. @returns false when it has fired, was cancelled, or never was */
  cancel(handle: number): boolean {
    const generation = Math.floor(handle / indexRange)
    const index = handle - generation * indexRange
    if (!(index >= heads && index < this.#fresh)) return false
    if (this.#nodes[index * nodeWords + GENERATION] !== generation) return false
    this.#unlink(index)
    this.#release(index)
    return true
  }

  /**
   * Moves to `toTick` and fires what is due on the way, in order of due tick, then of adding. Costs
   * nothing for empty stretches. A callback may add and cancel, but not advance; a timer that it
   * cancels does not fire any more. When a callback throws, the wheel stands at the tick that
   * fired, and the next `advance` goes on with the timer after it.
   * @param toTick a u32 ahead of `nowTick`; one behind it reads as a jump of almost 2^32
   * @returns how many fired
   */
  advance(toTick: number, onFire: OnFire): number {
    assert(!this.#advancing, 'advance called from inside advance')
    this.#advancing = true
    let fired = 0
    try {
      for (;;) {
        const slot = this.#nextSlot()
        const gap = slot === none ? Number.POSITIVE_INFINITY : this.#gapTicks(slot)
        if (gap > (toTick - this.#now) >>> 0) break
        this.#now = (this.#now + gap) >>> 0
        if (slot < level0Slots) fired += this.#fire(slot, onFire)
        else this.#cascade(slot)
      }
      this.#now = toTick >>> 0
    } finally {
      this.#advancing = false
    }
    return fired
  }

  /**
   * The tick to which the wheel should be advanced next: no timer is due before it. It is the due
   * tick itself when that is in the current 256 ticks, else the start of the slot that holds it:
   * advancing to it and asking again ends at the due tick after at most four steps.
   * @returns undefined when no timer waits
   */
  nextDueTick(): number | undefined {
    const slot = this.#nextSlot()
    return slot === none ? undefined : (this.#now + this.#gapTicks(slot)) >>> 0
  }

  /** The slot that is reached first, or none. */
  #nextSlot(): number {
    if (this.#size === 0) return none
    const occupied = this.#occupied
    for (let word = 0; word < level4Head / 32; word++) {
      const bits = occupied[word] as number
      if (bits !== 0) return word * 32 + lowestBit(bits)
    }
    // Level 4 is a circle: first the slots after the digit of now, then those of the next round.
    const low = occupied[14] as number
    const high = occupied[15] as number
    const digit = this.#now >>> 26
    const later = digit < 32 ? low & (-1 << digit) : high & (-1 << (digit - 32))
    if (later !== 0) return level4Head + lowestBit(later) + (digit < 32 ? 0 : 32)
    if (digit < 32 && high !== 0) return level4Head + 32 + lowestBit(high)
    return low !== 0 ? level4Head + lowestBit(low) : level4Head + 32 + lowestBit(high)
  }

  /** Ticks from now to the start of an occupied slot. */
  #gapTicks(slot: number): number {
    const now = this.#now
    if (slot < level0Slots) return slot - (now & 255)
    const shift = slot < level2Head ? 8 : slot < level3Head ? 14 : slot < level4Head ? 20 : 26
    const digit = slot & 63
    const above = shift === 26 ? 0 : (now >>> (shift + 6)) << (shift + 6)
    return ((above | (digit << shift)) - now) >>> 0
  }

  #fire(slot: number, onFire: OnFire): number {
    const head = slot * nodeWords
    let fired = 0
    // The pool may be replaced by a callback that adds, so it is read anew for each timer. The list
    // ends: what a callback adds is due later than now, and so never comes into this slot.
    for (;;) {
      const nodes = this.#nodes
      const index = nodes[head + NEXT] as number
      if (index === slot) return fired
      const at = index * nodeWords
      const a = (nodes[at + A] as number) >>> 0
      const b = (nodes[at + B] as number) >>> 0
      this.#unlink(index)
      this.#release(index)
      fired++
      onFire(a, b, this.#now)
    }
  }

  /** Deals the list of a slot that now has been reached out to the levels below, in its order. */
  #cascade(slot: number): void {
    const nodes = this.#nodes
    let index = nodes[slot * nodeWords + NEXT] as number
    this.#empty(slot)
    while (index !== slot) {
      const next = nodes[index * nodeWords + NEXT] as number
      this.#place(index)
      index = next
    }
  }

  /** Links a node at the end of the list where its due tick belongs. */
  #place(index: number): void {
    const nodes = this.#nodes
    const at = index * nodeWords
    const due = nodes[at + DUE] as number
    const slot = slotOf(due, this.#now)
    const head = slot * nodeWords
    const last = nodes[head + PREV] as number
    nodes[at + NEXT] = slot
    nodes[at + PREV] = last
    nodes[last * nodeWords + NEXT] = index
    nodes[head + PREV] = index
    const word = slot >>> 5
    this.#occupied[word] = (this.#occupied[word] as number) | (1 << (slot & 31))
  }

  #unlink(index: number): void {
    const nodes = this.#nodes
    const at = index * nodeWords
    const next = nodes[at + NEXT] as number
    const previous = nodes[at + PREV] as number
    nodes[previous * nodeWords + NEXT] = next
    nodes[next * nodeWords + PREV] = previous
    // Both neighbours are the same node only when that is the head, alone.
    if (next === previous) this.#clearBit(next)
  }

  #empty(head: number): void {
    this.#nodes[head * nodeWords + NEXT] = head
    this.#nodes[head * nodeWords + PREV] = head
    this.#clearBit(head)
  }

  #clearBit(slot: number): void {
    const word = slot >>> 5
    this.#occupied[word] = (this.#occupied[word] as number) & ~(1 << (slot & 31))
  }

  #take(): number {
    const freed = this.#freed
    if (freed !== none) {
      this.#freed = this.#nodes[freed * nodeWords + NEXT] as number
      return freed
    }
    if (this.#fresh * nodeWords === this.#nodes.length) this.#grow()
    const index = this.#fresh++
    this.#nodes[index * nodeWords + GENERATION] = 1
    return index
  }

  #release(index: number): void {
    const at = index * nodeWords
    const generation = this.#nodes[at + GENERATION] as number
    this.#nodes[at + GENERATION] = generation === generationMax ? 1 : generation + 1
    this.#nodes[at + NEXT] = this.#freed
    this.#freed = index
    this.#size--
  }

  #grow(): void {
    const timers = this.#fresh - heads
    if (this.#fresh >= this.#nodesMax) {
      throw new HostError('OVERLOADED', `timer wheel is full: ${timers} timers wait`)
    }
    const grown = new Int32Array(Math.min(timers * 2 + heads, this.#nodesMax) * nodeWords)
    grown.set(this.#nodes)
    this.#nodes = grown
  }
}

/** The slot for a due tick, seen from now: the highest digit in which they differ decides. */
function slotOf(due: number, now: number): number {
  const differs = (due ^ now) >>> 0
  if (differs < 2 ** 8) return due & 255
  if (differs < 2 ** 14) return level1Head + ((due >>> 8) & 63)
  if (differs < 2 ** 20) return level2Head + ((due >>> 14) & 63)
  if (differs < 2 ** 26) return level3Head + ((due >>> 20) & 63)
  return level4Head + (due >>> 26)
}

/** The number of the lowest set bit of a word that is not 0. */
function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits)
}
