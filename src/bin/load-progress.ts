/** A load run as it goes on: one line that is rewritten on a terminal, else a line now and then. */
import type { Writable } from 'node:stream'
import { durationText } from '../load/duration.ts'
import type { Progress } from '../load/run.ts'
import { counted } from './progress-bar.ts'

/** Milliseconds between two lines where nothing can be rewritten. */
const LINE_MS = 5_000

export interface ProgressLine {
  readonly show: (progress: Progress) => void
  /** Leaves an empty line behind. */
  readonly end: () => void
}

export function progressLine(err: Writable, isTerminal: boolean): ProgressLine {
  let last = Number.NEGATIVE_INFINITY
  let phase = ''
  return {
    show: (progress) => {
      const line = lineOf(progress)
      if (isTerminal) err.write(`\r\x1b[2K${line}`)
      else if (progress.phase !== phase || performance.now() - last > LINE_MS) {
        last = performance.now()
        phase = progress.phase
        err.write(`${line}\n`)
      }
    },
    end: () => {
      if (isTerminal) err.write('\r\x1b[2K')
    },
  }
}

function lineOf({
  phase,
  ms,
  msTotal,
  clients,
  operations,
  failed,
  p99Ms,
  lagMs,
}: Progress): string {
  const time = `${durationText(Math.min(ms, msTotal))} of ${durationText(msTotal)}`
  const rate = ms > 0 ? Math.round((operations / ms) * 1_000) : 0
  return [
    `${phase} ${time}`,
    `${counted(clients)} clients`,
    `${counted(operations)} operations (${counted(rate)}/s)`,
    `${counted(failed)} errors`,
    `p99 ${durationText(p99Ms)}`,
    `lag ${durationText(lagMs)}`,
  ].join('  ')
}
