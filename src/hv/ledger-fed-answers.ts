/**
 * Tells answers of ultracalls that a ledger gives while it is read from those that nobody gave: with no
 * ultravisor to ask an operation is answered at once, and the ledger says so only afterwards.
 */
export class FedAnswers {
  /** The operation whose ultracall is being answered by the ledger. */
  #fed: number | undefined
  /** Ultracalls of each operation that were answered at once, until the ledger says so. */
  readonly #atOnce = new Map<number, number>()

  /** Gives operation `n` its answer: others may go on with it, and be answered at once. */
  feed(n: number, give: () => void): void {
    this.#fed = n
    try {
      give()
    } finally {
      this.#fed = undefined
    }
  }

  /** An operation was told how its ultracall ended: what it was fed comes first. */
  answered(n: number): void {
    if (this.#fed === n) this.#fed = undefined
    else this.#atOnce.set(n, (this.#atOnce.get(n) ?? 0) + 1)
  }

  /** The ledger says that an ultracall of the operation was answered: true, once each, if it was at once. */
  wasAtOnce(n: number): boolean {
    const times = this.#atOnce.get(n) ?? 0
    if (times > 1) this.#atOnce.set(n, times - 1)
    else this.#atOnce.delete(n)
    return times > 0
  }
}
