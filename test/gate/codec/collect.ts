// What the codec tests share: a decoder whose packages are written down. Test process only.

import {
  type DecodeStatus,
  encodePackage,
  PackageDecoder,
  type PackageType,
} from '../../../core/gate/package-codec.ts'

/** A package as text, `type:hex`, so that lists of them compare and print well. */
export function show(type: number, body: Uint8Array): string {
  return `${type}:${Buffer.from(body).toString('hex')}`
}

export interface Collector {
  readonly decoder: PackageDecoder
  readonly packages: string[]
}

/** @param accepts what the sink answers for the n-th package; always true when left out */
export function collector(bodyBytesMax: number, accepts?: (n: number) => boolean): Collector {
  const packages: string[] = []
  const decoder = new PackageDecoder(bodyBytesMax, (type, buffer, start, end) => {
    packages.push(show(type, buffer.subarray(start, end)))
    return accepts?.(packages.length - 1) ?? true
  })
  return { decoder, packages }
}

/** Feeds a copy that is overwritten behind the decoder's back, as a socket's static buffer is. */
export function feedVolatile(decoder: PackageDecoder, bytes: Uint8Array): DecodeStatus {
  const chunk = Uint8Array.from(bytes)
  const status = decoder.feed(chunk)
  chunk.fill(0xff)
  return status
}

/** Splits bytes at the given offsets (any order, any repeats). */
export function cut(bytes: Uint8Array, offsets: readonly number[]): Uint8Array[] {
  const sorted = [0, ...offsets.map((at) => at % (bytes.length + 1)), bytes.length]
  sorted.sort((a, b) => a - b)
  return sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end))
}

export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

export const pack = (type: number, body: Uint8Array | string): Buffer =>
  encodePackage(type as PackageType, body)
