// A histogram of times with bounded relative error, after HdrHistogram's bucket scheme.
//
//   value in µs:  0..255 one bucket each; from there every power of two is cut into 128 equal buckets,
//   so a reported value is at most 1/128 (0.8 %) above the true one. Top 2^32 µs (71 minutes).
//
// Load client only. Recording is two shifts and an increment: it allocates nothing.

const subBits = 7
const sub = 1 << subBits
const linear = sub * 2
const bucketCount = linear + (32 - subBits - 1) * sub

export class Histogram {
  readonly #buckets = new Float64Array(bucketCount)
  #count = 0
  #sumUs = 0
  #maxUs = 0

  get count(): number {
    return this.#count
  }

  /** Exact. */
  get maxMs(): number {
    return this.#maxUs / 1000
  }

  get meanMs(): number {
    return this.#count === 0 ? 0 : this.#sumUs / this.#count / 1000
  }

  /** Records one time; a negative one (a clock's fraction) counts as 0. */
  record(ms: number): void {
    const us = ms <= 0 ? 0 : Math.min(Math.round(ms * 1000), 0xffffffff)
    this.#count++
    this.#sumUs += us
    if (us > this.#maxUs) this.#maxUs = us
    const bucket = bucketOf(us)
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1
  }

  /** The smallest bucket border in ms that `percent` of the values do not exceed; 0 when empty. */
  percentileMs(percent: number): number {
    const wanted = Math.ceil((percent / 100) * this.#count)
    let seen = 0
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      seen += this.#buckets[bucket] ?? 0
      if (seen >= wanted && seen > 0) return Math.min(topUsOf(bucket), this.#maxUs) / 1000
    }
    return 0
  }
}

function bucketOf(us: number): number {
  if (us < linear) return us
  const shift = 31 - Math.clz32(us) - subBits
  return linear + (shift - 1) * sub + ((us >>> shift) - sub)
}

function topUsOf(bucket: number): number {
  if (bucket < linear) return bucket
  const shift = Math.floor((bucket - linear) / sub) + 1
  const within = ((bucket - linear) % sub) + sub
  return (within + 1) * 2 ** shift - 1
}
