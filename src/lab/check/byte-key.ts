/** Bytes of a key under construction, and the reader of one. */

/** Bytes that a state's key may have. */
export const keyBytesMax = 1_024

export class KeyWriter {
  readonly bytes = new Uint8Array(keyBytesMax)
  length = 0

  clear(): void {
    this.length = 0
  }

  /** 0 to 255. */
  put(byte: number): void {
    this.bytes[this.length++] = byte
  }
}

export class KeyReader {
  #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  read(bytes: Uint8Array): void {
    this.#bytes = bytes
    this.#at = 0
  }

  next(): number {
    return this.#bytes[this.#at++] ?? 0
  }
}
