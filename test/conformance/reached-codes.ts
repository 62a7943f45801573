/** Pairs of a call and a code that a run has reached, compared with those that the documents list. */

/** `H_SVM_PAGE_IN -4`. */
export const pairOf = (call: string, code: number): string => `${call} ${code}`

/** Calls with their codes as pairs, sorted. */
export function pairsOf(table: Readonly<Record<string, readonly number[]>>): readonly string[] {
  return Object.entries(table)
    .flatMap(([call, codes]) => codes.map((code) => pairOf(call, code)))
    .sort()
}

/** Collects what a run reaches. */
export class ReachedCodes {
  readonly #pairs = new Set<string>()

  note(call: string, code: number): void {
    this.#pairs.add(pairOf(call, code))
  }

  /** Sorted. */
  all(): readonly string[] {
    return [...this.#pairs].sort()
  }

  /** Those that the table does not list. */
  beyond(table: Readonly<Record<string, readonly number[]>>): readonly string[] {
    const listed = new Set(pairsOf(table))
    return this.all().filter((pair) => !listed.has(pair))
  }
}
