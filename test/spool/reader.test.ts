// The reader: what is on disk and nothing more, in order, from anywhere, while it grows.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { systemClock } from '../../core/base/clock.ts'
import { SystemFiles } from '../../core/base/files.ts'
import { SpoolReader } from '../../core/spool/reader.ts'
import { newSpoolId, settleSpool } from '../../core/spool/settle-spool.ts'
import { lockSpool } from '../../core/spool/spool-lock.ts'
import { SpoolLog } from '../../core/spool/spool-log.ts'
import { SimulatedFiles, seededRandom } from '../support/simulated-files.ts'
import {
  add,
  folder,
  idsOf,
  idsTo,
  makeSpool,
  openLog,
  readAll,
  statementFor,
} from './spool-fixture.ts'

const made: string[] = []
afterAll(() => {
  for (const path of made) rmSync(path, { recursive: true, force: true })
})

function tempFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'moonwheel-spool-'))
  made.push(path)
  return path
}

function openReal(path: string, segmentBytesMax = 64 * 1024 * 1024): SpoolLog {
  const files = new SystemFiles()
  const common = { node: 'test', dialect: 'sqlite', policy: 'fdatasync', newSpoolId } as const
  return new SpoolLog({ folder: path, files, clock: systemClock, segmentBytesMax, ...common })
}

test('reads from any sequence, across segments', () => {
  const files = makeSpool(50, 3, { segmentBytesMax: 2000 })
  for (let from = 1; from <= 51; from++) {
    expect(idsOf(readAll(files, from))).toEqual(idsTo(50).slice(from - 1))
  }
})

test('an empty folder has nothing yet, and a reader that was there first sees what comes', () => {
  const files = new SimulatedFiles(seededRandom(1))
  const reader = new SpoolReader({ folder, files })
  expect(reader.next()).toBeUndefined()
  const log = openLog(files, { segmentBytesMax: 1000 })
  for (let id = 1; id <= 20; id++) {
    add(log, statementFor(String(id)))
    log.flush()
    expect(reader.next()?.sequence).toBe(id)
    expect(reader.next()).toBeUndefined()
  }
})

test('what is written and not yet on disk is not seen', () => {
  const files = makeSpool(2, 1)
  const log = openLog(files)
  const reader = new SpoolReader({ folder, files })
  add(log, statementFor('3'))
  files.plan({ call: 'fdatasync', nth: 1, forever: true, code: 'DISK' })
  expect(() => log.flush()).toThrow('planned')
  expect([reader.next()?.sequence, reader.next()?.sequence, reader.next()]).toEqual([
    1,
    2,
    undefined,
  ])
})

test('a reader follows a real folder through many segments, by notice', async () => {
  const path = tempFolder()
  const log = openReal(path, 4000)
  const stop = new AbortController()
  const seen: number[] = []
  const reading = (async () => {
    const reader = new SpoolReader({ folder: path })
    for await (const next of reader.follow(stop.signal)) {
      seen.push(next.sequence)
      if (next.sequence === 300) stop.abort()
    }
    reader.close()
  })()
  for (let id = 1; id <= 300; id++) {
    add(log, statementFor(String(id)))
    log.flush()
    if (id % 10 === 0) await new Promise(setImmediate)
  }
  await reading
  log.close()
  expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
})

test('a transaction that was read stays valid while later ones are read', () => {
  const path = tempFolder()
  const log = openReal(path)
  for (let id = 1; id <= 100; id++) {
    add(log, statementFor(String(id), 200_000))
    log.flush()
  }
  log.close()
  const reader = new SpoolReader({ folder: path })
  const all = []
  for (let next = reader.next(); next !== undefined; next = reader.next()) all.push(next)
  reader.close()
  const texts = all.map((each) => each.bytes.toString('latin1', each.statementsStart, each.end))
  expect(idsOf(texts)).toEqual(idsTo(100))
})

test('a spool whose host is gone is settled for its reader; one whose host lives is left alone', () => {
  const path = tempFolder()
  const files = new SystemFiles()
  expect(settleSpool(path)).toBeUndefined()
  const log = openReal(path)
  add(log, statementFor('1'))
  log.flush()
  log.close()
  files.remove(join(path, 'durable'))
  const lock = lockSpool(path, files)
  expect(settleSpool(path)).toBeUndefined()
  lock.release()
  expect(settleSpool(path)).toMatchObject({ sequence: 1, lost: 0, cutBytes: 0 })
  const reader = new SpoolReader({ folder: path })
  expect(reader.next()?.sequence).toBe(1)
  reader.close()
})
