/**
 * Memory for messages that carry pages, used again when a message is sent: fresh memory costs more
 * than the copy into it, as the kernel hands it out page by page and cleared.
 */
export class MessagePool {
  readonly #bytes: number
  readonly #keptMax: number
  readonly #free: Buffer[] = []

  /** Buffers of `bytes` each, of which at most `keptMax` wait for their next use. */
  constructor(bytes: number, keptMax: number) {
    this.#bytes = bytes
    this.#keptMax = keptMax
  }

  /** Memory with anything in it. Whoever takes it may also keep it. */
  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bytes)
  }

  /** What gives `memory` back; nothing happens when it is called again. */
  release(memory: Buffer): () => void {
    let isOut = true
    return () => {
      if (isOut && this.#free.length < this.#keptMax) this.#free.push(memory)
      isOut = false
    }
  }
}
