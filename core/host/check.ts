// Loads every service as a start would, and nothing more: no `init`, no socket, no timer that fires.
//
// The process of `npm run check`. One lane is started with the game's files; it compiles them all,
// runs the top level of each, and ends. So what stops a start is found before, in the same words.

import { MessageChannel } from 'node:worker_threads'
import { must } from '../base/assert.ts'
import type { HostConfig } from '../config/types.ts'
import { allocateLaneMemory } from '../lane/lane-memory.ts'
import type { LaneReady, LaneStart } from '../lane/protocol.ts'
import { allocateDoorbell } from '../thread/doorbell.ts'
import { startWorker } from '../thread/worker.ts'
import { allocateTimerPorts } from '../timer/timer-service.ts'
import { laneStart } from './lane-start.ts'
import { openCodeBook } from './reload.ts'

/**
 * @returns the routes of all handlers, sorted
 * @throws HostError SCRIPT with everything that is wrong, or CONFIG
 */
export async function checkServices(config: HostConfig): Promise<readonly string[]> {
  const memory = allocateLaneMemory()
  const timerPort = must(allocateTimerPorts([memory.laneBell]).ports[0], 'timer port')
  const { port1, port2 } = new MessageChannel()
  const data: LaneStart = {
    ...laneStart(config, openCodeBook(config)),
    index: 0,
    lanes: 1,
    memory: { ...memory, coreBell: allocateDoorbell() },
    timerPort,
    mailbox: port2,
    isCheck: true,
  }
  const lane = await startWorker<LaneReady>({
    name: 'check',
    file: 'lane/lane-thread.ts',
    data,
    transfer: [port2],
    resourceLimits: { maxOldGenerationSizeMb: config.lanes.memoryMb },
  }).finally(() => port1.close())
  await lane.terminate()
  return lane.ready.handlers
}
