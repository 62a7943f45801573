/**
 * What the secure pages of one SVM hold.
 *
 * Zeros cost nothing and a tag eight bytes, so that 1.6 million tagged pages take 13 MB.
 * A tag stands for a page that begins with its eight bytes, big-endian, and is zero behind them:
 * tag 0 is the page of zeros.
 */
import type { Gfn, Page } from '../abi/page.ts'
import { RecentMap } from '../lib/recent-map.ts'

const CHUNK = 1_024

interface Chunk {
  tags?: BigUint64Array
  bytes?: Map<number, Uint8Array>
}

export class PageContents {
  readonly #chunks = new RecentMap<number, Chunk>()

  get(gfn: Gfn): Page {
    const chunk = this.#chunks.get(Math.floor(gfn / CHUNK))
    if (chunk === undefined) return null
    const bytes = chunk.bytes?.get(gfn % CHUNK)
    if (bytes !== undefined) return bytes
    const tag = chunk.tags?.[gfn % CHUNK] ?? 0n
    return tag === 0n ? null : tag
  }

  set(gfn: Gfn, page: Page): void {
    const key = Math.floor(gfn / CHUNK)
    const at = gfn % CHUNK
    let chunk = this.#chunks.get(key)
    if (chunk === undefined) {
      if (page === null) return
      chunk = {}
      this.#chunks.set(key, chunk)
    }
    if (page instanceof Uint8Array) {
      chunk.bytes ??= new Map()
      chunk.bytes.set(at, page)
      return
    }
    chunk.bytes?.delete(at)
    if (page !== null) {
      chunk.tags ??= new BigUint64Array(CHUNK)
      chunk.tags[at] = page
    } else if (chunk.tags !== undefined) chunk.tags[at] = 0n
  }

  /** Pages `start` to `end` - 1 become zeros. */
  clearRange(start: number, end: number): void {
    const [first, last] = [Math.floor(start / CHUNK), Math.floor((end - 1) / CHUNK)]
    if (last - first < this.#chunks.size) {
      for (let key = first; key <= last; key++) this.#clearIn(key, start, end)
      return
    }
    for (const key of [...this.#chunks.keys()]) this.#clearIn(key, start, end)
  }

  /** Pages that are not zeros, in no particular order. */
  *pages(): Generator<[gfn: number, page: bigint | Uint8Array]> {
    for (const [key, chunk] of this.#chunks) {
      for (const [at, bytes] of chunk.bytes ?? []) yield [key * CHUNK + at, bytes]
      for (const [at, tag] of chunk.tags?.entries() ?? []) {
        if (tag !== 0n && chunk.bytes?.has(at) !== true) yield [key * CHUNK + at, tag]
      }
    }
  }

  #clearIn(key: number, start: number, end: number): void {
    const chunk = this.#chunks.get(key)
    if (chunk === undefined) return
    const from = Math.max(start - key * CHUNK, 0)
    const to = Math.min(end - key * CHUNK, CHUNK)
    if (from >= to) return
    if (from === 0 && to === CHUNK) {
      this.#chunks.delete(key)
      return
    }
    chunk.tags?.fill(0n, from, to)
    for (const at of [...(chunk.bytes?.keys() ?? [])]) {
      if (at >= from && at < to) chunk.bytes?.delete(at)
    }
  }
}

/** The tag of eight bytes. */
export const tagOfBytes = (bytes: Uint8Array): bigint =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0)

export const isZeros = (bytes: Uint8Array): boolean => {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}
