/**
 * Hands out the numbers 0 to n-1, the lowest free one first, and takes them back.
 *
 * Numbers lie in chunks; a chunk that is wholly free or wholly taken costs three bytes, so that a
 * pool of two thousand million numbers is cheap while it is used in long runs. No operation looks
 * at more than a few words, however full the pool is.
 */
import { invariant } from './assert.ts'
import { RecentMap } from './recent-map.ts'
import { SummaryBits } from './summary-bits.ts'

const CHUNK = 32_768
const SHIFT = 15
const MASK = CHUNK - 1

export class NumberPool {
  readonly size: number
  #taken = 0
  /** All numbers below are taken. */
  #low = 0
  /** Free numbers per chunk. */
  readonly #free: Uint16Array
  /** Chunks in which a number is free. */
  readonly #open: SummaryBits
  /** The free numbers of the chunks that are neither wholly free nor wholly taken. */
  readonly #mixed = new RecentMap<number, SummaryBits>()

  constructor(size: number) {
    this.size = size
    const chunks = Math.ceil(size / CHUNK)
    this.#free = new Uint16Array(chunks).fill(CHUNK)
    if (chunks > 0) this.#free[chunks - 1] = size - (chunks - 1) * CHUNK
    this.#open = new SummaryBits(chunks, true)
  }

  /** How many numbers are taken. */
  get taken(): number {
    return this.#taken
  }

