/** The lab's results as lines for a terminal. */
import { DEFAULT_NS_PER_WORD } from './allocator.ts'
import type { CostModel } from './cost-model.ts'
import type { Experiment } from './experiment.ts'
import { INVARIANTS } from './invariants.ts'
import type { SwitchRun } from './switch-sizes.ts'

const count = (n: number): string => n.toLocaleString('en-US')

/** Seconds as people say them. */
export function sayTime(seconds: number): string {
  if (seconds >= 3600) return `${(seconds / 3600).toFixed(1)} h`
  if (seconds >= 120) return `${(seconds / 60).toFixed(1)} min`
  if (seconds >= 1) return `${seconds.toFixed(1)} s`
  return `${(seconds * 1000).toFixed(1)} ms`
}

/** Columns of equal width; numbers to the right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  const isNumber = (text: string): boolean => /^[\d,.]+( \w+)?$/.test(text)
  return rows.map((row) =>
    row
      .map((cell, i) =>
        isNumber(cell) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
}

export const outcomeOf = ({ broken }: Experiment): string =>
  broken.length === 0 ? 'holds' : `broken: ${broken.join(', ')}`

/** The experiments in a table, then each first broken invariant with the steps that led to it. */
export function experimentLines(experiments: readonly Experiment[]): string[] {
  const head = ['design', 'story', 'outcome', 'hcalls', 'ucalls', 'pages moved', 'measured']
  const rows = experiments.map((run) => [
    run.design,
    run.story,
    outcomeOf(run),
    count(run.hypercalls),
    count(run.ultracalls),
    count(run.pagesMoved),
    sayTime(run.tookMs / 1000),
  ])
  return [...table([head, ...rows]), '', ...experiments.flatMap(brokenLines)]
}

function brokenLines({ design, story, first, steps }: Experiment): string[] {
  if (first === undefined) return []
  const where = first.gfn === undefined ? '' : ` at GFN ${first.gfn}`
  return [
    `${design}, ${story}: ${first.id} (${INVARIANTS[first.id]}) breaks${where}: ${first.what}`,
    ...steps.map(({ told, result }, i) => `  ${i + 1}. ${told}: ${result}`),
    '',
  ]
}

/** The switch by VM size. */
export function switchLines(runs: readonly SwitchRun[], costs: CostModel): string[] {
  if (runs.length === 0) return []
  const head = ['design', 'size', 'hcalls', 'ucalls', 'pages moved', 'secured locally']
  const rows = runs.map((run) => [
    run.design,
    `${count(run.gigabytes)} GB`,
    count(run.hypercalls),
    count(run.ultracalls),
    count(run.pagesMoved),
    count(run.pagesLocal),
    sayTime(run.tookMs / 1000),
    sayTime(run.predictedSeconds),
    run.disagreements === 0 ? 'yes' : 'NO',
  ])
  return [
    ...table([[...head, 'measured', 'predicted POWER9', 'sides agree'], ...rows]),
    `The prediction takes ${costs.usPerPageIn} us a page through H_SVM_PAGE_IN, ${costs.usPerOfferedPage} us a page`,
    `offered in H_SVM_INIT_DONE, ${costs.usPerLocalPage} us a page secured locally. It is no measurement.`,
    '',
  ]
}

/** The finding about the allocator. */
export function allocatorLines(runs: readonly SwitchRun[]): string[] {
  const bySize = new Map(runs.map((run) => [run.gigabytes, run]))
  const all = [...bySize.values()].filter((run) => run.search.pages > 0)
  if (all.length === 0) return []
  const head = ['size', 'PFNs taken', 'words Linux reads', 'words read here', 'Linux, predicted']
  const rows = all.map(({ gigabytes, search }) => [
    `${count(gigabytes)} GB`,
    count(search.pages),
    count(search.linuxWords),
    count(search.ourWords),
    sayTime(search.linuxSeconds),
  ])
  return [
    'Finding a free device PFN: Linux searches from bit 0 for every page, which is quadratic.',
    ...table([head, ...rows]),
    `Predicted with ${DEFAULT_NS_PER_WORD} ns a word; under a lock that all VMs share.`,
  ]
}
