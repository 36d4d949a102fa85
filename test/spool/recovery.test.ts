// What a damaged or torn spool becomes at the next start: cut, or refused, and never silently wrong.

import { expect, test } from 'vitest'
import { HostError } from '../../core/base/errors.ts'
import { durableFileName } from '../../core/spool/durable-mark.ts'
import { SpoolReader } from '../../core/spool/reader.ts'
import { recoverSpool } from '../../core/spool/recovery.ts'
import type { SimulatedFiles } from '../support/simulated-files.ts'
import {
  add,
  folder,
  idsOf,
  idsTo,
  makeSpool,
  openLog,
  readAll,
  recoverAndRead,
  statementFor,
} from './spool-fixture.ts'

const isLong = process.env.MOONWHEEL_LONG === '1'
const segments = (files: SimulatedFiles) => files.paths().filter((path) => path.endsWith('.sql'))
const last = (files: SimulatedFiles) => segments(files).at(-1) as string

test('a spool of 200 transactions, cut at any byte, keeps its longest whole prefix', () => {
  const files = makeSpool(200, 7)
  const path = last(files)
  const whole = Buffer.from(files.contentOf(path))
  const all = readAll(files)
  expect(idsOf(all)).toEqual(idsTo(200))
  const ends = endsOf(files)
  const firstLine = whole.indexOf('-- tx')
  let survivors = 0
  for (let length = firstLine; length <= whole.length; length++) {
    files.setContent(path, Buffer.from(whole.subarray(0, length)))
    files.remove(`${folder}/${durableFileName}`)
    while ((ends[survivors] ?? Number.POSITIVE_INFINITY) <= length) survivors++
    const recovery = recoverSpool(folder, files)
    const cutBytes = length - (ends[survivors - 1] ?? firstLine)
    if (recovery.sequence !== survivors || recovery.cutBytes !== cutBytes) {
      expect(recovery, `cut at ${length}`).toMatchObject({ sequence: survivors, cutBytes })
    }
    expect(files.contentOf(path).length).toBe(length - cutBytes)
    if (length % 97 === 0) expect(recoverAndRead(files)).toEqual(all.slice(0, survivors))
  }
  expect(survivors).toBe(200)
}, 300_000)

/** Where each transaction ends in the last segment. */
function endsOf(files: SimulatedFiles): number[] {
  const path = last(files)
  const text = files.contentOf(path).toString('latin1')
  return [...text.matchAll(/^COMMIT;\n/gm)].map((match) => match.index + match[0].length)
}

test('cut inside of its first line, a segment is damaged', () => {
  const files = makeSpool(3, 1)
  const path = last(files)
  files.setContent(path, Buffer.from(files.contentOf(path).subarray(0, 20)))
  expect(() => openLog(files)).toThrow(/damaged: spool\/0000000000000001.sql, byte 0/)
})

/**
 * Flips bits of a spool's last segment, one at a time, and recovers: each is refused as damage, or cut
 * off as a torn end, which may only be in the last group and says what was lost.
 * @param first the sequence of the segment's first transaction
 * @param end that of its last one
 */
function flipBits(files: SimulatedFiles, first: number, end: number, perGroup: number, step = 1) {
  const path = last(files)
  const whole = Buffer.from(files.contentOf(path))
  let refused = 0
  let cut = 0
  // Millions of errors: nobody reads where they were made.
  const stackTraceLimit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  for (let bit = 0; bit < whole.length * 8; bit += step) {
    const bytes = files.contentOf(path)
    const was = bytes[bit >> 3] as number
    bytes[bit >> 3] = was ^ (1 << (bit & 7))
    try {
      const recovery = recoverSpool(folder, files)
      // Only in the last group nobody can tell damage from a torn end; then it says what was lost.
      const { sequence, lost } = recovery
      if (sequence < Math.max(first - 1, end - perGroup) || lost !== end - sequence || lost === 0) {
        expect.fail(`${path}, bit ${bit}: ${lost} lost, the last is ${sequence}`)
      }
      cut++
      // A cut changes the file; its bytes are put back.
      files.setContent(path, Buffer.from(whole))
    } catch (error) {
      if (!(error instanceof HostError)) throw error
      if (error.code !== 'SPOOL_DAMAGED') throw error
      bytes[bit >> 3] = was
      refused++
    }
  }
  Error.stackTraceLimit = stackTraceLimit
  return { refused, cut, bytes: whole.length }
}

