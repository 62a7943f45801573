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
  bytes.set(bytesOfTag(page).subarray(offset, offset + length))
  return bytes
}

/** The eight bytes of a tag, big-endian. */
export function bytesOfTag(tag: bigint): Uint8Array {
  const bytes = new Uint8Array(TAG_BYTES)
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, tag))
  return bytes
}

/** A page as 65,536 bytes that the caller may write to. */
export const writableBytes = (page: Page): Uint8Array =>
  page instanceof Uint8Array ? page.slice() : bytesOfPage(page)
