// RESP2, the protocol of Redis: commands written, replies read, as Lua gets them.
//
// Core thread; no I/O. Everything is bytes. A command is a list of texts:
//
//   *2\r\n $3\r\n GET\r\n $5\r\n hello\r\n
//
// and a reply one of
//
//   +OK\r\n           a text          :42\r\n            a whole number
//   -ERR why\r\n      an error        $5\r\n hello\r\n   a text; $-1\r\n is nothing
//   *2\r\n reply reply   a list; *-1\r\n is nothing
//
// The reader takes the bytes in whatever pieces they come in and looks at none of them twice: what is
// incomplete waits, lists that are open lie on a stack. A reply that is too long or too deep is read to
// its end and not kept, so memory is bounded by redisReplyBytesMax and one piece.

import { HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { PlainLua } from '../lua/plain-codec.ts'

const cr = 13
const lf = 10
const type = { text: 36, list: 42, status: 43, error: 45, integer: 58 } as const
/** A status, an error, a number or a length. */
const lineBytesMax = 64 * 1024
/** What Redis itself allows: proto-max-bulk-len cannot be set higher. */
const lengthMax = 2 ** 40
/** Beyond it even what is not kept is not read. */
const listsOpenMax = 1024
/** Each value of a list is counted with this much beside its bytes. */
const overheadBytes = 16

/** Encodes a command. @param name and args are sent as they are */
export function encodeCommand(name: string, args: readonly Uint8Array[]): Buffer {
  const head = `*${args.length + 1}\r\n$${name.length}\r\n${name}\r\n`
  let length = head.length
  for (const arg of args) length += 5 + digits(arg.length) + arg.length
  const bytes = Buffer.allocUnsafe(length)
  let at = bytes.write(head, 0, 'latin1')
  for (const arg of args) {
    at += bytes.write(`$${arg.length}\r\n`, at, 'latin1')
    bytes.set(arg, at)
    at += arg.length
    bytes[at++] = cr
    bytes[at++] = lf
  }
  return bytes
}

function digits(n: number): number {
  let count = 1
  for (let rest = n; rest >= 10; rest = Math.floor(rest / 10)) count++
  return count
}

/** What becomes of each reply. None may throw; bytes are valid until it returns. */
export interface Replies {
  value(value: PlainLua): void
  /** @param text one character a byte */
  error(text: string): void
  /** It was longer than limits.redisReplyBytesMax, or nested deeper than limits.jsonDepthMax. */
  refused(why: string): void
}

/** A list whose items are still to come. */
interface OpenList {
  readonly items: PlainLua[]
  left: number
}

export class RespReader {
  readonly #replies: Replies
  /** An item whose end has not come. */
  #parts: Buffer[] = []
  #partsBytes = 0
  /** It has at least so many bytes. */
  #neededBytes = 0
  /** Bytes of a text that is not kept. */
  #skipBytes = 0
  readonly #open: OpenList[] = []
  #keptBytes = 0
  #refusal = ''

  constructor(replies: Replies) {
    this.#replies = replies
  }

  /**
   * Takes in what has come.
   * @throws HostError INTERNAL when it is not RESP2; what follows cannot be read either
   */
  feed(piece: Buffer): void {
    let bytes = piece
    if (this.#partsBytes > 0) {
      this.#parts.push(piece)
      this.#partsBytes += piece.length
      if (this.#partsBytes < this.#neededBytes) return
      bytes = Buffer.concat(this.#parts, this.#partsBytes)
      this.#parts = []
      this.#partsBytes = 0
    }
    let at = 0
    while (at < bytes.length) {
      if (this.#skipBytes > 0) {
        const skipped = Math.min(this.#skipBytes, bytes.length - at)
        this.#skipBytes -= skipped
        at += skipped
        continue
      }
      const next = this.#item(bytes, at)
      if (next < 0) {
        this.#parts = [at === 0 ? bytes : bytes.subarray(at)]
        this.#partsBytes = bytes.length - at
        return
      }
      at = next
    }
  }

  /** Reads one item. @returns its end, or -1 when it has not all come */
  #item(bytes: Buffer, at: number): number {
    const lineEnd = bytes.indexOf(cr, at)
    if (lineEnd < 0 || lineEnd + 1 >= bytes.length) {
      if (bytes.length - at > lineBytesMax) throw notResp('a line without an end')
      this.#neededBytes = bytes.length - at + 1
      return -1
    }
    if (bytes[lineEnd + 1] !== lf) throw notResp('a line that ends with CR alone')
    const next = lineEnd + 2
    switch (bytes[at]) {
      case type.text:
        return this.#text(bytes, at, next, readLength(bytes, at + 1, lineEnd))
      case type.integer:
        this.#value(readInteger(bytes, at + 1, lineEnd), overheadBytes)
        return next
      case type.status:
        this.#value(bytes.subarray(at + 1, lineEnd), lineEnd - at + overheadBytes)
        return next
      case type.list:
        this.#list(readLength(bytes, at + 1, lineEnd))
        return next
      case type.error:
        if (this.#open.length === 0) {
          this.#replies.error(bytes.toString('latin1', at + 1, lineEnd))
        } else this.#value(bytes.subarray(at + 1, lineEnd), lineEnd - at + overheadBytes)
        return next
    }
    throw notResp(`a reply of type ${JSON.stringify(String.fromCharCode(bytes[at] as number))}`)
  }

  #text(bytes: Buffer, at: number, from: number, length: number): number {
    if (length < 0) {
      this.#value(null, overheadBytes)
      return from
    }
    if (this.#keptBytes + length > limits.redisReplyBytesMax) {
      this.#skipBytes = length + 2
      this.#value(null, length + overheadBytes)
      return from
    }
    const end = from + length
    if (end + 2 > bytes.length) {
      this.#neededBytes = end + 2 - at
      return -1
    }
    if (bytes[end] !== cr || bytes[end + 1] !== lf) throw notResp('a text of another length')
    this.#value(bytes.subarray(from, end), length + overheadBytes)
    return end + 2
  }

  #list(length: number): void {
    if (length < 0) return this.#value(null, overheadBytes)
    if (length === 0) return this.#value([], overheadBytes)
    if (this.#open.length === listsOpenMax) throw notResp('lists in lists without an end')
    if (this.#open.length === limits.jsonDepthMax) {
      this.#refusal ||= `nested deeper than ${limits.jsonDepthMax}`
    }
    this.#open.push({ items: [], left: length })
  }

  /** A value is complete: alone it is the reply, else an item of the list that is open. */
  #value(value: PlainLua, bytes: number): void {
    this.#keptBytes += bytes
    if (this.#keptBytes > limits.redisReplyBytesMax) {
      this.#refusal ||= `longer than ${limits.redisReplyBytesMax} bytes`
    }
    let done = value
    for (;;) {
      const list = this.#open.at(-1)
      if (list === undefined) return this.#reply(done)
      // nil inside a list is false, as in Redis's own scripts.
      if (this.#refusal === '') list.items.push(done ?? false)
      else list.items.length = 0
      if (--list.left > 0) return
      this.#open.pop()
      done = list.items
    }
  }

  #reply(value: PlainLua): void {
    const refusal = this.#refusal
    this.#keptBytes = 0
    this.#refusal = ''
    if (refusal === '') this.#replies.value(value)
    else this.#replies.refused(refusal)
  }
}

/** From -1 (nothing) on. */
function readLength(bytes: Buffer, from: number, to: number): number {
  const length = readInteger(bytes, from, to)
  if (typeof length === 'number' && length >= -1 && length <= lengthMax) return length
  throw notResp(`a length of ${length}`)
}

/** A bigint where a number would not be exact. */
function readInteger(bytes: Buffer, from: number, to: number): number | bigint {
  const isNegative = bytes[from] === 45
  const first = isNegative || bytes[from] === 43 ? from + 1 : from
  if (to - first > 15) return readLongInteger(bytes, from, to)
  let n = 0
  for (let i = first; i < to; i++) {
    const digit = (bytes[i] as number) - 48
    if (digit < 0 || digit > 9) throw notResp('a number with other characters')
    n = n * 10 + digit
  }
  if (first === to) throw notResp('a number without digits')
  return isNegative && n !== 0 ? -n : n
}

function readLongInteger(bytes: Buffer, from: number, to: number): number | bigint {
  const text = bytes.toString('latin1', from, to)
  if (!/^[+-]?\d{1,19}$/.test(text)) throw notResp('a number with other characters')
  const n = BigInt(text.replace('+', ''))
  return Number.isSafeInteger(Number(n)) ? Number(n) : n
}

function notResp(what: string): HostError {
  return new HostError('INTERNAL', `Redis sent ${what}`)
}
