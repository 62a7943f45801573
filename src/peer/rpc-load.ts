/** Calls that are open in one direction: those at the top, and those made in the context of another. */
import type { Limits } from '../../schemas/limits.ts'

type LoadLimits = Pick<Limits, 'callsInFlightMax' | 'nestedCallsInFlightMax'>

export class Load {
  readonly #limits: LoadLimits
  #top = 0
  #nested = 0

  constructor(limits: LoadLimits) {
    this.#limits = limits
  }

  /** Top-level calls that may still be opened. */
  get room(): number {
    return this.#limits.callsInFlightMax - this.#top
  }

  isFull(nested: boolean): boolean {
    const { callsInFlightMax, nestedCallsInFlightMax } = this.#limits
    return nested ? this.#nested >= nestedCallsInFlightMax : this.#top >= callsInFlightMax
  }

  count(nested: boolean, by: 1 | -1): void {
    if (nested) this.#nested += by
    else this.#top += by
  }
}
