// Addresses of strings, for `%p` alone. Lanes.
//
// PUC keeps one object for all equal strings of up to 40 bytes; longer ones are equal and yet different
// objects. A JavaScript string is a value, and nothing in the language tells two equal ones apart, so
// in services equal strings have equal addresses, made of their bytes. The stand-alone interpreter
// hands in V8's own test for the same object (tools/lua-string-identity.ts). The strings that have an
// address then are held, the newest of them: an older one that is asked for again gets another address.

import { vm } from '../run/state.ts'
import { freshAddress } from './tostring.ts'

/** LUAI_MAXSHORTLEN */
const sharedLengthMax = 40
/** Long strings whose addresses are known at one time. */
const knownMax = 256
/** Characters they may hold together. */
const knownCharactersMax = 1 << 24

interface Known {
  readonly text: string
  readonly address: string
}

const known: Known[] = []
let knownCharacters = 0

/** The pseudo-address of a string. */
export function addressOfString(text: string): string {
  const { isSameString } = vm.realm
  if (isSameString === undefined || text.length <= sharedLengthMax) return contentAddress(text)
  const found = known.find((each) => isSameString(each.text, text))
  return found === undefined ? addressOfNew(text) : found.address
}

function addressOfNew(text: string): string {
  const address = freshAddress()
  known.push({ text, address })
  knownCharacters += text.length
  while (known.length > 1 && (known.length > knownMax || knownCharacters > knownCharactersMax)) {
    knownCharacters -= known.shift()?.text.length ?? 0
  }
  return address
}

/** An address made of the bytes: two 32-bit FNV-1a sums, the second with another factor and a shift. */
function contentAddress(text: string): string {
  let low = 0x811c9dc5
  let high = 0x1234567
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i)
    low = Math.imul(low ^ byte, 0x01000193)
    high = Math.imul(high ^ byte, 0x85ebca6b) ^ (high >>> 13)
  }
  const digits = (n: number, count: number) => (n >>> 0).toString(16).padStart(8, '0').slice(-count)
  return `0x7f${digits(high, 2)}${digits(low, 8)}`
}
