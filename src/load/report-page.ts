/** The report of a run as one page: nothing is fetched, nothing is run. */
import { chartHtml, escaped } from './chart.ts'
import { durationText } from './duration.ts'
import type { LoadReport, MetricReport } from './report.ts'
import { chartsOf } from './report-charts.ts'
import { REPORT_STYLE } from './report-style.ts'
import { modelText } from './report-text.ts'

export function reportPage(report: LoadReport): string {
  const day = report.startedAt.slice(0, 16).replace('T', ' ')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>uvmem load, ${escaped(day)}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<h1>Load of a hypervisor</h1>
<p class="soft">${escaped(day)} UTC. ${escaped(modelText(report))}</p>
${verdictHtml(report)}
${factsHtml(report)}
<div class="charts">
${chartsOf(report).map(chartHtml).join('\n')}
</div>
<h2>Operations</h2>
${tableHtml(report)}
${errorsHtml(report)}
<h2>Audit</h2>
${auditHtml(report)}
<h2>Generator</h2>
${healthHtml(report)}
<h2>Settings</h2>
${settingsHtml(report)}
</body>
</html>
`
}

function verdictHtml({ failures, thresholds }: LoadReport): string {
  const head =
    failures.length === 0
      ? '<p class="verdict good">✓ The run is good</p>'
      : '<p class="verdict bad">✗ The run failed</p>'
  const lines = failures.map((failure) => `<li class="bad">${escaped(failure)}</li>`)
  const kept = thresholds
    .filter(({ ok }) => ok)
    .map(
      ({ text, was }) => `<li>threshold <code>${escaped(text)}</code> kept: ${escaped(was)}</li>`,
    )
  return `${head}${lines.length + kept.length === 0 ? '' : `<ul>${[...lines, ...kept].join('')}</ul>`}`
}

function factsHtml({ total, audit, plan }: LoadReport): string {
  const share = total.count === 0 ? 0 : (total.failed / total.count) * 100
  const facts: readonly (readonly [string, string])[] = [
    [String(plan.clients * plan.vmsPerClient), 'secure VMs'],
    [total.count.toLocaleString('en'), 'operations'],
    [`${total.ratePerS.toFixed(1)}/s`, 'succeeded'],
    [`${share.toFixed(2)} %`, 'errors'],
    [durationText(total.p50Ms), 'median'],
    [durationText(total.p99Ms), '99 %'],
    [String(audit.differencesTotal), 'differences'],
  ]
  const items = facts.map(([value, name]) => `<li><b>${escaped(value)}</b>${escaped(name)}</li>`)
  return `<ul class="facts">${items.join('')}</ul>`
}

const HEAD = ['', 'count', 'rate', 'errors', 'killed', 'mean', 'p50', 'p90', 'p99', 'p99.9', 'max']

function tableHtml({ metrics, total }: LoadReport): string {
  const ordered = [
    ...metrics.filter(({ kind }) => kind === 'operation'),
    total,
    ...metrics.filter(({ kind }) => kind === 'detail'),
  ]
  const head = HEAD.map((name) => `<th>${name}</th>`).join('')
  return `<div class="scroll"><table><tr>${head}</tr>${ordered.map(rowHtml).join('')}</table></div>`
}

function rowHtml(metric: MetricReport): string {
  const { name, kind, count, failed, killed, ratePerS } = metric
  const times = [
    metric.meanMs,
    metric.p50Ms,
    metric.p90Ms,
    metric.p99Ms,
    metric.p999Ms,
    metric.maxMs,
  ]
  const cells = [name, count.toLocaleString('en'), `${ratePerS.toFixed(1)}/s`, failed, killed]
  const all = [...cells.map(String), ...times.map(durationText)]
  return `<tr class="${kind}">${all.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`
}

function errorsHtml({ metrics }: LoadReport): string {
  const items = metrics.flatMap(({ name, errors }) =>
    Object.entries(errors)
      .sort(([, a], [, b]) => b - a)
      .map(
        ([code, count]) => `<li>${escaped(name)}: ${count} × <code>${escaped(code)}</code></li>`,
      ),
  )
  return items.length === 0 ? '' : `<h2>Errors</h2><ul>${items.join('')}</ul>`
}

function auditHtml({ audit }: LoadReport): string {
  const { vms, frames, skipped, differences, differencesTotal, violations } = audit
  const apart = skipped === 0 ? '' : ` ${skipped} VMs were not secure at the end and are left out.`
  const head = `${vms} VMs with ${frames.toLocaleString('en')} frames were compared on both sides: ${differencesTotal} differences, ${violations.length} broken invariants.${apart}`
  const items = [
    ...differences.map(({ lpid, what, from, count, hv, uv }) => {
      const at =
        from === undefined ? '' : `: GFN ${from} (${count}): server ${hv}, ultravisor ${uv}`
      return `LPID ${lpid ?? '-'}: ${what}${at}`
    }),
    ...violations,
  ]
  const list = items.map((item) => `<li>${escaped(item)}</li>`).join('')
  return `<p>${escaped(head)}</p>${list === '' ? '' : `<ul>${list}</ul>`}`
}

function healthHtml({ generator }: LoadReport): string {
  const head = ['worker', 'lag p50', 'lag p99', 'lag max', 'busy']
  const rows = generator.workers.map(({ lagP50Ms, lagP99Ms, lagMaxMs, busy }, i) => [
    String(i + 1),
    ...[lagP50Ms, lagP99Ms, lagMaxMs].map(durationText),
    `${Math.round(busy * 100)} %`,
  ])
  const cells = (row: readonly string[], tag: string): string =>
    `<tr>${row.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`
  const state = generator.saturated
    ? '<p class="bad">The generator was saturated: the figures are its own, not the server’s.</p>'
    : '<p>The generator kept up: how late its event loops ran.</p>'
  const table = `${cells(head, 'th')}${rows.map((row) => cells(row, 'td')).join('')}`
  return `${state}<div class="scroll"><table>${table}</table></div>`
}

function settingsHtml({ plan, server }: LoadReport): string {
  const items = Object.entries({ ...plan, server: `${server.version}, ${server.profile}` })
  const rows = items.map(([name, value]) => {
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
    return `<tr><td>${escaped(name)}</td><td><code>${escaped(text)}</code></td></tr>`
  })
  return `<div class="scroll"><table class="settings">${rows.join('')}</table></div>`
}
