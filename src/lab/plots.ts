/** What the lab plots over the size of the VM, for its page and as files of their own. */
import { type Chart, drawAlone, type Line } from './chart.ts'
import type { CostModel } from './cost-model.ts'
import { DESIGNS } from './design.ts'
import type { Experiment } from './experiment.ts'
import type { LabResult } from './lab.ts'
import { sayTime } from './report-text.ts'
import type { SwitchRun } from './switch-sizes.ts'

export interface Plot {
  /** The file's name, without its end. */
  readonly name: string
  readonly title: string
  readonly lines: (switches: readonly SwitchRun[]) => readonly Line[]
  readonly sayY: Chart['sayY']
}

type Figure = (run: SwitchRun) => number

/** A logarithmic axis has no zero. */
const pointsOf = (runs: readonly SwitchRun[], figure: Figure): Line['points'] =>
  runs.map((run) => [run.gigabytes, Math.max(figure(run), 1e-3)] as const)

/** One line for each design. */
const byDesign =
  (figure: Figure): Plot['lines'] =>
  (switches) =>
    DESIGNS.flatMap(({ name }, colour): Line[] => {
      const runs = switches.filter(({ design }) => design === name)
      return runs.length === 0 ? [] : [{ name, colour, points: pointsOf(runs, figure) }]
    })

/** Linux and this project, where all pages of a VM are secured; the designs do not differ in it. */
function bySearch(switches: readonly SwitchRun[]): readonly Line[] {
  const runs = switches.filter(({ search, design }) => {
    const first = switches.find((each) => each.search.pages >= each.pages / 2)
    return search.pages > 0 && design === first?.design
  })
  if (runs.length === 0) return []
  return [
    { name: 'Linux', colour: 0, points: pointsOf(runs, ({ search }) => search.linuxWords) },
    { name: 'this project', colour: 2, points: pointsOf(runs, ({ search }) => search.ourWords) },
  ]
}

/** `1K`, `10M`. */
const sayCount = (n: number): string => n.toLocaleString('en-US', { notation: 'compact' })
const saySeconds = (seconds: number): string => sayTime(seconds).replace('.0 ', ' ')

export const PLOTS = {
  predicted: {
    name: 'switch-time-predicted',
    title: 'Switch time on a POWER9, predicted',
    lines: byDesign((run) => run.predictedSeconds),
    sayY: saySeconds,
  },
  ultracalls: {
    name: 'ultracalls',
    title: 'Ultracalls of one switch, counted',
    lines: byDesign((run) => run.ultracalls),
    sayY: sayCount,
  },
  measured: {
    name: 'switch-time-measured',
    title: 'CPU time of the switch in this emulator, measured',
    lines: byDesign((run) => run.tookMs / 1000),
    sayY: saySeconds,
  },
  search: {
    name: 'free-page-search',
    title: 'Words read to find free device pages',
    lines: bySearch,
    sayY: sayCount,
  },
} as const satisfies Record<string, Plot>

export const sayGigabytes = (gb: number): string => (gb >= 1_000 ? `${gb / 1_000} TB` : `${gb} GB`)

export const chartOf = ({ title, lines, sayY }: Plot, switches: readonly SwitchRun[]): Chart => ({
  title,
  xName: 'size of the VM',
  lines: lines(switches),
  sayX: sayGigabytes,
  sayY,
})

/** File names and contents of all plots of a run; none when no switch was run. */
export function plotFilesOf({ switches }: RunSummary): readonly (readonly [string, string])[] {
  if (switches.length === 0) return []
  return Object.values(PLOTS).map((plot: Plot) => [
    `${plot.name}.svg`,
    drawAlone(chartOf(plot, switches)),
  ])
}

/** What a run showed, without the way that it took: the figures behind plots and tables. */
export interface RunSummary {
  readonly costs: CostModel
  readonly experiments: readonly Pick<Experiment, 'design' | 'story' | 'broken'>[]
  readonly switches: readonly SwitchRun[]
}

export const summaryOf = ({ costs, experiments, switches }: LabResult): RunSummary => ({
  costs,
  experiments: experiments.map(({ design, story, broken }) => ({ design, story, broken })),
  switches: switches.map((run) => ({ ...run, tookMs: Math.round(run.tookMs * 10) / 10 })),
})
