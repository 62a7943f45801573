/** What Stryker's report says, as a document: a line for each file, and every survivor with its reason. */
import { z } from 'zod'

const Place = z.object({ line: z.int(), column: z.int() })
const Mutant = z.object({
  id: z.string(),
  mutatorName: z.string(),
  replacement: z.string().default(''),
  status: z.string(),
  location: z.object({ start: Place, end: Place }),
})
const File = z.object({ source: z.string(), mutants: z.array(Mutant) })
export const StrykerReport = z.object({ files: z.record(z.string(), File) })
export type StrykerReport = z.output<typeof StrykerReport>
type Mutant = z.output<typeof Mutant>

/** Where it is, what it did, and how it is known from run to run: lines move, sources less. */
export interface Survivor {
  readonly file: string
  readonly line: number
  readonly mutator: string
  readonly original: string
  readonly replacement: string
}

const KILLED = ['Killed', 'Timeout']
const LEFT = ['Survived', 'NoCoverage']

export interface FileScore {
  readonly file: string
  readonly killed: number
  readonly left: number
}

const count = (mutants: readonly Mutant[], statuses: readonly string[]): number =>
  mutants.filter(({ status }) => statuses.includes(status)).length

export const scoresOf = ({ files }: StrykerReport): readonly FileScore[] =>
  Object.entries(files)
    .map(([file, { mutants }]) => ({
      ...{ file, killed: count(mutants, KILLED), left: count(mutants, LEFT) },
    }))
    .filter(({ killed, left }) => killed + left > 0)

/** Per cent of the mutants that some test notices; 100 when there are none. */
export function scoreOf(scores: readonly FileScore[]): number {
  const killed = scores.reduce((sum, score) => sum + score.killed, 0)
  const left = scores.reduce((sum, score) => sum + score.left, 0)
  return killed + left === 0 ? 100 : (100 * killed) / (killed + left)
}

/** The part of a source between two places that count from 1. */
function between(source: string, { start, end }: Mutant['location']): string {
  const lines = source.split('\n').slice(start.line - 1, end.line)
  const last = lines.length - 1
  const cut = lines.map((line, i) =>
    line.slice(i === 0 ? start.column - 1 : 0, i === last ? end.column - 1 : undefined),
  )
  return cut.join(' ').replaceAll(/\s+/g, ' ')
}

export const survivorsOf = ({ files }: StrykerReport): readonly Survivor[] =>
  Object.entries(files).flatMap(([file, { source, mutants }]) =>
    mutants
      .filter(({ status }) => LEFT.includes(status))
      .map(({ mutatorName, location, replacement }) => ({
        ...{ file, line: location.start.line, mutator: mutatorName },
        original: between(source, location),
        replacement: replacement.replaceAll(/\s+/g, ' '),
      })),
  )

/** Why a mutant may live: the same behaviour, or nothing that a user could see. */
export interface Reason {
  readonly file: string
  readonly original: string
  readonly replacement: string
  readonly why: string
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

export function documentOf(
  report: StrykerReport,
  reasons: readonly Reason[],
  made: { readonly commit: string; readonly date: string; readonly command: string },
): string {
  const scores = scoresOf(report)
  const whyOf = (survivor: Survivor): string =>
    reasons.find(
      ({ file, original, replacement }) =>
        file === survivor.file &&
        original === survivor.original &&
        replacement === survivor.replacement,
    )?.why ?? 'no test notices it yet'
  return [
    '# Mutation testing',
    '',
    `Made by \`${made.command}\` at commit \`${made.commit}\`, ${made.date.slice(0, 10)}:`,
    `**${scoreOf(scores).toFixed(1)} %** of the mutants are noticed by a test.`,
    '',
    '| file | noticed | survive | score |',
    '| --- | --- | --- | --- |',
    ...scores.map((score) => {
      const { file, killed, left } = score
      return `| ${file} | ${killed} | ${left} | ${scoreOf([score]).toFixed(1)} % |`
    }),
    '',
    '## What survives',
    '',
    '| where | change | why |',
    '| --- | --- | --- |',
    ...survivorsOf(report).map((survivor) => {
      const { file, line, original, replacement } = survivor
      const change = `\`${cell(original)}\` → \`${cell(replacement)}\``
      return `| ${file}:${line} | ${change} | ${whyOf(survivor)} |`
    }),
    '',
  ].join('\n')
}
