/** The report of a run as text for a terminal. */
import { durationText } from './duration.ts'
import type { LoadReport, MetricReport } from './report.ts'

const HEAD = ['operation', 'count', 'rate', 'errors', 'p50', 'p90', 'p99', 'p99.9', 'max']

/** The table, the generator's health, the audit, the thresholds, and the verdict. */
export function reportText(report: LoadReport): string {
  const { metrics, total } = report
  const operations = metrics.filter(({ kind }) => kind === 'operation')
  const details = metrics.filter(({ kind }) => kind === 'detail')
  const table = tableOf([
    HEAD,
    ...operations.map(cellsOf),
    cellsOf(total),
    ...(details.length === 0 ? [] : [['of which:', ...HEAD.slice(1).map(() => '')]]),
    ...details.map(cellsOf),
  ])
  return [
    modelText(report),
    '',
    table,
    ...errorLines(metrics),
    '',
    healthText(report),
    auditText(report),
    ...report.thresholds.map(
      ({ text, ok, was }) => `threshold ${text}: ${ok ? 'kept' : 'BROKEN'} (${was})`,
    ),
    ...report.failures.map((failure) => `FAILED: ${failure}`),
    report.failures.length === 0 ? 'ok' : '',
  ]
    .join('\n')
    .trimEnd()
}

export function modelText({ model, plan, ms, interrupted, server }: LoadReport): string {
  const how =
    model === 'closed'
      ? 'closed model: each VM has one operation at a time, latency from when it began'
      : `open model: ${plan.ratePerS}/s at random times, latency from when each should have begun`
  const what = `${plan.clients} clients, ${plan.vmsPerClient} VMs each of ${plan.vmPages} pages, ${plan.protocol}`
  const ended = interrupted ? ', interrupted' : ''
  return `${what}; ${how}; ${durationText(ms)}${ended}; server ${server.version}, ${server.profile}`
}

function cellsOf(metric: MetricReport): string[] {
  const { name, count, failed, killed, ratePerS } = metric
  const errors = killed === 0 ? String(failed) : `${failed} (+${killed} killed)`
  return [
    name,
    String(count),
    `${ratePerS.toFixed(1)}/s`,
    errors,
    ...[metric.p50Ms, metric.p90Ms, metric.p99Ms, metric.p999Ms, metric.maxMs].map(durationText),
  ]
}

/** Columns as wide as their widest cell: names to the left, numbers to the right. */
export function tableOf(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  }
  const lineOf = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd()
  return rows.map(lineOf).join('\n')
}

function errorLines(metrics: readonly MetricReport[]): string[] {
  const lines = metrics.flatMap(({ name, errors }) =>
    Object.entries(errors)
      .sort(([, a], [, b]) => b - a)
      .map(([code, count]) => `  ${name}: ${count} × ${code}`),
  )
  return lines.length === 0 ? [] : ['', 'errors:', ...lines]
}

function healthText({ generator }: LoadReport): string {
  const workers = generator.workers.map(
    ({ lagP50Ms, lagP99Ms, lagMaxMs, busy }) =>
      `lag p50 ${durationText(lagP50Ms)}, p99 ${durationText(lagP99Ms)}, max ${durationText(lagMaxMs)}, busy ${Math.round(busy * 100)} %`,
  )
  const state = generator.saturated ? 'SATURATED' : 'kept up'
  return `generator ${state}: ${workers.map((text, i) => `worker ${i + 1}: ${text}`).join('; ')}`
}

function auditText({ audit }: LoadReport): string {
  const { vms, frames, skipped, differences, differencesTotal, violations } = audit
  const apart = skipped === 0 ? '' : `, ${skipped} VMs that were not secure at the end left out`
  const head = `audit: ${vms} VMs, ${frames} frames compared${apart}: ${differencesTotal} differences, ${violations.length} violations`
  const lines = differences.map(({ lpid, what, from, count, hv, uv }) => {
    const at =
      from === undefined ? '' : ` from GFN ${from} (${count}): server ${hv}, ultravisor ${uv}`
    return `  LPID ${lpid ?? '-'}: ${what}${at}`
  })
  return [head, ...lines, ...violations.map((violation) => `  ${violation}`)].join('\n')
}
