/**
 * A clock that looks at the time once a turn of the event loop, or once in so many readings: looking
 * costs more than all the rest that is noted of a page move.
 */

/** Readings, at most, that see the same time. */
export const readsPerLookMax = 64

export class TurnClock {
  readonly #now: () => number
  readonly #later: (run: () => void) => void
  #time = 0
  #left = 0
  #waits = false

  /** `now`: milliseconds, rising. `later` runs something in a later turn. */
  constructor(now: () => number, later: (run: () => void) => void) {
    this.#now = now
    this.#later = later
  }

  /** Milliseconds; never less than before. */
  read(): number {
    if (this.#left > 0) {
      this.#left--
      return this.#time
    }
    this.#time = this.#now()
    this.#left = readsPerLookMax - 1
    if (!this.#waits) {
      this.#waits = true
      this.#later(this.#turn)
    }
    return this.#time
  }

  readonly #turn = (): void => {
    this.#waits = false
    this.#left = 0
  }
}
