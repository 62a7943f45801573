/**
 * The states of a VM's frames, one table for each uvmem slot.
 *
 * Source: struct kvmppc_uvmem_slot and the list kvm->arch.uvmem_pfns: new entries go to the front,
 * look-ups take the first that holds the GFN, and a slot is freed by its base alone. A reset leaves
 * entries behind, so several can cover a GFN; only the newest is seen.
 */
import type { Gfn } from '../abi/page.ts'
import { type ChangeClock, WordTable } from '../lib/word-table.ts'

/** One entry of the list. */
export interface UvmemSlot {
  readonly base: Gfn
  /** Pages. */
  readonly count: number
  /** A state word for each frame (frame-state.ts). */
  readonly words: WordTable
}

/** Frames `from` to `to` - 1 are seen through `slot`. */
interface Window {
  from: number
  to: number
  slot: UvmemSlot
}

export class UvmemSlots {
  /** Oldest first. */
  readonly #list: UvmemSlot[] = []
  /** What look-ups see: ascending, without overlap. */
  readonly #windows: Window[] = []
  #last: Window | undefined
  /** Counts every change of a state, and of the list itself. */
  readonly changes: ChangeClock = { now: 0 }
  #listedAt = 0

  /** What `changes` said when the list changed last. */
  get listedAt(): number {
    return this.#listedAt
  }

  /** Newest first, as Linux lists them. */
  list(): readonly UvmemSlot[] {
    return this.#list.toReversed()
  }

  get size(): number {
    return this.#list.length
  }

  add(base: Gfn, count: number): UvmemSlot {
    const slot: UvmemSlot = { base, count, words: new WordTable(count) }
    this.insert(slot)
    return slot
  }

  /** Puts a slot at the front of the list. */
  insert(slot: UvmemSlot): void {
    slot.words.follow(this.changes)
    this.#list.push(slot)
    this.#relist()
    this.#show(slot, slot.base, slot.base + slot.count)
  }

  /** Frees the newest slot with this base. Source: kvmppc_uvmem_slot_free(). */
  free(base: Gfn): void {
    const at = this.#list.findLastIndex((slot) => slot.base === base)
    const [gone] = at < 0 ? [] : this.#list.splice(at, 1)
    if (gone === undefined) return
    this.#relist()
    this.#rebuild(gone)
  }

  clear(): void {
    this.#relist()
    this.#list.length = 0
    this.#windows.length = 0
    this.#last = undefined
  }

  /** The slot that look-ups of `gfn` end at. */
  at(gfn: Gfn): UvmemSlot | undefined {
    const last = this.#last
    if (last !== undefined && gfn >= last.from && gfn < last.to) return last.slot
    const window = this.#windows[this.#search(gfn)]
    if (window === undefined || gfn < window.from) return undefined
    this.#last = window
    return window.slot
  }

  /** One past the last GFN that look-ups see through the same slot as `gfn`. */
  endOfWindow(gfn: Gfn): number {
    const window = this.#windows[this.#search(gfn)]
    return window === undefined || gfn < window.from ? gfn : window.to
  }

  /** The first GFN behind `gfn`, which no slot covers, that one covers; infinity when there is none. */
  startOfNext(gfn: Gfn): number {
    return this.#windows[this.#search(gfn)]?.from ?? Number.POSITIVE_INFINITY
  }

  #relist(): void {
    this.changes.now += 1
    this.#listedAt = this.changes.now
  }

  /** Index of the first window that ends behind `gfn`. */
  #search(gfn: number): number {
    let low = 0
    let high = this.#windows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#windows[middle] as Window).to <= gfn) low = middle + 1
      else high = middle
    }
    return low
  }

  #show(slot: UvmemSlot, from: number, to: number): void {
    this.#last = undefined
    const first = this.#search(from)
    const kept: Window[] = []
    let end = first
    for (; end < this.#windows.length; end++) {
      const window = this.#windows[end] as Window
      if (window.from >= to) break
      if (window.from < from) kept.push({ from: window.from, to: from, slot: window.slot })
      if (window.to > to) kept.push({ from: to, to: window.to, slot: window.slot })
    }
    kept.push({ from, to, slot })
    kept.sort((a, b) => a.from - b.from)
    this.#windows.splice(first, end - first, ...kept)
  }

  /** Lets look-ups in the range of `gone` see what lies behind it. */
  #rebuild(gone: UvmemSlot): void {
    const from = gone.base
    const to = gone.base + gone.count
    this.#last = undefined
    this.#hide(gone)
    for (const slot of this.#list) {
      const start = Math.max(from, slot.base)
      const end = Math.min(to, slot.base + slot.count)
      if (start < end) this.#show(slot, start, end)
    }
  }

  #hide(gone: UvmemSlot): void {
    const kept = this.#windows.filter((window) => window.slot !== gone)
    this.#windows.splice(0, this.#windows.length, ...kept)
  }
}
