// The format: what is written is read back, and nothing else is.

import { expect, test } from 'vitest'
import {
  decodeOrigin,
  decodePreamble,
  decodeTransaction,
  encodeOrigin,
  encodePreamble,
  encodeTail,
  encodeWord,
  isVouchedFor,
  type SpoolTransaction,
  segmentFileName,
  sequenceOfFileName,
  statementsOf,
  TransactionEncoder,
} from '../../core/spool/format.ts'

const statements = Buffer.from("INSERT INTO t VALUES('a;b');\nDELETE FROM t WHERE a = (1);\n")
const fields = {
  sequence: 7,
  prev: 0xdeadbeef,
  synced: 5,
  timeMs: 1_767_225_600_123,
  statements: 2,
  origin: 'node=main lane=0 uid=12',
}

function encoded(changes: Partial<typeof fields> = {}): { bytes: Buffer; crc: number } {
  const target = Buffer.alloc(4096)
  const encoder = new TransactionEncoder()
  const { origin, ...head } = { ...fields, ...changes }
  const tail = Buffer.from(encodeTail(origin, statements.toString()))
  const end = encoder.encode(target, 0, head, tail, 0, origin.length, tail.length)
  return { bytes: target.subarray(0, end), crc: encoder.crc }
}

test('a transaction is a header line, BEGIN, its statements, COMMIT', () => {
  const { bytes, crc } = encoded()
  expect(bytes.toString()).toBe(
    `-- tx crc=${crc.toString(16).padStart(8, '0')} prev=deadbeef seq=7 synced=5 time=1767225600123 ` +
      'statements=2 bytes=73 node=main lane=0 uid=12\n' +
      "BEGIN;\nINSERT INTO t VALUES('a;b');\nDELETE FROM t WHERE a = (1);\nCOMMIT;\n",
  )
  const found = decodeTransaction(bytes, 0, bytes.length) as SpoolTransaction
  expect(found).toMatchObject({ ...fields, crc, start: 0, end: bytes.length })
  expect([...statementsOf(found)].map(String)).toEqual([
    "INSERT INTO t VALUES('a;b');\n",
    'DELETE FROM t WHERE a = (1);\n',
  ])
})

test('a transaction that is cut anywhere is partial', () => {
  const { bytes } = encoded()
  for (let length = 0; length < bytes.length; length++) {
    expect(decodeTransaction(bytes, 0, length)).toBe('partial')
  }
})

test('a transaction with any bit flipped is not read', () => {
  const { bytes } = encoded()
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes)
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
    const found = decodeTransaction(damaged, 0, damaged.length)
    expect(found === 'partial' || 'fault' in found, `bit ${bit}`).toBe(true)
  }
})

test('behind a bad place a whole transaction vouches for what was on disk before it', () => {
  const bytes = Buffer.concat([Buffer.from('-- tx crc=torn\n'), encoded({ synced: 5 }).bytes])
  expect(isVouchedFor(bytes, 0, 5)).toBe(true)
  expect(isVouchedFor(bytes, 0, 6)).toBe(false)
  expect(isVouchedFor(bytes.subarray(0, bytes.length - 1), 0, 5)).toBe(false)
})

test('a preamble comes back, and no bit of it may be wrong', () => {
  const preamble = {
    dialect: 'mysql',
    node: 'node a',
    spool: '0123456789abcdef',
    first: 12,
    after: 11,
    chain: 1,
  } as const
  const bytes = encodePreamble(preamble, 'SET NAMES utf8mb4;\n')
  expect(bytes.toString()).toMatch(
    /^-- moonwheel-spool crc=\w{8} format=1 dialect=mysql node=node%20a spool=0123456789abcdef first=12 after=11 chain=00000001 bytes=19\nSET NAMES utf8mb4;\n$/,
  )
  expect(decodePreamble(bytes)).toEqual({ preamble, end: bytes.length })
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes)
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
    expect(decodePreamble(damaged)).toHaveProperty('fault')
  }
})

test('a segment is named after its first transaction, and names sort as numbers', () => {
  expect(segmentFileName(42)).toBe('0000000000000042.sql')
  expect(sequenceOfFileName('0000000000000042.sql')).toBe(42)
  for (const other of ['42.sql', '0000000000000042.sql.tmp', 'README.md', 'durable']) {
    expect(sequenceOfFileName(other)).toBeUndefined()
  }
})

test('who caused it survives any characters, as printable ASCII', () => {
  for (const uid of ['12', '月', "it's", 'a b', 'a=b', '%', 'x\ny', '\\', '"', '~!*()', '\ud800']) {
    const text = encodeOrigin({ node: 'n', lane: 3, uid, route: 'bag.handler.buy', request: 'r-1' })
    expect(text).toMatch(/^[ -&(-[\]-~]+$/)
    expect(Object.fromEntries(decodeOrigin(text))).toEqual({
      node: 'n',
      lane: '3',
      uid: uid.toWellFormed(),
      route: 'bag.handler.buy',
      request: 'r-1',
    })
  }
  expect(encodeWord('月'.repeat(1000)).length).toBeLessThanOrEqual(256)
})
