// The handshake: both dialects told apart, replies as each client library needs them, refusals typed.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  encodeHandshakeRefusal,
  encodeHandshakeReply,
  type Handshake,
  handshakeFieldLengthMax,
  parseHandshake,
} from '../../../core/gate/handshake.ts'
import { RouteDictionary } from '../../../core/gate/route-dictionary.ts'
import { oraclePackages } from '../../support/pomelo-oracle.ts'
import { hex } from './collect.ts'

const dictionary = new RouteDictionary(['battle.handler.move', 'onChat'])
const options = { heartbeatS: 30, dictionary }

function accept(json: unknown): Handshake {
  const text = typeof json === 'string' ? json : JSON.stringify(json)
  const handshake = parseHandshake(Buffer.from(text))
  if (!handshake.ok) throw new Error(handshake.reason)
  return handshake
}

function replyOf(bytes: Buffer): unknown {
  const [reply, ...rest] = oraclePackages(bytes)
  expect(rest).toEqual([])
  expect(reply?.type).toBe(1)
  return JSON.parse((reply?.body ?? Buffer.alloc(0)).toString('utf8'))
}

const browser = { type: 'js-websocket', version: '0.0.1', rsa: {}, protoVersion: 0 }
const unity = {
  platform: 'mac',
  libVersion: '0.3.5-release',
  clientBuildNumber: '20',
  clientVersion: '2.1',
}

