/** What has changed since another run, as text. */
import { readFileSync } from 'node:fs'
import { durationText } from './duration.ts'
import { LoadReport, type MetricReport } from './report.ts'
import { tableOf } from './report-text.ts'

/** The report in a JSON file; a string says why there is none. */
export function readReport(path: string): LoadReport | string {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  const read = LoadReport.safeParse(json)
  if (read.success) return read.data
  const [issue] = read.error.issues
  return `not a report of this program: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`
}

export function comparisonText(old: LoadReport, now: LoadReport): string {
  const rows = [now.total, ...now.metrics].flatMap((metric) => {
    const before = [old.total, ...old.metrics].find(({ name }) => name === metric.name)
    return before === undefined ? [] : [rowOf(before, metric)]
  })
  const head = ['since then', 'rate', '', 'p50', '', 'p99', '', 'errors']
  const other = settingsThatDiffer(old, now)
  return [
    `compared with the run of ${old.startedAt}${other === '' ? '' : `, which had other settings: ${other}`}`,
    tableOf([head, ...rows]),
  ].join('\n')
}

function rowOf(before: MetricReport, now: MetricReport): string[] {
  const rates = `${before.ratePerS.toFixed(1)} -> ${now.ratePerS.toFixed(1)}/s`
  const times = (a: number, b: number): string => `${durationText(a)} -> ${durationText(b)}`
  return [
    now.name,
    rates,
    change(before.ratePerS, now.ratePerS),
    times(before.p50Ms, now.p50Ms),
    change(before.p50Ms, now.p50Ms),
    times(before.p99Ms, now.p99Ms),
    change(before.p99Ms, now.p99Ms),
    `${before.failed} -> ${now.failed}`,
  ]
}

/** `+12 %`. */
function change(before: number, now: number): string {
  if (before === 0) return '-'
  const percent = Math.round((now / before - 1) * 100)
  return `${percent > 0 ? '+' : ''}${percent} %`
}

function settingsThatDiffer(old: LoadReport, now: LoadReport): string {
  const names = Object.keys(now.plan) as (keyof LoadReport['plan'])[]
  return names
    .filter((name) => name !== 'url')
    .filter((name) => JSON.stringify(old.plan[name]) !== JSON.stringify(now.plan[name]))
    .join(', ')
}
