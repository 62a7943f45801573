/**
 * Keeps an ultravisor's calls within what one connection may have open: a call too many waits here
 * instead of being refused with TOO_MANY_CALLS. First come, first served.
 */
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import type { Done } from './rpc-calls.ts'
import type { Peer } from './rpc-peer.ts'

interface Waiting {
  readonly body: UpCall
  readonly done: Done
}

export class CallGate {
  readonly #peer: Peer<UpCall, DownCall>
  #waiting: Waiting[] = []
  #next = 0

  constructor(peer: Peer<UpCall, DownCall>) {
    this.#peer = peer
  }

  /** Calls that wait for room. */
  get length(): number {
    return this.#waiting.length - this.#next
  }

  /** Makes a call in no other call's context; `done` is told once, never before this returns. */
  call(body: UpCall, done: Done): void {
    if (this.length > 0 || this.#isShut()) this.#waiting.push({ body, done })
    else this.#send(body, done)
  }

  /**
   * After the end of the connection everything passes: the peer refuses it with CONNECTION_LOST.
   */
  #isShut(): boolean {
    return this.#peer.room <= 0 && !this.#peer.ended
  }

  #send(body: UpCall, done: Done): void {
    this.#peer.call(body, 0, (outcome) => {
      done(outcome)
      if (this.length > 0) this.#drain()
    })
  }

  #drain(): void {
    while (this.length > 0 && !this.#isShut()) {
      const waiting = this.#waiting[this.#next++]
      if (waiting !== undefined) this.#send(waiting.body, waiting.done)
    }
    if (this.length > 0) return
    this.#waiting = []
    this.#next = 0
  }
}
