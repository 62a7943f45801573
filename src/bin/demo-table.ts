/** The demo's output: a line for each step, and a table at the end. */
import type { StepReport } from './demo-steps.ts'
import { counted, elapsed } from './progress-bar.ts'

const NAME_WIDTH = 27

/** `ok    3 switch, necessary pages     812 ms  1,404 pages in …`. */
export function stepLine(number: number, { ok, name, ms, text }: StepReport): string {
  const head = `${ok ? 'ok  ' : 'FAIL'} ${String(number).padStart(2)} ${name.padEnd(NAME_WIDTH)}`
  return `${head} ${elapsed(ms).padStart(7)}  ${text}`
}

const COLUMNS = [
  'step',
  'time',
  'hypercalls',
  'ultracalls',
  'normal',
  'secure',
  'paged out',
  'shared',
  'both sides',
]

/** Counts of every step: calls during it, the hypervisor's frames after it, and the invariants. */
export function tableOf(reports: readonly StepReport[]): string {
  const rows = reports.map(({ name, ms, hypercalls, ultracalls, after, ok }) => {
    const calls = [elapsed(ms), counted(hypercalls), counted(ultracalls)]
    if (after === null) return [name, ...calls, '-', '-', '-', '-', 'FAILED']
    const { normal, secure, paged_out: pagedOut, shared } = after.hv
    const states = [normal, secure, pagedOut, shared].map(counted)
    return [name, ...calls, ...states, ok ? 'agree' : 'DIFFER']
  })
  const lines = [COLUMNS, ...rows]
  const widths = COLUMNS.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)))
  const text = lines.map((line) =>
    line
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  '),
  )
  const rule = widths.map((width) => '-'.repeat(width)).join('  ')
  return [text[0], rule, ...text.slice(1)].join('\n')
}
