/** The lab's results as one page that needs nothing from anywhere else. */
import { type Chart, drawChart, escapeText, type Line } from './chart.ts'
import { DESIGNS } from './design.ts'
import type { Experiment } from './experiment.ts'
import { INVARIANTS } from './invariants.ts'
import type { LabResult } from './lab.ts'
import { outcomeOf, sayTime } from './report-text.ts'
import { STORIES } from './story.ts'
import type { SwitchRun } from './switch-sizes.ts'

const STYLE = `
:root { color-scheme: light dark; --bg: #fff; --fg: #1c2430; --soft: #5c6675; --line: #dfe3e8;
  --bad: #b3261e; --good: #1b6e3c; --badbg: #fdecea; --goodbg: #e9f6ee;
  --c0: #c2410c; --c1: #7c3aed; --c2: #0f766e; --c3: #be185d; --c4: #1d4ed8; --c5: #4d7c0f;
  --c6: #475569; --c7: #a16207; }
@media (prefers-color-scheme: dark) { :root { --bg: #14181f; --fg: #e4e8ee; --soft: #9aa5b4;
  --line: #2c333e; --bad: #ff9a90; --good: #7fd6a0; --badbg: #3a1d1b; --goodbg: #16301f;
  --c0: #fb923c; --c1: #b794f6; --c2: #4fd1c5; --c3: #f687b3; --c4: #7aa2f7; --c5: #a3d65c;
  --c6: #94a3b8; --c7: #facc15; } }
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
.grid { stroke: var(--line); } .tick, .axis { fill: var(--soft); font-size: 12px; } .label { font-size: 12px; font-weight: 600; }
.line path { fill: none; stroke-width: 2.5; } ${[0, 1, 2, 3, 4, 5, 6, 7]
  .map(
    (i) =>
      `.line.c${i} { stroke: var(--c${i}); fill: var(--c${i}); } .label.c${i} { fill: var(--c${i}); }`,
  )
  .join(' ')}
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

const sayGigabytes = (gb: number): string => (gb >= 1_000 ? `${gb / 1_000} TB` : `${gb} GB`)
const count = (n: number): string => n.toLocaleString('en-US')

function sizeParts({ switches, costs }: LabResult): string[] {
  if (switches.length === 0) return []
  const lines = (of: (run: SwitchRun) => number): Line[] =>
    DESIGNS.flatMap(({ name }, colour): Line[] => {
      const runs = switches.filter(({ design }) => design === name)
      const points = runs.map((run) => [run.gigabytes, Math.max(of(run), 1e-3)] as const)
      return runs.length === 0 ? [] : [{ name, colour, points }]
    })
  const chart = (title: string, of: (run: SwitchRun) => number, sayY: Chart['sayY']): string =>
    `<div class="chart">${drawChart({ title, xName: 'size of the VM', lines: lines(of), sayX: sayGigabytes, sayY })}</div>`
  return [
    '<h2>What it costs</h2>',
    chart('Switch time on a POWER9, predicted', (run) => run.predictedSeconds, sayTime),
    `<p class="soft">A prediction, not a measurement: ${costs.usPerPageIn} µs a page through H_SVM_PAGE_IN (from the discussion), ${costs.usPerOfferedPage} µs a page offered in H_SVM_INIT_DONE, ${costs.usPerLocalPage} µs a page secured without a call.</p>`,
    chart('Ultracalls of one switch, counted', (run) => run.ultracalls, count),
    chart('Time of the switch in this emulator, measured', (run) => run.wallMs / 1000, sayTime),
    switchTable(switches),
    '<h2>A finding about the merged series: the search for a free page</h2>',
    `<p>For every page that it secures, Linux looks for a free device page from the first bit of a bitmap on, under a lock that all VMs share. That is quadratic in the size of the VM.</p>`,
    chart('Words read to find free device pages', (run) => run.search.linuxWords, count),
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
        sayTime(run.wallMs / 1000),
        sayTime(run.predictedSeconds),
      ]
        .map((cell) => `<td class="n">${cell}</td>`)
        .join('')}</tr>`,
  )
  return `<div class="scroll"><table><tr><th>design</th><th class="n">size</th>${head
    .map((each) => `<th class="n">${each}</th>`)
    .join('')}</tr>${rows.join('')}</table></div>`
}
