/**
 * The SVM's partition-scoped page table, as far as anyone can see it.
 *
 * Source: pgtable.c of the firmware. 32 frames share a 2 MiB chunk, which is mapped by one entry
 * until one of its frames is touched, and by a table of 32 entries from then on. A registered range
 * therefore costs the same whether it has one page or a million.
 *
 * DIFF: upper levels exist only as far as they can be noticed: their release is in page-release.ts.
 */
import { asRa, type Gfn, PAGE_SIZE, type Ra } from '../abi/page.ts'
import { RecentMap } from '../lib/recent-map.ts'
import { RunSet } from './run-set.ts'
import { Trap } from './trap.ts'

/** Frames of a chunk. */
export const CHUNK_FRAMES = 32

/** Low bits of an entry; the rest of it is the RA of the HV frame that it maps, or 0. */
export const Pte = {
  Valid: 1,
  Present: 2,
  /** The firmware's soft-shared bit. */
  SoftShared: 4,
  /** Maps the frame's own secure page. */
  Own: 8,
  /** Maps memory that is no page at all. */
  Wild: 16,
} as const

const EMPTY = 0
/** Real addresses of a page table entry have 53 bits. */
const PTE_RA_END = 2 ** 53

export const OWN_PRESENT: number = Pte.Valid | Pte.Present | Pte.Own

/** An entry that maps an HV frame. */
export function hvEntry(ra: Ra, flags: number): number {
  const frame = Math.floor((ra % PTE_RA_END) / PAGE_SIZE) * PAGE_SIZE
  return frame + (Pte.Valid | flags)
}

const lowBits = (entry: number): number => entry % PAGE_SIZE
const has = (entry: number, flag: number): boolean => (lowBits(entry) & flag) !== 0
export const isMapped = (entry: number): boolean => entry !== EMPTY
export const isPresent = (entry: number): boolean => has(entry, Pte.Present)
export const isOwn = (entry: number): boolean => has(entry, Pte.Own)
export const isWild = (entry: number): boolean => has(entry, Pte.Wild)
export const isSoftShared = (entry: number): boolean => has(entry, Pte.SoftShared)
/** The HV frame that an entry maps. */
export function hvFrameOf(entry: number): Ra | undefined {
  const isHv = isMapped(entry) && (lowBits(entry) & (Pte.Own | Pte.Wild)) === 0
  return isHv ? asRa(entry - lowBits(entry)) : undefined
}
export const withoutPresent = (entry: number): number =>
  isPresent(entry) ? entry - Pte.Present : entry
/** The same page, mapped as a secure one. */
export const asSecureEntry = (entry: number): number =>
  entry - lowBits(entry) + ((lowBits(entry) & ~Pte.SoftShared) | Pte.Present)

export class PageTable {
  /** Chunks mapped by one entry, unless `tables` has them. */
  readonly large = new RunSet()
  readonly tables = new RecentMap<number, Float64Array>()
  #root = true

  /** False once the root has been freed. */
  get hasRoot(): boolean {
    return this.#root
  }

  freeRoot(): void {
    this.#root = false
    this.large.clear()
    this.tables.clear()
  }

  /** The entry of a frame; 0 when there is none. Traps when the root is gone. */
  entry(gfn: Gfn): number {
    this.#needRoot()
    const chunk = Math.floor(gfn / CHUNK_FRAMES)
    const table = this.tables.get(chunk)
    if (table !== undefined) return table[gfn % CHUNK_FRAMES] ?? EMPTY
    return this.large.has(chunk) ? OWN_PRESENT : EMPTY
  }

  /** Looks without walking: for state dumps and invariants. */
  peek(gfn: Gfn): number {
    return this.#root ? this.entry(gfn) : EMPTY
  }

  set(gfn: Gfn, entry: number): void {
    this.tableOf(Math.floor(gfn / CHUNK_FRAMES))[gfn % CHUNK_FRAMES] = entry
  }

  /** The entry stays, but faults. */
  invalidate(gfn: Gfn): void {
    this.set(gfn, withoutPresent(this.entry(gfn)))
  }

  /** Maps fresh secure pages at `count` frames from `start` on. Source: setup_page_range(). */
  mapRange(start: Gfn, count: number): void {
    if (count === 0) return
    this.#needRoot()
    const end = start + count
    const firstChunk = Math.ceil(start / CHUNK_FRAMES)
    const endChunk = Math.floor(end / CHUNK_FRAMES)
    if (firstChunk >= endChunk) {
      this.#mapFrames(start, end)
      return
    }
    this.#mapFrames(start, firstChunk * CHUNK_FRAMES)
    this.removeChunks(firstChunk, endChunk)
    this.large.add(firstChunk, endChunk)
    this.#mapFrames(endChunk * CHUNK_FRAMES, end)
  }

  /** Unmaps whole chunks. */
  removeChunks(first: number, end: number): void {
    this.large.delete(first, end)
    if (end - first < this.tables.size) {
      for (let chunk = first; chunk < end; chunk++) this.tables.delete(chunk)
      return
    }
    for (const chunk of this.tables.keys()) {
      if (chunk >= first && chunk < end) this.tables.delete(chunk)
    }
  }

  /** The table of a chunk, made on demand. */
  tableOf(chunk: number): Float64Array {
    this.#needRoot()
    let table = this.tables.get(chunk)
    if (table === undefined) {
      table = new Float64Array(CHUNK_FRAMES)
      if (this.large.has(chunk)) table.fill(OWN_PRESENT)
      this.tables.set(chunk, table)
    }
    return table
  }

  #mapFrames(start: number, end: number): void {
    for (let gfn = start; gfn < end; gfn++) {
      this.tableOf(Math.floor(gfn / CHUNK_FRAMES))[gfn % CHUNK_FRAMES] = OWN_PRESENT
    }
  }

  #needRoot(): void {
    if (!this.#root) throw new Trap('OOPS', 'the page table was freed')
  }
}
