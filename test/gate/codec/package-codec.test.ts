// The package decoder: streams cut anywhere, pauses anywhere, limits on both sides of the boundary.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  encodePackage,
  PackageDecoder,
  packageBodyBytesMax,
  packageType,
  writePackageHeader,
} from '../../../core/gate/package-codec.ts'
import { oracle } from '../../support/pomelo-oracle.ts'
import { collector, cut, feedVolatile, hex, pack, show } from './collect.ts'

const packages = fc.array(
  fc.record({ type: fc.integer({ min: 1, max: 5 }), body: fc.uint8Array({ maxLength: 40 }) }),
  { maxLength: 12 },
)

describe('PackageDecoder', () => {
  it('gives the same packages however the stream is cut and wherever the sink pauses', () => {
    const cuts = fc.array(fc.nat(600), { maxLength: 20 })
    const answers = fc.array(fc.boolean(), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(packages, cuts, answers, fc.boolean(), (list, offsets, accepts, late) => {
        const stream = Buffer.concat(list.map(({ type, body }) => pack(type, body)))
        const { decoder, packages } = collector(40, (n) => accepts[n % accepts.length] ?? true)
        for (const part of cut(stream, offsets)) {
          const status = feedVolatile(decoder, part)
          if (status === 'paused' && !late) while (decoder.resume() === 'paused');
        }
        while (decoder.resume() === 'paused');
        expect(packages).toEqual(list.map(({ type, body }) => show(type, body)))
        expect(decoder.bufferedBytes).toBe(0)
      }),
    )
  })

  it('agrees with pomelo-protocol on what a package is, both ways', () => {
    fc.assert(
      fc.property(packages, (list) => {
        const theirs = list.map(({ type, body }) => oracle.Package.encode(type, Buffer.from(body)))
        const ours = list.map(({ type, body }) => pack(type, body))
        expect(ours.map((bytes) => bytes.toString('hex'))).toEqual(
          theirs.map((bytes) => bytes.toString('hex')),
        )
      }),
    )
  })

  it('hands on a whole package in place, without a copy', () => {
    const chunk = Buffer.concat([pack(4, 'one'), pack(4, 'two')])
    const seen: Array<[boolean, number, number]> = []
    const decoder = new PackageDecoder(16, (_type, buffer, start, end) => {
      seen.push([buffer === chunk, start, end])
      return true
    })
    decoder.feed(chunk)
    expect(seen).toEqual([
      [true, 4, 7],
      [true, 11, 14],
    ])
  })

  it('allocates nothing for a length over the limit, told by its last header byte', () => {
    for (const [length, status] of [
      [100, 'ok'],
      [101, 'too_large'],
      [packageBodyBytesMax, 'too_large'],
    ] as const) {
      const header = Buffer.alloc(4)
      writePackageHeader(header, 0, packageType.data, length)
      const whole = collector(100)
      expect(feedVolatile(whole.decoder, header)).toBe(status)
      const single = collector(100)
      for (const byte of header.subarray(0, 3)) {
        expect(feedVolatile(single.decoder, Uint8Array.of(byte))).toBe('ok')
      }
      expect(feedVolatile(single.decoder, header.subarray(3))).toBe(status)
      if (status !== 'ok') {
        expect(whole.decoder.bufferedBytes).toBe(0)
        expect(single.packages).toEqual([])
      }
    }
  })

  it('holds a new limit from the next header on', () => {
    const { decoder, packages } = collector(4)
    feedVolatile(decoder, hex('04 000004 61'))
    decoder.bodyBytesMax = 5
    expect(feedVolatile(decoder, Buffer.concat([hex('626364'), pack(4, 'abcde')]))).toBe('ok')
    decoder.bodyBytesMax = 4
    expect(feedVolatile(decoder, pack(4, 'abcde'))).toBe('too_large')
    expect(packages).toHaveLength(2)
  })

  it('lets the sink change the limit for the package right behind', () => {
    const bodies: number[] = []
    const decoder = new PackageDecoder(2, (_type, _buffer, start, end) => {
      bodies.push(end - start)
      decoder.bodyBytesMax = 64
      return true
    })
    const big = pack(4, 'x'.repeat(64))
    expect(decoder.feed(Buffer.concat([pack(1, '{}'), big]))).toBe('ok')
    expect(bodies).toEqual([2, 64])
  })

  it('names a wrong type by its first byte, and stays ended', () => {
    for (const type of [0, 6, 7, 0x47, 0x7f, 0x80, 0xff]) {
      const { decoder, packages } = collector(100)
      expect(feedVolatile(decoder, pack(3, ''))).toBe('ok')
      expect(feedVolatile(decoder, Uint8Array.of(type))).toBe('bad_type')
      expect(feedVolatile(decoder, pack(3, ''))).toBe('bad_type')
      expect(decoder.resume()).toBe('bad_type')
      expect(packages).toHaveLength(1)
    }
  })

  it('gives what came before a wrong package, and nothing behind it', () => {
    const stream = Buffer.concat([pack(4, 'a'), pack(4, 'b'), hex('09 000000'), pack(4, 'c')])
    const { decoder, packages } = collector(100)
    expect(feedVolatile(decoder, stream)).toBe('bad_type')
    expect(packages).toEqual(['4:61', '4:62'])
  })

  it('finds a wrong package behind a pause when it resumes', () => {
    const { decoder, packages } = collector(100, () => false)
    const stream = Buffer.concat([pack(4, 'a'), hex('04 000065')])
    expect(feedVolatile(decoder, stream)).toBe('paused')
    expect(decoder.bufferedBytes).toBe(4)
    expect(decoder.resume()).toBe('too_large')
    expect(decoder.bufferedBytes).toBe(0)
    expect(packages).toEqual(['4:61'])
  })

  it('keeps no more than was fed while paused, and counts it', () => {
    const { decoder } = collector(100, () => false)
    let fed = 0
    for (let round = 0; round < 50; round++) {
      const bytes = pack(4, 'x'.repeat(round))
      fed += bytes.length
      expect(feedVolatile(decoder, bytes)).toBe('paused')
      expect(decoder.bufferedBytes).toBe(fed - 4)
    }
    for (let left = 49; left > 0; left--) expect(decoder.resume()).toBe('paused')
    expect(decoder.bufferedBytes).toBe(0)
    expect(decoder.resume()).toBe('ok')
  })

  it('refuses to be driven from inside its own sink', () => {
    const decoder: PackageDecoder = new PackageDecoder(9, () => decoder.resume() === 'ok')
    expect(() => decoder.feed(pack(3, ''))).toThrow('resumed its own decoder')
    const other: PackageDecoder = new PackageDecoder(9, () => other.feed(pack(3, '')) === 'ok')
    expect(() => other.feed(pack(3, ''))).toThrow('fed its own decoder')
  })
})

describe('encodePackage', () => {
  it('writes byte strings and bytes alike', () => {
    expect(encodePackage(4, '\u00ff\u0000a').toString('hex')).toBe('04000003ff0061')
    expect(encodePackage(4, hex('ff0061')).toString('hex')).toBe('04000003ff0061')
  })

  it('holds the longest body that three bytes can say, and refuses one more', () => {
    const largest = encodePackage(4, Buffer.alloc(packageBodyBytesMax))
    expect(largest.subarray(0, 4).toString('hex')).toBe('04ffffff')
    expect(() => encodePackage(4, Buffer.alloc(packageBodyBytesMax + 1))).toThrow('16777216')
  })
})
