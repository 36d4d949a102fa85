// A profile in short: samples by function, Lua functions under their Lua names.
import { expect, it } from 'vitest'
import { type CpuProfile, summarizeProfile } from '../../core/admin/profile-report.ts'

const frame = (id: number, functionName: string, url: string, lineNumber = 4) => ({
  id,
  callFrame: { functionName, url, lineNumber },
})

it('counts a function and what stands for it as one, under its Lua name', () => {
  const profile: CpuProfile = {
    nodes: [
      frame(1, 'bag·handler·buy$lazy', 'lua/services/bag.lua'),
      frame(2, 'bag·handler·buy', 'lua/services/bag.lua'),
      frame(3, 'delete$', 'lua/services/bag.lua', 8),
      frame(4, '$call', 'file:///game/dist/core/lane/lane.js', 9),
      frame(5, '', ''),
    ],
    startTime: 1_000,
    endTime: 6_000,
    samples: [1, 2, 2, 2, 3, 3, 4, 5],
  }
  expect(summarizeProfile(profile)).toEqual({
    samples: 8,
    durationMs: 5,
    top: [
      { name: 'bag.handler.buy', place: 'lua/services/bag.lua:5', percent: 50 },
      { name: 'delete', place: 'lua/services/bag.lua:9', percent: 25 },
      { name: '$call', place: 'core/lane/lane.js:10', percent: 12.5 },
      { name: '(no name)', place: '', percent: 12.5 },
    ],
  })
})
