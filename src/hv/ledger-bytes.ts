/** Bytes that are gathered one value after the other, and read again. Numbers are little-endian. */

const FIRST_BYTES = 16_384
/** A buffer that has grown past this is let go when it was emptied. */
const KEPT_BYTES = 1_048_576
const TWO_32 = 2 ** 32

export class ByteWriter {
  #bytes = new Uint8Array(FIRST_BYTES)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  get length(): number {
    return this.#length
  }

  u8(value: number): void {
    const at = this.#room(1)
    this.#view.setUint8(at, value)
  }

  u32(value: number): void {
    const at = this.#room(4)
    this.#view.setUint32(at, value, true)
  }

  /** An integer 0 to 2^53 - 1. */
  u64(value: number): void {
    const at = this.#room(8)
    this.#view.setUint32(at, value >>> 0, true)
    this.#view.setUint32(at + 4, Math.floor(value / TWO_32), true)
  }

  f64(value: number): void {
    const at = this.#room(8)
    this.#view.setFloat64(at, value, true)
  }

  word(value: bigint): void {
    const at = this.#room(8)
    this.#view.setBigUint64(at, value, true)
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#room(bytes.length)
    this.#bytes.set(bytes, at)
  }

  /** Writes over a u32 that is there already. */
  setU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true)
  }

  /** What was gathered, as a copy of its own. */
  copy(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  clear(): void {
    this.#length = 0
    if (this.#bytes.length > KEPT_BYTES) this.#grow(FIRST_BYTES)
  }

  /** Where so many bytes more go: to be asked before the buffer is looked at, which may change. */
  #room(bytes: number): number {
    const at = this.#length
    this.#length += bytes
    if (this.#length > this.#bytes.length)
      this.#grow(Math.max(this.#length, this.#bytes.length * 2))
    return at
  }

  #grow(size: number): void {
    const grown = new Uint8Array(size)
    grown.set(this.#bytes.subarray(0, Math.min(size, this.#length)))
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}

/** Reads what a ByteWriter wrote; a RangeError when there is less than is asked for. */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get at(): number {
    return this.#at
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true)
  }

  u64(): number {
    const at = this.#take(8)
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * TWO_32
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true)
  }

  word(): bigint {
    return this.#view.getBigUint64(this.#take(8), true)
  }

  /** A view on so many bytes; all that is left when no number is given. */
  bytes(length = this.left): Uint8Array {
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  #take(bytes: number): number {
    const at = this.#at
    if (bytes > this.left)
      throw new RangeError(`${bytes} bytes are asked for, ${this.left} are left`)
    this.#at += bytes
    return at
  }
}
