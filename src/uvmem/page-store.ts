/**
 * What numbered pages hold, at little cost where it follows a rule.
 *
 * Pages lie in chunks of 1,024. A chunk of zeros costs nothing; a chunk whose tags rise by a fixed
 * step costs one small object, so that 100 GB of tagged memory fits in a few hundred KB. Pages of bytes
 * are copied into memory of the store's own: what they came in, a message of which they are the most
 * part, can go.
 */
import { PAGE_SIZE, type Page } from '../abi/page.ts'
import { type Block, BlockPool } from '../lib/block-pool.ts'
import { RecentMap } from '../lib/recent-map.ts'

const CHUNK = 1_024
/** Pages of memory that wait for their next use at most: 256 MiB. */
const FREE_PAGES_MAX = 4_096

/** A page in its place. */
type Held = null | bigint | Block

/** A chunk whose page i holds the tag `first + i * step`. */
interface RuleChunk {
  readonly first: bigint
  readonly step: bigint
  /** Pages not dropped yet. */
  live: number
}

interface ListChunk {
  readonly pages: Held[]
  /** Pages that are not zeros. */
  live: number
}

/** A page, or a chunk of pages that follow a rule, of which `live` are not dropped. */
export type PageEntry =
  | { readonly at: number; readonly page: Page }
  | { readonly at: number; readonly first: bigint; readonly step: bigint; readonly live: number }

/** Pages in an entry that follows a rule; its `at` is a multiple of them. */
export const pagesPerRule = CHUNK

const isRule = (chunk: RuleChunk | ListChunk): chunk is RuleChunk => 'step' in chunk

/** The page for somebody who may look at it when it is not here any more. */
function lent(held: Held): Page {
  if (held === null || typeof held === 'bigint') return held
  held.lookers = Number.POSITIVE_INFINITY
  return held.bytes
}

const wrap = (tag: bigint): bigint => BigInt.asUintN(64, tag)

export class PageStore {
  readonly #chunks = new RecentMap<number, RuleChunk | ListChunk>()
  readonly #memory = new BlockPool(PAGE_SIZE, FREE_PAGES_MAX)

  /** What a page holds, for good: it is not written to afterwards. */
  get(n: number): Page {
    return lent(this.#at(n))
  }

  /** What a page holds, for whoever is done with it before anything is set again. */
  glance(n: number): Page {
    const held = this.#at(n)
    return held === null || typeof held === 'bigint' ? held : held.bytes
  }

  /** What a page holds, for somebody who says when he is done with it. */
  lend(n: number): Page {
    const held = this.#at(n)
    if (held === null || typeof held === 'bigint') return held
    held.lookers++
    return held.bytes
  }

  /** Whom `page` was lent to as page `n` is done with it; something else may be there by now. */
  settle(n: number, page: Page): void {
    const held = this.#at(n)
    if (held === null || typeof held === 'bigint') return
    if (held.bytes === page) held.lookers--
  }

  /** Bytes are copied. */
  set(n: number, page: Page): void {
    const key = Math.floor(n / CHUNK)
    const chunk = this.#chunks.get(key)
    if (chunk === undefined && page === null) return
    const list = chunk === undefined || isRule(chunk) ? this.#listAt(key, chunk) : chunk
    const at = n % CHUNK
    const old = list.pages[at] ?? null
    if (old !== null) list.live--
    if (page !== null) list.live++
    list.pages[at] = page instanceof Uint8Array ? this.#memory.copyOf(page) : page
    // Not before the copy: it may have been made of the page itself.
    this.#give(old)
    if (list.live === 0) this.#chunks.delete(key)
  }

  /** Says that nobody will read page `n` before it is set again: its content may be let go. */
  drop(n: number): void {
    this.dropRun(n, 1)
  }

  /** Drops pages `start` to `start + count - 1`. */
  dropRun(start: number, count: number): void {
    for (let done = 0; done < count; ) {
      const n = start + done
      const here = Math.min(count - done, CHUNK - (n % CHUNK))
      const key = Math.floor(n / CHUNK)
      const chunk = this.#chunks.get(key)
      if (chunk !== undefined && isRule(chunk)) {
        chunk.live -= here
        if (chunk.live === 0) this.#chunks.delete(key)
      } else if (chunk !== undefined) for (let i = 0; i < here; i++) this.set(n + i, null)
      done += here
    }
  }

  /** Pages `start` to `start + count - 1` are zeros from now on, whatever a dropped one held. */
  renewRun(start: number, count: number): void {
    if (this.#chunks.size === 0) return
    for (let done = 0; done < count; ) {
      const n = start + done
      const here = Math.min(count - done, CHUNK - (n % CHUNK))
      const key = Math.floor(n / CHUNK)
      if (here === CHUNK) this.#forget(key)
      else if (this.#chunks.has(key)) for (let i = 0; i < here; i++) this.set(n + i, null)
      done += here
    }
  }

  /** Everything that is not zeros. */
  *entries(): Generator<PageEntry> {
    for (const [key, chunk] of this.#chunks) {
      const at = key * CHUNK
      if (isRule(chunk)) yield { at, ...chunk }
      else {
        for (const [i, held] of chunk.pages.entries()) {
          if (held !== null && held !== undefined) yield { at: at + i, page: lent(held) }
        }
      }
    }
  }

  /** Takes an entry of another store over. */
  add(entry: PageEntry): void {
    if ('page' in entry) this.set(entry.at, entry.page)
    else {
      const { at, first, step, live } = entry
      this.#chunks.set(Math.floor(at / CHUNK), { first, step, live })
    }
  }

  /** Page `start + i` gets the tag `tag + i * step`, for `count` pages that held zeros. */
  fillTags(start: number, count: number, tag: bigint, step: bigint): void {
    for (let done = 0; done < count; ) {
      const n = start + done
      const here = Math.min(count - done, CHUNK - (n % CHUNK))
      const key = Math.floor(n / CHUNK)
      const first = tag + BigInt(done) * step
      if (here === CHUNK) this.#chunks.set(key, { first, step, live: CHUNK })
      else for (let i = 0; i < here; i++) this.set(n + i, wrap(first + BigInt(i) * step))
      done += here
    }
  }

  #at(n: number): Held {
    const chunk = this.#chunks.get(Math.floor(n / CHUNK))
    if (chunk === undefined) return null
    const at = n % CHUNK
    return isRule(chunk) ? wrap(chunk.first + BigInt(at) * chunk.step) : (chunk.pages[at] ?? null)
  }

  #give(held: Held | undefined): void {
    if (typeof held === 'object' && held !== null) this.#memory.give(held)
  }

  #forget(key: number): void {
    const chunk = this.#chunks.get(key)
    if (chunk !== undefined && !isRule(chunk)) for (const held of chunk.pages) this.#give(held)
    this.#chunks.delete(key)
  }

  #listAt(key: number, rule: RuleChunk | undefined): ListChunk {
    // It grows as pages are set: a small VM has a few.
    const pages: Held[] = []
    if (rule !== undefined) {
      for (let i = 0; i < CHUNK; i++) pages.push(wrap(rule.first + BigInt(i) * rule.step))
    }
    const list: ListChunk = { pages, live: rule === undefined ? 0 : CHUNK }
    this.#chunks.set(key, list)
    return list
  }
}
