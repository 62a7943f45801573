/** Writes ASCII text into memory that is used again and again: no string is made but the last one. */

const ZERO = 48
const LOWER_A = 97
const TWO_32 = 2 ** 32

/** The bytes of a fixed part of a text. */
export const asciiOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))

export class AsciiWriter {
  readonly #bytes: Buffer
  #at = 0

  /** Room for a text of so many characters. */
  constructor(charsMax: number) {
    this.#bytes = Buffer.allocUnsafeSlow(charsMax)
  }

  /** Characters written so far. */
  get length(): number {
    return this.#at
  }

  begin(): void {
    this.#at = 0
  }

  /** Forgets what was written from a place on. */
  cut(at: number): void {
    this.#at = at
  }

  /** What was written from a place on. */
  textFrom(from: number): string {
    return this.#bytes.toString('latin1', from, this.#at)
  }

  part(text: Uint8Array): void {
    this.#bytes.set(text, this.#at)
    this.#at += text.length
  }

  code(char: number): void {
    this.#bytes[this.#at++] = char
  }

  /** An integer 0 to 2^53 - 1. */
  decimal(value: number): void {
    const bytes = this.#bytes
    let end = this.#at + 1
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end++
    this.#at = end
    let rest = value
    do {
      const above = Math.floor(rest / 10)
      bytes[--end] = ZERO + rest - above * 10
      rest = above
    } while (rest > 0)
  }

  /** `0x` and lower-case hex digits of an integer 0 to 2^64 - 1. */
  hex(value: number): void {
    this.#prefix()
    const high = Math.floor(value / TWO_32)
    if (high > 0) {
      this.#digits(high, 1)
      this.#digits(value % TWO_32, 8)
    } else this.#digits(value, 1)
  }

  /** The same of a bigint. */
  word(value: bigint): void {
    if (value <= Number.MAX_SAFE_INTEGER) return this.hex(Number(value))
    this.#prefix()
    this.#digits(Number(value >> 32n), 1)
    this.#digits(Number(value & 0xffff_ffffn), 8)
  }

  #prefix(): void {
    this.code(ZERO)
    this.code(120)
  }

  /** At least `least` digits of an integer 0 to 2^32 - 1. */
  #digits(value: number, least: number): void {
    const bytes = this.#bytes
    const count = Math.max(least, 8 - (Math.clz32(value) >>> 2))
    for (let shift = (count - 1) * 4; shift >= 0; shift -= 4) {
      const digit = (value >>> shift) & 15
      bytes[this.#at++] = digit < 10 ? ZERO + digit : LOWER_A + digit - 10
    }
  }
}
