/**
 * Which frames were asked for already while a guest turns secure.
 *
 * Source: pagein_track.c. The bitmap is one unit of secure memory, and lives from UV_ESM to its
 * end.
 */
import { UV_LIMITS } from './limits.ts'

/** Frames in a part of the bitmap; a part is made when a frame of it is remembered. */
const PART = 32_768

export class PageInTracking {
  readonly #parts: (Uint8Array | undefined)[] = []

  has(gfn: number): boolean {
    const part = this.#parts[Math.floor(gfn / PART)]
    return part !== undefined && ((part[(gfn % PART) >>> 3] ?? 0) & (1 << (gfn & 7))) !== 0
  }

  /** A frame above the limit is not remembered. */
  add(gfn: number): void {
    if (gfn >= UV_LIMITS.trackedGfnsMax) return
    const key = Math.floor(gfn / PART)
    const part = this.#parts[key] ?? new Uint8Array(PART / 8)
    this.#parts[key] = part
    const at = (gfn % PART) >>> 3
    part[at] = (part[at] ?? 0) | (1 << (gfn & 7))
  }

  /** The remembered frames, ascending. */
  *all(): Generator<number> {
    for (const [key, part] of this.#parts.entries()) {
      for (const [index, byte] of part?.entries() ?? []) {
        if (byte === 0) continue
        for (let bit = 0; bit < 8; bit++) {
          if ((byte & (1 << bit)) !== 0) yield key * PART + index * 8 + bit
        }
      }
    }
  }
}
