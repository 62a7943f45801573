/**
 * A connection on which nothing leaves before what led to it is on the disk: answers, and ultracalls
 * as well, because an ultravisor that has served one must find its answer expected after a crash.
 */
import type { Transport, WireData } from '../peer/rpc-codec.ts'

/** Says when everything that has happened so far is on the disk. */
export interface Keeper {
  readonly isSafe: boolean
  /** Runs something then, at once or later; never when the disk has failed. */
  whenSafe(run: () => void): void
  /** Nothing is kept any more: the disk failed, or the server ends. */
  readonly isOver: boolean
}

interface Held {
  readonly data: WireData
  readonly sent: (() => void) | undefined
}

export class HeldTransport implements Transport {
  readonly #inner: Transport
  readonly #keeper: Keeper
  #held: Held[] = []
  #heldBytes = 0
  #closing: { readonly code: number; readonly reason: string } | undefined

  constructor(inner: Transport, keeper: Keeper) {
    this.#inner = inner
    this.#keeper = keeper
  }

  get bufferedAmount(): number {
    return this.#inner.bufferedAmount + this.#heldBytes
  }

  get congested(): boolean {
    return this.#inner.congested === true
  }

  send(data: WireData, sent?: () => void): void {
    if (this.#keeper.isOver || this.#closing !== undefined) return
    if (this.#held.length === 0 && this.#keeper.isSafe) {
      this.#inner.send(data, sent)
      return
    }
    const held = { data, sent }
    this.#held.push(held)
    this.#heldBytes += data.length
    this.#keeper.whenSafe(() => this.#letGo(held))
  }

  /** First what is held has to be safe, then it has to leave. */
  whenDrained(run: () => void): void {
    this.#keeper.whenSafe(() => {
      const inner = this.#inner
      if (inner.bufferedAmount > 0 && inner.whenDrained !== undefined) inner.whenDrained(run)
      else run()
    })
  }

  /** What is held goes first, unless it never will. */
  close(code: number, reason: string): void {
    if (this.#held.length === 0 || this.#keeper.isOver) this.#inner.close(code, reason)
    else this.#closing ??= { code, reason }
  }

  /** What waits is safe now, up to and with `last`. */
  #letGo(last: Held): void {
    while (this.#held.length > 0) {
      const held = this.#held.shift()
      if (held === undefined) break
      this.#heldBytes -= held.data.length
      this.#inner.send(held.data, held.sent)
      if (held === last) break
    }
    if (this.#held.length === 0 && this.#closing !== undefined) {
      this.#inner.close(this.#closing.code, this.#closing.reason)
    }
  }
}
