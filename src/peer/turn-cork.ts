/**
 * Lets the messages of one turn of the event loop leave in one write to the kernel: that call costs
 * more than all that is done to make a small message. They stay messages of their own.
 */
import type { Writable } from 'node:stream'

/** Bytes that are held back; a message that reaches this leaves at once, with all before it. */
const HELD_BYTES_MAX = 16_384
/** Messages that are held back: the other side begins with them while the turn goes on. */
const HELD_MESSAGES_MAX = 16

type Wire = Pick<Writable, 'cork' | 'uncork' | 'writableLength'>

export class TurnCork {
  readonly #wire: Wire
  #messages = 0
  #bytes = 0
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
    this.#bytes += bytes
  }

  /** To be called after it. */
  wrote(): void {
    if (this.#messages >= HELD_MESSAGES_MAX || this.#bytes >= HELD_BYTES_MAX) this.#release()
  }

  readonly #release = (): void => {
    if (this.#messages === 0) return
    this.#messages = 0
    this.#bytes = 0
    this.#wire.uncork()
  }
}
