/** One line on a terminal that says how far something is. */
import type { Writable } from 'node:stream'

const WIDTH = 30
const PERIOD_MS = 100

export interface Progress {
  readonly done: number
  readonly total: number
}

/** Draws until the function that it returns is called; nothing without a terminal. */
export function drawProgress(
  err: Writable,
  isTerminal: boolean,
  what: string,
  look: () => Progress,
): () => void {
  if (!isTerminal) return () => undefined
  const start = performance.now()
  const draw = (): void => {
    err.write(`\r\x1b[2K${barText(what, look(), performance.now() - start)}`)
  }
  draw()
  const timer = setInterval(draw, PERIOD_MS)
  return () => {
    clearInterval(timer)
    err.write('\r\x1b[2K')
  }
}

/** `pages [#####.....]  50 %  1,000 of 2,000  500/s`. */
export function barText(what: string, { done, total }: Progress, ms: number): string {
  const share = total === 0 ? 0 : Math.min(1, done / total)
  const full = Math.floor(share * WIDTH)
  const bar = '#'.repeat(full) + '.'.repeat(WIDTH - full)
  const percent = `${Math.floor(share * 100)}`.padStart(3)
  const rate = ms < 1 ? 0 : Math.round((done / ms) * 1_000)
  return `${what} [${bar}] ${percent} %  ${counted(done)} of ${counted(total)}  ${counted(rate)}/s`
}

/** `1,638,400`. */
export const counted = (value: number): string =>
  String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',')

/** `950 ms`, `12.3 s`. */
export const elapsed = (ms: number): string =>
  ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
