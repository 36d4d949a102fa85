// The shared memory of one lane: rings, bell, and what the core reads of it. Any thread; data.

import { allocateDoorbell } from '../thread/doorbell.ts'
import { allocateRing } from '../thread/ring.ts'
import { allocateActivity } from './lane-activity.ts'
import { allocateLaneStats } from './lane-stats.ts'

/** Bytes of the ring in each direction between the core and a lane. */
const ringBytes = 4 * 1024 * 1024

/** The shared memory of one lane; it outlives the thread that uses it. */
export interface LaneMemory {
  readonly toLane: SharedArrayBuffer
  readonly toCore: SharedArrayBuffer
  readonly laneBell: SharedArrayBuffer
  readonly interrupt: SharedArrayBuffer
  readonly activity: SharedArrayBuffer
  readonly stats: SharedArrayBuffer
}

export function allocateLaneMemory(): LaneMemory {
  return {
    toLane: allocateRing(ringBytes),
    toCore: allocateRing(ringBytes),
    laneBell: allocateDoorbell(),
    interrupt: new SharedArrayBuffer(4),
    activity: allocateActivity(),
    stats: allocateLaneStats(),
  }
}
