// The spool's file format, version 1. Any thread, stateless; docs/FORMATS.md shows a sample.
//
//   sql-spool/<node>/<first sequence, 16 digits>.sql     a segment: preamble, then transactions
//                    durable                             how far it is on disk (durable-mark.ts)
//                    lock, owner                         one host at a time (spool-lock.ts)
//
//   preamble     -- moonwheel-spool crc=<8 hex> format=1 dialect=<word> node=<word> spool=<16 hex>
//                first=<n> after=<n> chain=<8 hex> bytes=<n>\n                       (in one line)
//                <bytes> of SQL that set the connection up (SET NAMES ...; none for SQLite)
//   transaction  -- tx crc=<8 hex> prev=<8 hex> seq=<n> synced=<n> time=<ms> statements=<n> bytes=<n>
//                node=<word> lane=<n> [uid=<word>] [route=<word>] [request=<word>] ...\n  (in one line)
//                BEGIN;\n                        ┐
//                <statement>;\n, one line each   │ <bytes>
//                COMMIT;\n                       ┘
//
//   crc      CRC-32 (zlib) of all that follows `crc=<8 hex> ` up to the last byte of the whole
//   prev     the crc of the transaction before, 00000000 for the first ever: the chain
//   seq      counts up by one, across segments; the first ever is 1
//   synced   every transaction up to this one was on disk when this one was written. So a bad place
//            before it is damage, and only one behind it may be the torn end of a crash
//   time     milliseconds since 1970, by the wall clock, which may go back; seq is the order
//   spool    a random name for this spool: one that was deleted and begun anew is not mistaken
//   first    seq of the first transaction; `chain` is its prev
//   after    seq of the last transaction before it: first - 1, unless acknowledged transactions were
//            lost and their numbers are not used again (recovery.ts)
//   word     printable ASCII; others and % as %XX, so no line break, quote or backslash
//
// A statement holds no newline and no comment (statement.ts), so lines cut it; a reader slices by
// `bytes`. What is not exactly this form is a fault: the decoders return a reason and throw nothing.

import { crc32 } from 'node:zlib'
import { type Dialect, dialects } from '../base/dialect.ts'
import { limits } from '../base/limits.ts'

const formatVersion = 1
const transactionMark = '-- tx crc='
const segmentMark = '-- moonwheel-spool crc='
const begin = 'BEGIN;\n'
const commit = 'COMMIT;\n'
const newline = 10
/** From the start of the line to `prev=`, and to its digits. */
const crcEnd = transactionMark.length + 9
const prevStart = crcEnd + 'prev='.length
const headStart = `${transactionMark}00000000 prev=00000000 seq=`
/** Bytes of a header line without who caused it; generous. */
const headerBytesMax = 256 + limits.spoolOriginBytesMax
const bodyBytesMax = limits.spoolTransactionBytesMax + begin.length + commit.length

/** The longest transaction as it stands in a file. */
export const transactionBytesMax = headerBytesMax + bodyBytesMax

/** Room that is surely enough for a transaction whose tail has so many bytes. */
export function encodedBytesMax(tailBytes: number): number {
  return 256 + tailBytes
}

/**
 * What a transaction is from its origin on, as its lane writes it: the rest is known only when it is
 * appended, and is put before it without looking at this again.
 */
export function encodeTail(origin: string, statements: string): string {
  return `${origin}\n${begin}${statements}${commit}`
}

/** What a transaction's header says before it is written. */
export interface TransactionFields {
  readonly sequence: number
  readonly prev: number
  readonly synced: number
  readonly timeMs: number
  readonly statements: number
  /** `node=... lane=... uid=...`, made by encodeOrigin. */
  readonly origin: string
}

/** A transaction as it was read; `bytes` is shared with its neighbours. */
export interface SpoolTransaction extends TransactionFields {
  readonly crc: number
  readonly bytes: Buffer
  /** Of the header line. */
  readonly start: number
  /** Of the first statement, behind BEGIN. */
  readonly statementsStart: number
  /** Behind the last statement, before COMMIT. */
  readonly statementsEnd: number
  /** Behind COMMIT. */
  readonly end: number
}

