// RESP2: commands byte for byte, and replies that come in any pieces, too long, too deep, or broken.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../core/base/limits.ts'
import type { PlainLua } from '../../core/lua/plain-codec.ts'
import { encodeCommand, RespReader } from '../../core/store/resp.ts'

type Told = ['value', unknown] | ['error' | 'refused', string]

/** What the reader makes of these pieces; texts as latin1 strings in objects of their own. */
function read(pieces: readonly Buffer[]): Told[] {
  const told: Told[] = []
  const reader = new RespReader({
    value: (value) => told.push(['value', shown(value)]),
    error: (text) => told.push(['error', text]),
    refused: (why) => told.push(['refused', why]),
  })
  for (const piece of pieces) reader.feed(piece)
  return told
}

function shown(value: PlainLua): unknown {
  if (Buffer.isBuffer(value)) return { text: value.toString('latin1') }
  return Array.isArray(value) ? value.map(shown) : value
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

/** A reply to be made of it, as Redis would write it. */
type Reply = null | number | bigint | string | readonly Reply[]

function encode(reply: Reply): string {
  if (reply === null) return '$-1\r\n'
  if (typeof reply === 'string') return `$${reply.length}\r\n${reply}\r\n`
  if (typeof reply !== 'object') return `:${reply}\r\n`
  return `*${reply.length}\r\n${reply.map(encode).join('')}`
}

function expected(reply: Reply, inside = false): unknown {
  if (reply === null) return inside ? false : null
  if (typeof reply === 'string') return { text: reply }
  if (typeof reply === 'bigint') return Number.isSafeInteger(Number(reply)) ? Number(reply) : reply
  return typeof reply === 'object' ? reply.map((each) => expected(each, true)) : reply
}

const { reply } = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant(null),
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) }),
    fc.array(tie('reply'), { maxLength: 5 }),
  ),
}))

describe('encodeCommand', () => {
  it('writes lengths in bytes and the bytes as they are', () => {
    const args = [bytes('käse\r\n'), Buffer.alloc(0), Buffer.alloc(1000, 'x')]
    const text = `*4\r\n$3\r\nSET\r\n$6\r\nk\xe4se\r\n\r\n$0\r\n\r\n$1000\r\n${'x'.repeat(1000)}\r\n`
    expect(encodeCommand('SET', args).toString('latin1')).toBe(text)
  })

  it('leaves no byte unwritten, whatever the lengths', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 120 })), (args) => {
        const texts = args.map((arg) => Buffer.from(arg).toString('latin1'))
        const whole = encode(['GET', ...texts])
        expect(encodeCommand('GET', args).toString('latin1')).toBe(whole)
      }),
    )
  })
})

describe('RespReader', () => {
  it('reads every kind of reply', () => {
    const all =
      '+OK\r\n-WRONGTYPE no\r\n:-42\r\n$2\r\nhi\r\n$-1\r\n*-1\r\n*0\r\n*2\r\n-no\r\n$-1\r\n'
    expect(read([bytes(all)])).toEqual([
      ['value', { text: 'OK' }],
      ['error', 'WRONGTYPE no'],
      ['value', -42],
      ['value', { text: 'hi' }],
      ['value', null],
      ['value', null],
      ['value', []],
      ['value', [{ text: 'no' }, false]],
    ])
  })

  it('reads any replies in any pieces', () => {
    fc.assert(
      fc.property(
        fc.array(reply, { maxLength: 5 }),
        fc.array(fc.nat({ max: 40 }), { minLength: 1 }),
        (replies, lengths) => {
          const whole = bytes(replies.map(encode).join(''))
          const pieces: Buffer[] = []
          for (let at = 0, i = 0; at < whole.length; i++) {
            const length = 1 + (lengths[i % lengths.length] as number)
            pieces.push(whole.subarray(at, at + length))
            at += length
          }
          expect(read(pieces)).toEqual(replies.map((each) => ['value', expected(each)]))
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('takes a text at the limit, refuses one byte more, and reads on behind it', () => {
    const max = limits.redisReplyBytesMax
    const text = (length: number) => `$${length}\r\n${'x'.repeat(length)}\r\n:1\r\n`
    const pieces = (whole: string) => {
      const all = bytes(whole)
      return [all.subarray(0, 100), all.subarray(100, max - 5), all.subarray(max - 5)]
    }
    // A value is counted with 16 bytes beside its own.
    expect(read(pieces(text(max - 16)))).toEqual([
      ['value', { text: 'x'.repeat(max - 16) }],
      ['value', 1],
    ])
    for (const length of [max - 15, max + 1]) {
      expect(read(pieces(text(length)))).toEqual([
        ['refused', `longer than ${max} bytes`],
        ['value', 1],
      ])
    }
  })

  it('refuses a list that is too long in all, and keeps nothing of the rest', () => {
    const item = `$${1024 * 1024}\r\n${'x'.repeat(1024 * 1024)}\r\n`
    const piece = bytes(item)
    const told = read([
      bytes('*20\r\n'),
      ...Array.from({ length: 20 }, () => piece),
      bytes('+OK\r\n'),
    ])
    expect(told).toEqual([
      ['refused', `longer than ${limits.redisReplyBytesMax} bytes`],
      ['value', { text: 'OK' }],
    ])
  })

  it('takes lists as deep as the limit, refuses one level more, and reads on', () => {
    const deep = (levels: number) => bytes(`${'*1\r\n'.repeat(levels)}:7\r\n:8\r\n`)
    expect(read([deep(limits.jsonDepthMax)])).toEqual([
      ['value', expect.any(Array)],
      ['value', 8],
    ])
    expect(read([deep(limits.jsonDepthMax + 1)])).toEqual([
      ['refused', `nested deeper than ${limits.jsonDepthMax}`],
      ['value', 8],
    ])
  })

  it.each([
    ['another type', '!5\r\nhello\r\n', /type "!"/],
    ['CR alone', '+OK\rx', /CR alone/],
    ['a number with letters', ':12a\r\n', /other characters/],
    ['a long number with letters', ':12345678901234567x\r\n', /other characters/],
    ['a number without digits', ':\r\n', /without digits/],
    ['a length below nothing', '$-2\r\n', /length of -2/],
    ['a text that is longer than it says', '$2\r\nabc\r\n', /another length/],
    ['a line without an end', `+${'x'.repeat(70_000)}`, /without an end/],
    ['lists without an end', '*1\r\n'.repeat(2000), /lists in lists/],
  ])('throws at %s', (_, text, problem) => {
    expect(() => read([bytes(text)])).toThrow(problem)
  })
})
