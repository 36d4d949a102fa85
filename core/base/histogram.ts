// Counts values by their size, exactly enough for percentiles: a log-linear histogram. Any thread.
//
// As HdrHistogram does it: below 32 every value has its own bucket; above, each power of two is split
// into 32 buckets of equal width, so that a bucket is at most 1/32 (3.1 %) of its values wide. The
// counts are one typed array, `record` allocates nothing and has no branch but the two bounds.
//
//   value     0 … 31 │ 32 … 63 │ 64 66 … 126 │ 128 132 … 252 │ …  2^32
//   bucket    0 … 31 │ 32 … 63 │ 64 65 …  95 │  96  97 … 127 │ …  895
//
// Counts are doubles, so they stay exact to 2^53: a host may run for years.

const splitBits = 5
const split = 1 << splitBits
const bucketCount = (32 - splitBits + 1) * split
const valueMax = 2 ** 32 - 1

export class Histogram {
  readonly #counts = new Float64Array(bucketCount)
  #count = 0
  #sum = 0
  #max = 0

  get count(): number {
    return this.#count
  }

  /** The largest value that was recorded, exactly. */
  get max(): number {
    return this.#max
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count
  }

  /** @param value counts as a whole number from 0 to 2^32 - 1; what lies outside as the nearest */
  record(value: number): void {
    const whole = value > 0 ? (value < valueMax ? value >>> 0 : valueMax) : 0
    const bucket = bucketOf(whole)
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1
    this.#count++
    this.#sum += whole
    if (whole > this.#max) this.#max = whole
  }

  /** Adds what another histogram has counted. */
  add(other: Histogram): void {
    for (let i = 0; i < bucketCount; i++) {
      this.#counts[i] = (this.#counts[i] as number) + (other.#counts[i] as number)
    }
    this.#count += other.#count
    this.#sum += other.#sum
    this.#max = Math.max(this.#max, other.#max)
  }

  /**
   * The value that at least `share` of all values do not exceed: the upper end of its bucket, or the
   * largest value when that is smaller. 0 while nothing was recorded.
   * @param share from 0 to 1
   */
  percentile(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.#count))
    let seen = 0
    for (let i = 0; i < bucketCount; i++) {
      seen += this.#counts[i] as number
      if (seen >= wanted) return Math.min(upperEnd(i), this.#max)
    }
    return 0
  }
}

function bucketOf(value: number): number {
  if (value < split) return value
  const shift = 31 - Math.clz32(value) - splitBits
  return ((shift + 1) << splitBits) + (value >>> shift) - split
}

/** The largest value that falls into a bucket. */
function upperEnd(bucket: number): number {
  if (bucket < split) return bucket
  const shift = (bucket >>> splitBits) - 1
  return (split + (bucket & (split - 1)) + 1) * 2 ** shift - 1
}