/** What a segment says of itself. */
export interface SegmentPreamble {
  readonly dialect: Dialect
  readonly node: string
  readonly spool: string
  readonly first: number
  readonly after: number
  readonly chain: number
}

// --- names and words ----------------------------------------------------------------------------

const segmentName = /^\d{16}\.sql$/

export function segmentFileName(first: number): string {
  return `${String(first).padStart(16, '0')}.sql`
}

/** The sequence that a segment's file name states, or undefined for another file. */
export function sequenceOfFileName(name: string): number | undefined {
  return segmentName.test(name) ? Number(name.slice(0, 16)) : undefined
}

/** A word of a header line; at most `spoolOriginBytesMax / 4` characters of it are kept. */
export function encodeWord(text: string): string {
  if (/^[\w.:@/+-]{1,200}$/.test(text)) return text
  const word = encodeURIComponent(text.toWellFormed()).replace(/[!'()*~]/g, hexOfCharacter)
  return word.slice(0, limits.spoolOriginBytesMax / 4).replace(/%[^%]?$/, '')
}

function hexOfCharacter(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}

export function decodeWord(word: string): string {
  try {
    return decodeURIComponent(word)
  } catch {
    return word
  }
}

/** Who caused a transaction, in the order in which it is written; what is undefined is left out. */
export interface Origin {
  readonly node: string
  readonly lane: number
  readonly uid?: string | undefined
  readonly route?: string | undefined
  readonly request?: string | undefined
}

export function encodeOrigin(origin: Origin): string {
  return `node=${encodeWord(origin.node)} lane=${origin.lane}${encodeCause(origin)}`
}

/** Who caused a transaction in a lane. */
export type Cause = Omit<Origin, 'node' | 'lane'>

/** The end of an origin: what differs from transaction to transaction of a lane. */
export function encodeCause({ uid, route, request }: Cause): string {
  let text = ''
  if (uid !== undefined) text += ` uid=${encodeWord(uid)}`
  if (route !== undefined) text += ` route=${encodeWord(route)}`
  if (request !== undefined) text += ` request=${encodeWord(request)}`
  return text
}

/** The fields of an origin by name, decoded. */
export function decodeOrigin(text: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const field of text.split(' ')) {
    const at = field.indexOf('=')
    if (at > 0) fields.set(field.slice(0, at), decodeWord(field.slice(at + 1)))
  }
  return fields
}

// --- transactions -------------------------------------------------------------------------------

/** What a transaction's header says that its tail does not. */
export type HeadFields = Omit<TransactionFields, 'origin'>

/** Writes transactions down; holds what the last one came to. bench/spool.ts guards its speed. */
export class TransactionEncoder {
  /** The crc of the last one: `prev` of the next. */
  crc = 0

  /**
   * Writes a transaction into `target`, which has room for encodedBytesMax.
   * @param bytes where its tail is, from `start` to `end`
   * @param originBytes how much of the tail is the origin
   * @returns where it ends
   */
  encode(
    target: Buffer,
    at: number,
    fields: HeadFields,
    bytes: Buffer,
    start: number,
    originBytes: number,
    end: number,
  ): number {
    const { prev, sequence, synced, timeMs, statements } = fields
    const bodyBytes = end - start - originBytes - 1
    const head = `${headStart}${sequence} synced=${synced} time=${timeMs} statements=${statements}`
    let to = at + target.write(`${head} bytes=${bodyBytes} `, at, 'latin1')
    writeHex8(target, at + prevStart, prev)
    bytes.copy(target, to, start, end)
    to += end - start
    this.crc = crc32(target.subarray(at + crcEnd, to))
    writeHex8(target, at + transactionMark.length, this.crc)
    return to
  }
}

/**
 * Reads the transaction that starts at `at`, checking its form and its crc (not the chain).
 * @returns the transaction; 'partial' when it goes on behind `end`; or what is wrong with it
 */
export function decodeTransaction(
  bytes: Buffer,
  at: number,
  end: number,
): SpoolTransaction | 'partial' | { readonly fault: string } {
  if (end - at < crcEnd) return 'partial'
  if (!startsWith(bytes, at, transactionMark)) return { fault: 'no transaction starts here' }
  const lineEnd = bytes.indexOf(newline, at)
  if (lineEnd < 0 || lineEnd >= end || lineEnd - at >= headerBytesMax) {
    return end - at < headerBytesMax ? 'partial' : { fault: 'its first line does not end' }
  }
  const line = new HeaderLine(bytes, at + transactionMark.length, lineEnd)
  const crc = line.hex()
  const prev = line.hexAfter(' prev=')
  const sequence = line.digitsAfter(' seq=')
  const synced = line.digitsAfter(' synced=')
  const timeMs = line.digitsAfter(' time=')
  const statements = line.digitsAfter(' statements=')
  const bodyBytes = line.digitsAfter(' bytes=')
  const origin = line.rest()
  if (origin === undefined) return { fault: 'its first line is not of the right form' }
  if (bodyBytes < begin.length + commit.length || bodyBytes > bodyBytesMax) {
    return { fault: `it claims ${bodyBytes} bytes` }
  }
  const bodyStart = lineEnd + 1
  const bodyEnd = bodyStart + bodyBytes
  if (bodyEnd > end) return 'partial'
  if (crc32(bytes.subarray(at + crcEnd, bodyEnd)) !== crc) return { fault: 'its crc is wrong' }
  if (!startsWith(bytes, bodyStart, begin) || !startsWith(bytes, bodyEnd - commit.length, commit)) {
    return { fault: 'it is not between BEGIN and COMMIT' }
  }
  return {
    crc,
    prev,
    sequence,
    synced,
    timeMs,
    statements,
    origin,
    bytes,
    start: at,
    statementsStart: bodyStart + begin.length,
    statementsEnd: bodyEnd - commit.length,
    end: bodyEnd,
  }
}

/** Digits that a number may have, so that it is exact. */
const digitsMax = 15

/** Reads a header line from left to right; once something is wrong, all of it is. */
class HeaderLine {
  readonly #bytes: Buffer
  readonly #end: number
  #at: number
  #isRight = true

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes
    this.#at = at
    this.#end = end
  }

  hexAfter(key: string): number {
    this.#skip(key)
    return this.hex()
  }

  /** Eight digits, 0-9 and a-f. */
  hex(): number {
    let value = 0
    for (let i = 0; i < 8; i++) {
      const byte = this.#bytes[this.#at + i] as number
      const isDigit = byte >= 0x30 && byte <= 0x39
      if (!isDigit && (byte < 0x61 || byte > 0x66)) this.#isRight = false
      value = (value << 4) | (isDigit ? byte - 0x30 : byte - 0x57)
    }
    this.#at += 8
    return value >>> 0
  }

  digitsAfter(key: string): number {
    this.#skip(key)
    const start = this.#at
    let value = 0
    for (;;) {
      const byte = this.#bytes[this.#at] as number
      if (byte < 0x30 || byte > 0x39) break
      value = value * 10 + byte - 0x30
      this.#at++
    }
    const count = this.#at - start
    if (count === 0 || count > digitsMax) this.#isRight = false
    return value
  }

  /** What is left behind a blank; undefined when anything of the line was not as it must be. */
  rest(): string | undefined {
    this.#skip(' ')
    if (!this.#isRight || this.#at >= this.#end) return undefined
    for (let at = this.#at; at < this.#end; at++) {
      const byte = this.#bytes[at] as number
      if (byte < 0x20 || byte > 0x7e || byte === 0x27 || byte === 0x5c) return undefined
    }
    return this.#bytes.toString('latin1', this.#at, this.#end)
  }

  #skip(text: string): void {
    if (!startsWith(this.#bytes, this.#at, text)) this.#isRight = false
    this.#at += text.length
  }
}

/** The statements of a transaction, one by one, each with its `;` and newline. */
export function* statementsOf(transaction: SpoolTransaction): Generator<Buffer> {
  const { bytes, statementsEnd } = transaction
  let at = transaction.statementsStart
  while (at < statementsEnd) {
    const end = bytes.indexOf(newline, at) + 1
    yield bytes.subarray(at, end)
    at = end
  }
}

/**
 * Whether, anywhere behind a bad place, a whole transaction says that `sequence` was on disk before it.
 * Then the bad place is damage; else it may be where a crash tore the end off.
 */
export function isVouchedFor(bytes: Buffer, from: number, sequence: number): boolean {
  for (let at = bytes.indexOf(transactionMark, from); at >= 0; ) {
    const found = decodeTransaction(bytes, at, bytes.length)
    if (found !== 'partial' && !('fault' in found)) {
      if (found.synced >= sequence) return true
      at = found.end - 1
    }
    at = bytes.indexOf(transactionMark, at + 1)
  }
  return false
}

// --- segments -----------------------------------------------------------------------------------

const segmentLine =
  /^-- moonwheel-spool crc=([0-9a-f]{8}) format=(\d{1,4}) dialect=(\w{1,16}) node=([!-~]{1,256}) spool=([0-9a-f]{16}) first=(\d{1,16}) after=(\d{1,16}) chain=([0-9a-f]{8}) bytes=(\d{1,4})$/
const segmentLineBytesMax = 512
const segmentCrcEnd = segmentMark.length + 9

/** Bytes that hold any preamble. */
export const preambleBytesMax = segmentLineBytesMax + 9999

export function encodePreamble(preamble: SegmentPreamble, setup: string): Buffer {
  const { dialect, node, spool, first, after, chain } = preamble
  const names = `format=${formatVersion} dialect=${dialect} node=${encodeWord(node)} spool=${spool}`
  const rest = `${names} first=${first} after=${after} chain=${hex8(chain)} bytes=${setup.length}\n${setup}`
  return Buffer.from(`${segmentMark}${hex8(crc32(rest))} ${rest}`, 'latin1')
}

/** @returns the preamble and where it ends, or what is wrong with it */
export function decodePreamble(
  bytes: Buffer,
): { readonly preamble: SegmentPreamble; readonly end: number } | { readonly fault: string } {
  const lineEnd = bytes.subarray(0, segmentLineBytesMax).indexOf(newline)
  const match = lineEnd < 0 ? null : segmentLine.exec(bytes.toString('latin1', 0, lineEnd))
  if (match === null) return { fault: 'its first line is not that of a segment' }
  const [, crc, format, dialect, node, spool, first, after, chain, setupBytes] = match
  const end = lineEnd + 1 + Number(setupBytes)
  if (end > bytes.length || crc32(bytes.subarray(segmentCrcEnd, end)) !== parseHex(crc)) {
    return { fault: 'the crc of its first line is wrong' }
  }
  if (Number(format) !== formatVersion) return { fault: `its format ${format} is not known here` }
  const known = dialects.find((each) => each === dialect)
  if (known === undefined) return { fault: `its dialect ${dialect} is not known here` }
  return {
    preamble: {
      dialect: known,
      node: decodeWord(node as string),
      spool: spool as string,
      first: Number(first),
      after: Number(after),
      chain: parseHex(chain),
    },
    end,
  }
}

// --- small things -------------------------------------------------------------------------------

/** Eight hex digits of an unsigned 32-bit number. */
export function hex8(value: number): string {
  return (value + 0x1_0000_0000).toString(16).slice(1)
}

const hexDigits = Buffer.from('0123456789abcdef')

function writeHex8(target: Buffer, at: number, value: number): void {
  for (let i = 0, shift = 28; i < 8; i++, shift -= 4) {
    target[at + i] = hexDigits[(value >>> shift) & 15] as number
  }
}

function parseHex(text: string | undefined): number {
  return Number.parseInt(text ?? '', 16)
}

function startsWith(bytes: Buffer, at: number, text: string): boolean {
  if (at < 0 || at + text.length > bytes.length) return false
  for (let i = 0; i < text.length; i++) {
    if (bytes[at + i] !== text.charCodeAt(i)) return false
  }
  return true
}
