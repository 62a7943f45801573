/** How long to wait between attempts to connect again: longer each time, and by chance. */

export interface Backoff {
  /** Milliseconds of the first wait, at most; each wait is up to twice as long as the one before. */
  readonly firstMs: number
  /** Milliseconds of any wait, at most. */
  readonly highestMs: number
}

/** A break is mended at once; a server that is gone for long is asked every two seconds. */
export const BACKOFF: Backoff = { firstMs: 50, highestMs: 2_000 }

/**
 * Milliseconds before attempt `number`, counted from 0. `random`: 0 to below 1. The first wait is
 * anything down to nothing, the others at least half of their highest: many clients that lost one server
 * do not come back to it at the same moment.
 */
export function backoffMs({ firstMs, highestMs }: Backoff, number: number, random: number): number {
  if (number === 0) return firstMs * random
  const highest = Math.min(highestMs, firstMs * 2 ** Math.min(number, 30))
  return highest * (0.5 + random / 2)
}
