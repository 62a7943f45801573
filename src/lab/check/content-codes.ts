/** Contents as small numbers: who wrote the page, for which frame, for the how manieth time. */
import type { Gfn, Lpid, Page } from '../../abi/page.ts'
import { contentOf, Writer } from '../content.ts'
import { allGfns, type CheckWorld, lpidsOf } from './check-world.ts'
import { type Contents, isCipherPage } from './tag-cipher.ts'

/** Zeros. */
export const ZEROS = 0
/** A sealed page that no frame waits for any more, or one that was tampered with. */
export const STALE = 255
/** A sealed page that frame number `n` waits for is `FRESH + n`. */
export const FRESH = 200

/** How often a guest's store can be told from the one before. */
const WRITES = 2

export class ContentCodes implements Contents {
  readonly #codes = new Map<bigint, number>([[0n, ZEROS]])
  readonly #tags: bigint[] = [0n]

  constructor(world: CheckWorld) {
    for (const lpid of lpidsOf(world)) {
      for (const gfn of allGfns(world)) this.#addFrame(lpid, gfn)
    }
  }

  #addFrame(lpid: Lpid, gfn: Gfn): void {
    for (const writer of Object.values(Writer)) {
      for (let n = 0; n < WRITES; n++) {
        const tag = contentOf(writer, lpid, gfn, n)
        this.#codes.set(tag, this.#tags.length)
        this.#tags.push(tag)
      }
    }
  }

  readonly codeOf = (tag: bigint): number => this.#codes.get(tag) ?? STALE
  readonly tagOf = (code: number): bigint => this.#tags[code] ?? JUNK

  /** The code of a page that is not a fresh sealed one. */
  plainCodeOf(page: Page): number {
    if (page === null) return ZEROS
    if (typeof page === 'bigint') return isCipherPage(page) ? STALE : this.codeOf(page)
    return this.codeOf(new DataView(page.buffer, page.byteOffset).getBigUint64(0))
  }
}

/** Stands for every sealed page that nobody waits for. */
export const JUNK = 0xe7ff_ffff_ffff_ffffn
