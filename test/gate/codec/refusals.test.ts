// What a stranger may not send: each field at 0, at its limit, one over, cut and doubled. Each case says
// the typed answer; a case that is at a limit and right says undefined.

import { describe, expect, it } from 'vitest'
import {
  type DecodeError,
  decodeMessage,
  decodeServerMessage,
  MessageView,
} from '../../../core/gate/message-codec.ts'
import type { DecodeStatus } from '../../../core/gate/package-codec.ts'
import { collector, feedVolatile, hex } from './collect.ts'

type Answer = DecodeError | undefined
const a255 = '61'.repeat(255)

const clientMessages: ReadonlyArray<[name: string, bytes: string, answer: Answer]> = [
  ['nothing at all', '', 'empty'],
  ['flag 0 alone', '00', 'cut_id'],
  ['flag request with code, alone', '01', 'cut_id'],
  ['flag notify alone', '02', 'cut_route'],
  ['flag notify with code, alone', '03', 'cut_route'],
  ['type response', '04 01 7b7d', 'bad_type'],
  ['type response with the code flag', '05 01 7b7d', 'bad_type'],
  ['type push', '06 01 61', 'bad_type'],
  ['type push with code', '07 0001', 'bad_type'],
  ['type 4', '08 01 01 61', 'bad_type'],
  ['type 5', '0a 01 01 61', 'bad_type'],
  ['type 6', '0c 01 01 61', 'bad_type'],
  ['type 7', '0e 01 01 61', 'bad_type'],
  ['flag bit 6', '40 01 01 61', 'bad_flag'],
  ['flag bit 7', '80 01 01 61', 'bad_flag'],
  ['flag bits 6 and 7 on a notify', 'c2 01 61', 'bad_flag'],
  ['flag all ones', 'ff 01 01 61', 'bad_flag'],
  ['zlib flag alone', '10', 'cut_id'],
  ['error flag alone', '20', 'cut_id'],
  ['zlib and error on a response', '34 01', 'bad_type'],
  ['zlib and error on a request', '30 01 01 61', undefined],
  ['id 0', '00 00 01 61', 'bad_id'],
  ['id 0 in two bytes', '00 8000 01 61', 'bad_id'],
  ['id 0 in five bytes', '00 8080808000 01 61', 'bad_id'],
  ['id 1', '00 01 01 61', undefined],
  ['id 1 in five bytes', '00 8180808000 01 61', undefined],
  ['id 1 in six bytes', '00 818080808000 01 61', 'bad_id'],
  ['id 127', '00 7f 01 61', undefined],
  ['id 128', '00 8001 01 61', undefined],
  ['id 2^31-1', '00 ffffffff07 01 61', undefined],
  ['id 2^31', '00 8080808008 01 61', 'bad_id'],
  ['id 2^32-1', '00 ffffffff0f 01 61', 'bad_id'],
  ['id 2^32', '00 8080808010 01 61', 'bad_id'],
  ['id 2^35-1', '00 ffffffff7f 01 61', 'bad_id'],
  ['id that never ends', '00 ffffffffffffffffffff', 'bad_id'],
  ['id cut after one byte', '00 80', 'cut_id'],
  ['id cut after four bytes', '00 80808080', 'cut_id'],
  ['id doubled is a route length', '00 0101', 'cut_route'],
  ['request ends behind its id', '00 01', 'cut_route'],
  ['request with code ends behind its id', '01 01', 'cut_route'],
  ['route of length 0', '02 00', undefined],
  ['route of length 0 with a body', '02 00 7b7d', undefined],
  ['route of length 1, cut', '02 01', 'cut_route'],
  ['route of length 255', `02 ff ${a255}`, undefined],
  ['route of length 255, one byte short', `02 ff ${a255.slice(2)}`, 'cut_route'],
  ['route of length 255 with nothing behind', '02 ff', 'cut_route'],
  ['route doubled is a body', '02 0161 0161', undefined],
  ['route code 0', '03 0000', 'bad_route_code'],
  ['route code 0 of a request', '01 01 0000 7b7d', 'bad_route_code'],
  ['route code 1', '03 0001', undefined],
  ['route code 65535', '03 ffff', undefined],
  ['route code cut', '03 00', 'cut_route'],
  ['route code of a request cut', '01 01 ff', 'cut_route'],
  ['route with a lone continuation byte', '02 01 80', 'bad_route'],
  ['route with byte ff', '02 03 61ff61', 'bad_route'],
  ['route with a cut character', '02 02 e69c', 'bad_route'],
  ['route whose character is cut by its length', '02 02 e69c88', 'bad_route'],
  ['route with an overlong slash', '02 02 c0af', 'bad_route'],
  ['route with a CESU-8 pair', '02 06 eda0bdedb880', 'bad_route'],
  ['route with a lone surrogate', '02 03 eda0bd', 'bad_route'],
  ['route beyond U+10FFFF', '02 04 f4908080', 'bad_route'],
  ['route in UTF-8', '02 03 e69c88', undefined],
  ['route with a NUL', '02 03 610061', undefined],
]

