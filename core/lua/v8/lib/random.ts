// math.random's generator: xoshiro256**, bit for bit as PUC Lua 5.4 runs it. Pure; any thread.
//
// State and result are 64-bit words held as pairs of 32-bit halves: BigInt arithmetic would cost
// ten times as much. A range within 32 bits, which is nearly all of them, is drawn from the low half
// alone, because the projection masks everything above it.

import { integerOf } from '../run/number-text.ts'

export class Xoshiro {
  /** s0..s3, each as high, low. */
  private readonly state = new Int32Array(8)
  /** The halves of the last result. */
  private high = 0
  private low = 0

  constructor(seed1: bigint, seed2: bigint) {
    this.seed(seed1, seed2)
  }

  /** As `math.randomseed(seed1, seed2)`. */
  seed(seed1: bigint, seed2: bigint): void {
    const words = [seed1, 0xffn, seed2, 0n]
    for (let i = 0; i < 4; i++) {
      const word = words[i] as bigint
      this.state[i * 2] = Number(BigInt.asIntN(32, word >> 32n))
      this.state[i * 2 + 1] = Number(BigInt.asIntN(32, word))
    }
    for (let i = 0; i < 16; i++) this.next()
  }

  private next(): void {
    const s = this.state
    const s0h = s[0] as number
    const s0l = s[1] as number
    const s1h = s[2] as number
    const s1l = s[3] as number
    const s2h = (s[4] as number) ^ s0h
    const s2l = (s[5] as number) ^ s0l
    const s3h = (s[6] as number) ^ s1h
    const s3l = (s[7] as number) ^ s1l
    this.scramble(s1h, s1l)
    s[0] = s0h ^ s3h
    s[1] = s0l ^ s3l
    s[2] = s1h ^ s2h
    s[3] = s1l ^ s2l
    s[4] = s2h ^ ((s1h << 17) | (s1l >>> 15))
    s[5] = s2l ^ (s1l << 17)
    // rotl(s3, 45) is rotl by 32 (the halves change places) and by 13.
    s[6] = (s3l << 13) | (s3h >>> 19)
    s[7] = (s3h << 13) | (s3l >>> 19)
  }

  /** rotl(word * 5, 7) * 9 */
  private scramble(high: number, low: number): void {
    const low5 = (low >>> 0) * 5
    const high5 = (Math.imul(high, 5) + Math.floor(low5 / 4294967296)) | 0
    const l5 = low5 | 0
    const rotatedHigh = (high5 << 7) | (l5 >>> 25)
    const rotatedLow = (l5 << 7) | (high5 >>> 25)
    const low9 = (rotatedLow >>> 0) * 9
    this.high = (Math.imul(rotatedHigh, 9) + Math.floor(low9 / 4294967296)) | 0
    this.low = low9 | 0
  }

  /** A float in [0, 1): the upper 53 bits. */
  float(): number {
    this.next()
    return ((this.high >>> 0) * 2097152 + (this.low >>> 11)) / 9007199254740992
  }

  /** All 64 bits, as an integer. */
  integer(): number | bigint {
    this.next()
    return integerOf(BigInt.asIntN(64, this.word()))
  }

  private word(): bigint {
    return (BigInt(this.high >>> 0) << 32n) | BigInt(this.low >>> 0)
  }

  /** An integer in [0, span], uniform; `span` is below 2^32. */
  below(span: number): number {
    this.next()
    const mask = span === 0 ? 0 : 0xffffffff >>> Math.clz32(span)
    for (;;) {
      const value = (this.low & mask) >>> 0
      if (value <= span) return value
      this.next()
    }
  }

  /** An integer in [0, span], uniform; `span` is below 2^64. */
  belowWide(span: bigint): bigint {
    this.next()
    const mask = (1n << BigInt(span === 0n ? 0 : span.toString(2).length)) - 1n
    for (;;) {
      const value = this.word() & mask
      if (value <= span) return value
      this.next()
    }
  }
}
