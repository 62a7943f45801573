/**
 * Looks for many needles in one pass, however many there are: memory is searched for a hundred forms
 * of marks at some hundred megabytes a second.
 */

/** Every pair of bytes that a needle begins with has a bucket. */
const PAIRS = 65_536

export class Matcher {
  /** 0: no needle begins so; else the number of its bucket and 1. */
  readonly #bucketOf = new Uint16Array(PAIRS)
  readonly #buckets: { readonly at: number; readonly bytes: Uint8Array }[][] = []
  /** Bytes of the longest needle. */
  readonly longest: number

  /** Needles of two bytes and more. */
  constructor(needles: readonly Uint8Array[]) {
    for (const [at, bytes] of needles.entries()) {
      const pair = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)
      let bucket = this.#bucketOf[pair] ?? 0
      if (bucket === 0) bucket = this.#bucketOf[pair] = this.#buckets.push([])
      this.#buckets[bucket - 1]?.push({ at, bytes })
    }
    this.longest = Math.max(...needles.map(({ length }) => length))
  }

  /** Tells the number of each needle that is there, as often as it is. */
  search(haystack: Uint8Array, found: (needle: number) => void): void {
    const bucketOf = this.#bucketOf
    const { length } = haystack
    let pair = haystack[0] ?? 0
    for (let i = 1; i < length; i++) {
      pair = ((pair << 8) | (haystack[i] as number)) & 0xffff
      const bucket = bucketOf[pair] as number
      if (bucket !== 0) this.#compare(haystack, i - 1, bucket, found)
    }
  }

  #compare(haystack: Uint8Array, from: number, bucket: number, found: (at: number) => void): void {
    for (const { at, bytes } of this.#buckets[bucket - 1] ?? []) {
      if (isAt(haystack, from, bytes)) found(at)
    }
  }
}

function isAt(haystack: Uint8Array, from: number, needle: Uint8Array): boolean {
  if (from + needle.length > haystack.length) return false
  for (let i = 2; i < needle.length; i++) if (haystack[from + i] !== needle[i]) return false
  return true
}
