/** A histogram of durations with fixed bounds: each is twice the one before. */

/** Upper bounds in microseconds: 1, 2, 4 ... about 9 minutes; the last bucket has none. */
export const LATENCY_BOUNDS_US: readonly number[] = Array.from({ length: 30 }, (_, i) => 2 ** i)
const BUCKETS = LATENCY_BOUNDS_US.length + 1

export interface Latency {
  readonly count: number
  /** Microseconds, all together. */
  readonly sumUs: number
  readonly maxUs: number
  /** How many took as long as a bound or less, but longer than the bound before; last: longer. */
  readonly buckets: readonly number[]
}

export class LatencyHistogram {
  readonly #buckets = new Float64Array(BUCKETS)
  #count = 0
  #sum = 0
  #max = 0

  /** Notes a duration in milliseconds. */
  add(ms: number): void {
    const us = ms * 1_000
    // The bits that the whole microseconds above 1 need are the number of the bucket.
    const bucket = us <= 1 ? 0 : Math.min(BUCKETS - 1, 32 - Math.clz32(Math.ceil(us) - 1))
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + 1
    this.#count++
    this.#sum += us
    if (us > this.#max) this.#max = us
  }

  /** The bound that a share of all durations keeps: 0 (none) to 1 (all). 0 when there are none. */
  quantileUs(share: number): number {
    let left = share * this.#count
    for (const [i, bound] of LATENCY_BOUNDS_US.entries()) {
      left -= this.#buckets[i] as number
      if (left <= 0) return Math.min(bound, this.#max)
    }
    return this.#max
  }

  read(): Latency {
    return {
      count: this.#count,
      sumUs: this.#sum,
      maxUs: this.#max,
      buckets: [...this.#buckets],
    }
  }
}
