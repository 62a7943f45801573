/** What becomes of operations while somebody looks at, or replaces, the state of the whole host. */
import type { Operation } from './operation.ts'

export class Hold {
  /** Operations that are held back, in the order in which they came. */
  readonly waiting: Operation[] = []
  readonly #how: 'wait' | 'gone'
  readonly #idle: () => void

  /**
   * `wait`: they wait until the hold ends; `gone`: their VMs are about to go. `idle` is told when the
   * last operation of the queues has ended.
   */
  constructor(how: 'wait' | 'gone', idle: () => void) {
    this.#how = how
    this.#idle = idle
  }

  /** True when the hold has taken the operation: it is not queued. */
  takes(op: Operation): boolean {
    if (this.#how === 'gone') op.done({ how: 'gone' })
    // One that another waits for must go on, or that one would never end.
    else if (op.inside !== undefined) return false
    else this.waiting.push(op)
    return true
  }

  idle(): void {
    this.#idle()
  }
}
