/** What is printed of replayed recordings. */
import { basename } from 'node:path'
import type { FileReport } from './replay-file.ts'
import { lineOf } from './result.ts'

/** True when the file holds recordings and every step of them agrees. */
export const agrees = (report: FileReport): boolean =>
  report.traces > 0 && report.differing === 0 && report.agreed === report.steps

const perSecond = (steps: number, ms: number): string =>
  `${Math.round((steps * 1_000) / Math.max(ms, 1)).toLocaleString('en-US')} steps/s`

const counts = (traces: number, steps: number, agreed: number): string =>
  `${traces} traces, ${steps} steps, ${agreed} agree`

/** A line for the file, and one for each of its first disagreements. */
export function linesFor(report: FileReport): readonly string[] {
  const { path, traces, steps, agreed, differing, disagreements, tookMs } = report
  if (traces === 0) return [`${basename(path)}: there is no recording in it`]
  const head = `${basename(path)}: ${counts(traces, steps, agreed)} (${perSecond(steps, tookMs)})`
  const shown = disagreements.map((each) => `  ${lineOf(each)}`)
  const rest = differing - disagreements.length
  return [head, ...shown, ...(rest > 0 ? [`  and ${rest} more disagreements`] : [])]
}

/** All files in one line. */
export function totalLine(reports: readonly FileReport[]): string {
  const sum = (count: (report: FileReport) => number): number =>
    reports.reduce((total, report) => total + count(report), 0)
  const steps = sum((report) => report.steps)
  const agreed = sum((report) => report.agreed)
  const traces = sum((report) => report.traces)
  const share = steps === 0 ? 0 : Math.floor((10_000 * agreed) / steps) / 100
  const speed = perSecond(
    steps,
    sum((report) => report.tookMs),
  )
  return `total: ${counts(traces, steps, agreed)} = ${share.toFixed(2)} % (${speed})`
}
