// The least of WebSocket (RFC 6455) that a load client needs: the upgrade, frames out with a masking
// key of zero (legal, and it leaves the payload as it is), frames in without copies.
//
//   byte 0            byte 1           then
//   FIN rsv opcode    MASK len7        [u16 | u64 length] [mask key 4] payload
//
// Load client only. Text, fragments' first frames and extensions are not expected from a game server:
// whatever is not binary, continuation, ping, pong or close ends the connection with an error.

import { createHash, randomBytes } from 'node:crypto'

const opcodes = { continuation: 0, binary: 2, close: 8, ping: 9, pong: 10 } as const
const acceptSalt = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** The header of one masked binary frame with `payloadBytes` behind it. */
export function writeMaskedHeader(payloadBytes: number): Buffer {
  return maskedHeader(opcodes.binary, payloadBytes)
}

/** One masked binary frame. */
export function encodeFrame(payload: Uint8Array): Buffer {
  return Buffer.concat([maskedHeader(opcodes.binary, payload.length), payload])
}

function maskedHeader(opcode: number, payloadBytes: number): Buffer {
  if (payloadBytes < 126) return Buffer.from([0x80 | opcode, 0x80 | payloadBytes, 0, 0, 0, 0])
  const header = Buffer.alloc(8)
  header[0] = 0x80 | opcode
  header[1] = 0x80 | 126
  header.writeUInt16BE(payloadBytes, 2)
  return header
}

export interface Upgrade {
  readonly request: string
  /** What the server must answer with. */
  readonly accept: string
}

export function makeUpgrade(host: string, path: string): Upgrade {
  const key = randomBytes(16).toString('base64')
  const accept = createHash('sha1')
    .update(key + acceptSalt)
    .digest('base64')
  const request =
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`
  return { request, accept }
}

/** Checks the head of the server's answer (without the blank line). @returns why not, or undefined */
export function upgradeFault(head: string, accept: string): string | undefined {
  const [status = '', ...headers] = head.split('\r\n')
  if (!/^HTTP\/1\.1 101 /.test(`${status} `)) return `the server answered the upgrade: ${status}`
  const theirs = headers.find((line) => line.toLowerCase().startsWith('sec-websocket-accept:'))
  if (theirs?.slice(theirs.indexOf(':') + 1).trim() === accept) return undefined
  return 'the server did not prove that it speaks WebSocket'
}

export interface FrameSink {
  /** Part of a binary frame's payload; valid during the call. */
  payload(bytes: Uint8Array): void
  /** A close frame came: its code (1005 when it has none) and reason. */
  closed(code: number, reason: string): void
  /** A ping came: this frame answers it. */
  pong(frame: Buffer): void
}

/** Takes frames apart, however the stream is cut. */
export class FrameReader {
  readonly #sink: FrameSink
  readonly #header = Buffer.alloc(10)
  #headerBytes = 0
  #opcode = -1
  #left = 0
  #control: Buffer[] = []

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** @returns undefined, or what the server did wrong; the reader is of no use after that */
  feed(bytes: Buffer): string | undefined {
    let at = 0
    while (at < bytes.length || (this.#opcode >= 0 && this.#left === 0)) {
      if (this.#opcode < 0) {
        this.#header[this.#headerBytes++] = bytes[at++] as number
        const fault = this.#readHeader()
        if (fault !== undefined) return fault
        continue
      }
      const part = bytes.subarray(at, at + this.#left)
      at += part.length
      this.#left -= part.length
      if (this.#opcode <= opcodes.binary) {
        if (part.length > 0) this.#sink.payload(part)
      } else this.#control.push(Buffer.from(part))
      if (this.#left === 0) this.#endFrame()
    }
    return undefined
  }

  #readHeader(): string | undefined {
    const header = this.#header
    if (this.#headerBytes < 2) return undefined
    const length = (header[1] as number) & 0x7f
    const size = length < 126 ? 2 : length === 126 ? 4 : 10
    if (this.#headerBytes < size) return undefined
    const opcode = (header[0] as number) & 0x0f
    if (((header[1] as number) & 0x80) !== 0) return 'the server masked a frame'
    if (((header[0] as number) & 0x70) !== 0) return 'the server used an extension nobody asked for'
    if (!Object.values<number>(opcodes).includes(opcode)) return `a frame of opcode ${opcode}`
    this.#headerBytes = 0
    this.#opcode = opcode
    this.#left =
      size === 2 ? length : size === 4 ? header.readUInt16BE(2) : Number(header.readBigUInt64BE(2))
    return undefined
  }

  #endFrame(): void {
    const opcode = this.#opcode
    this.#opcode = -1
    if (opcode <= opcodes.binary) return
    const body = Buffer.concat(this.#control)
    this.#control = []
    if (opcode === opcodes.close) {
      this.#sink.closed(body.length < 2 ? 1005 : body.readUInt16BE(0), body.toString('utf8', 2))
    } else if (opcode === opcodes.ping) {
      this.#sink.pong(Buffer.concat([maskedHeader(opcodes.pong, body.length), body]))
    }
  }
}
