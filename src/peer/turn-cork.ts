/**
 * Lets the messages of one turn of the event loop leave in one write to the kernel: that call costs
 * more than all that is done to make a small message. They stay messages of their own.
 */
import type { Writable } from 'node:stream'

/**
 * A message of so many bytes is worth a write of its own: it leaves at once, with all before it, so
 * that the other side works on it while the turn goes on.
 */
const HELD_BYTES_MAX = 1_024
/** Messages that are held back: the other side begins with them while the turn goes on. */
const HELD_MESSAGES_MAX = 16

type Wire = Pick<Writable, 'cork' | 'uncork' | 'writableLength'>

export class TurnCork {
  readonly #wire: Wire
  #messages = 0
  #isFull = false
  /** Bytes that waited before the first one was held back. */
  #before = 0

  /** `wire`: the TCP socket below a WebSocket. */
  constructor(wire: Wire) {
    this.#wire = wire
  }

  /** Bytes that the other side has not taken: what is only held back for this turn is not its fault. */
  get waiting(): number {
    return this.#messages > 0 ? this.#before : this.#wire.writableLength
  }

  /** To be called before a message of so many bytes, or more, is written. */
  hold(bytes: number): void {
    if (this.#messages === 0) {
      if (bytes >= HELD_BYTES_MAX) return
      this.#before = this.#wire.writableLength
      this.#wire.cork()
      process.nextTick(this.#release)
    }
    this.#messages++
    this.#isFull ||= bytes >= HELD_BYTES_MAX || this.#messages >= HELD_MESSAGES_MAX
  }

  /** To be called after it. */
  wrote(): void {
    if (this.#isFull) this.#release()
  }

  readonly #release = (): void => {
    if (this.#messages === 0) return
    this.#messages = 0
    this.#isFull = false
    this.#wire.uncork()
  }
}
