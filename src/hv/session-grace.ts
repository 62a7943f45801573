/** The time that sessions without a connection have left. Source: spec of the wire, section 4. */
import type { Session } from './session.ts'

export interface GracePorts {
  readonly now: () => number
  /** Runs something after so many milliseconds unless the returned function is called first. */
  readonly after: (ms: number, run: () => void) => () => void
}

export class Grace {
  readonly #ports: GracePorts
  readonly #graceMs: number
  readonly #timers = new Map<Session, () => void>()

  /** `graceMs`: 0 and more. */
  constructor(graceMs: number, ports: GracePorts) {
    this.#graceMs = graceMs
    this.#ports = ports
  }

  /** Sessions that have no connection. */
  get size(): number {
    return this.#timers.size
  }

  /** A session has lost its connection; `over` runs when the time is over. */
  begin(session: Session, over: () => void): void {
    this.end(session)
    session.detachedAt = this.#ports.now()
    const stop = this.#ports.after(this.#graceMs, () => {
      this.#timers.delete(session)
      over()
    })
    this.#timers.set(session, stop)
  }

  /** It has a connection again, or is given up. */
  end(session: Session): void {
    this.#timers.get(session)?.()
    this.#timers.delete(session)
    session.detachedAt = undefined
  }

  /** Milliseconds until the first session is given up; undefined when none waits. */
  shortest(): number | undefined {
    // All have the same time, so the one that has waited longest is the first.
    const [first] = this.#timers.keys()
    return first === undefined ? undefined : this.left(first)
  }

  /** Milliseconds that a session has left; undefined while it has a connection. */
  left({ detachedAt }: Session): number | undefined {
    if (detachedAt === undefined) return undefined
    return Math.max(0, detachedAt + this.#graceMs - this.#ports.now())
  }
}
