/**
 * Pages that the host holds for good (a VPA, a GUP user) and therefore cannot migrate.
 *
 * A pin belongs to the frame, not to the mapping: an unmapped frame stays alive until it is let go.
 */
import type { Frame, Gfn } from '../abi/page.ts'

export class Pins {
  readonly #byGfn = new Map<Gfn, Frame>()
  /** Pins on each frame. */
  readonly #counts = new Map<Frame, number>()

  get size(): number {
    return this.#byGfn.size
  }

  has(gfn: Gfn): boolean {
    return this.#byGfn.has(gfn)
  }

  holds(frame: Frame): boolean {
    return this.#counts.has(frame)
  }

  add(gfn: Gfn, frame: Frame): void {
    this.#byGfn.set(gfn, frame)
    this.#counts.set(frame, (this.#counts.get(frame) ?? 0) + 1)
  }

  /** The frame that was pinned through `gfn`, let go; `undefined` when there is none. */
  delete(gfn: Gfn): Frame | undefined {
    const frame = this.#byGfn.get(gfn)
    if (frame === undefined) return undefined
    this.#byGfn.delete(gfn)
    const left = (this.#counts.get(frame) ?? 1) - 1
    if (left === 0) this.#counts.delete(frame)
    else this.#counts.set(frame, left)
    return frame
  }

  entries(): IterableIterator<[Gfn, Frame]> {
    return this.#byGfn.entries()
  }
}
