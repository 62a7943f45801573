/** A seeded generator (splitmix32): same seed, same sequence, on every machine. */
export interface Prng {
  /** The next integer from 0 to `below` - 1; `below` is 1 to 2^32. */
  readonly int: (below: number) => number
  /** The next number from 0 (included) to 1 (excluded). */
  readonly real: () => number
}

export function prng(seed: number): Prng {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = state ^ (state >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }
  const real = (): number => next() / 0x1_0000_0000
  return { int: (below) => Math.floor(real() * below), real }
}
