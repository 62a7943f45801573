/**
 * A VM's memory slots and the host memory behind them.
 *
 * Source: struct kvm_memory_slot; the region stands for the VMA that the VMM maps behind a slot.
 * Slots are walked by ascending id. DIFF: kernels up to 5.16 walk by descending base, later ones by
 * hash bucket; the order decides which PFNs a slot's frames get, nothing else.
 */
import type { DevicePfn, Frame, Gfn, Page, SlotId } from '../abi/page.ts'
import { asFrame } from '../abi/page.ts'
import { WordTable } from '../lib/word-table.ts'
import { pfnOfWord } from './frame-state.ts'

/** An anonymous mapping of the VMM: what it maps for each page. */
export interface Region {
  /** The slot it was made for. */
  readonly slotId: SlotId
  readonly pages: number
  /** A mapping word for each page: 0 nothing, a frame's number, or bit 31 and a device PFN. */
  ptes: WordTable
  /** What reclaimed pages held, by their index. */
  readonly swap: Map<number, Page>
  /** False after munmap(). */
  mapped: boolean
  /** What ksm_madvise(MADV_UNMERGEABLE) answers; 0 is success. */
  ksmError: number
}

export interface MemSlot {
  readonly id: SlotId
  readonly base: Gfn
  /** Pages. */
  readonly pages: number
  readonly region: Region
}

export const NO_PTE = 0
const DEVICE_BIT = 0x8000_0000

export const devicePte = (pfn: DevicePfn): number => DEVICE_BIT + pfn
export const isDevicePte = (pte: number): boolean => pte >= DEVICE_BIT
/** True when the mapping word names a normal frame. */
export const isFramePte = (pte: number): boolean => pte !== NO_PTE && pte < DEVICE_BIT
export const frameOfPte = (pte: number): Frame => asFrame(pte)
export const pfnOfPte = pfnOfWord

export function newRegion(slotId: SlotId, pages: number): Region {
  return { slotId, pages, ptes: new WordTable(pages), swap: new Map(), mapped: true, ksmError: 0 }
}

export class MemSlots {
  readonly #byId: MemSlot[] = []
  readonly #byBase: MemSlot[] = []
  #last: MemSlot | undefined

  get size(): number {
    return this.#byId.length
  }

  /** By ascending id. */
  [Symbol.iterator](): IterableIterator<MemSlot> {
    return this.#byId[Symbol.iterator]()
  }

  get(id: SlotId): MemSlot | undefined {
    const slot = this.#byId[lowerBound(this.#byId, (each) => each.id < id)]
    return slot?.id === id ? slot : undefined
  }

  /** The slot that holds `gfn`. */
  at(gfn: Gfn): MemSlot | undefined {
    const last = this.#last
    if (last !== undefined && gfn >= last.base && gfn < last.base + last.pages) return last
    const slot = this.#byBase[lowerBound(this.#byBase, (each) => each.base + each.pages <= gfn)]
    if (slot === undefined || gfn < slot.base) return undefined
    this.#last = slot
    return slot
  }

  /** The slot that holds `gfn`, or the first one behind it. */
  from(gfn: Gfn): MemSlot | undefined {
    return this.#byBase[lowerBound(this.#byBase, (each) => each.base + each.pages <= gfn)]
  }

  overlaps(base: Gfn, pages: number): boolean {
    const slot = this.#byBase[lowerBound(this.#byBase, (each) => each.base + each.pages <= base)]
    return slot !== undefined && slot.base < base + pages
  }

  add(slot: MemSlot): void {
    this.#byId.splice(
      lowerBound(this.#byId, (each) => each.id < slot.id),
      0,
      slot,
    )
    this.#byBase.splice(
      lowerBound(this.#byBase, (each) => each.base < slot.base),
      0,
      slot,
    )
  }

  delete(slot: MemSlot): void {
    this.#byId.splice(this.#byId.indexOf(slot), 1)
    this.#byBase.splice(this.#byBase.indexOf(slot), 1)
    this.#last = undefined
  }
}

/** Index of the first slot for which `before` does not hold. */
function lowerBound(slots: readonly MemSlot[], before: (slot: MemSlot) => boolean): number {
  let low = 0
  let high = slots.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (before(slots[middle] as MemSlot)) low = middle + 1
    else high = middle
  }
  return low
}
