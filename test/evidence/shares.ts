/** How the time is shared out among the runs. */
import type { Runner } from './runners.ts'

/**
 * Milliseconds for each run that takes as long as it may, by id: `left` in parts by weight. Runs of a
 * fixed size have no share.
 */
export function sharesOf(runners: readonly Runner[], leftMs: number): ReadonlyMap<string, number> {
  const weightOf = (runner: Runner): number => (runner.kind === 'long' ? runner.weight : 0)
  const total = runners.reduce((sum, runner) => sum + weightOf(runner), 0)
  const parts = runners
    .filter((runner) => weightOf(runner) > 0)
    .map((runner): [string, number] => [runner.id, (leftMs * weightOf(runner)) / total])
  return new Map(parts)
}

/** A run of less than this share of the time is not worth its start. */
const worthWhileShare = 0.1

/**
 * How much a second run can do in what is left of a share when the first did `count` in `tookMs`;
 * 0 when that is not worth it. Nine tenths of it, as rates differ.
 */
export function countFor(shareMs: number, count: number, tookMs: number): number {
  const leftMs = shareMs - tookMs
  if (leftMs < shareMs * worthWhileShare) return 0
  return Math.floor((count * leftMs * 0.9) / Math.max(1, tookMs))
}
