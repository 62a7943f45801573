/** The tables of the documents that say what the lab shows, made of its own data. */
import { DESIGNS } from '../../src/lab/design.ts'
import { type RunSummary, sayGigabytes } from '../../src/lab/plots.ts'
import { sayTime } from '../../src/lab/report-text.ts'
import { STORIES } from '../../src/lab/story.ts'
import type { SwitchRun } from '../../src/lab/switch-sizes.ts'
import { SEEDED_DEFECTS } from './seeded-defects.ts'

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n')

const count = (n: number): string => n.toLocaleString('en-US')

const brokenIn = ({ experiments }: RunSummary, design: string, story: string): readonly string[] =>
  experiments.find((each) => each.design === design && each.story === story)?.broken ?? []

/** Every story under every design. */
export const outcomeTable = (run: RunSummary): string =>
  table(
    ['story', ...DESIGNS.map(({ name }) => name)],
    STORIES.map(({ name, about }) => [
      `${name}: ${about}`,
      ...DESIGNS.map((design) => brokenIn(run, design.name, name).join(' ') || 'holds'),
    ]),
  )

/** What each design comes to, in one line: for the README. */
export function designTable(run: RunSummary): string {
  const gigabytes = 100
  const head = ['design', 'what breaks', 'ultracalls', 'on POWER9, predicted', 'here, CPU time']
  return table(
    head.map((name, i) => (i < 2 ? name : `${name}, ${sayGigabytes(gigabytes)}`)),
    DESIGNS.map(({ name, about }) => {
      const broken = STORIES.map((story) => [story.name, brokenIn(run, name, story.name)] as const)
      const told = broken
        .filter(([, ids]) => ids.length > 0)
        .map(([story, ids]) => `${story}: ${ids.join(' ')}`)
      const big = run.switches.find((each) => each.design === name && each.gigabytes === gigabytes)
      return [`**${name}**: ${about}`, told.join('; ') || 'nothing', ...figuresOf(big)]
    }),
  )
}

function figuresOf(big: SwitchRun | undefined): readonly string[] {
  if (big === undefined) return ['', '', '']
  return [count(big.ultracalls), sayTime(big.predictedSeconds), sayTime(big.tookMs / 1_000)]
}

/** Every switch. */
export const costTable = ({ switches }: RunSummary): string =>
  table(
    [
      ...['design', 'size', 'hypercalls', 'ultracalls', 'secured locally'],
      ...['here, CPU time', 'on POWER9, predicted', 'both sides agree'],
    ],
    switches.map((each) => [
      each.design,
      sayGigabytes(each.gigabytes),
      ...[each.hypercalls, each.ultracalls, each.pagesLocal].map(count),
      sayTime(each.tookMs / 1_000),
      sayTime(each.predictedSeconds),
      each.disagreements === 0 ? 'yes' : '**no**',
    ]),
  )

/** The search for free device pages. */
export function searchTable({ switches }: RunSummary): string {
  const runs = switches.filter(({ design }) => design === 'linux-6')
  return table(
    ['size', 'words that Linux reads', 'words read here, at most', 'Linux, predicted'],
    runs.map(({ gigabytes, search }) => [
      sayGigabytes(gigabytes),
      count(search.linuxWords),
      count(search.ourWords),
      sayTime(search.linuxSeconds),
    ]),
  )
}

/** Wrong variants, and who finds each. */
export const seededTable = (): string =>
  table(
    ['what is wrong', 'the checker', 'recordings', 'random tests'],
    SEEDED_DEFECTS.map(({ name, checker, foundBy }) => [
      name,
      checker === undefined ? '–' : `world ${checker[0]}: ${checker[1]}`,
      ...(['recordings', 'random tests'] as const).map((who) =>
        foundBy.includes(who) ? 'yes' : '–',
      ),
    ]),
  )
