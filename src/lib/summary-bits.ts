/**
 * A set of the integers 0 to n-1 whose smallest member is found in a few steps: each level has one
 * bit for every 32 of the level below that are not all zero.
 */
const BITS = 5
const MASK = 31

const lowestBit = (word: number): number => 31 - Math.clz32(word & -word)

export class SummaryBits {
  readonly #levels: Uint32Array[] = []

  /** `full`: every integer is in the set at first. */
  constructor(n: number, full = false) {
    let size = n
    do {
      const words = new Uint32Array(Math.max(1, Math.ceil(size / 32)))
      if (full && size > 0) mark(words, 0, size - 1, true)
      this.#levels.push(words)
      size = words.length
    } while (size > 1)
  }

  has(i: number): boolean {
    const words = this.#levels[0] as Uint32Array
    return ((words[i >>> BITS] as number) & (1 << (i & MASK))) !== 0
  }

  add(i: number): void {
    this.addRun(i, 1)
  }

  /** Adds `count` integers, 1 or more, from `from` on. */
  addRun(from: number, count: number): void {
    let first = from
    let last = from + count - 1
    for (const words of this.#levels) {
      const top = last >>> BITS
      const isKnown = first >>> BITS === top && words[top] !== 0
      mark(words, first, last, true)
      // Above, their word had its bit already.
      if (isKnown) return
      first >>>= BITS
      last = top
    }
  }

  /** Takes out `count` integers, 1 or more, from `from` on. */
  deleteRun(from: number, count: number): void {
    let first = from
    let last = from + count - 1
    for (const words of this.#levels) {
      mark(words, first, last, false)
      // The words at both ends may still hold others.
      const low = first >>> BITS
      const top = last >>> BITS
      first = words[low] === 0 ? low : low + 1
      last = words[top] === 0 ? top : top - 1
      if (first > last) return
    }
  }

  delete(i: number): void {
    this.deleteRun(i, 1)
  }

  /** The smallest member that is `from` or more; -1 when there is none. */
  first(from = 0): number {
    let at = from
    for (let level = 0; level < this.#levels.length; level++) {
      const words = this.#levels[level] as Uint32Array
      const word = at >>> BITS
      if (word >= words.length) return -1
      const rest = (words[word] as number) & (-1 << (at & MASK))
      if (rest !== 0) return this.#descend(level, (word << BITS) | lowestBit(rest))
      at = word + 1
    }
    return -1
  }

  /** The smallest integer that is `from` or more and no member, which may be n or more; -1 when there is none. */
  firstOut(from: number): number {
    const words = this.#levels[0] as Uint32Array
    let rest = ~(words[from >>> BITS] ?? 0) & (-1 << (from & MASK))
    let word = from >>> BITS
    while (rest === 0) {
      word++
      if (word >= words.length) return -1
      rest = ~(words[word] as number)
    }
    return (word << BITS) | lowestBit(rest)
  }

  #descend(level: number, i: number): number {
    let at = i
    for (let below = level - 1; below >= 0; below--) {
      const words = this.#levels[below] as Uint32Array
      at = (at << BITS) | lowestBit(words[at] as number)
    }
    return at
  }
}

/** Sets the bits `first` to `last`, or clears them. */
function mark(words: Uint32Array, first: number, last: number, isSet: boolean): void {
  const low = first >>> BITS
  const top = last >>> BITS
  const head = -1 << (first & MASK)
  const tail = -1 >>> (MASK - (last & MASK))
  if (low === top) return put(words, low, head & tail, isSet)
  put(words, low, head, isSet)
  words.fill(isSet ? 0xffff_ffff : 0, low + 1, top)
  put(words, top, tail, isSet)
}

function put(words: Uint32Array, at: number, bits: number, isSet: boolean): void {
  const before = words[at] as number
  words[at] = isSet ? before | bits : before & ~bits
}
