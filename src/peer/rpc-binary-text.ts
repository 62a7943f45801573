/** Texts in frames: UTF-8, checked. */
import type { FrameReader } from './rpc-binary-frame.ts'

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Bytes that should be UTF-8 are not: the connection ends with BAD_TEXT. Caught by the codec. */
export class BadText extends Error {
  override readonly name = 'BadText'
}

/** The text at an offset in the frame; throws BadText. */
export function textIn(frame: FrameReader, offset: number, length: number): string {
  try {
    return UTF8.decode(frame.slice(offset, length))
  } catch {
    throw new BadText()
  }
}

/** Bytes of a text. A lone surrogate, which has no UTF-8 form, is sent as U+FFFD. */
export const textBytes = (text: string): number => Buffer.byteLength(text, 'utf8')
