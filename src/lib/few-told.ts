/**
 * Of many events of one kind: the first ones are told of, each in full, and after that only their
 * number, each time it has doubled. So what is written about them is bounded by the logarithm of how
 * many there are, and nobody has to look at a clock.
 */

export type Telling = 'full' | 'sum' | 'nothing'

export class FewTold {
  readonly #fullMax: number
  #count = 0

  /** `fullMax`: events that are told of in full, 1 and more. */
  constructor(fullMax: number) {
    this.#fullMax = fullMax
  }

  /** Events so far. */
  get count(): number {
    return this.#count
  }

  /** One more; what is to be told of it. */
  next(): Telling {
    const count = ++this.#count
    if (count <= this.#fullMax) return 'full'
    return isPowerOfTwo(count) ? 'sum' : 'nothing'
  }
}

const isPowerOfTwo = (count: number): boolean => Number.isInteger(Math.log2(count))
