// The outbox: what was queued leaves in order and in one write, and a slow socket is ended in time.

import fc from 'fast-check'
import { beforeEach, expect, it } from 'vitest'
import { ManualClock } from '../../core/base/clock.ts'
import { Outbox } from '../../core/gate/outbox.ts'
import { PackageDecoder } from '../../core/gate/package-codec.ts'
import { Session } from '../../core/gate/session.ts'
import { FakeTransport } from '../support/fake-transport.ts'

const queueBytesMax = 1000
const stallMs = 2000
let clock: ManualClock
let dropped: [Session, string][]
let outbox: Outbox

beforeEach(() => {
  clock = new ManualClock()
  dropped = []
  outbox = new Outbox({ queueBytesMax, stallMs }, clock, (session, reason) => {
    dropped.push([session, reason])
  })
})

function connection(): { session: Session; transport: FakeTransport } {
  const transport = new FakeTransport()
  return { session: new Session(1, transport, 0, 0), transport }
}

/** Bodies of the data packages that a transport was sent. */
function bodies(transport: FakeTransport): Buffer[] {
  const found: Buffer[] = []
  const decoder = new PackageDecoder(1 << 24, (_type, bytes, start, end) => {
    found.push(Buffer.from(bytes.subarray(start, end)))
    return true
  })
  for (const bytes of transport.sent) expect(decoder.feed(Buffer.from(bytes))).toBe('ok')
  return found
}

it('sends nothing before the end of the turn, then everything in order', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 100_000 }), { maxLength: 20 }), (all) => {
      const { session, transport } = connection()
      for (const [i, body] of all.entries()) outbox.response(session, i + 1, body, false)
      expect(transport.sent).toEqual([])
      outbox.flush()
      const got = bodies(transport)
      expect(got.length).toBe(all.length)
      // A response: its flag, its id in one byte, its body.
      for (const [i, body] of all.entries()) {
        expect(got[i]?.subarray(0, 2)).toEqual(Buffer.from([4, i + 1]))
        expect(got[i]?.subarray(2).equals(Buffer.from(body))).toBe(true)
      }
      outbox.flush()
      expect(transport.sent.length).toBe(all.length)
    }),
    { numRuns: 30 },
  )
})

it('one encoded push serves many sessions, and later packages do not change it', () => {
  const [a, b] = [connection(), connection()]
  const push = outbox.encodePush('onChat', Buffer.from('{"text":"hello"}'))
  outbox.queue(a.session, push)
  for (let i = 0; i < 100; i++) outbox.encodePush('onOther', Buffer.alloc(20_000, 0xff))
  outbox.queue(b.session, push)
  outbox.flush()
  expect(bodies(a.transport)).toEqual(bodies(b.transport))
  expect(bodies(a.transport)[0]?.toString()).toContain('{"text":"hello"}')
})

it.each([
  [queueBytesMax, 0],
  [queueBytesMax + 1, 1],
])('%i bytes waiting for a socket: %i sessions dropped', (bytes, count) => {
  const { session, transport } = connection()
  transport.isStuck = true
  outbox.queue(session, Buffer.alloc(bytes))
  outbox.flush()
  expect(dropped.length).toBe(count)
})

it.each([
  [stallMs - 1, 0],
  [stallMs, 1],
])('a socket that takes nothing for %i ms: %i sessions dropped', (ms, count) => {
  const { session, transport } = connection()
  transport.isStuck = true
  outbox.queue(session, Buffer.alloc(10))
  outbox.flush()
  clock.advance(ms)
  outbox.checkStalls()
  expect(dropped.length).toBe(count)
})

it('a socket that has emptied in between is not stalled', () => {
  const { session, transport } = connection()
  transport.isStuck = true
  outbox.queue(session, Buffer.alloc(10))
  outbox.flush()
  clock.advance(stallMs - 1)
  transport.bufferedBytes = 0
  outbox.drained(session)
  outbox.queue(session, Buffer.alloc(10))
  outbox.flush()
  clock.advance(stallMs - 1)
  outbox.checkStalls()
  expect(dropped).toEqual([])
  clock.advance(1)
  outbox.checkStalls()
  expect(dropped).toEqual([[session, 'the client reads too slowly']])
})

it('forgets a session that closed', () => {
  const { session, transport } = connection()
  transport.isStuck = true
  outbox.queue(session, Buffer.alloc(10))
  outbox.flush()
  outbox.queue(session, Buffer.alloc(10))
  outbox.forget(session)
  outbox.flush()
  clock.advance(stallMs)
  outbox.checkStalls()
  expect(transport.sent.length).toBe(1)
  expect(dropped).toEqual([])
})
