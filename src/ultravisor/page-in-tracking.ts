/**
 * Which frames were asked for already while a guest turns secure.
 *
 * Source: pagein_track.c. The bitmap is one unit of secure memory, and lives from UV_ESM to its
 * end.
 */
import { UV_LIMITS } from './limits.ts'

export class PageInTracking {
  readonly #bits = new Uint8Array(UV_LIMITS.trackedGfnsMax / 8)

  has(gfn: number): boolean {
    return ((this.#bits[gfn >>> 3] ?? 0) & (1 << (gfn & 7))) !== 0 && isTracked(gfn)
  }

  /** A frame above the limit is not remembered. */
  add(gfn: number): void {
    if (!isTracked(gfn)) return
    this.#bits[gfn >>> 3] = (this.#bits[gfn >>> 3] ?? 0) | (1 << (gfn & 7))
  }

  /** The remembered frames, ascending. */
  *all(): Generator<number> {
    for (const [index, byte] of this.#bits.entries()) {
      if (byte === 0) continue
      for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) yield index * 8 + bit
    }
  }
}

const isTracked = (gfn: number): boolean => gfn < UV_LIMITS.trackedGfnsMax
