// UTF-8 at the client border. Core thread, stateless.
//
// Old browser clients write a character beyond the BMP as two three-byte surrogates (CESU-8) and
// cannot read a four-byte one. So bodies that come in are normalised here, and JSON that the core
// itself sends out (handshake, kick) writes such characters as \u escapes.
//
//   high surrogate  ED A0..AF 80..BF      low surrogate  ED B0..BF 80..BF

import { isUtf8 } from 'node:buffer'

/**
 * Valid UTF-8 of `bytes`: itself (the same object) when it is valid already, a new array with CESU-8
 * pairs turned into four-byte characters, or undefined when it is neither.
 */
export function normalizeUtf8(bytes: Uint8Array): Uint8Array | undefined {
  if (isUtf8(bytes)) return bytes
  // 0xED never continues a character, so joining pairs cannot make other damage look valid.
  const joined = joinSurrogatePairs(bytes)
  return isUtf8(joined) ? joined : undefined
}

function joinSurrogatePairs(bytes: Uint8Array): Uint8Array {
  const out = Buffer.allocUnsafe(bytes.length)
  let length = 0
  let at = 0
  while (at < bytes.length) {
    const high = surrogateAt(bytes, at)
    const low = high >= 0xd800 && high < 0xdc00 ? surrogateAt(bytes, at + 3) : -1
    if (low < 0xdc00) {
      out[length++] = bytes[at++] as number
      continue
    }
    const point = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
    out[length++] = 0xf0 | (point >> 18)
    out[length++] = 0x80 | ((point >> 12) & 0x3f)
    out[length++] = 0x80 | ((point >> 6) & 0x3f)
    out[length++] = 0x80 | (point & 0x3f)
    at += 6
  }
  return out.subarray(0, length)
}

/** The surrogate whose three bytes start at `at`, or -1. */
function surrogateAt(bytes: Uint8Array, at: number): number {
  if (at + 2 >= bytes.length || bytes[at] !== 0xed) return -1
  const second = bytes[at + 1] as number
  const third = bytes[at + 2] as number
  if (second < 0xa0 || second > 0xbf || (third & 0xc0) !== 0x80) return -1
  return 0xd000 | ((second & 0x3f) << 6) | (third & 0x3f)
}

/** JSON text as bytes that every client can read: characters beyond the BMP become \u escapes. */
export function encodeClientJson(json: string): Buffer {
  return Buffer.from(
    json.replace(/[\ud800-\udfff]/g, (half) => `\\u${half.charCodeAt(0).toString(16)}`),
    'utf8',
  )
}
