/**
 * The host's pool of device pages and what the kernel notes on each.
 *
 * Source: kvmppc_uvmem_bitmap and struct kvmppc_uvmem_page_pvt. A page in use has a note (its GPA as
 * the call gave it, and two marks); nearly all notes are the plain one, so only others are kept.
 */
import type { DevicePfn, Gpa } from '../abi/page.ts'
import { asDevicePfn } from '../abi/page.ts'
import { NumberPool } from '../lib/number-pool.ts'

/** Device PFNs that a host can have, at most: 128 TiB of secure memory. */
export const devicePfnsMax = 2 ** 31 - 1

/** What differs from the plain note of a device page. */
export interface PageNote {
  /** Set when it is not the start of the page that is mapped. */
  gpa?: Gpa
  /** The next migration back to normal memory makes no UV_PAGE_OUT. */
  skipPageOut?: boolean
  /** When the page is freed its frame becomes normal instead of paged out. */
  removeGfn?: boolean
}

const PLAIN: Readonly<PageNote> = Object.freeze({})

export class DevicePages {
  readonly pool: NumberPool
  /** While true no PFN is given: the pool is as good as used up. */
  denies = false
  /** Free PFNs that are promised to calls under way. */
  #promised = 0
  readonly #notes = new Map<DevicePfn, PageNote>()

  constructor(size: number) {
    this.pool = new NumberPool(size)
  }

  /** PFNs that are free and not promised. */
  get available(): number {
    return this.denies ? 0 : this.pool.size - this.pool.taken - this.#promised
  }

  /** Makes sure that a later `keep` finds a free PFN; false when none is left. */
  promise(): boolean {
    if (this.available <= 0) return false
    this.#promised++
    return true
  }

  /** Ends a promise; the PFN may be taken by anyone now. */
  release(): void {
    this.#promised--
  }

  /** The lowest free PFN; `undefined` when none is left. Source: kvmppc_uvmem_get_page(). */
  take(): DevicePfn | undefined {
    if (this.available <= 0) return undefined
    const pfn = this.pool.take()
    return pfn < 0 ? undefined : asDevicePfn(pfn)
  }

  /** The lowest run of free PFNs, `most` of them at most; `count` is 0 when none is left. */
  takeRun(most: number): { start: DevicePfn; count: number } {
    const { start, count } = this.pool.takeRun(Math.min(most, this.available))
    return { start: asDevicePfn(start), count }
  }

  free(pfn: DevicePfn): void {
    if (this.#notes.size > 0) this.#notes.delete(pfn)
    this.pool.give(pfn)
  }

  freeRun(pfn: DevicePfn, count: number): void {
    if (this.#notes.size > 0)
      for (let i = 0; i < count; i++) this.#notes.delete(asDevicePfn(pfn + i))
    this.pool.giveRun(pfn, count)
  }

  /** True while the page is in use: only then has it a note. */
  isUsed(pfn: DevicePfn): boolean {
    return this.pool.has(pfn)
  }

  noteOf(pfn: DevicePfn): Readonly<PageNote> {
    return this.#notes.get(pfn) ?? PLAIN
  }

  /** Changes parts of a page's note. */
  note(pfn: DevicePfn, change: PageNote): void {
    this.setNote(pfn, { ...this.noteOf(pfn), ...change })
  }

  setNote(pfn: DevicePfn, next: PageNote): void {
    if (next.gpa === undefined && next.skipPageOut !== true && next.removeGfn !== true) {
      this.#notes.delete(pfn)
    } else {
      this.#notes.set(pfn, next)
    }
  }

  /** Every note that is not plain. */
  notes(): ReadonlyMap<DevicePfn, Readonly<PageNote>> {
    return this.#notes
  }
}
