/**
 * What the merged series' search for a free device PFN costs, beside this project's.
 *
 * Source: kvmppc_uvmem_get_page(): find_first_zero_bit() from bit 0, under a lock, for every page.
 * When the n lowest PFNs are taken it reads floor(n / 64) + 1 words of 64 bits, so filling a pool
 * is quadratic. NumberPool looks at a few words however full it is.
 */

/** What one word of the search costs on the machine that is predicted, in nanoseconds. */
export const DEFAULT_NS_PER_WORD = 0.3

export interface SearchCost {
  readonly pages: number
  /** Words that Linux reads to secure so many pages of an empty pool one after the other. */
  readonly linuxWords: number
  /** Words that this project reads at most: a run of free PFNs is taken at a stroke. */
  readonly ourWords: number
  /** Seconds that Linux spends in the search; a prediction. */
  readonly linuxSeconds: number
}

/** Words that are read to find the lowest free PFN while `taken` lower ones are in use. */
export const wordsToFind = (taken: number): number => Math.floor(taken / 64) + 1

/** Sum of `wordsToFind` over `pages` pages taken one after the other, in closed form. */
export function wordsToFill(pages: number): number {
  const whole = Math.floor(pages / 64)
  const rest = pages - whole * 64
  return 64 * ((whole * (whole + 1)) / 2) + rest * (whole + 1)
}

/** Levels of NumberPool's summary bits that one search looks at, at most. */
const LEVELS_MAX = 6

/** PFNs that NumberPool takes or gives at a stroke. */
const CHUNK = 32_768

export function searchCost(pages: number, nsPerWord = DEFAULT_NS_PER_WORD): SearchCost {
  const linuxWords = wordsToFill(pages)
  return {
    pages,
    linuxWords,
    ourWords: Math.ceil(pages / CHUNK) * LEVELS_MAX,
    linuxSeconds: (linuxWords * nsPerWord) / 1e9,
  }
}
