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
  let to = 0
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at
    const word = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    out[to++] = CODES[word >>> 18] ?? PAD
    out[to++] = CODES[(word >>> 12) & 63] ?? PAD
    out[to++] = left > 1 ? (CODES[(word >>> 6) & 63] ?? PAD) : PAD
    out[to++] = left > 2 ? (CODES[word & 63] ?? PAD) : PAD
  }
  let text = ''
  for (let at = 0; at < out.length; at += PIECE) {
    text += String.fromCharCode(...out.subarray(at, at + PIECE))
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
