/** Who follows the journal as it grows, and what waits for them. */
import { REST_LIMITS } from '../../schemas/rest/limits.ts'
import type { JournalEvent } from './journal-entry.ts'

export const { journalFollowersMax } = REST_LIMITS
/** Events that wait for one follower. */
export const journalWaitingMax = 4_096

export interface JournalTaken {
  readonly events: readonly JournalEvent[]
  /** Events that were lost since the last time: they came faster than they were taken. */
  readonly lost: number
}

/** Notes the serials of events that a follower wants; who is slow loses events, nobody else does. */
export class JournalFollower {
  readonly #wants: (serial: number) => boolean
  readonly #look: (serial: number) => JournalEvent | undefined
  readonly #wake: () => void
  readonly #leave: (follower: JournalFollower) => void
  readonly #waiting: Float64Array
  #first = 0
  #count = 0
  #lost = 0

  constructor(
    wants: (serial: number) => boolean,
    look: (serial: number) => JournalEvent | undefined,
    wake: () => void,
    leave: (follower: JournalFollower) => void,
    waitingMax: number,
  ) {
    this.#wants = wants
    this.#look = look
    this.#wake = wake
    this.#leave = leave
    this.#waiting = new Float64Array(waitingMax)
  }

  /** An event is complete. */
  offer(serial: number): void {
    if (!this.#wants(serial)) return
    const { length } = this.#waiting
    if (this.#count === length) {
      this.#lost++
      return
    }
    this.#waiting[(this.#first + this.#count) % length] = serial
    this.#count++
    if (this.#count === 1) this.#wake()
  }

  /** What has come since the last time, in the order in which it was complete. */
  take(limit = this.#count): JournalTaken {
    const events: JournalEvent[] = []
    for (let left = Math.min(limit, this.#count); left > 0; left--) {
      const event = this.#look(this.#waiting[this.#first] as number)
      this.#first = (this.#first + 1) % this.#waiting.length
      this.#count--
      // The ring has gone round while it waited.
      if (event === undefined) this.#lost++
      else events.push(event)
    }
    const lost = this.#lost
    this.#lost = 0
    return { events, lost }
  }

  /** Events that wait to be taken. */
  get waiting(): number {
    return this.#count
  }

  close(): void {
    this.#leave(this)
  }
}