const serverMessages: ReadonlyArray<[name: string, bytes: string, answer: Answer]> = [
  ['nothing at all', '', 'empty'],
  ['type request', '00 01 01 61', 'bad_type'],
  ['type notify', '02 01 61', 'bad_type'],
  ['type 4', '08', 'bad_type'],
  ['response without id', '04', 'cut_id'],
  ['response id 0', '04 00', 'bad_id'],
  ['response id 2^31', '04 8080808008', 'bad_id'],
  ['response without body', '04 01', undefined],
  ['response with the error flag', '24 01 7b7d', undefined],
  ['push without route', '06', 'cut_route'],
  ['push code 0', '07 0000', 'bad_route_code'],
  ['push code cut', '07 00', 'cut_route'],
]

const streams: ReadonlyArray<[name: string, bytes: string, answer: DecodeStatus, count: number]> = [
  ['nothing', '', 'ok', 0],
  ['type 0', '00 000000', 'bad_type', 0],
  ['type 0 cut to one byte', '00', 'bad_type', 0],
  ['type 6', '06 000000', 'bad_type', 0],
  ['type 255', 'ff 000000', 'bad_type', 0],
  ['an HTTP request', '474554202f20485454502f312e310d0a', 'bad_type', 0],
  ['a TLS hello', '16 0301 0200 01', 'bad_type', 0],
  ['length at the limit', `04 000010 ${'00'.repeat(16)}`, 'ok', 1],
  ['length one over the limit', '04 000011', 'too_large', 0],
  ['length of 16 MiB less one', '01 ffffff', 'too_large', 0],
  ['length read the wrong way round', '04 100000', 'too_large', 0],
  ['heartbeat with a length over the limit', '03 000011', 'too_large', 0],
  ['length cut', '04 0000', 'ok', 0],
  ['body one byte short', `04 000010 ${'00'.repeat(15)}`, 'ok', 0],
  ['body one byte long: a type 0 behind it', `04 000010 ${'00'.repeat(17)}`, 'bad_type', 1],
  ['ack doubled', '02 000000 02 000000', 'ok', 2],
  ['header doubled', '04 000004 04 000004', 'ok', 1],
]

describe('a message from a client', () => {
  it.each(clientMessages)('%s', (_name, bytes, answer) => {
    const message = hex(bytes)
    expect(decodeMessage(message, 0, message.length, new MessageView())).toBe(answer)
    // Bytes behind the end must not be read: the same message inside a larger buffer.
    const larger = Buffer.concat([hex('0101'), message, hex('01 0161 616161 00000000')])
    const end = 2 + message.length
    expect(decodeMessage(larger, 2, end, new MessageView())).toBe(answer)
  })
})

describe('a message from a server', () => {
  it.each(serverMessages)('%s', (_name, bytes, answer) => {
    const message = hex(bytes)
    expect(decodeServerMessage(message, 0, message.length, new MessageView())).toBe(answer)
  })
})

describe('a stream with a body limit of 16 bytes', () => {
  it.each(streams)('%s', (_name, bytes, answer, count) => {
    const whole = collector(16)
    expect(feedVolatile(whole.decoder, hex(bytes))).toBe(answer)
    expect(whole.packages).toHaveLength(count)
    const single = collector(16)
    let status: DecodeStatus = 'ok'
    for (const byte of hex(bytes)) status = feedVolatile(single.decoder, Uint8Array.of(byte))
    expect(status).toBe(answer)
    expect(single.packages).toEqual(whole.packages)
  })
})
