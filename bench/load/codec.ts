// What the wire codec costs for one message, beside pomelo-protocol 0.1.6 in the same run: the guard
// of the hot path in core/gate/package-codec.ts and message-codec.ts. Main thread.
//
//   node tools/run.mjs bench/load/codec.ts
//
// Each row is the median of several rounds; the ratios mean something on a shared machine, the
// nanoseconds little.

import { createRequire } from 'node:module'
import { normalizeUtf8 } from '../../core/base/utf8.ts'
import {
  decodeMessage,
  encodeRequest,
  MessageView,
  responseSize,
  writeResponse,
} from '../../core/gate/message-codec.ts'
import { PackageDecoder } from '../../core/gate/package-codec.ts'

interface Oracle {
  readonly Package: {
    encode(type: number, body: Buffer): Buffer
    decode(bytes: Buffer): { body: Buffer }
  }
  readonly Message: {
    encode(id: number, type: number, code: number, route: unknown, body: Buffer): Buffer
    decode(bytes: Buffer): { id: number }
  }
}

const messagesPerRound = 200_000
const rounds = 9
const oracle = createRequire(import.meta.url)('pomelo-protocol') as Oracle
const body = Buffer.from('{"x":123,"y":456,"name":"wanderer"}')
const bodyText = body.toString('latin1')
const view = new MessageView()
let check = 0

const decoder = new PackageDecoder(64 * 1024, (_type, buffer, start, end) => {
  if (decodeMessage(buffer, start, end, view) === undefined) check += view.id
  return true
})

function decodeRow(name: string, bytes: Buffer): Row {
  const half = bytes.length >> 1
  const [first, second] = [bytes.subarray(0, half), bytes.subarray(half)]
  return {
    name,
    ours: () => void decoder.feed(bytes),
    theirs: () => void (check += oracle.Message.decode(oracle.Package.decode(bytes).body).id),
    extra: () => {
      decoder.feed(first)
      decoder.feed(second)
    },
  }
}

interface Row {
  readonly name: string
  readonly ours: () => void
  readonly theirs?: () => void
  /** The same in two pieces. */
  readonly extra?: () => void
}

const batch = Buffer.alloc(64 * 1024)
const size = responseSize(70_000, body.length)
let at = 0
function writeIntoBatch(what: Buffer | string): void {
  if (at + size > batch.length) at = 0
  at = writeResponse(batch, at, 70_000, what)
}

const rows: readonly Row[] = [
  decodeRow('decode request, route code', encodeRequest(70_000, 7, body)),
  decodeRow('decode request, route name', encodeRequest(70_000, 'battle.handler.move', body)),
  {
    name: 'write response from bytes',
    ours: () => writeIntoBatch(body),
    theirs: () => {
      const message = oracle.Message.encode(70_000, 2, 0, null, body)
      check += oracle.Package.encode(4, message).length
    },
  },
  { name: 'write response from a byte string', ours: () => writeIntoBatch(bodyText) },
  { name: 'check UTF-8 of a body', ours: () => void (check += normalizeUtf8(body)?.length ?? 0) },
]

/** Median nanoseconds of one call. */
function timeNs(call: () => void): number {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < messagesPerRound; i++) call()
    times.push(Number(process.hrtime.bigint() - start) / messagesPerRound)
  }
  return times.sort((a, b) => a - b)[rounds >> 1] ?? 0
}

for (const row of rows) {
  const ours = timeNs(row.ours)
  const parts = [`${row.name.padEnd(34)} ${ours.toFixed(0).padStart(5)} ns`]
  if (row.extra) parts.push(`in two pieces ${timeNs(row.extra).toFixed(0)} ns`)
  if (row.theirs) {
    const theirs = timeNs(row.theirs)
    parts.push(`pomelo-protocol ${theirs.toFixed(0)} ns (${(theirs / ours).toFixed(1)}x)`)
  }
  console.log(parts.join('   '))
}
if (check === 0) throw new Error('nothing was decoded')
