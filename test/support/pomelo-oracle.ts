// The oracle of the wire tests: pomelo-protocol 0.1.6 from npm, typed. Test process only.
//
// It is the codec that pomelo's own servers and clients use. It validates nothing, so it can say what
// right bytes are, and nothing about wrong ones.

import { createRequire } from 'node:module'

export interface OracleMessage {
  readonly id: number
  readonly type: number
  readonly compressRoute: number
  readonly route: string | number | null
  readonly body: Buffer
  readonly compressGzip: number
}

export interface OraclePackage {
  readonly type: number
  readonly body: Buffer | null
}

export interface PomeloProtocol {
  readonly Package: {
    encode(type: number, body?: Buffer): Buffer
    decode(bytes: Buffer): OraclePackage | OraclePackage[]
  }
  readonly Message: {
    encode(
      id: number,
      type: number,
      compressRoute: number,
      route: string | number | null,
      body: Buffer,
      compressGzip?: number,
    ): Buffer
    decode(bytes: Buffer): OracleMessage
  }
  strencode(text: string): Buffer
  strdecode(bytes: Buffer): string
}

export const oracle = createRequire(import.meta.url)('pomelo-protocol') as PomeloProtocol

/** The oracle's packages as a list; it returns a lone one bare. */
export function oraclePackages(bytes: Buffer): OraclePackage[] {
  const decoded = oracle.Package.decode(bytes)
  return Array.isArray(decoded) ? decoded : [decoded]
}
