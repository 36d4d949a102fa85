// The parts of the load client: histogram, reply codes, prebuilt frames, WebSocket framing.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstId, idCount, RequestFrame, templateFault } from '../../../bench/load/frame.ts'
import { Histogram } from '../../../bench/load/histogram.ts'
import { replyCode } from '../../../bench/load/reply-code.ts'
import {
  encodeFrame,
  FrameReader,
  makeUpgrade,
  upgradeFault,
} from '../../../bench/load/websocket.ts'
import { decodeMessage, MessageView } from '../../../core/gate/message-codec.ts'
import { cut } from '../../gate/codec/collect.ts'

describe('Histogram', () => {
  it('is within 1/128 above the exact percentile, and exact at the maximum', () => {
    const values = fc.array(fc.integer({ min: 0, max: 0xffffffff }), { minLength: 1 })
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 100 }), (values, percent) => {
        const histogram = new Histogram()
        for (const us of values) histogram.record(us / 1000)
        const sorted = values.toSorted((a, b) => a - b)
        const exact = sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? 0
        const reported = histogram.percentileMs(percent) * 1000
        expect(reported).toBeGreaterThanOrEqual(exact - 0.001)
        expect(reported).toBeLessThanOrEqual(exact * (1 + 1 / 128) + 1)
        expect(histogram.maxMs * 1000).toBeCloseTo(sorted.at(-1) ?? 0, 3)
        expect(histogram.count).toBe(values.length)
      }),
    )
  })

  it('is 0 when empty, and takes a time below 0 for 0', () => {
    const histogram = new Histogram()
    expect([histogram.percentileMs(99), histogram.maxMs, histogram.meanMs]).toEqual([0, 0, 0])
    histogram.record(-0.5)
    expect(histogram.percentileMs(50)).toBe(0)
  })
})

describe('replyCode', () => {
  const codeOf = (text: string) => {
    const bytes = Buffer.from(`#${text}#`)
    return replyCode(bytes, 1, bytes.length - 1)
  }

  it.each([
    ['{"code":200}', 200],
    ['{"code":500,"message":"x"}', 500],
    ['{"message":"no \\"code\\":404","code" : 403 }', 403],
    ['{"data":{"code":500},"code":200}', 200],
    ['{"list":[{"code":500}],"x":"code"}', 0],
    ['{"x":1}', 0],
    ['{"codes":500}', 0],
    ['[{"code":500}]', 0],
    ['{"code":"500"}', 0],
    ['{"code"', 0],
    ['', 0],
    ['"code"', 0],
  ])('%s is %i', (text, code) => {
    expect(codeOf(text)).toBe(code)
  })

  it('finds what JSON.parse finds', () => {
    const rest = fc.dictionary(fc.string(), fc.jsonValue())
    fc.assert(
      fc.property(rest, fc.nat(999), fc.boolean(), (rest, code, first) => {
        const { code: _dropped, ...others } = rest
        const value = first ? { code, ...others } : { ...others, code }
        expect(codeOf(JSON.stringify(value))).toBe(code)
        expect(codeOf(JSON.stringify(value, null, 2))).toBe(code)
        expect(codeOf(JSON.stringify(others))).toBe(0)
      }),
    )
  })
})

describe('RequestFrame', () => {
  const values = { uid: 'u7', peer: '月', conn: 12 }
  const template = '{"n":{{n}},"x":{{rand:50}},"me":"{{uid}}","to":"{{peer}}","c":{{conn}}}'

  it('reads as the n-th request, whatever was patched in before', () => {
    const view = new MessageView()
    for (const webSocket of [false, true]) {
      for (const route of [7, 'battle.handler.move']) {
        const frame = new RequestFrame(route, template, values, webSocket)
        for (const n of [0, 5, 128, 999_999, idCount - 1, 3]) {
          frame.patch(n, frame.bytes)
          const at = frame.bytes.indexOf('{"n"')
          const start = (webSocket ? 6 : 0) + 4
          expect(decodeMessage(frame.bytes, start, frame.bytes.length, view)).toBeUndefined()
          expect(view.id).toBe(firstId + n)
          expect(view.bodyStart).toBe(at)
          const body = JSON.parse(frame.bytes.toString('utf8', at))
          expect(body).toMatchObject({ n, me: 'u7', to: '月', c: 12 })
          expect(body.x).toBeGreaterThanOrEqual(0)
          expect(body.x).toBeLessThan(50)
        }
      }
    }
  })

  it('patches a copy without touching its own bytes', () => {
    const frame = new RequestFrame(7, template, values, false)
    frame.patch(1, frame.bytes)
    const before = Buffer.from(frame.bytes)
    frame.patch(2, Buffer.from(frame.bytes))
    expect(frame.bytes.equals(before)).toBe(true)
  })

  it('says why a template cannot be used', () => {
    expect(templateFault(template)).toBeUndefined()
    expect(templateFault('{}')).toBeUndefined()
    expect(templateFault('{"x":{{m}}}')).toContain('unknown placeholder {{m}}')
    expect(templateFault('{"x":{{rand:0}}}')).toContain('{{rand:0}}')
    expect(templateFault('{x:1}')).toContain('JSON')
    expect(templateFault(`"${'x'.repeat(19_998)}"`)).toBeUndefined()
    expect(templateFault(`"${'x'.repeat(19_999)}"`)).toContain('longer than 20,000')
  })
})