describe('parseHandshake', () => {
  it('reads a pomelo client', () => {
    expect(accept({ sys: { ...browser, dictVersion: 'abc=' }, user: { token: 't' } })).toEqual({
      ok: true,
      dialect: 'pomelo',
      routeCodes: true,
      clientType: 'js-websocket',
      clientVersion: '0.0.1',
      dictVersion: 'abc=',
      protoVersion: undefined,
      userJson: '{"token":"t"}',
    })
  })

  it('reads a pitaya client', () => {
    expect(accept({ sys: unity, user: { age: 30 } })).toEqual({
      ok: true,
      dialect: 'pitaya',
      routeCodes: false,
      clientType: 'mac',
      clientVersion: '2.1',
      dictVersion: undefined,
      protoVersion: undefined,
      userJson: '{"age":30}',
    })
  })

  it('takes sys.type for the stronger sign, and an empty sys for pomelo', () => {
    expect(accept({ sys: { ...unity, ...browser } }).dialect).toBe('pomelo')
    expect(accept({ sys: {} })).toMatchObject({ dialect: 'pomelo', clientType: '' })
    expect(accept({ sys: { platform: 7 } }).dialect).toBe('pomelo')
  })

  it('takes the ways to say "no version" for none', () => {
    for (const none of [undefined, null, '', 0, false, {}, []]) {
      const sys = { type: 'x', version: none, dictVersion: none, protoVersion: none }
      expect(accept({ sys })).toMatchObject({
        clientVersion: '',
        dictVersion: undefined,
        protoVersion: undefined,
      })
    }
    expect(accept({ sys: { protoVersion: 12 } }).protoVersion).toBe('12')
  })

  it('keeps the text of user exactly, numbers beyond 2^53 and odd keys included', () => {
    const user = '{ "id": 9223372036854775807, "s": "}\\"{,\\\\", "user": [1.0, {"a":[]}] }'
    const texts = [
      `{"sys":{},"user":${user}}`,
      `{"user": ${user} ,"sys":{"type":"{\\"user\\":1}"}}`,
      `\n{ "a" : [ {"user":0} ] , "us\\u0065r" :${user}\t, "sys" : {} }\n`,
      `{"user":1,"sys":{},"user":${user}}`,
    ]
    for (const text of texts) expect(accept(text).userJson).toBe(user)
    for (const value of ['null', '1e400', '"x"', '[]', '""', 'true']) {
      expect(accept(`{"user":${value},"sys":{}}`).userJson).toBe(value)
    }
    expect(accept('{"sys":{"user":{}}}').userJson).toBeUndefined()
  })

  it('finds user in any JSON', () => {
    fc.assert(
      fc.property(fc.json(), fc.json(), fc.string(), (user, other, key) => {
        if (key === 'user' || key === 'sys') return
        const text = `{${JSON.stringify(key)}:${other},"user":${user},"sys":{}}`
        const handshake = parseHandshake(Buffer.from(text))
        if (handshake.ok) expect(handshake.userJson).toBe(user)
        else expect(handshake.reason).toContain('deep')
      }),
    )
  })

  it('reads what the browser client writes beyond the BMP', () => {
    const cesu = hex('22eda0bdedb88022')
    const body = Buffer.concat([Buffer.from('{"sys":{},"user":'), cesu, Buffer.from('}')])
    expect(parseHandshake(body)).toMatchObject({ ok: true, userJson: '"😀"' })
  })

  const deep = (depth: number) =>
    `{"sys":{},"user":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
  const long = (length: number) => JSON.stringify({ sys: { version: 'v'.repeat(length) } })

  it.each([
    ['nothing', ''],
    ['half of the JSON', '{"sys":{"type":"js'],
    ['JSON doubled', '{"sys":{}}{"sys":{}}'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a string', '"sys"'],
    ['a number', '7'],
    ['no sys', '{"user":{}}'],
    ['sys null', '{"sys":null}'],
    ['sys an array', '{"sys":[]}'],
    ['sys a string', '{"sys":"x"}'],
    ['nesting one over the limit', deep(65)],
    ['nesting of 4,000', '['.repeat(4000)],
    ['nesting that is not JSON', `{"sys":{},${'{'.repeat(100)}`],
    ['a version one over the limit', long(handshakeFieldLengthMax + 1)],
    ['an unclosed string', '{"sys":{},"user":"'],
    ['an unclosed escape', '{"sys":{},"user":"\\'],
  ])('refuses %s', (_name, text) => {
    const refused = parseHandshake(Buffer.from(text))
    expect(refused).toMatchObject({ ok: false, code: 500 })
    if (!refused.ok) expect(refused.reason).toMatch(/^the handshake /)
  })

  it('takes what is exactly at the limits', () => {
    expect(parseHandshake(Buffer.from(deep(64))).ok).toBe(true)
    expect(parseHandshake(Buffer.from(long(handshakeFieldLengthMax))).ok).toBe(true)
  })

  it('refuses bytes that are not UTF-8', () => {
    expect(parseHandshake(hex('7b22737973ff223a7b7d7d'))).toMatchObject({ ok: false, code: 500 })
  })

  it('never throws, whatever comes', () => {
    const piece = fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', '"sys"', '"user"', '0')
    fc.assert(
      fc.property(fc.array(piece), fc.uint8Array(), (pieces, bytes) => {
        expect(parseHandshake(bytes).ok).toBe(false)
        expect(parseHandshake(Buffer.from(pieces.join(''))).ok).toBeTypeOf('boolean')
      }),
      { numRuns: 1000 },
    )
  })
})

describe('encodeHandshakeReply', () => {
  const dict = { 'battle.handler.move': 1, onChat: 2 }

  it('sends a pomelo client everything that libpomelo2 wants together', () => {
    expect(replyOf(encodeHandshakeReply(accept({ sys: browser }), options))).toEqual({
      code: 200,
      sys: {
        heartbeat: 30,
        useDict: true,
        dict,
        routeToCode: dict,
        codeToRoute: { 1: 'battle.handler.move', 2: 'onChat' },
        dictVersion: dictionary.version,
      },
      user: {},
    })
  })

  it('leaves the dictionary out, whole, for a client that has this version', () => {
    const knows = { sys: { ...browser, dictVersion: dictionary.version } }
    expect(replyOf(encodeHandshakeReply(accept(knows), options))).toEqual({
      code: 200,
      sys: { heartbeat: 30, useDict: true },
      user: {},
    })
    const stale = { sys: { ...browser, dictVersion: 'old' } }
    expect(replyOf(encodeHandshakeReply(accept(stale), options))).toHaveProperty('sys.dict', dict)
  })

  it('says nothing of dictionaries when there is none', () => {
    const none = { heartbeatS: 0, dictionary: new RouteDictionary([]) }
    const knows = { sys: { dictVersion: none.dictionary.version } }
    for (const client of [{ sys: browser }, knows]) {
      expect(replyOf(encodeHandshakeReply(accept(client), none))).toEqual({
        code: 200,
        sys: { heartbeat: 0 },
        user: {},
      })
    }
  })

  it('sends a pitaya client no useDict, an empty dictionary and the serializer', () => {
    const client = accept({ sys: unity })
    const sys = { heartbeat: 30, dict: {}, serializer: 'json' }
    expect(replyOf(encodeHandshakeReply(client, options))).toEqual({ code: 200, sys })
    const protobuf = encodeHandshakeReply(client, { ...options, serializer: 'protobuf' })
    expect(replyOf(protobuf)).toHaveProperty('sys.serializer', 'protobuf')
  })

  it('puts user data in, escaped for old browsers', () => {
    const bytes = encodeHandshakeReply(accept({ sys: browser }), {
      ...options,
      userJson: '{"n":"😀月"}',
    })
    expect(replyOf(bytes)).toMatchObject({ user: { n: '😀月' }, sys: { useDict: true } })
    expect(bytes.every((byte) => byte < 0xf0)).toBe(true)
  })

  it('makes one reply for all clients alike, and another for each difference', () => {
    const first = encodeHandshakeReply(accept({ sys: browser, user: { a: 1 } }), options)
    expect(encodeHandshakeReply(accept({ sys: { type: 'other' } }), options)).toBe(first)
    const others = [
      encodeHandshakeReply(accept({ sys: browser }), { ...options, heartbeatS: 31 }),
      encodeHandshakeReply(accept({ sys: unity }), options),
      encodeHandshakeReply(accept({ sys: { dictVersion: dictionary.version } }), options),
      encodeHandshakeReply(accept({ sys: browser }), {
        ...options,
        dictionary: new RouteDictionary(['x']),
      }),
    ]
    const all = [first, ...others].map((bytes) => bytes.toString('latin1'))
    expect(new Set(all).size).toBe(5)
  })
})

describe('encodeHandshakeRefusal', () => {
  it('carries the code and a reason that the client can show', () => {
    expect(replyOf(encodeHandshakeRefusal(501, 'client too old 😀'))).toEqual({
      code: 501,
      sys: {},
      reason: 'client too old 😀',
    })
  })
})
