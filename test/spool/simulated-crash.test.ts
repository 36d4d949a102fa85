// The log on a disk that loses, reorders and tears what was not synced, and on one whose calls fail:
// what was acknowledged is there after any crash, what was refused is not, and order is kept.

import { expect, test } from 'vitest'
import { HostError } from '../../core/base/errors.ts'
import type { SpoolLog } from '../../core/spool/spool-log.ts'
import {
  type FaultyCall,
  type PlannedFault,
  SimulatedFiles,
  seededRandom,
} from '../support/simulated-files.ts'
import { add, idsOf, openLog, readAll, statementFor } from './spool-fixture.ts'

const isLong = process.env.MOONWHEEL_LONG === '1'
const firstSeed = Number(process.env.MOONWHEEL_SEED ?? 1)
const seeds = isLong ? 100_000 : 500
const calls: readonly FaultyCall[] = [
  'open',
  'write',
  'fdatasync',
  'truncate',
  'rename',
  'syncFolder',
]

/** What a spool must hold, as its clients know it. */
class Ledger {
  readonly acknowledged: string[] = []
  /** Neither acknowledged nor refused when the host died: a prefix of it may be there. */
  unknown: string[] = []
  refused = 0

  /** Compares with what is there after a crash, and takes that for the truth from then on. */
  settle(found: readonly string[]): string | undefined {
    const known = this.acknowledged
    const head = found.slice(0, known.length)
    if (head.join() !== known.join()) return `acknowledged ${known.join()}, found ${found.join()}`
    const tail = found.slice(known.length)
    const possible = this.unknown.slice(0, tail.length)
    if (tail.join() !== possible.join()) return `${tail.join()} is there, of ${this.unknown.join()}`
    this.acknowledged.push(...tail)
    this.unknown = []
    return undefined
  }
}

/** One life of a host: writes groups until it has enough of it, or the disk has. */
function live(log: SpoolLog, ledger: Ledger, random: () => number, life: number): void {
  const groups = 1 + Math.floor(random() * 12)
  for (let group = 0; group < groups; group++) {
    const ids: string[] = []
    const size = 1 + Math.floor(random() * 5)
    for (let i = 0; i < size; i++) {
      const id = `${life}.${group}.${i}`
      add(log, statementFor(id, Math.floor(random() * 900)))
      ids.push(id)
    }
    ledger.unknown = ids
    const failure = log.flush()
    ledger.unknown = []
    if (failure === undefined) ledger.acknowledged.push(...ids)
    else ledger.refused++
  }
}

/** Several lives with crashes between them. @returns what went wrong, or undefined */
function run(seed: number, faultsOf: (random: () => number) => PlannedFault[]): string | undefined {
  const random = seededRandom(seed)
  const files = new SimulatedFiles(random)
  const ledger = new Ledger()
  for (let life = 0; life < 4; life++) {
    files.plan(...faultsOf(random))
    try {
      live(openLog(files, { segmentBytesMax: 3000 }), ledger, random, life)
    } catch (error) {
      // The disk cannot be trusted: the process ends, the group's fate is open.
      if (!(error instanceof HostError)) throw error
      if (error.code === 'SPOOL_DAMAGED') return error.message
    }
    files.crash()
    try {
      const log = openLog(files, { segmentBytesMax: 3000 })
      if (log.recovery.lost > 0) return `${log.recovery.lost} are lost`
      log.close()
    } catch (error) {
      return String(error)
    }
    const fault = ledger.settle(idsOf(readAll(files)))
    if (fault !== undefined) return `life ${life}: ${fault}`
  }
  return undefined
}

test(`${seeds} seeds of lives and crashes lose nothing and invent nothing`, () => {
  const failed: string[] = []
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const fault = run(seed, (random) => {
      if (random() < 0.4) return []
      const call = calls[Math.floor(random() * calls.length)] as FaultyCall
      const nth = 1 + Math.floor(random() * 25)
      const code = random() < 0.5 ? 'DISK' : 'STORAGE_FULL'
      return [{ call, nth, forever: random() < 0.5, code }]
    })
    if (fault !== undefined) failed.push(`seed ${seed}: ${fault}`)
  }
  expect(failed).toEqual([])
}, 14_400_000)

test('canary: a disk that lies about fdatasync is found out', () => {
  class LyingFiles extends SimulatedFiles {
    override fdatasync(): void {}
  }
  let found = 0
  for (let seed = 1; seed <= 50; seed++) {
    const random = seededRandom(seed)
    const files = new LyingFiles(random)
    const ledger = new Ledger()
    live(openLog(files, { segmentBytesMax: 3000 }), ledger, random, 0)
    files.crash()
    try {
      openLog(files).close()
      if (ledger.settle(idsOf(readAll(files))) !== undefined) found++
    } catch {
      found++
    }
  }
  expect(found).toBeGreaterThan(25)
})

/** How often each call is made in a run without faults. */
function countCalls(): Record<FaultyCall, number> {
  const random = seededRandom(3)
  const files = new SimulatedFiles(random)
  live(openLog(files, { segmentBytesMax: 3000 }), new Ledger(), random, 0)
  return files.calls
}

test('every call fails once, and from then on for ever', () => {
  const counts = countCalls()
  const failed: string[] = []
  let met = 0
  const plans: PlannedFault[][] = []
  for (const call of calls) {
    for (let nth = 1; nth <= Math.max(3, counts[call] + 1); nth++) {
      for (const forever of [false, true]) plans.push([{ call, nth, forever, code: 'DISK' }])
    }
  }
  const singles = plans.map(([plan]) => plan as PlannedFault)
  if (isLong) for (const a of singles) for (const b of singles) plans.push([a, b])
  for (const plan of plans) {
    const random = seededRandom(3)
    const files = new SimulatedFiles(random)
    const ledger = new Ledger()
    files.plan(...plan)
    try {
      live(openLog(files, { segmentBytesMax: 3000 }), ledger, random, 0)
    } catch (error) {
      if (!(error instanceof HostError)) throw error
    }
    met += files.faultsMet > 0 ? 1 : 0
    files.crash()
    openLog(files).close()
    const fault = ledger.settle(idsOf(readAll(files)))
    if (fault !== undefined) failed.push(`${JSON.stringify(plan)}: ${fault}`)
  }
  expect(failed).toEqual([])
  expect(met).toBeGreaterThan(plans.length / 3)
}, 600_000)

test('a write that fails is refused and cut off; the next one goes on behind it', () => {
  const files = new SimulatedFiles(seededRandom(5))
  const log = openLog(files)
  add(log, statementFor('1'))
  expect(log.flush()).toBeUndefined()
  files.plan({ call: 'write', nth: 1, forever: false, code: 'STORAGE_FULL' })
  add(log, statementFor('2', 500))
  expect(log.flush()).toMatchObject({ code: 'STORAGE_FULL' })
  add(log, statementFor('3'))
  expect(log.flush()).toBeUndefined()
  expect(idsOf(readAll(files))).toEqual(['1', '3'])
  expect(log.sequence).toBe(2)
})

test('a cut that fails after a failed write ends the process', () => {
  const files = new SimulatedFiles(seededRandom(5))
  const log = openLog(files)
  add(log, statementFor('1'))
  log.flush()
  files.plan(
    { call: 'write', nth: 1, forever: false, code: 'STORAGE_FULL' },
    { call: 'truncate', nth: 1, forever: false, code: 'DISK' },
  )
  add(log, statementFor('2', 500))
  expect(() => log.flush()).toThrow(/torn end that could not be cut off/)
})