/** Frames as a server sends them: unmasked. */
function serverFrame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload
  const size = length < 126 ? 2 : length < 65536 ? 4 : 10
  const header = Buffer.alloc(size)
  header[0] = 0x80 | opcode
  header[1] = size === 2 ? length : size === 4 ? 126 : 127
  if (size === 4) header.writeUInt16BE(length, 2)
  if (size === 10) header.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([header, payload])
}

describe('WebSocket', () => {
  it('takes frames apart wherever the stream is cut', () => {
    const length = fc.oneof(fc.nat(10), fc.constantFrom(0, 125, 126, 300, 65535, 65536))
    const frames = fc.array(fc.tuple(fc.constantFrom(2, 2, 9, 10), length), { maxLength: 6 })
    fc.assert(
      fc.property(frames, fc.array(fc.nat(70_000), { maxLength: 6 }), (frames, offsets) => {
        const sent = frames.map(([opcode, length], i) => {
          return { opcode, payload: Buffer.alloc(opcode === 2 ? length : length % 126, i + 1) }
        })
        const stream = Buffer.concat(
          sent.map(({ opcode, payload }) => serverFrame(opcode, payload)),
        )
        const payloads: Buffer[] = []
        let pongs = 0
        const reader = new FrameReader({
          payload: (bytes) => void payloads.push(Buffer.from(bytes)),
          closed: () => expect.unreachable(),
          pong: () => void pongs++,
        })
        for (const part of cut(stream, offsets)) {
          expect(reader.feed(Buffer.from(part))).toBeUndefined()
        }
        const binary = sent.filter(({ opcode }) => opcode === 2).map(({ payload }) => payload)
        expect(Buffer.concat(payloads).equals(Buffer.concat(binary))).toBe(true)
        expect(pongs).toBe(sent.filter(({ opcode }) => opcode === 9).length)
      }),
    )
  })

  it('tells of a close with its code and reason', () => {
    const closes: unknown[] = []
    const reader = () =>
      new FrameReader({
        payload: () => expect.unreachable(),
        closed: (...close) => void closes.push(close),
        pong: () => expect.unreachable(),
      })
    reader().feed(serverFrame(8, Buffer.from('\u0003\u00e8bye', 'latin1')))
    reader().feed(serverFrame(8, Buffer.alloc(0)))
    expect(closes).toEqual([
      [1000, 'bye'],
      [1005, ''],
    ])
  })

  it('names what a server may not send', () => {
    const sink = { payload: () => undefined, closed: () => undefined, pong: () => undefined }
    const fault = (bytes: Buffer) => new FrameReader(sink).feed(bytes)
    expect(fault(encodeFrame(Buffer.from('x')))).toContain('masked')
    expect(fault(serverFrame(1, Buffer.from('x')))).toContain('opcode 1')
    expect(fault(serverFrame(0x42, Buffer.from('x')))).toContain('extension')
  })

  it('checks the answer to its upgrade', () => {
    const { accept, request } = makeUpgrade('h:1', '/p')
    expect(request).toMatch(/^GET \/p HTTP\/1\.1\r\nHost: h:1\r\n/)
    const head = `HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: ${accept}`
    expect(upgradeFault(head, accept)).toBeUndefined()
    expect(upgradeFault(head, 'other')).toContain('did not prove')
    expect(upgradeFault('HTTP/1.1 404 Not Found', accept)).toContain('404')
  })
})
