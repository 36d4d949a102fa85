// Prebuilt requests: a package made once for each connection and route, patched in place per send.
//
// Load client only. What changes from request to request has a fixed width, so that a send writes a
// few bytes and allocates nothing:
//   - the id is a varint of exactly four bytes: ids run from firstId (2^21) to 2^28 - 1;
//   - {{n}} and {{rand:MAX}} in a body are decimals padded with blanks on the left (legal JSON
//     outside of strings).
// {{uid}}, {{peer}} and {{conn}} are put in as text when the frame is built.
// A frame may sit in the kernel's queue: the owner must not patch it before the socket has let go.

import { encodeRequest } from '../../core/gate/message-codec.ts'
import { packageHeaderBytes } from '../../core/gate/package-codec.ts'
import { writeMaskedHeader } from './websocket.ts'

/** The first id whose varint has four bytes, and how many there are. */
export const firstId = 1 << 21
export const idCount = (1 << 28) - firstId

export interface BodyValues {
  /** This connection's uid as the login reply gave it; '' without login. */
  readonly uid: string
  /** The uid of the next connection. */
  readonly peer: string
  readonly conn: number
}

interface Hole {
  readonly at: number
  readonly width: number
  /** Exclusive bound of a random number; 0 for the counter. */
  readonly below: number
}

const counterWidth = 9
/** Keeps a frame within what sixteen bits can say, in any script and with its uids. */
const templateLengthMax = 20_000
const holePattern = /\{\{(n|uid|peer|conn|rand:[1-9][0-9]{0,8})\}\}/g

/** One connection's request on one route. */
export class RequestFrame {
  readonly bytes: Buffer
  readonly #idAt: number
  readonly #holes: readonly Hole[]

  constructor(route: number | string, template: string, values: BodyValues, webSocket: boolean) {
    const { body, holes } = fill(template, values)
    const data = encodeRequest(firstId, route, body)
    const head = webSocket ? writeMaskedHeader(data.length) : Buffer.alloc(0)
    this.bytes = Buffer.concat([head, data])
    this.#idAt = head.length + packageHeaderBytes + 1
    const bodyAt = this.bytes.length - body.length
    this.#holes = holes.map((hole) => ({ ...hole, at: hole.at + bodyAt }))
  }

  /**
   * Makes `bytes` (this frame's own, or a copy of them) the n-th request of its connection, n from 0
   * below idCount.
   */
  patch(n: number, bytes: Buffer): void {
    const id = firstId + n
    const at = this.#idAt
    bytes[at] = (id & 0x7f) | 0x80
    bytes[at + 1] = ((id >>> 7) & 0x7f) | 0x80
    bytes[at + 2] = ((id >>> 14) & 0x7f) | 0x80
    bytes[at + 3] = id >>> 21
    for (const hole of this.#holes) {
      const value = hole.below === 0 ? n : Math.floor(Math.random() * hole.below)
      writeDecimal(bytes, hole.at, hole.width, value)
    }
  }
}

/** Why a template cannot be used, or undefined. It must be JSON once its holes are filled. */
export function templateFault(template: string): string | undefined {
  const filled = template.replace(holePattern, (_hole, name: string) =>
    name === 'uid' || name === 'peer' ? 'u1' : '1',
  )
  const unknown = /\{\{[^{}"]*\}\}/.exec(filled)
  if (unknown !== null) return `unknown placeholder ${unknown[0]}`
  try {
    JSON.parse(filled)
    return template.length > templateLengthMax ? 'longer than 20,000 characters' : undefined
  } catch (error) {
    return String(error)
  }
}

function fill(template: string, values: BodyValues): { body: Buffer; holes: Hole[] } {
  const parts: Buffer[] = []
  const holes: Hole[] = []
  let length = 0
  const add = (text: string) => {
    const bytes = Buffer.from(text)
    parts.push(bytes)
    length += bytes.length
  }
  let from = 0
  for (const match of template.matchAll(holePattern)) {
    add(template.slice(from, match.index))
    from = match.index + match[0].length
    const name = match[1] ?? ''
    if (name === 'uid' || name === 'peer') add(values[name])
    else if (name === 'conn') add(String(values.conn))
    else {
      const below = name === 'n' ? 0 : Number(name.slice('rand:'.length))
      const width = name === 'n' ? counterWidth : String(below - 1).length
      holes.push({ at: length, width, below })
      add(' '.repeat(width))
    }
  }
  add(template.slice(from))
  return { body: Buffer.concat(parts), holes }
}

function writeDecimal(bytes: Buffer, at: number, width: number, value: number): void {
  let rest = value
  for (let i = at + width - 1; i >= at; i--) {
    bytes[i] = rest > 0 || i === at + width - 1 ? 0x30 + (rest % 10) : 0x20
    rest = Math.floor(rest / 10)
  }
}
