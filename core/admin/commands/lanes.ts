// lanes: what each lane holds, how busy it is, how full its rings are and were.
import { command } from '../command.ts'
import type { LaneStatus, RingStatus } from '../status.ts'
import { showBytes, textTable } from '../text-table.ts'

export const lanes = command({
  name: 'lanes',
  summary: 'shows each lane: load, memory, timers, rings',
  arguments: [],
  example: 'lanes',
  run: (_args, host) => host.status().lanes,
  text: (all: readonly LaneStatus[]) =>
    textTable(
      [
        'lane',
        'state',
        'replaced',
        'sessions',
        'parked',
        'timers',
        'messages',
        'busy',
        'heap',
        'heap limit',
        'ring in (most)',
        'ring out (most)',
        'full waits',
      ],
      all.map((lane) => [
        lane.lane,
        lane.state,
        lane.replacements,
        lane.sessions,
        lane.parked,
        lane.timers,
        lane.messages,
        `${lane.busyPercent} %`,
        showBytes(lane.heapBytes),
        showBytes(lane.heapLimitBytes),
        showRing(lane.toLane),
        showRing(lane.toCore),
        lane.toLane.fullWaits + lane.toCore.fullWaits,
      ]),
    ),
})

function showRing(ring: RingStatus): string {
  return `${showBytes(ring.usedBytes)} (${showBytes(ring.highWaterBytes)})`
}
