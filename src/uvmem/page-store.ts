/**
 * What numbered pages hold, at little cost where it follows a rule.
 *
 * Pages lie in chunks of 1,024. A chunk of zeros costs nothing; a chunk whose tags rise by a fixed
 * step costs one small object, so that 100 GB of tagged memory fits in a few hundred KB.
 */
import type { Page } from '../abi/page.ts'
import { RecentMap } from '../lib/recent-map.ts'

const CHUNK = 1_024

/** A chunk whose page i holds the tag `first + i * step`. */
interface RuleChunk {
  readonly first: bigint
  readonly step: bigint
  /** Pages not dropped yet. */
  live: number
}

interface ListChunk {
  readonly pages: Page[]
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

const wrap = (tag: bigint): bigint => BigInt.asUintN(64, tag)

export class PageStore {
  readonly #chunks = new RecentMap<number, RuleChunk | ListChunk>()

  get(n: number): Page {
    const chunk = this.#chunks.get(Math.floor(n / CHUNK))
    if (chunk === undefined) return null
    const at = n % CHUNK
    return isRule(chunk) ? wrap(chunk.first + BigInt(at) * chunk.step) : (chunk.pages[at] ?? null)
  }

  set(n: number, page: Page): void {
    const key = Math.floor(n / CHUNK)
    const chunk = this.#chunks.get(key)
    if (chunk === undefined && page === null) return
    const list = chunk === undefined || isRule(chunk) ? this.#listAt(key, chunk) : chunk
    const at = n % CHUNK
    if ((list.pages[at] ?? null) !== null) list.live--
    if (page !== null) list.live++
    list.pages[at] = page
    if (list.live === 0) this.#chunks.delete(key)
  }

  /** Says that nobody will read page `n` before it is set again: its content may be let go. */
  drop(n: number): void {
    const key = Math.floor(n / CHUNK)
    const chunk = this.#chunks.get(key)
    if (chunk === undefined) return
    if (!isRule(chunk)) this.set(n, null)
    else if (--chunk.live === 0) this.#chunks.delete(key)
  }

  /** Drops pages `start` to `start + count - 1`. */
  dropRun(start: number, count: number): void {
    for (let done = 0; done < count; ) {
      const n = start + done
      const here = Math.min(count - done, CHUNK - (n % CHUNK))
      const chunk = this.#chunks.get(Math.floor(n / CHUNK))
      if (chunk !== undefined) for (let i = 0; i < here; i++) this.drop(n + i)
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
      if (here === CHUNK) this.#chunks.delete(key)
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
        for (const [i, page] of chunk.pages.entries()) {
          if (page !== null && page !== undefined) yield { at: at + i, page }
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

  #listAt(key: number, rule: RuleChunk | undefined): ListChunk {
    // It grows as pages are set: a small VM has a few.
    const pages: Page[] = []
    if (rule !== undefined) {
      for (let i = 0; i < CHUNK; i++) pages.push(wrap(rule.first + BigInt(i) * rule.step))
    }
    const list: ListChunk = { pages, live: rule === undefined ? 0 : CHUNK }
    this.#chunks.set(key, list)
    return list
  }
}
