/**
 * Notices when the machine, or this program with its servers, stood still for seconds: what a clock
 * cuts off then has waited for nobody's fault, and may be tried again.
 */

export interface StandstillLimits {
  readonly tickMs: number
  /** A tick that comes so late was held up by more than work. */
  readonly lateMsMax: number
}

export class Standstills {
  /** How many there were. */
  count = 0
  readonly #tickMs: number
  readonly #timer: NodeJS.Timeout

  constructor({ tickMs, lateMsMax }: StandstillLimits = { tickMs: 500, lateMsMax: 3_000 }) {
    this.#tickMs = tickMs
    let at = performance.now()
    this.#timer = setInterval(() => {
      const now = performance.now()
      if (now - at > tickMs + lateMsMax) this.count++
      at = now
    }, tickMs)
  }

  end(): void {
    clearInterval(this.#timer)
  }

  /** Does something until it ends well, or badly while time went on as it should. */
  async over<T>(run: () => Promise<T>): Promise<T> {
    for (;;) {
      const before = this.count
      try {
        return await run()
      } catch (error) {
        // The tick that tells may come behind what it explains.
        await new Promise((resolve) => setTimeout(resolve, 2 * this.#tickMs))
        if (this.count === before) throw error
      }
    }
  }
}
