// Reads `code` of a JSON reply without parsing it: the top-level number under the key "code".
//
// Load client only, once for each reply. Looks at each byte once at most and
// allocates nothing. A body that is no JSON object has no code; one that is damaged may get any.

const quote = 0x22
const backslash = 0x5c
const open = 0x7b
const close = 0x7d
const openArray = 0x5b
const closeArray = 0x5d
const colon = 0x3a

/** The code in `bytes[start, end)`, or 0 when there is none. */
export function replyCode(bytes: Uint8Array, start: number, end: number): number {
  let depth = 0
  let at = start
  while (at < end) {
    const byte = bytes[at] as number
    if (byte === quote) {
      const from = at + 1
      at = endOfString(bytes, from, end)
      if (depth === 1 && isCodeKey(bytes, from, at)) {
        const value = afterColon(bytes, at + 1, end)
        if (value > 0) return readNumber(bytes, value, end)
      }
    } else if (byte === open || byte === openArray) {
      if (at === start && byte === openArray) return 0
      depth++
    } else if (byte === close || byte === closeArray) depth--
    at++
  }
  return 0
}

function endOfString(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  while (at < end && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1
  return at
}

function isCodeKey(bytes: Uint8Array, from: number, to: number): boolean {
  return (
    to - from === 4 &&
    bytes[from] === 0x63 &&
    bytes[from + 1] === 0x6f &&
    bytes[from + 2] === 0x64 &&
    bytes[from + 3] === 0x65
  )
}

/** Where the value behind a colon starts; -1 when the string was a value itself. */
function afterColon(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  while (at < end && (bytes[at] as number) <= 0x20) at++
  if (bytes[at] !== colon) return -1
  at++
  while (at < end && (bytes[at] as number) <= 0x20) at++
  return at
}

function readNumber(bytes: Uint8Array, from: number, end: number): number {
  let value = 0
  for (let at = from; at < end; at++) {
    const digit = (bytes[at] as number) - 0x30
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
  }
  return value
}
