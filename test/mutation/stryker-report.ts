/** Stryker's report in JSON, and what is kept of it. */
import { z } from 'zod'
import { digestOf, type FileResult, type Survivor } from './results.ts'

const Place = z.object({ line: z.int(), column: z.int() })
const Mutant = z.object({
  mutatorName: z.string(),
  replacement: z.string().default(''),
  status: z.string(),
  location: z.object({ start: Place, end: Place }),
})
const File = z.object({ source: z.string(), mutants: z.array(Mutant) })
export const StrykerReport = z.object({ files: z.record(z.string(), File) })
export type StrykerReport = z.output<typeof StrykerReport>
type Mutant = z.output<typeof Mutant>

const NOTICED = ['Killed', 'Timeout']
const LEFT = ['Survived', 'NoCoverage']
const COUNTED = [...NOTICED, ...LEFT]

/** The part of a source between two places that count from 1, in one line. */
function between(source: string, { start, end }: Mutant['location']): string {
  const lines = source.split('\n').slice(start.line - 1, end.line)
  const last = lines.length - 1
  const cut = lines.map((line, i) =>
    line.slice(i === 0 ? start.column - 1 : 0, i === last ? end.column - 1 : undefined),
  )
  return cut.join(' ').replaceAll(/\s+/g, ' ')
}

const survivorOf =
  (source: string) =>
  ({ mutatorName, location, replacement }: Mutant): Survivor => ({
    line: location.start.line,
    lines: location.end.line - location.start.line + 1,
    mutator: mutatorName,
    original: between(source, location),
    replacement: replacement.replaceAll(/\s+/g, ' '),
  })

/** The mutants of a file that some test noticed. */
export function noticedIn({ files }: StrykerReport, file: string): readonly Survivor[] {
  const { mutants = [], source = '' } = files[file] ?? {}
  return mutants.filter(({ status }) => NOTICED.includes(status)).map(survivorOf(source))
}

interface Made {
  readonly commit: string
  readonly date: string
}

/** Of a file with types and constants alone, which Stryker says nothing of: there is nothing to change. */
export const emptyResult = (file: string, source: string, made: Made): FileResult => ({
  ...{ file, digest: digestOf(source), ...made },
  ...{ killed: 0, timeout: 0, survived: 0, noCoverage: 0, ignored: 0, survivors: [] },
})

export function resultsOf({ files }: StrykerReport, made: Made): readonly FileResult[] {
  return Object.entries(files).map(([file, { source, mutants }]) => {
    const count = (...statuses: readonly string[]): number =>
      mutants.filter(({ status }) => statuses.includes(status)).length
    return {
      file,
      digest: digestOf(source),
      ...made,
      killed: count('Killed'),
      timeout: count('Timeout'),
      survived: count('Survived'),
      noCoverage: count('NoCoverage'),
      ignored: mutants.length - count(...COUNTED),
      survivors: mutants.filter(({ status }) => LEFT.includes(status)).map(survivorOf(source)),
    }
  })
}
