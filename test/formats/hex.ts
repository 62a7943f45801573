/** Bytes from hexadecimal digits; blanks and line ends between them do not count. */
export const bytesOf = (hex: string): Uint8Array =>
  new Uint8Array(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'))

/** A copy of `bytes` with other ones from `offset` on. */
export function patched(bytes: Uint8Array, offset: number, hex: string): Uint8Array {
  const copy = bytes.slice()
  copy.set(bytesOf(hex), offset)
  return copy
}

/** ASCII text as bytes. */
export const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))
