/**
 * The host's normal memory: frames with real addresses and contents.
 *
 * Frames are handed out in ascending order and used again only when the end is reached, so that a
 * real address names one page for as long as possible. Frame 0 is never handed out: the ultravisor
 * refuses RA 0. Source: alloc_page_vma(); which frame it takes is not observable.
 */
import type { Frame, Lpid, Page } from '../abi/page.ts'
import { asFrame, asLpid, PAGE_SIZE } from '../abi/page.ts'
import { writableBytes } from '../abi/page-bytes.ts'
import { NumberPool } from '../lib/number-pool.ts'
import { WordTable } from '../lib/word-table.ts'
import { type PageEntry, PageStore } from './page-store.ts'

/** Frames of normal memory that a host can have, at most: what lies below DEVICE_RA_START, 16 TiB. */
export const hostFramesMax = 2 ** 28 - 1

export class HostRam {
  readonly #pool: NumberPool
  readonly #contents = new PageStore()
  /** The LPID that each frame was last handed out for. */
  readonly #owners: WordTable
  #next = 1

  /** `frames`: how many the host has, 1 to `hostFramesMax`. */
  constructor(frames = hostFramesMax) {
    this.#pool = new NumberPool(frames + 1)
    this.#pool.take()
    this.#owners = new WordTable(frames + 1)
  }

  /** Frames in use. */
  get used(): number {
    return this.#pool.taken - 1
  }

  /** Frames that the host has. */
  get size(): number {
    return this.#pool.size - 1
  }

  /** A frame of zeros for a VM; `undefined` when the host's memory is full. */
  allocate(owner: Lpid): Frame | undefined {
    let n = this.#pool.take(this.#next)
    if (n < 0) n = this.#pool.take()
    if (n < 0) return undefined
    this.#next = n + 1
    this.#owners.set(n, owner)
    this.#contents.renewRun(n, 1)
    return asFrame(n)
  }

  /** Frames in a row, `most` of them at most; `first` is undefined when the memory is full. */
  allocateRun(owner: Lpid, most: number): { first: Frame | undefined; count: number } {
    let { start, count } = this.#pool.takeRun(most, this.#next)
    if (count === 0) ({ start, count } = this.#pool.takeRun(most))
    if (count === 0) return { first: undefined, count }
    this.#owners.fill(start, count, owner, 0)
    this.#contents.renewRun(start, count)
    this.#next = start + count
    return { first: asFrame(start), count }
  }

  free(frame: Frame): void {
    this.#contents.drop(frame)
    this.#pool.give(frame)
  }

  freeRun(frame: Frame, count: number): void {
    this.#contents.dropRun(frame, count)
    this.#pool.giveRun(frame, count)
  }

  /** The frames in use in ascending order, as runs. */
  *usedRuns(): Generator<{ start: Frame; count: number }> {
    for (const { start, count } of this.#pool.takenRuns()) {
      const first = Math.max(1, start)
      const left = start + count - first
      if (left > 0) yield { start: asFrame(first), count: left }
    }
  }

  /** True when somebody owns the frame. */
  has(frame: Frame): boolean {
    return frame > 0 && frame < this.#pool.size && this.#pool.has(frame)
  }

  /** True when the frame belongs to the VM: only then may its ultravisor read or write it. */
  belongsTo(frame: Frame, lpid: Lpid): boolean {
    return this.has(frame) && this.#owners.get(frame) === lpid
  }

  /** The number from which the next free frame is looked for. */
  get next(): number {
    return this.#next
  }

  /** The frames in use with the VM that each belongs to, as runs. */
  *ownedRuns(): Generator<{ start: Frame; count: number; owner: Lpid }> {
    for (const run of this.usedRuns()) {
      const end = run.start + run.count
      for (let at: number = run.start; at < end; ) {
        const { word, step, count } = this.#owners.runAt(at, end)
        const here = step === 0 ? count : 1
        yield { start: asFrame(at), count: here, owner: asLpid(word) }
        at += here
      }
    }
  }

  /** What the frames hold that are not zeros. */
  contents(): Generator<PageEntry> {
    return this.#contents.entries()
  }

  /** Takes exactly these frames for a VM; false, and none, unless all are free. */
  claimRun(start: Frame, count: number, owner: Lpid): boolean {
    if (start < 1 || !this.#pool.claimRun(start, count)) return false
    this.#owners.fill(start, count, owner, 0)
    return true
  }

  /** Puts a saved content back, or the place from which free frames are looked for. */
  restore(saved: PageEntry | { readonly next: number }): void {
    if ('next' in saved) this.#next = saved.next
    else this.#contents.add(saved)
  }

  /** What a frame holds, for good: it is not written to afterwards. */
  read(frame: Frame): Page {
    return this.#contents.get(frame)
  }

  /** What a frame holds, for whoever is done with it before anything is written again. */
  glance(frame: Frame): Page {
    return this.#contents.glance(frame)
  }

  /** What a frame holds, for somebody who says when he is done with it. */
  lend(frame: Frame): Page {
    return this.#contents.lend(frame)
  }

  /** Whom `page` was lent to is done with it. The frame may be free or another page's by now. */
  settle(frame: Frame, page: Page): void {
    this.#contents.settle(frame, page)
  }

  /** Bytes are copied. */
  write(frame: Frame, page: Page): void {
    this.#contents.set(frame, page)
  }

  /** Frame `frame + i` gets the tag `tag + i * step`. */
  fillTags(frame: Frame, count: number, tag: bigint, step: bigint): void {
    this.#contents.fillTags(frame, count, tag, step)
  }
}

/** A copy of `page` with `bytes` stored at `offset`. */
export function storeInPage(page: Page, offset: number, bytes: Uint8Array): Page {
  if (offset === 0 && bytes.length === PAGE_SIZE) return bytes
  const whole = writableBytes(page)
  whole.set(bytes, offset)
  return whole
}
