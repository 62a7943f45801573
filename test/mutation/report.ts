/** Results as a document: a line for each file, and every survivor with its reason. */
import { type FileResult, percentOf, type Survivor, scoreOf } from './results.ts'

/** Why mutants may live: the same behaviour, or nothing that a user could see. */
export interface Reason {
  readonly file: string
  readonly original: string
  readonly replacement: string | readonly string[]
  readonly why: string
}

/** What the document tells apart: the sources by what they are. */
export interface Part {
  readonly name: string
  readonly files: readonly string[]
}

const OPEN = 'no test notices it yet'

export const whyOf = (
  reasons: readonly Reason[],
  file: string,
  { original, replacement }: Survivor,
): string | undefined =>
  reasons.find(
    (reason) =>
      reason.file === file &&
      reason.original === original &&
      [reason.replacement].flat().includes(replacement),
  )?.why

/** What survives in a file for no reason that is told. */
export const withoutReason = (
  reasons: readonly Reason[],
  { file, survivors }: Pick<FileResult, 'file' | 'survivors'>,
): readonly Survivor[] =>
  survivors.filter((survivor) => whyOf(reasons, file, survivor) === undefined)

const cell = (text: string): string => text.replaceAll('|', '\\|')
const percent = (results: readonly FileResult[]): string =>
  `${percentOf(scoreOf(results)).toFixed(1)} %`

function lineOf(name: string, results: readonly FileResult[], reasons: readonly Reason[]): string {
  const { noticed, left } = scoreOf(results)
  const told = results.flatMap(({ file, survivors }) =>
    survivors.filter((survivor) => whyOf(reasons, file, survivor) !== undefined),
  ).length
  return `| ${name} | ${noticed + left} | ${noticed} | ${told} | ${left - told} | ${percent(results)} |`
}

const survivorLine =
  (file: string, reasons: readonly Reason[]) =>
  (survivor: Survivor): string => {
    const { line, original, replacement } = survivor
    const change = cell(`\`${original}\` → \`${replacement}\``)
    return `| ${file}:${line} | ${change} | ${whyOf(reasons, file, survivor) ?? OPEN} |`
  }

function partOf(part: Part, results: readonly FileResult[], reasons: readonly Reason[]) {
  const own = results.filter(({ file }) => part.files.includes(file))
  if (own.length === 0) return []
  return [
    lineOf(`**${part.name}**: ${own.length} of ${part.files.length} files`, own, reasons),
    ...own.filter(hasMutants).map((result) => lineOf(result.file, [result], reasons)),
  ]
}

function hasMutants(result: FileResult): boolean {
  const { noticed, left } = scoreOf([result])
  return noticed + left > 0
}

/** The files in which there is nothing to change. */
function emptyOnes(results: readonly FileResult[]): readonly string[] {
  const files = results.filter((result) => !hasMutants(result)).map(({ file }) => file)
  return files.length === 0
    ? []
    : ['', `Types and constants alone, with nothing to change: ${files.join(', ')}.`]
}

export function documentOf(
  results: readonly FileResult[],
  reasons: readonly Reason[],
  parts: readonly Part[],
): string {
  const survivors = results.flatMap(({ file, survivors: own }) =>
    own.map(survivorLine(file, reasons)),
  )
  return [
    '# Mutation testing',
    '',
    'Made by `npm run mutation -- [PATH…]`, each file by the last run that measured it (results.json has its',
    `commit): **${percent(results)}** of the mutants are noticed by a test.`,
    '',
    '| file | mutants | noticed | survive with a reason | survive | score |',
    '| --- | --- | --- | --- | --- | --- |',
    ...parts.flatMap((part) => partOf(part, results, reasons)),
    ...emptyOnes(results),
    '',
    '## What survives',
    '',
    ...(survivors.length === 0
      ? ['Nothing.']
      : ['| where | change | why |', '| --- | --- | --- |', ...survivors]),
    '',
  ].join('\n')
}
