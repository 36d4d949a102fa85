// The token with which a client goes from the master to a slave. Core thread; pure.
//
//   base64url(JSON { u uid, n node, e epoch, x end (ms since 1970), k nonce }) . base64url(HMAC-SHA256)
//
// It proves that the master has sent this client here. Whether the master's word still holds is the
// slave's to know: it keeps, by uid, the nonce that it was prepared for, and takes each once.

import { createHmac, timingSafeEqual } from 'node:crypto'

export interface Token {
  readonly uid: string
  readonly node: string
  readonly epoch: number
  /** Milliseconds since 1970. */
  readonly endsMs: number
  readonly nonce: string
}

const tokenCharsMax = 1024

export function signToken(token: Token, secret: string): string {
  const { uid: u, node: n, epoch: e, endsMs: x, nonce: k } = token
  const body = Buffer.from(JSON.stringify({ u, n, e, x, k })).toString('base64url')
  return `${body}.${macOf(body, secret).toString('base64url')}`
}

/** Reads a token that a client has sent; undefined unless it was signed with this secret. */
export function readToken(text: string, secret: string): Token | undefined {
  if (text.length > tokenCharsMax) return undefined
  const [body = '', mac = '', ...more] = text.split('.')
  const given = Buffer.from(mac, 'base64url')
  const expected = macOf(body, secret)
  const isSigned = given.length === expected.length && timingSafeEqual(given, expected)
  if (!isSigned || more.length > 0) return undefined
  // Ours, so it is what signToken has written.
  const { u, n, e, x, k } = JSON.parse(Buffer.from(body, 'base64url').toString())
  return { uid: u, node: n, epoch: e, endsMs: x, nonce: k }
}

function macOf(body: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(body).digest()
}