  /** True when `n` is taken. */
  has(n: number): boolean {
    if (n >= this.size) return false
    const chunk = n >>> SHIFT
    const free = this.#free[chunk] as number
    if (free === 0) return true
    if (free === this.#lengthOf(chunk)) return false
    return !this.#bitsOf(chunk).has(n & MASK)
  }

  /** The lowest free number that is `from` or more, now taken; -1 when there is none. */
  take(from = 0): number {
    const n = this.#lowest(Math.max(from, this.#low))
    if (n < 0) return n
    this.#takeAt(n >>> SHIFT, n & MASK, 1)
    if (from <= this.#low) this.#low = n + 1
    return n
  }

  /** Takes the run that begins at the lowest free number from `from` on, `most` numbers at most. */
  takeRun(most: number, from = 0): { start: number; count: number } {
    const start = this.#lowest(Math.max(from, this.#low))
    if (start < 0) return { start: 0, count: 0 }
    let count = 0
    while (count < most) {
      const chunk = (start + count) >>> SHIFT
      if (chunk >= this.#free.length) break
      const got = this.#takeRunIn(chunk, (start + count) & MASK, most - count)
      count += got
      if (got === 0 || ((start + count) & MASK) !== 0) break
    }
    if (from <= this.#low) this.#low = start + count
    return { start, count }
  }

  /** Takes exactly the numbers `start` to `start + count - 1`; false, and none, unless all are free. */
  claimRun(start: number, count: number): boolean {
    if (start < 0 || count < 0 || start + count > this.size) return false
    const parts: { chunk: number; at: number; here: number }[] = []
    for (let done = 0; done < count; ) {
      const chunk = (start + done) >>> SHIFT
      const at = (start + done) & MASK
      const here = Math.min(count - done, this.#lengthOf(chunk) - at)
      if (!this.#isFree(chunk, at, here)) return false
      parts.push({ chunk, at, here })
      done += here
    }
    for (const { chunk, at, here } of parts) this.#takeAt(chunk, at, here)
    return true
  }

  give(n: number): void {
    this.giveRun(n, 1)
  }

  /** Gives back `count` numbers from `start` on, all of them taken. */
  giveRun(start: number, count: number): void {
    this.#low = Math.min(this.#low, start)
    for (let done = 0; done < count; ) {
      const chunk = (start + done) >>> SHIFT
      const at = (start + done) & MASK
      const here = Math.min(count - done, this.#lengthOf(chunk) - at)
      this.#giveAt(chunk, at, here)
      done += here
    }
  }

  /** The taken numbers in ascending order, as runs. */
  *takenRuns(): Generator<{ start: number; count: number }> {
    let start = -1
    let left = this.#taken
    for (let n = 0; n < this.size && (left > 0 || start >= 0); ) {
      const taken = this.has(n)
      if (taken && start < 0) start = n
      if (!taken && start >= 0) yield { start, count: n - start }
      if (!taken) start = -1
      const next = this.#alikeUntil(n, taken)
      if (taken) left -= next - n
      n = next
    }
    if (start >= 0) yield { start, count: this.size - start }
  }

  /** The first number behind `n` in its chunk that is not as `n` is, or the end of the chunk. */
  #alikeUntil(n: number, taken: boolean): number {
    const chunk = n >>> SHIFT
    const bits = this.#mixed.get(chunk)
    const length = this.#lengthOf(chunk)
    const next = taken ? bits?.first(n & MASK) : bits?.firstOut(n & MASK)
    return chunk * CHUNK + (next === undefined || next < 0 ? length : Math.min(next, length))
  }

  #lengthOf(chunk: number): number {
    return Math.min(CHUNK, this.size - chunk * CHUNK)
  }

  #isFree(chunk: number, at: number, count: number): boolean {
    if (this.#free[chunk] === this.#lengthOf(chunk)) return true
    if (this.#free[chunk] === 0) return false
    return this.#freeFrom(chunk, at) >= count
  }

  /** How many numbers in a row are free in a chunk that is neither wholly free nor wholly taken. */
  #freeFrom(chunk: number, at: number): number {
    const end = this.#bitsOf(chunk).firstOut(at)
    return (end < 0 ? this.#lengthOf(chunk) : end) - at
  }

  #bitsOf(chunk: number): SummaryBits {
    let bits = this.#mixed.get(chunk)
    if (bits === undefined) {
      bits = new SummaryBits(this.#lengthOf(chunk), this.#free[chunk] !== 0)
      this.#mixed.set(chunk, bits)
    }
    return bits
  }

  #lowest(from: number): number {
    if (from >= this.size) return -1
    // Numbers are mostly taken in a row.
    if (!this.has(from)) return from
    const first = from >>> SHIFT
    let chunk = this.#open.first(first)
    if (chunk === first && (from & MASK) !== 0) {
      const within = this.#lowestIn(chunk, from & MASK)
      if (within >= 0) return chunk * CHUNK + within
      chunk = this.#open.first(first + 1)
    }
    return chunk < 0 ? -1 : chunk * CHUNK + this.#lowestIn(chunk, 0)
  }

  #lowestIn(chunk: number, from: number): number {
    if (this.#free[chunk] === this.#lengthOf(chunk)) return from
    return this.#bitsOf(chunk).first(from)
  }

  #takeRunIn(chunk: number, at: number, most: number): number {
    const length = this.#lengthOf(chunk)
    if (this.#free[chunk] === 0) return 0
    const free = this.#free[chunk] === length ? length - at : this.#freeFrom(chunk, at)
    const count = Math.min(most, free)
    if (count > 0) this.#takeAt(chunk, at, count)
    return count
  }

  #takeAt(chunk: number, at: number, count: number): void {
    const left = (this.#free[chunk] as number) - count
    if (left > 0) {
      this.#bitsOf(chunk).deleteRun(at, count)
    } else {
      this.#mixed.delete(chunk)
      this.#open.delete(chunk)
    }
    this.#free[chunk] = left
    this.#taken += count
  }

  #giveAt(chunk: number, at: number, count: number): void {
    const free = (this.#free[chunk] as number) + count
    invariant(free <= this.#lengthOf(chunk), 'no more numbers are given back than were taken')
    const last = free === this.#lengthOf(chunk)
    const bits = last ? this.#mixed.get(chunk) : this.#bitsOf(chunk)
    if (bits !== undefined) {
      const next = bits.first(at)
      invariant(next < 0 || next >= at + count, 'only a taken number is given back')
      bits.addRun(at, count)
    }
    if (last) this.#mixed.delete(chunk)
    this.#free[chunk] = free
    this.#open.add(chunk)
    this.#taken -= count
  }
}
