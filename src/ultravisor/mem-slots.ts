/**
 * The memory slots of an SVM, sorted by descending base as the firmware keeps them.
 *
 * Source: struct svm_memslots, search_memslots() and svm_valid_gfn_range() of svm_host.c.
 */
import { asGfn, type Gfn, type SlotId } from '../abi/page.ts'

export interface MemSlot {
  readonly id: SlotId
  readonly base: Gfn
  /** Pages, at least 1. */
  readonly count: number
  /** 2 MiB units taken from the budget for it. */
  readonly units: number
}

const slotEnd = (slot: MemSlot): number => slot.base + slot.count

export class MemSlots {
  #sorted: MemSlot[] = []
  readonly #byId = new Map<SlotId, MemSlot>()
  #lastHit: MemSlot | undefined

  get size(): number {
    return this.#sorted.length
  }

  get(id: SlotId): MemSlot | undefined {
    return this.#byId.get(id)
  }

  /** All slots, highest base first. */
  all(): readonly MemSlot[] {
    return this.#sorted
  }

  /** One past the highest GFN, 0 without slots. */
  end(): number {
    const highest = this.#sorted[0]
    return highest === undefined ? 0 : slotEnd(highest)
  }

  /** The slot that holds a frame. */
  find(gfn: number): MemSlot | undefined {
    const hit = this.#lastHit
    if (hit !== undefined && gfn >= hit.base && gfn < slotEnd(hit)) return hit
    const slot = this.#sorted[this.#indexOf(gfn)]
    if (slot === undefined || gfn >= slotEnd(slot)) return undefined
    this.#lastHit = slot
    return slot
  }

  /** Whether `count` frames from `gfn` on lie in slots without a gap. */
  hasRange(gfn: Gfn, count: number): boolean {
    let last = gfn + count - 1
    for (let slot = this.find(last); slot !== undefined; slot = this.find(last)) {
      if (gfn >= slot.base) return true
      last = slot.base - 1
    }
    return false
  }

  /** Whether a slot of another id has a frame of this range. */
  overlaps(base: Gfn, count: number, id: SlotId): boolean {
    return this.#sorted.some(
      (slot) => slot.id !== id && base + count > slot.base && base < slotEnd(slot),
    )
  }

  /** Adds a slot, in place of the one that has its id. */
  put(slot: MemSlot): void {
    this.remove(slot.id)
    this.#sorted.splice(this.#indexOf(slot.base), 0, slot)
    this.#byId.set(slot.id, slot)
  }

  remove(id: SlotId): void {
    const slot = this.#byId.get(id)
    if (slot === undefined) return
    this.#byId.delete(id)
    this.#sorted = this.#sorted.filter((other) => other !== slot)
    this.#lastHit = undefined
  }

  /** Every GFN of every slot, slots in descending order as the firmware's walks go. */
  *gfns(): Generator<Gfn> {
    for (const slot of this.#sorted) {
      for (let i = 0; i < slot.count; i++) yield asGfn(slot.base + i)
    }
  }

  /** Index of the first slot whose base is not above `gfn`. */
  #indexOf(gfn: number): number {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#sorted[middle]?.base ?? 0) > gfn) low = middle + 1
      else high = middle
    }
    return low
  }
}
