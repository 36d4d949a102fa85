// What operators read: tables, units, profiles in short, settings without secrets, the log's window.
import { expect, it } from 'vitest'
import { summarizeProfile } from '../../core/admin/profile-report.ts'
import { publicConfig } from '../../core/admin/public-config.ts'
import {
  showBytes,
  showErrors,
  showSeconds,
  showUs,
  textPairs,
  textTable,
} from '../../core/admin/text-table.ts'
import { limits } from '../../core/base/limits.ts'
import { LogTap } from '../../core/base/log-tap.ts'

it('a table puts numbers and amounts to the right', () => {
  const rows = [
    ['mei', 5, '1.0 KiB'],
    ['bo', 1200, '900 B'],
  ] as const
  expect(textTable(['uid', 'in', 'held'], rows)).toBe(
    ['uid    in     held', 'mei     5  1.0 KiB', 'bo   1200    900 B'].join('\n'),
  )
  expect(textTable(['uid'], [])).toBe('(none)')
  expect(textPairs([['a', 1] as const, ['long', 'x'] as const])).toBe('a     1\nlong  x')
})

it('units are round', () => {
  expect([0, 1023, 1024, 1_572_864, 3 * 1024 ** 3].map(showBytes)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 MiB',
    '3.00 GiB',
  ])
  expect([0, 999.6, 1500, 2_500_000].map(showUs)).toEqual(['0 us', '1000 us', '1.5 ms', '2.50 s'])
  expect([0, 59, 60, 93_784].map(showSeconds)).toEqual(['0s', '59s', '1m 0s', '1d 2h 3m 4s'])
  expect(showErrors({ 404: 2, 0: 1 })).toBe('others: 1, 404: 2')
  expect(showErrors({})).toBe('-')
})

it('a profile in short has the functions with the most samples of their own', () => {
  const frame = (functionName: string, url: string, lineNumber: number) => ({
    functionName,
    url,
    lineNumber,
  })
  const summary = summarizeProfile({
    nodes: [
      { id: 1, callFrame: frame('(root)', '', -1) },
      { id: 2, callFrame: frame('bag·handler·buy', 'lua/services/bag.lua', 4) },
      { id: 3, callFrame: frame('', 'file:///opt/moonwheel/dist/core/lane/lane.js', 9) },
      { id: 4, callFrame: frame('bag·handler·buy', 'lua/services/bag.lua', 4) },
    ],
    startTime: 1000,
    endTime: 5000,
    samples: [2, 4, 4, 3],
  })
  expect(summary).toEqual({
    samples: 4,
    durationMs: 4,
    top: [
      { name: 'bag.handler.buy', place: 'lua/services/bag.lua:5', percent: 75 },
      { name: '(no name)', place: 'core/lane/lane.js:10', percent: 25 },
    ],
  })
  expect(summarizeProfile({ nodes: [], startTime: 0, endTime: 0 })).toMatchObject({ top: [] })
})

it('settings are named as in Lua, and secrets are left out', () => {
  const shown = publicConfig({
    db: { url: 'mysql://moon:s3cret@127.0.0.1/game', poolConnectionsMax: 4 },
    rpc: { authToken: 'abc', sharedSecret: '', urls: ['redis://:pw@host:1/0', 'sqlite:a.db'] },
  })
  expect(shown).toEqual({
    db: { url: 'mysql://moon:(hidden)@127.0.0.1/game', pool_connections_max: 4 },
    rpc: {
      auth_token: '(hidden)',
      shared_secret: '',
      urls: ['redis://:(hidden)@host:1/0', 'sqlite:a.db'],
    },
  })
  expect(JSON.stringify(shown)).not.toMatch(/s3cret|abc|pw/)
})

it('the log’s window keeps the last lines, each at most so long, and shows new ones', () => {
  const tap = new LogTap()
  const most = limits.logTapLinesMax
  for (let i = 1; i <= 5 * most + 1; i++) tap.write(`line ${i}\n`)
  expect(tap.recent()).toHaveLength(most)
  expect(tap.recent()[0]).toBe(`line ${4 * most + 2}`)
  expect(tap.recent().at(-1)).toBe(`line ${5 * most + 1}`)
  const seen: string[] = []
  const stop = tap.watch((line) => seen.push(line))
  const long = 'x'.repeat(limits.logTapLineCharsMax + 1)
  expect(tap.write(`${long}\n`)).toBe(`${long}\n`)
  stop()
  tap.write('later\n')
  expect(seen).toEqual([long.slice(1)])
})