const flips = isLong ? 'every 61st bit of a segment of 1 MiB' : 'every bit of a segment of 16 KiB'

test(`${flips}, flipped, is detected`, () => {
  const transactions = isLong ? 1000 : 16
  const files = makeSpool(transactions, 3, {}, 840)
  const { refused, cut, bytes } = flipBits(files, 1, transactions, 3, isLong ? 61 : 1)
  expect(bytes).toBeGreaterThan(isLong ? 2 ** 20 : 16_384)
  expect(refused).toBeGreaterThan(cut)
  expect(cut).toBeGreaterThan(0)
}, 14_400_000)

const manySegments = isLong
  ? 'every bit of a spool of 1 MiB in segments of 8 KiB'
  : 'every 13th bit of a spool of 32 KiB in segments of 8 KiB'

test(`${manySegments}, flipped, is detected, in whichever segment`, () => {
  const transactions = isLong ? 2150 : 65
  const perGroup = 3
  const spool = makeSpool(transactions, perGroup, { segmentBytesMax: 8 * 1024 }, 300)
  const contents = segments(spool).map(
    (path) => [path, Buffer.from(spool.contentOf(path))] as const,
  )
  const firsts = contents.map(([path]) => Number(/(\d{16})/.exec(path)?.[1]))
  expect(contents.length).toBeGreaterThan(2)
  let bytes = 0
  for (const [i, [path, content]] of contents.entries()) {
    const first = firsts[i] as number
    const end = (firsts[i + 1] ?? transactions + 1) - 1
    // What is behind a segment makes every fault in it damage, so the hard case is that of the last one.
    const files = endingWith(path, content, end)
    const found = flipBits(files, first, end, perGroup, isLong ? 1 : 13)
    expect(found.refused).toBeGreaterThan(0)
    bytes += found.bytes
    if (isLong && i % 16 === 15) console.log(`${bytes} bytes of ${contents.length} segments so far`)
    // The same file with its successor behind it: nothing of it is ever cut.
    const next = contents[i + 1]
    if (next === undefined) continue
    for (let bit = i; bit < content.length * 8; bit += 997) {
      const damaged = Buffer.from(content)
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
      files.setContent(path, damaged)
      files.setContent(...next)
      expect(() => recoverSpool(folder, files), `${path}, bit ${bit}`).toThrow(/damaged/)
    }
  }
  expect(bytes).toBeGreaterThan((isLong ? 1024 : 32) * 1024)
}, 14_400_000)

/** A folder whose only segment is this one, and whose file `durable` says that all of it is on disk. */
function endingWith(path: string, content: Buffer, end: number): SimulatedFiles {
  const files = makeSpool(1, 1)
  for (const each of segments(files)) files.remove(each)
  files.setContent(path, Buffer.from(content))
  files.remove(`${folder}/${durableFileName}`)
  openLog(files).close()
  expect(recoverSpool(folder, files)).toMatchObject({ sequence: end, cutBytes: 0, lost: 0 })
  return files
}

test('a flipped bit in the file `durable` takes nothing away', () => {
  const files = makeSpool(5, 1)
  const mark = Buffer.from(files.contentOf(`${folder}/${durableFileName}`))
  for (let bit = 0; bit < mark.length * 8; bit++) {
    const damaged = Buffer.from(mark)
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
    files.setContent(`${folder}/${durableFileName}`, damaged)
    expect(idsOf(recoverAndRead(files))).toEqual(idsTo(5))
  }
})

