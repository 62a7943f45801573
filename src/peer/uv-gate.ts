/**
 * Keeps an ultravisor's calls within what does good to have open on one connection: a call too many
 * waits here instead of being refused with TOO_MANY_CALLS. First come, first served.
 *
 * That is less than the limit of the wire, at which all that is under way has left the processors'
 * caches: with eight clients a call was measured to cost the server 9 us instead of 5.
 *
 * How many may be open is the hypervisor's to say, and it may be less again. It says so with the first
 * refusal, which names the limit; if it names none, or refuses although it is kept, half of what was
 * open counts, and one more for each time that so many were answered. What was refused was not begun:
 * it is made again, before anything that came later, and its caller never hears of it. Only a call that
 * is refused while nothing else is open is told: waiting would not help it.
 *
 * Why: who sends all that it is asked for, whatever becomes of it, has its answers to nested calls
 * behind its own calls in the same stream, and nothing that was begun can end before they are there.
 */
import { WIRE_ERROR } from '../../schemas/errors.ts'
import type { DownCall, ErrorMessage, UpCall } from '../../schemas/messages.ts'
import { WaitingLine } from '../lib/waiting-line.ts'
import type { Done } from './rpc-calls.ts'
import type { Peer } from './rpc-peer.ts'

/** Calls that a client has open at most, unless it is told to have more. */
export const CALLS_OPEN = 256

interface Waiting {
  readonly body: UpCall
  readonly done: Done
}

export class CallGate {
  readonly #peer: Peer<UpCall, DownCall>
  readonly #waiting = new WaitingLine<Waiting>()
  /** Refused, and to be made again before anything else. */
  readonly #refused = new WaitingLine<Waiting>()
  #open = 0
  /** Calls that may be open; never more than the peer's limit. */
  #window: number
  /** The window never grows beyond it. */
  #windowMax: number
  /** Calls answered since the window grew. */
  #answered = 0
  /** Calls made so far, and how many that were when the window shrank: it shrinks once for them all. */
  #made = 0
  #madeBefore = 0

  /** `most`: calls that are open at most, if the other side takes as many; 1 and more. */
  constructor(peer: Peer<UpCall, DownCall>, most = CALLS_OPEN) {
    this.#peer = peer
    this.#window = most
    this.#windowMax = most
  }

  /** Calls that wait for room. */
  get length(): number {
    return this.#waiting.length + this.#refused.length
  }

  /** Calls that may be open at once. */
  get window(): number {
    return this.#window
  }

  /** Makes a call in no other call's context; `done` is told once, never before this returns. */
  call(body: UpCall, done: Done): void {
    if (this.length > 0 || this.#isShut()) this.#waiting.add({ body, done })
    else this.#send(body, done)
  }

  /**
   * After the end of the connection everything passes: the peer refuses it with CONNECTION_LOST.
   */
  #isShut(): boolean {
    const isFull = this.#peer.room <= 0 || this.#open >= this.#window
    return isFull && !this.#peer.ended
  }

  #send(body: UpCall, done: Done): void {
    const open = ++this.#open
    const number = this.#made++
    this.#peer.call(body, 0, (outcome) => {
      this.#open--
      const isRefused = outcome.kind === 'error' && outcome.code === WIRE_ERROR.TOO_MANY_CALLS.code
      if (isRefused && open > 1) {
        this.#shrink(open, number, maxOf(outcome))
        this.#refused.add({ body, done })
      } else {
        if (!isRefused && this.#window < this.#windowMax) this.#grow()
        done(outcome)
      }
      if (this.length > 0) this.#drain()
    })
  }

  /** The other side took one call less than were `open` when call `number` was made. */
  #shrink(open: number, number: number, max: number | undefined): void {
    this.#windowMax = Math.min(this.#windowMax, max ?? this.#windowMax)
    if (number < this.#madeBefore) return
    this.#madeBefore = this.#made
    this.#answered = 0
    this.#window = open > this.#windowMax ? this.#windowMax : open >> 1
  }

  #grow(): void {
    if (++this.#answered < this.#window) return
    this.#answered = 0
    this.#window++
  }

  #drain(): void {
    while (this.length > 0 && !this.#isShut()) {
      const next = this.#refused.take() ?? this.#waiting.take()
      if (next !== undefined) this.#send(next.body, next.done)
    }
  }
}

/** Calls that may be open, of a refusal that says so. */
function maxOf({ data }: ErrorMessage): number | undefined {
  const max = data?.['max']
  return typeof max === 'number' && Number.isInteger(max) && max > 0 ? max : undefined
}
