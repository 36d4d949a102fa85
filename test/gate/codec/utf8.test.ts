// UTF-8 at the border: what passes, what is mended, what is refused.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeClientJson, normalizeUtf8 } from '../../../core/base/utf8.ts'
import { hex } from './collect.ts'

/** CESU-8 as the browser client writes it: each UTF-16 unit by itself. */
function cesu8(text: string): Buffer {
  const bytes: number[] = []
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) bytes.push(unit)
    else if (unit < 0x800) bytes.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f))
    else bytes.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f))
  }
  return Buffer.from(bytes)
}

const text = fc.string({ unit: 'binary', maxLength: 60 })

describe('normalizeUtf8', () => {
  it('passes valid UTF-8 as the same object', () => {
    fc.assert(
      fc.property(text, (text) => {
        const bytes = Buffer.from(text, 'utf8')
        expect(normalizeUtf8(bytes)).toBe(bytes)
      }),
    )
  })

  it('turns what the browser client writes into UTF-8', () => {
    fc.assert(
      fc.property(text, (text) => {
        const out = normalizeUtf8(cesu8(text))
        expect(Buffer.from(out ?? []).toString('utf8')).toBe(text)
      }),
    )
  })

  it('takes both forms in one body', () => {
    const mixed = Buffer.concat([cesu8('月😀'), Buffer.from('😀轮'), cesu8('\u{10ffff}')])
    expect(Buffer.from(normalizeUtf8(mixed) ?? []).toString('utf8')).toBe('月😀😀轮\u{10ffff}')
  })

  it.each([
    ['a lone high surrogate', 'eda0bd'],
    ['a lone low surrogate', 'edb880'],
    ['a pair the wrong way round', 'edb880eda0bd'],
    ['two high surrogates and a low one', 'eda0bdeda0bdedb880'],
    ['a pair with a byte between', 'eda0bd20edb880'],
    ['a pair cut after five bytes', 'eda0bdedb8'],
    ['a good pair, then a lone half', 'eda0bdedb880eda0bd'],
    ['a good pair, then damage', 'eda0bdedb880ff'],
    ['a high surrogate and a plain character', 'eda0bde69c88'],
    ['an overlong NUL', 'c080'],
    ['a continuation byte', '80'],
    ['a cut character before a pair', 'e69ceda0bdedb880'],
    ['beyond U+10FFFF', 'f4908080'],
  ])('refuses %s', (_name, bytes) => {
    expect(normalizeUtf8(hex(bytes))).toBeUndefined()
  })

  it('never makes anything but valid UTF-8, whatever comes', () => {
    const byte = fc.constantFrom(0x41, 0x80, 0xa0, 0xaf, 0xb0, 0xbf, 0xed, 0xf0, 0xe6, 0xff)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), fc.array(byte), (random, likely) => {
        for (const bytes of [random, Uint8Array.from(likely)]) {
          const out = normalizeUtf8(bytes)
          if (out === undefined) continue
          const decoded = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(out)
          expect(cesu8(decoded).equals(cesu8Of(bytes))).toBe(true)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

/** The CESU-8 form of a mix of both, made apart from the code under test. */
function cesu8Of(bytes: Uint8Array): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = (bytes[at] ?? 0) >= 0xf0 ? 4 : 1
    const piece = Buffer.from(bytes.subarray(at, at + size))
    parts.push(size === 4 ? cesu8(piece.toString('utf8')) : piece)
    at += size
  }
  return Buffer.concat(parts)
}

describe('encodeClientJson', () => {
  it('keeps the value and writes no character that an old browser cannot read', () => {
    fc.assert(
      fc.property(text, (value) => {
        const bytes = encodeClientJson(JSON.stringify(value))
        expect(JSON.parse(bytes.toString('utf8'))).toBe(value)
        expect(bytes.every((byte) => byte < 0xf0)).toBe(true)
      }),
    )
  })
})
