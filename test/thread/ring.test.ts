// The ring alone, on one thread: the queue that it has to be, at every size and place.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allocateRing, RingReader, RingWriter, recordBytes } from '../../core/thread/ring.ts'

interface Record {
  kind: number
  a: number
  b: number
  payload: string
}

function ends(capacityBytes: number) {
  const memory = allocateRing(capacityBytes)
  return { writer: new RingWriter(memory), reader: new RingReader(memory), memory }
}

function drainAll(reader: RingReader, recordsMax = Number.MAX_SAFE_INTEGER): Record[] {
  const seen: Record[] = []
  reader.drain((kind, a, b, bytes, start, end) => {
    seen.push({ kind, a, b, payload: bytes.toString('latin1', start, end) })
  }, recordsMax)
  return seen
}

describe('ring', () => {
  it('carries kind, both words and the payload', () => {
    const { writer, reader } = ends(256)
    expect(writer.write(7, 0xffffffff, 5, Buffer.from('hello'))).toBe(true)
    expect(writer.writeText(8, 0, 1, 'caf\u00e9')).toBe(true)
    expect(drainAll(reader)).toEqual([
      { kind: 7, a: 0xffffffff, b: 5, payload: 'hello' },
      { kind: 8, a: 0, b: 1, payload: 'caf\u00e9' },
    ])
    expect(reader.isEmpty).toBe(true)
  })

  it('refuses a capacity that is not a power of two', () => {
    for (const bad of [0, 63, 65, 96, 2 ** 31]) expect(() => allocateRing(bad)).toThrow(/power/)
  })

  it('fills to the last byte, refuses one record more, and takes it once one is consumed', () => {
    const { writer, reader } = ends(128)
    for (let i = 0; i < 4; i++) expect(writer.write(1, i, 0, Buffer.alloc(16))).toBe(true)
    expect(writer.usedBytes).toBe(128)
    expect(writer.write(1, 4, 0)).toBe(false)
    expect(drainAll(reader, 1).map((r) => r.a)).toEqual([0])
    expect(writer.write(1, 4, 0)).toBe(true)
    expect(drainAll(reader).map((r) => r.a)).toEqual([1, 2, 3, 4])
    expect(writer.highWaterBytes).toBe(128)
  })

  it('takes the longest payload wherever the ring stands, and asserts on one byte more', () => {
    for (let offset = 0; offset < 128; offset += 8) {
      const { writer, reader } = ends(128)
      for (let moved = 0; moved < offset; ) {
        const payload = offset - moved >= 24 ? 8 : 0
        writer.write(1, 0, 0, Buffer.alloc(payload))
        drainAll(reader)
        moved += recordBytes(payload)
      }
      const longest = writer.payloadBytesMax
      expect(longest).toBe(48)
      expect(writer.write(2, 0, 0, Buffer.alloc(longest, 0x61)), `at ${offset}`).toBe(true)
      expect(drainAll(reader)).toEqual([{ kind: 2, a: 0, b: 0, payload: 'a'.repeat(longest) }])
      expect(() => writer.write(2, 0, 0, Buffer.alloc(longest + 1))).toThrow(/too long/)
    }
  })

  it('keeps the room that the writer wants left free', () => {
    const { writer } = ends(128)
    expect(writer.reserve(1, 0, 0, 0, 112)).toBeGreaterThanOrEqual(0)
    writer.commit(0)
    expect(writer.reserve(1, 0, 0, 0, 112)).toBe(-1)
    expect(writer.reserve(1, 0, 0, 0, 96)).toBeGreaterThanOrEqual(0)
  })

  it('publishes a record shorter than its reservation', () => {
    const { writer, reader } = ends(128)
    const at = writer.reserve(3, 1, 2, 40)
    writer.bytes.write('abc', at, 'latin1')
    writer.commit(3)
    expect(writer.usedBytes).toBe(recordBytes(3))
    expect(drainAll(reader)).toEqual([{ kind: 3, a: 1, b: 2, payload: 'abc' }])
  })

  it('consumes what was visited when a visitor throws', () => {
    const { writer, reader } = ends(256)
    for (let i = 0; i < 3; i++) writer.write(1, i, 0)
    expect(() =>
      reader.drain((_kind, a) => {
        if (a === 1) throw new Error('stop')
      }, 10),
    ).toThrow('stop')
    expect(drainAll(reader).map((r) => r.a)).toEqual([2])
  })

  it('is a queue for any sizes, any interleaving and any capacity, across the 2^32 wrap', () => {
    const step = fc.oneof(
      fc.record({ write: fc.integer({ min: 0, max: 60 }) }),
      fc.record({ drain: fc.integer({ min: 1, max: 6 }) }),
    )
    fc.assert(
      fc.property(
        fc.constantFrom(128, 256, 1024),
        fc.constantFrom(0, 2 ** 32 - 128, 2 ** 31 - 8 * 16),
        fc.array(step, { maxLength: 300 }),
        (capacity, startAt, steps) => {
          const memory = allocateRing(capacity)
          const positions = new Uint32Array(memory, 0, 32)
          positions[0] = startAt
          positions[16] = startAt
          const writer = new RingWriter(memory)
          const reader = new RingReader(memory)
          const model: Record[] = []
          let serial = 0
          for (const each of steps) {
            if ('write' in each) {
              const size = Math.min(each.write, writer.payloadBytesMax)
              const record = {
                kind: 1 + (serial % 9),
                a: serial,
                b: size,
                payload: 'x'.repeat(size),
              }
              const usedBefore = writer.usedBytes
              if (writer.writeText(record.kind, record.a, record.b, record.payload)) {
                model.push(record)
              } else {
                // Full means full: with the padding a wrap may need, it did not fit.
                expect(usedBefore + 2 * recordBytes(size)).toBeGreaterThan(capacity)
              }
              serial++
            } else {
              expect(drainAll(reader, each.drain)).toEqual(model.splice(0, each.drain))
            }
          }
          expect(drainAll(reader)).toEqual(model)
          expect(writer.usedBytes).toBe(0)
        },
      ),
      { numRuns: 500 },
    )
  })
})
