// The spool's process killed at random moments: what it had acknowledged is on disk, once, in order.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { SpoolReader } from '../../core/spool/reader.ts'
import { settleSpool } from '../../core/spool/settle-spool.ts'
import { seededRandom } from '../support/simulated-files.ts'
import { endWriters, startWriter } from '../support/spool-process.ts'
import { idsOf } from './spool-fixture.ts'

const root = mkdtempSync(join(tmpdir(), 'moonwheel-kill-'))
const folder = join(root, 'test')
const seed = Number(process.env.MOONWHEEL_SEED ?? Date.now() % 1e6)
const kills = process.env.MOONWHEEL_LONG === '1' ? 10_000 : 50
const neverReached = 10_000_000

afterAll(() => {
  endWriters()
  rmSync(root, { recursive: true, force: true })
})

function readFrom(from: number): { ids: string[]; last: number } {
  const recovered = settleSpool(folder)
  expect(recovered?.lost).toBe(0)
  const reader = new SpoolReader({ folder, from })
  const ids: string[] = []
  let last = from - 1
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    ids.push(...idsOf([next.bytes.toString('latin1', next.statementsStart, next.statementsEnd)]))
    last = next.sequence
  }
  reader.close()
  return { ids, last }
}

test(`${kills} kills at random moments: acknowledged is a part of what is on disk (seed ${seed})`, async () => {
  const random = seededRandom(seed)
  let last = 0
  let acknowledged = 0
  for (let kill = 0; kill < kills; kill++) {
    const writer = startWriter(root, String(kill), neverReached)
    // Now and then it dies while it starts, mostly while it writes.
    if (random() < 0.9) await writer.saw('ack ')
    await after(random() * 25)
    writer.child.kill('SIGKILL')
    const end = await writer.ended
    expect(end.signal, end.lines.filter((line) => line.startsWith('stderr')).join()).toBe('SIGKILL')
    const found = readFrom(last + 1)
    last = found.last
    acknowledged += end.acknowledged.length
    const there = new Set(found.ids)
    expect(there.size, 'no duplicates').toBe(found.ids.length)
    expect(
      end.acknowledged.filter((id) => !there.has(id)),
      `kill ${kill}`,
    ).toEqual([])
    for (const lane of [0, 1]) {
      const numbers = found.ids
        .map((id) => id.split('-').map(Number))
        .filter(([, of]) => of === lane)
        .map(([, , n]) => n as number)
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    }
  }
  expect(acknowledged).toBeGreaterThan(kills)
}, 36_000_000)
