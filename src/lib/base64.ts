/** Bytes as base64 (RFC 4648, with padding) and back, without any host's help. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const PAD = 61
/** Characters that become a string at once. */
const PIECE = 8_192

const CODES = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0))
const VALUES = new Int8Array(128).fill(-1)
for (const [value, code] of CODES.entries()) VALUES[code] = value

export function toBase64(bytes: Uint8Array): string {
  const out = new Uint8Array(Math.ceil(bytes.length / 3) * 4)
  const whole = bytes.length - (bytes.length % 3)
  let to = 0
  for (let at = 0; at < whole; at += 3) {
    const word = byteAt(bytes, at, 16) | byteAt(bytes, at + 1, 8) | byteAt(bytes, at + 2, 0)
    out[to++] = CODES[word >>> 18] as number
    out[to++] = CODES[(word >>> 12) & 63] as number
    out[to++] = CODES[(word >>> 6) & 63] as number
    out[to++] = CODES[word & 63] as number
  }
  if (whole < bytes.length) {
    const word = byteAt(bytes, whole, 16) | byteAt(bytes, whole + 1, 8)
    out[to++] = CODES[word >>> 18] as number
    out[to++] = CODES[(word >>> 12) & 63] as number
    out[to++] = whole + 1 < bytes.length ? (CODES[(word >>> 6) & 63] as number) : PAD
    out[to++] = PAD
  }
  return textOf(out)
}

const byteAt = (bytes: Uint8Array, at: number, shift: number): number => (bytes[at] ?? 0) << shift

/** A call takes a typed array for its arguments much faster than it spreads one. */
function textOf(codes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < codes.length; at += PIECE) {
    const piece = codes.subarray(at, at + PIECE) as unknown as number[]
    text += String.fromCharCode.apply(undefined, piece)
  }
  return text
}

/** The bytes; `undefined` when the text is not base64 as `toBase64` writes it. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined
  const pads = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = new Uint8Array((text.length / 4) * 3 - pads)
  let to = 0
  for (let at = 0; at < text.length; at += 4) {
    const last = at + 4 === text.length ? 4 - pads : 4
    let word = 0
    for (let i = 0; i < 4; i++) {
      const value = i < last ? (VALUES[text.charCodeAt(at + i)] ?? -1) : 0
      if (value < 0) return undefined
      word = (word << 6) | value
    }
    if ((last === 2 && (word & 0xffff) !== 0) || (last === 3 && (word & 0xff) !== 0))
      return undefined
    for (let i = 0; i < last - 1; i++) bytes[to++] = (word >>> (16 - 8 * i)) & 255
  }
  return bytes
}
