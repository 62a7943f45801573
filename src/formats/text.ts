/** Text and bytes, by hand: this floor has no TextDecoder. */

/** One character for one byte (ISO 8859-1), so that different bytes give different names. */
export function latinOf(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

/** The other way round: one byte for one character; `isLatinName` must hold. */
export function latinBytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

/** True when every character fits a byte and none is NUL: what names in these formats may hold. */
export function isLatinName(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0 || code > 0xff) return false
  }
  return true
}

/** The UTF-8 bytes of `text`; a lone surrogate becomes U+FFFD, as in TextEncoder. */
export function utf8Of(text: string): Uint8Array {
  const bytes: number[] = []
  for (const character of text) pushUtf8(bytes, character.codePointAt(0) ?? 0)
  return Uint8Array.from(bytes)
}

function pushUtf8(bytes: number[], point: number): void {
  const code = point >= 0xd800 && point <= 0xdfff ? 0xfffd : point
  const tail = (shift: number): number => 0x80 | ((code >> shift) & 0x3f)
  if (code < 0x80) bytes.push(code)
  else if (code < 0x800) bytes.push(0xc0 | (code >> 6), tail(0))
  else if (code < 0x1_0000) bytes.push(0xe0 | (code >> 12), tail(6), tail(0))
  else bytes.push(0xf0 | (code >> 18), tail(12), tail(6), tail(0))
}

/** `value` rounded up to a multiple of `step` (1 or more). */
export const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step
