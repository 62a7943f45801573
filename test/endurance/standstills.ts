/**
 * Notices when the machine, or this program with its servers, stood still for seconds: what a clock
 * cuts off then has waited for nobody's fault, and may be tried again.
 */

const tickMs = 500
/** A tick that comes so late was held up by more than work. */
const lateMsMax = 3_000

export class Standstills {
  /** How many there were. */
  count = 0
  #at = performance.now()
  readonly #timer = setInterval(() => {
    const now = performance.now()
    if (now - this.#at > tickMs + lateMsMax) this.count++
    this.#at = now
  }, tickMs)

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
        await new Promise((resolve) => setTimeout(resolve, 2 * tickMs))
        if (this.count === before) throw error
      }
    }
  }
}
