// xoshiro256** (Blackman and Vigna), the generator of Lua 5.4's math.random, over 32-bit halves.
//
// Any thread; pure. The state is eight 32-bit words so that a step needs no BigInt.

/** A seeded generator; the same seed gives the same numbers on every machine. */
export class Xoshiro {
  /** s0..s3 as high, low pairs. */
  readonly #s = new Uint32Array(8)
  /** The last output. */
  high = 0
  low = 0

  constructor(seed: readonly [bigint, bigint]) {
    this.seed(seed[0], seed[1])
  }

  /** Sets the state as Lua 5.4 does: n1, 255, n2, 0, and 16 outputs thrown away. */
  seed(n1: bigint, n2: bigint): void {
    const words = [n1, 0xffn, n2, 0n]
    words.forEach((word, i) => {
      this.#s[2 * i] = Number(BigInt.asUintN(32, word >> 32n))
      this.#s[2 * i + 1] = Number(BigInt.asUintN(32, word))
    })
    for (let i = 0; i < 16; i++) this.next()
  }

  /** Steps the generator; the 64 bits are in `high` and `low`. */
  next(): void {
    const s = this.#s
    const s1h = s[2] as number
    const s1l = s[3] as number
    // rotl(s1 * 5, 7) * 9
    let low = s1l * 5
    let high = (Math.imul(s1h, 5) + Math.floor(low / 0x100000000)) >>> 0
    low >>>= 0
    const rh = ((high << 7) | (low >>> 25)) >>> 0
    const rl = ((low << 7) | (high >>> 25)) >>> 0
    low = rl * 9
    high = (Math.imul(rh, 9) + Math.floor(low / 0x100000000)) >>> 0
    this.high = high
    this.low = low >>> 0

    const th = ((s1h << 17) | (s1l >>> 15)) >>> 0
    const tl = (s1l << 17) >>> 0
    this.#xor(4, 0) // s2 ^= s0
    this.#xor(6, 2) // s3 ^= s1
    this.#xor(2, 4) // s1 ^= s2
    this.#xor(0, 6) // s0 ^= s3
    s[4] = (s[4] as number) ^ th
    s[5] = (s[5] as number) ^ tl
    // s3 = rotl(s3, 45): by 32 (swap) and 13
    const h = s[7] as number
    const l = s[6] as number
    s[6] = (h << 13) | (l >>> 19)
    s[7] = (l << 13) | (h >>> 19)
  }

  #xor(to: number, from: number): void {
    const s = this.#s
    s[to] = (s[to] as number) ^ (s[from] as number)
    s[to + 1] = (s[to + 1] as number) ^ (s[from + 1] as number)
  }

  /** A float in [0, 1): the top 53 bits. */
  float(): number {
    this.next()
    return (this.high * 0x200000 + (this.low >>> 11)) / 2 ** 53
  }

  /** A uniform integer from 0 to `max` (at most 2^53 - 1), by rejection. */
  upTo(max: number): number {
    if (max === 0) {
      this.next()
      return 0
    }
    const bits = Math.floor(Math.log2(max)) + 1
    for (;;) {
      this.next()
      const n =
        bits <= 32
          ? this.low & (bits === 32 ? 0xffffffff : 2 ** bits - 1)
          : (this.high & (2 ** (bits - 32) - 1)) * 0x100000000 + this.low
      const value = bits <= 32 ? n >>> 0 : n
      if (value <= max) return value
    }
  }
}
