/**
 * What the secure pages of one SVM hold.
 *
 * Zeros cost nothing and a tag eight bytes, so that 1.6 million tagged pages take 13 MB.
 * A tag stands for a page that begins with its eight bytes, big-endian, and is zero behind them:
 * tag 0 is the page of zeros.
 *
 * Pages of bytes are copied into memory of the ultravisor's own, as a real one's are: what they came
 * in, a message of which they are the most part, can go.
 */
import { type Gfn, PAGE_SIZE, type Page } from '../abi/page.ts'
import { type Block, BlockPool } from '../lib/block-pool.ts'
import { RecentMap } from '../lib/recent-map.ts'

const CHUNK = 1_024
/** Pages of memory that an ultravisor keeps for its next guest: 256 MiB. */
const FREE_PAGES_MAX = 4_096

interface Chunk {
  tags?: BigUint64Array
  bytes?: Map<number, Block>
}

/** Memory for the pages of one ultravisor's SVMs. */
export const newPageMemory = (): BlockPool => new BlockPool(PAGE_SIZE, FREE_PAGES_MAX)

export class PageContents {
  readonly #chunks = new RecentMap<number, Chunk>()
  readonly #memory: BlockPool

  constructor(memory = newPageMemory()) {
    this.#memory = memory
  }

  /** What a page holds, for good: it is not written to afterwards. */
  get(gfn: Gfn): Page {
    const page = this.#at(gfn)
    if (page === null || typeof page === 'bigint') return page
    page.lookers = Number.POSITIVE_INFINITY
    return page.bytes
  }

  /** What a page holds, for whoever is done with it before anything is set again. */
  glance(gfn: Gfn): Page {
    const page = this.#at(gfn)
    return page === null || typeof page === 'bigint' ? page : page.bytes
  }

  /** Bytes are copied. */
  set(gfn: Gfn, page: Page): void {
    const key = Math.floor(gfn / CHUNK)
    const at = gfn % CHUNK
    let chunk = this.#chunks.get(key)
    if (chunk === undefined) {
      if (page === null) return
      chunk = {}
      this.#chunks.set(key, chunk)
    }
    const old = chunk.bytes?.get(at)
    if (page instanceof Uint8Array) {
      chunk.bytes ??= new Map()
      chunk.bytes.set(at, this.#memory.copyOf(page))
    } else chunk.bytes?.delete(at)
    // Not before the copy: it may have been made of the page itself.
    if (old !== undefined) this.#memory.give(old)
    if (page instanceof Uint8Array) return
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
      for (const [at, block] of chunk.bytes ?? []) {
        block.lookers = Number.POSITIVE_INFINITY
        yield [key * CHUNK + at, block.bytes]
      }
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
    for (const [at, block] of [...(chunk.bytes ?? [])]) {
      if (at < from || at >= to) continue
      chunk.bytes?.delete(at)
      this.#memory.give(block)
    }
    if (from === 0 && to === CHUNK) this.#chunks.delete(key)
    else chunk.tags?.fill(0n, from, to)
  }

  #at(gfn: Gfn): null | bigint | Block {
    const chunk = this.#chunks.get(Math.floor(gfn / CHUNK))
    if (chunk === undefined) return null
    const block = chunk.bytes?.get(gfn % CHUNK)
    if (block !== undefined) return block
    const tag = chunk.tags?.[gfn % CHUNK] ?? 0n
    return tag === 0n ? null : tag
  }
}

/** The tag of eight bytes. */
export const tagOfBytes = (bytes: Uint8Array): bigint =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0)

export const isZeros = (bytes: Uint8Array): boolean => {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}
