// The spool's process killed at random moments: what it had acknowledged is on disk, once, in order.
//
// Starting a process costs more than all that it writes before it is killed, so each process writes
// to several spools (test/fixtures/spool-writer.mjs): one SIGKILL cuts all of them short. In CI 50
// spools are cut short, with MOONWHEEL_LONG=1 ten thousand (or MOONWHEEL_KILLS). Segments are small, so
// that kills meet their beginnings, too; a spool lives through several kills, and then others begin.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
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
const seed = Number(process.env.MOONWHEEL_SEED ?? Date.now() % 1e6)
const isLong = process.env.MOONWHEEL_LONG === '1'
const spoolsAtOnce = isLong ? 8 : 2
const cutShort = isLong ? Number(process.env.MOONWHEEL_KILLS ?? 10_000) : 50
const kills = Math.ceil(cutShort / spoolsAtOnce)
const processesAtOnce = 2
const livesOfSpool = isLong ? 10 : 5
const segmentBytesMax = 16 * 1024
const neverReached = 10_000_000

afterAll(() => {
  endWriters()
  rmSync(root, { recursive: true, force: true })
})

/** What is in a spool behind what was seen before. */
function readFrom(folder: string, from: number): { ids: string[]; last: number } {
  const recovered = settleSpool(folder)
  expect(recovered?.lost ?? 0).toBe(0)
  const ids: string[] = []
  let last = from - 1
  // Killed before it began: there is no spool yet, and nothing was acknowledged.
  if (recovered === undefined) return { ids, last }
  const reader = new SpoolReader({ folder, from })
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    ids.push(...idsOf([next.bytes.toString('latin1', next.statementsStart, next.statementsEnd)]))
    last = next.sequence
  }
  reader.close()
  return { ids, last }
}

/** The numbers of one lane's ids, in the order in which they are there. */
function numbersOf(ids: readonly string[], lane: number): number[] {
  return ids
    .map((id) => id.split('-').map(Number))
    .filter(([, of]) => of === lane)
    .map(([, , n]) => n as number)
}

/**
 * Kills a process that writes to new spools, several times.
 * @returns how much was acknowledged, and how many segments there were
 */
async function lives(place: string, random: () => number, count: number) {
  const folders = Array.from({ length: spoolsAtOnce }, (_, i) => join(place, `test${i || ''}`))
  const last = folders.map(() => 0)
  let acknowledged = 0
  for (let life = 0; life < count; life++) {
    const spools = { spools: spoolsAtOnce, segmentBytesMax }
    const writer = startWriter(place, String(life), neverReached, spools)
    // Now and then it dies while it starts, mostly while it writes.
    if (random() < 0.9) await writer.saw('ack ')
    else await after(random() * 200)
    await after(random() * 25)
    writer.child.kill('SIGKILL')
    const end = await writer.ended
    expect(end.signal, end.lines.filter((line) => /^(stderr|failed)/.test(line)).join()).toBe(
      'SIGKILL',
    )
    acknowledged += end.acknowledged.length
    const there = new Set<string>()
    for (const [i, folder] of folders.entries()) {
      const found = readFrom(folder, (last[i] as number) + 1)
      last[i] = found.last
      expect(new Set(found.ids).size, 'no duplicates').toBe(found.ids.length)
      for (const id of found.ids) there.add(id)
      for (const lane of [2 * i, 2 * i + 1]) {
        const numbers = numbersOf(found.ids, lane)
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
      }
    }
    expect(
      end.acknowledged.filter((id) => !there.has(id)),
      `${place}, life ${life}`,
    ).toEqual([])
  }
  const segments = folders.flatMap((folder) => readdirSync(folder)).filter(isSegment).length
  rmSync(place, { recursive: true, force: true })
  return { acknowledged, segments }
}

const isSegment = (name: string) => name.endsWith('.sql')

test(`${kills} kills of ${spoolsAtOnce} spools each: acknowledged is a part of what is on disk (seed ${seed})`, async () => {
  const random = seededRandom(seed)
  let left = kills
  let acknowledged = 0
  let segments = 0
  let spools = 0
  const worker = async (): Promise<void> => {
    while (left > 0) {
      const count = Math.min(livesOfSpool, left)
      left -= count
      const found = await lives(join(root, String(left)), random, count)
      acknowledged += found.acknowledged
      segments += found.segments
      spools += spoolsAtOnce
    }
  }
  await Promise.all(Array.from({ length: processesAtOnce }, worker))
  console.log(
    `${kills} SIGKILLs cut ${kills * spoolsAtOnce} writing spools short: ${acknowledged} acknowledged, ${segments} segments of ${spools} spools, seed ${seed}`,
  )
  expect(acknowledged).toBeGreaterThan(kills * spoolsAtOnce)
}, 36_000_000)
