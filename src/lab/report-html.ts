/** The lab's results as one page that needs nothing from anywhere else. */
import { drawChart, escapeText } from './chart.ts'
import { COLOURS, PARTS } from './chart-style.ts'
import { DESIGNS } from './design.ts'
import type { Experiment } from './experiment.ts'
import { INVARIANTS } from './invariants.ts'
import type { LabResult } from './lab.ts'
import { chartOf, PLOTS, type Plot, sayGigabytes } from './plots.ts'
import { outcomeOf, sayTime } from './report-text.ts'
import { STORIES } from './story.ts'
import type { SwitchRun } from './switch-sizes.ts'

const STYLE = `${COLOURS}
:root { --bad: #b3261e; --good: #1b6e3c; --badbg: #fdecea; --goodbg: #e9f6ee; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff9a90; --good: #7fd6a0; --badbg: #3a1d1b; --goodbg: #16301f; } }
body { background: var(--bg); color: var(--fg); font: 16px/1.55 system-ui, sans-serif; margin: 0; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; } h2 { margin-top: 2.5rem; font-size: 1.25rem; }
p, li { max-width: 46rem; } .soft { color: var(--soft); }
th span { font-weight: 400; } .scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .88rem; }
th, td { text-align: left; padding: .35rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.good { color: var(--good); background: var(--goodbg); } td.bad { color: var(--bad); background: var(--badbg); }
figure { margin: 1.5rem 0; } figcaption { font-weight: 600; margin-bottom: .4rem; }
svg { width: 100%; height: auto; min-width: 34rem; } .chart { overflow-x: auto; }
${PARTS}
details { margin: .4rem 0; } summary { cursor: pointer; } ol { margin: .4rem 0 .8rem; font-size: .9rem; }
@media (max-width: 40rem) { th, td { padding: .3rem .45rem; } }
`

const STORY = `
<p>A guest on this machine can turn itself into a <em>secure VM</em>: from then on even the hypervisor
cannot read its memory. All of its pages must move to secure memory first, and that is slow: with one
hypercall a page, 100 GB take about seven minutes.</p>
<p>Only few pages are looked at during the switch. Moving only those is fast, but then the hypervisor
must secure the rest on its own, or it takes them for ordinary pages and the guest's memory is
corrupted. The discussion of June and July 2020 was about how to do that without mistakes. Here each
design of that discussion is played out: the same code as in the emulator, both sides in one process,
every rule checked after every step.</p>`

/** The whole page. */
export function htmlOf(result: LabResult): string {
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>What the lab shows</title><style>${STYLE}</style></head><body><main>`,
    '<h1>Switching a VM to secure memory: which design is fast and right?</h1>',
    STORY,
    '<h2>What holds</h2>',
    outcomeTable(result.experiments),
    invariantList(),
    '<h2>What breaks, step by step</h2>',
    ...result.experiments.flatMap(brokenDetails),
    ...sizeParts(result),
    '</main></body></html>\n',
  ].join('\n')
}

/** Stories down, designs across. */
function outcomeTable(experiments: readonly Experiment[]): string {
  const designs = DESIGNS.filter(({ name }) => experiments.some(({ design }) => design === name))
  const head = designs.map(({ name, about }) => `<th title="${escapeText(about)}">${name}</th>`)
  const rows = STORIES.map(({ name, about }) => {
    const cells = designs.map((design) => {
      const run = experiments.find((each) => each.story === name && each.design === design.name)
      if (run === undefined) return '<td></td>'
      const good = run.broken.length === 0
      const text = good ? 'holds' : run.broken.join(', ')
      return `<td class="${good ? 'good' : 'bad'}">${text}</td>`
    })
    return `<tr><th title="${escapeText(about)}">${name}<br><span class="soft">${escapeText(about)}</span></th>${cells.join('')}</tr>`
  })
  return `<div class="scroll"><table><tr><th></th>${head.join('')}</tr>${rows.join('')}</table></div>`
}

const invariantList = (): string =>
  `<p class="soft">${Object.entries(INVARIANTS)
    .map(([id, name]) => `${id}: ${name}`)
    .join(' · ')}. Swapped ciphertext and tampering meet known defects of the merged code.</p>`

function brokenDetails(run: Experiment): string[] {
  const { design, story, first, steps } = run
  if (first === undefined) return []
  const frame = first.gfn === undefined ? '' : ` at GFN ${first.gfn}`
  const items = steps.map(({ told, result }) => `<li>${escapeText(`${told}: ${result}`)}</li>`)
  return [
    `<details><summary>${design}, ${story}: ${outcomeOf(run)}</summary><p>${first.id}${frame}: ${escapeText(first.what)}</p><ol>${items.join('')}</ol></details>`,
  ]
}

const count = (n: number): string => n.toLocaleString('en-US')

function sizeParts({ switches, costs }: LabResult): string[] {
  if (switches.length === 0) return []
  const chart = (plot: Plot): string =>
    `<div class="chart">${drawChart(chartOf(plot, switches))}</div>`
  return [
    '<h2>What it costs</h2>',
    chart(PLOTS.predicted),
    `<p class="soft">A prediction, not a measurement: ${costs.usPerPageIn} µs a page through H_SVM_PAGE_IN (from the discussion), ${costs.usPerOfferedPage} µs a page offered in H_SVM_INIT_DONE, ${costs.usPerLocalPage} µs a page secured without a call.</p>`,
    chart(PLOTS.ultracalls),
    chart(PLOTS.measured),
    switchTable(switches),
    '<h2>A finding about the merged series: the search for a free page</h2>',
    `<p>For every page that it secures, Linux looks for a free device page from the first bit of a bitmap on, under a lock that all VMs share. That is quadratic in the size of the VM.</p>`,
    chart(PLOTS.search),
  ]
}

function switchTable(switches: readonly SwitchRun[]): string {
  const head = ['hypercalls', 'ultracalls', 'secured locally', 'measured', 'predicted']
  const rows = switches.map(
    (run) =>
      `<tr><td>${run.design}</td><td class="n">${sayGigabytes(run.gigabytes)}</td>${[
        count(run.hypercalls),
        count(run.ultracalls),
        count(run.pagesLocal),
        sayTime(run.tookMs / 1000),
        sayTime(run.predictedSeconds),
      ]
        .map((cell) => `<td class="n">${cell}</td>`)
        .join('')}</tr>`,
  )
  return `<div class="scroll"><table><tr><th>design</th><th class="n">size</th>${head
    .map((each) => `<th class="n">${each}</th>`)
    .join('')}</tr>${rows.join('')}</table></div>`
}
