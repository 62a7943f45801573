/**
 * Keeps the event loop from falling asleep for a moment when messages come one right after the other:
 * to be woken costs the other side's write, and us, several times what a message costs.
 *
 * The kernel knows the same for sockets (busy_poll) and for virtual processors (halt_poll_ns), and
 * bounds it the same way: who hears nothing soon goes to sleep, and who has no processor to itself
 * does not poll at all.
 */

/** Milliseconds that a message is waited for with open eyes, when the last two were as close. */
export const busyPollMsMax = 0.3
/**
 * Rounds of arithmetic between two looks that found nothing, about 2 us: a turn of the event loop makes
 * half a kilobyte of garbage, and what looks a million times a second keeps the collector busy.
 */
const PAUSE_ROUNDS = 2_000
/** Milliseconds between two looks by which somebody else must have had the processor. */
const CONTENDED_MS = 1
/** Milliseconds that it is left to them then: twice as many each time, and half when nobody was there. */
const REST_MS_MIN = 10
const REST_MS_MAX = 1_280

export interface BusyPollPorts {
  /** Milliseconds, rising. */
  readonly now: () => number
  /** Runs something in the next turn of the event loop, which does not sleep before it. */
  readonly again: (run: () => void) => void
}

export class BusyPoll {
  readonly #ports: BusyPollPorts
  /** Kept so that the pause is not taken for work that nobody needs. */
  #rounds = 1
  #isPolling = false
  #heardAt = Number.NEGATIVE_INFINITY
  #lookedAt = 0
  #restMs = REST_MS_MIN
  #restsUntil = Number.NEGATIVE_INFINITY

  constructor(ports: BusyPollPorts) {
    this.#ports = ports
  }

  /** A message has come. */
  heard(): void {
    const now = this.#ports.now()
    const isNear = now - this.#heardAt <= busyPollMsMax
    this.#heardAt = now
    if (!isNear || this.#isPolling || now < this.#restsUntil) return
    this.#isPolling = true
    this.#lookedAt = now
    this.#ports.again(this.#look)
  }

  readonly #look = (): void => {
    const now = this.#ports.now()
    const before = this.#lookedAt
    this.#lookedAt = now
    // A turn in which a message was served may be long for that.
    const isContended = this.#heardAt < before && now - before > CONTENDED_MS
    if (isContended) this.#rest(now)
    else if (now - this.#heardAt <= busyPollMsMax) {
      if (this.#heardAt < before) this.#pause()
      return this.#ports.again(this.#look)
    } else this.#restMs = Math.max(REST_MS_MIN, this.#restMs / 2)
    this.#isPolling = false
  }

  #pause(): void {
    let rounds = this.#rounds
    for (let i = 0; i < PAUSE_ROUNDS; i++) rounds = (Math.imul(rounds, 3) + i) | 0
    this.#rounds = rounds
  }

  #rest(now: number): void {
    this.#restsUntil = now + this.#restMs
    this.#restMs = Math.min(REST_MS_MAX, this.#restMs * 2)
  }
}

/** Of this process: it has one event loop, however many connections. */
export const BUSY_POLL = new BusyPoll({ now: () => performance.now(), again: setImmediate })