test('damage in a segment that is not the last is refused, with the place', () => {
  const files = makeSpool(40, 2, { segmentBytesMax: 2000 })
  const [, second] = segments(files) as [string, string]
  const bytes = files.contentOf(second)
  bytes[bytes.length - 5] = 0
  expect(() => openLog(files)).toThrow(
    new RegExp(`damaged: ${second}, byte \\d+: transaction \\d+`),
  )
  expect(() => readAll(files)).toThrow(/damaged/)
})

test('a segment that is missing between two others is refused', () => {
  const files = makeSpool(40, 2, { segmentBytesMax: 2000 })
  const [, second, third] = segments(files) as [string, string, string]
  files.remove(second)
  expect(() => openLog(files)).toThrow(new RegExp(`${third}.*transactions \\d+ to \\d+ .*missing`))
})

test('segments taken away from the front leave the rest whole, and the numbers go on', () => {
  const files = makeSpool(40, 2, { segmentBytesMax: 2000 })
  const [first, second] = segments(files) as [string, string]
  files.remove(first)
  const from = Number(/(\d{16})/.exec(second)?.[1])
  expect(idsOf(recoverAndRead(files))).toEqual(idsTo(40).slice(from - 1))
  const log = openLog(files)
  add(log, statementFor('41'))
  log.flush()
  expect(log.sequence).toBe(41)
  expect(() => readAll(files, 1)).toThrow(/1 is not there any more/)
})

test('a spool without any segment goes on where `durable` says', () => {
  const files = makeSpool(5, 1)
  files.remove(last(files))
  const log = openLog(files)
  add(log, statementFor('6'))
  log.flush()
  expect(log.sequence).toBe(6)
  expect(idsOf(readAll(files))).toEqual(['6'])
})

test('acknowledged transactions that are gone are counted, and their numbers not used again', () => {
  const files = makeSpool(10, 1)
  const path = last(files)
  const whole = files.contentOf(path)
  files.setContent(path, Buffer.from(whole.subarray(0, endsOf(files)[6])))
  const log = openLog(files)
  expect(log.recovery).toMatchObject({ sequence: 7, lost: 3, nextSequence: 11 })
  log.close()
  // Also when the next life ends before it writes anything.
  const again = openLog(files)
  expect(again.recovery).toMatchObject({ sequence: 7, lost: 0, nextSequence: 11 })
  add(again, statementFor('new'))
  again.flush()
  expect(again.sequence).toBe(11)
  again.close()
  expect(idsOf(recoverAndRead(files))).toEqual([...idsTo(7), 'new'])
})

test('a torn group in the middle of which a whole transaction stands is cut, not refused', () => {
  const files = makeSpool(12, 4)
  const path = last(files)
  const bytes = files.contentOf(path)
  // Of the last group 9 to 12 the second is torn, and 11 and 12 are there: a crash may do that.
  bytes[(endsOf(files)[8] as number) + 30] = 0
  files.remove(`${folder}/${durableFileName}`)
  expect(idsOf(recoverAndRead(files))).toEqual(idsTo(9))
})

test('a clock that goes back a day changes no order', () => {
  const day = 86_400_000
  let now = 1_767_225_600_000
  const files = makeSpool(3, 1)
  const log = openLog(files, { wallMs: () => now })
  for (const id of ['4', '5', '6']) {
    now -= day
    add(log, statementFor(id))
    log.flush()
  }
  log.close()
  expect(idsOf(recoverAndRead(files))).toEqual(idsTo(6))
})

test('another dialect begins a new segment, and the reader says which it is', () => {
  const files = makeSpool(2, 1)
  const log = openLog(files, { dialect: 'mysql' })
  add(log, statementFor('3'))
  log.flush()
  log.close()
  const reader = new SpoolReader({ folder, files })
  const seen: [number, string | undefined][] = []
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    seen.push([next.sequence, reader.preamble?.dialect])
  }
  expect(seen).toEqual([
    [1, 'sqlite'],
    [2, 'sqlite'],
    [3, 'mysql'],
  ])
})
