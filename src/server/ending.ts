/** Tells what goes on for long that the server is about to end. */

export class Ending {
  readonly #runs = new Set<() => void>()
  #ended = false

  /** Calls `run` when the server ends, at once if it has; @returns what lets go of it. */
  add(run: () => void): () => void {
    if (this.#ended) run()
    else this.#runs.add(run)
    return () => {
      this.#runs.delete(run)
    }
  }

  end(): void {
    this.#ended = true
    for (const run of [...this.#runs]) run()
    this.#runs.clear()
  }

  /** Who would be told. */
  get size(): number {
    return this.#runs.size
  }
}
