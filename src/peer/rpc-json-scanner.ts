/** Walks over a text that is expected to have one exact form, without making anything of it. */

const ZERO = 48
const NINE = 57
const LOWER_A = 97
const LOWER_F = 102
/** Hex digits of a value that a double holds to the last bit. */
const EXACT_DIGITS_MAX = 13
const WORD_DIGITS_MAX = 16

export class TextScanner {
  readonly text: string
  /** Where the part that is not read yet begins. */
  at = 0

  constructor(text: string) {
    this.text = text
  }

  get isAtEnd(): boolean {
    return this.at === this.text.length
  }

  /** Steps over `part` if that comes next. */
  skip(part: string): boolean {
    if (!this.text.startsWith(part, this.at)) return false
    this.at += part.length
    return true
  }

  /** A decimal integer from `min`, which is 1 or more, to `max`, without leading zeros; else 0. */
  integer(min: number, max: number): number {
    const { text } = this
    let { at } = this
    let value = 0
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code < ZERO || code > NINE) break
      if (code === ZERO && value === 0) return 0
      value = value * 10 + code - ZERO
      if (value > max) return 0
    }
    this.at = at
    return value >= min ? value : 0
  }

  /** A value of 1 to 13 lower-case hex digits; -1 when there is none, or a longer one. */
  hex(): number {
    const { text } = this
    const start = this.at
    let at = start
    let value = 0
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code >= ZERO && code <= NINE) value = value * 16 + code - ZERO
      else if (code >= LOWER_A && code <= LOWER_F) value = value * 16 + code - LOWER_A + 10
      else break
      if (at - start === EXACT_DIGITS_MAX) return -1
    }
    this.at = at
    return at === start ? -1 : value
  }

  /** A value of 1 to 16 lower-case hex digits, to the last bit. */
  word(): bigint | undefined {
    const start = this.at
    const value = this.hex()
    if (value >= 0) return BigInt(value)
    let end = start
    for (; end - start <= WORD_DIGITS_MAX; end++) {
      const code = this.text.charCodeAt(end)
      if (!(code >= ZERO && code <= NINE) && !(code >= LOWER_A && code <= LOWER_F)) break
    }
    if (end === start || end - start > WORD_DIGITS_MAX) return undefined
    this.at = end
    return BigInt(`0x${this.text.slice(start, end)}`)
  }
}
