/**
 * The host's normal memory: frames with real addresses and contents.
 *
 * Frames are handed out in ascending order and used again only when the end is reached, so that a
 * real address names one page for as long as possible. Frame 0 is never handed out: the ultravisor
 * refuses RA 0. Source: alloc_page_vma(); which frame it takes is not observable.
 */
import type { Frame, Page } from '../abi/page.ts'
import { asFrame, PAGE_SIZE } from '../abi/page.ts'
import { NumberPool } from '../lib/number-pool.ts'
import { PageStore } from './page-store.ts'

/** Frames of normal memory that a host can have, at most: what lies below DEVICE_RA_START, 16 TiB. */
export const hostFramesMax = 2 ** 28 - 1

export class HostRam {
  readonly #pool: NumberPool
  readonly #contents = new PageStore()
  #next = 1

  /** `frames`: how many the host has, 1 to `hostFramesMax`. */
  constructor(frames = hostFramesMax) {
    this.#pool = new NumberPool(frames + 1)
    this.#pool.take()
  }

  /** Frames in use. */
  get used(): number {
    return this.#pool.taken - 1
  }

  /** Frames that the host has. */
  get size(): number {
    return this.#pool.size - 1
  }

  /** A frame of zeros; `undefined` when the host's memory is full. */
  allocate(): Frame | undefined {
    let n = this.#pool.take(this.#next)
    if (n < 0) n = this.#pool.take()
    if (n < 0) return undefined
    this.#next = n + 1
    return asFrame(n)
  }

  free(frame: Frame): void {
    this.#contents.drop(frame)
    this.#pool.give(frame)
  }

  freeRun(frame: Frame, count: number): void {
    this.#contents.dropRun(frame, count)
    this.#pool.giveRun(frame, count)
  }

  /** True when somebody owns the frame. */
  has(frame: Frame): boolean {
    return frame > 0 && frame < this.#pool.size && this.#pool.has(frame)
  }

  read(frame: Frame): Page {
    return this.#contents.get(frame)
  }

  write(frame: Frame, page: Page): void {
    this.#contents.set(frame, page)
  }

  /** Frame `frame + i` gets the tag `tag + i * step`. */
  fillTags(frame: Frame, count: number, tag: bigint, step: bigint): void {
    this.#contents.fillTags(frame, count, tag, step)
  }
}

/** `length` bytes of a page from `offset` on. A tag reads as its 8 bytes, big-endian, repeated. */
export function bytesOfPage(page: Page, offset = 0, length = PAGE_SIZE): Uint8Array {
  if (page instanceof Uint8Array) return page.subarray(offset, offset + length)
  const bytes = new Uint8Array(length)
  if (page === null) return bytes
  for (let i = 0; i < length; i++) {
    bytes[i] = Number((page >> BigInt(8 * (7 - ((offset + i) % 8)))) & 0xffn)
  }
  return bytes
}

/** A copy of `page` with `bytes` stored at `offset`. */
export function storeInPage(page: Page, offset: number, bytes: Uint8Array): Page {
  if (offset === 0 && bytes.length === PAGE_SIZE) return bytes
  const whole = new Uint8Array(PAGE_SIZE)
  whole.set(bytesOfPage(page))
  whole.set(bytes, offset)
  return whole
}
