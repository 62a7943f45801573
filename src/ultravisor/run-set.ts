/** A set of integers kept as runs, for sets that are made of few long runs. */

interface Run {
  readonly first: number
  /** One past the last. */
  readonly end: number
}

export class RunSet {
  /** Ascending, disjoint. */
  #runs: Run[] = []

  has(n: number): boolean {
    const run = this.#runs[this.#indexOf(n)]
    return run !== undefined && n >= run.first && n < run.end
  }

  /** Adds `first` to `end` - 1. */
  add(first: number, end: number): void {
    if (first >= end) return
    this.delete(first, end)
    const at = this.#indexOf(first)
    const before = this.#runs[at - 1]
    const after = this.#runs[at]
    const joinsBefore = before !== undefined && before.end === first
    const joinsAfter = after !== undefined && after.first === end
    const run = { first: joinsBefore ? before.first : first, end: joinsAfter ? after.end : end }
    const from = joinsBefore ? at - 1 : at
    this.#runs.splice(from, (joinsBefore ? 1 : 0) + (joinsAfter ? 1 : 0), run)
  }

  /** Takes `first` to `end` - 1 away. */
  delete(first: number, end: number): void {
    if (first >= end) return
    const from = this.#indexOf(first)
    let to = from
    const left: Run[] = []
    for (let run = this.#runs[to]; run !== undefined && run.first < end; run = this.#runs[++to]) {
      if (run.first < first) left.push({ first: run.first, end: first })
      if (run.end > end) left.push({ first: end, end: run.end })
    }
    if (to > from) this.#runs.splice(from, to - from, ...left)
  }

  clear(): void {
    this.#runs = []
  }

  /** The runs as pairs of first and end, ascending. */
  runs(): [number, number][] {
    return this.#runs.map((run) => [run.first, run.end])
  }

  /** Index of the first run that ends above `n`. */
  #indexOf(n: number): number {
    let low = 0
    let high = this.#runs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#runs[middle]?.end ?? 0) <= n) low = middle + 1
      else high = middle
    }
    return low
  }
}
