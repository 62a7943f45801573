/**
 * The bytes that a page stands for, the same on both sides of the wire.
 *
 * A tag stands for a page that begins with its eight bytes, big-endian, and is zero behind them: tag
 * 0 is the page of zeros.
 */
import { PAGE_SIZE, type Page } from './page.ts'

export const TAG_BYTES = 8

/** `length` bytes of a page from `offset` on; a view when the page is bytes. */
export function bytesOfPage(page: Page, offset = 0, length = PAGE_SIZE): Uint8Array {
  if (page instanceof Uint8Array) return page.subarray(offset, offset + length)
  const bytes = new Uint8Array(length)
  if (page === null || offset >= TAG_BYTES) return bytes
  const tag = new Uint8Array(TAG_BYTES)
  new DataView(tag.buffer).setBigUint64(0, page)
  bytes.set(tag.subarray(offset, offset + length))
  return bytes
}
