// All sessions: by id, and by uid once bound. Core thread.
//
// An id is a slot and the generation of that slot, so that a late message for a closed session
// finds nobody instead of the connection that got the slot next.
//
//   id   generation (12 bits, from 1) << 20 | slot (20 bits)          never 0
//
// A freed slot goes to the end of the queue of free ones: a generation comes round again only after
// 4,095 uses of every slot.

import { must } from '../base/assert.ts'
import type { Session } from './session.ts'

const slotBits = 20
const slotMask = (1 << slotBits) - 1
const generationMax = (1 << (32 - slotBits)) - 1

export class SessionTable {
  readonly #slots: (Session | undefined)[] = []
  readonly #generations: number[] = []
  readonly #free: number[] = []
  #freeFrom = 0
  readonly #byUid = new Map<string, Session>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get boundSize(): number {
    return this.#byUid.size
  }

  /** Makes a session with a fresh id. */
  open(create: (id: number) => Session): Session {
    const slot = this.#takeSlot()
    const generation = must(this.#generations[slot], 'generation')
    const session = create(((generation << slotBits) | slot) >>> 0)
    this.#slots[slot] = session
    this.#size++
    return session
  }

  get(id: number): Session | undefined {
    const session = this.#slots[id & slotMask]
    return session !== undefined && session.id === id ? session : undefined
  }

  byUid(uid: string): Session | undefined {
    return this.#byUid.get(uid)
  }

  /** Makes `session` the one that the uid means; @returns the session that was it until now */
  bind(session: Session, uid: string): Session | undefined {
    const before = this.#byUid.get(uid)
    session.uid = uid
    this.#byUid.set(uid, session)
    return before === session ? undefined : before
  }

  /** Frees the id. The uid is let go only when no newer session has bound it. */
  close(session: Session): void {
    const slot = session.id & slotMask
    if (this.#slots[slot] !== session) return
    this.#slots[slot] = undefined
    const next = must(this.#generations[slot], 'generation') + 1
    this.#generations[slot] = next > generationMax ? 1 : next
    this.#free.push(slot)
    this.#size--
    if (session.uid !== '' && this.#byUid.get(session.uid) === session) {
      this.#byUid.delete(session.uid)
    }
  }

  *[Symbol.iterator](): Iterator<Session> {
    for (const session of this.#slots) if (session !== undefined) yield session
  }

  #takeSlot(): number {
    if (this.#freeFrom < this.#free.length) {
      const slot = must(this.#free[this.#freeFrom++], 'free slot')
      if (this.#freeFrom > 1024 && this.#freeFrom * 2 > this.#free.length) {
        this.#free.splice(0, this.#freeFrom)
        this.#freeFrom = 0
      }
      return slot
    }
    this.#generations.push(1)
    return this.#slots.push(undefined) - 1
  }
}
