/** What is known of each file, from the run that last measured it: kept in results.json. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const Survivor = z.object({
  line: z.int(),
  /** How many lines it is of. */
  lines: z.int().default(1),
  mutator: z.string(),
  original: z.string(),
  replacement: z.string(),
})
const FileResult = z.object({
  file: z.string(),
  /** Of the source: another digest now means that the file has changed since. */
  digest: z.string(),
  commit: z.string(),
  date: z.string(),
  killed: z.int(),
  timeout: z.int(),
  survived: z.int(),
  noCoverage: z.int(),
  /** Left alone, or neither noticed nor not: no part of the score. */
  ignored: z.int(),
  survivors: z.array(Survivor),
})
const Results = z.array(FileResult)

/** Where it is, what it did, and how it is known from run to run: lines move, sources less. */
export type Survivor = z.output<typeof Survivor>
export type FileResult = z.output<typeof FileResult>

const pathOf = (root: string): string => join(root, 'test', 'mutation', 'results.json')

export const readResults = (root: string): readonly FileResult[] =>
  existsSync(pathOf(root)) ? Results.parse(JSON.parse(readFileSync(pathOf(root), 'utf8'))) : []

export const writeResults = (root: string, results: readonly FileResult[]): void =>
  writeFileSync(pathOf(root), `${JSON.stringify(results, undefined, 1)}\n`)

/** The newer results, and the older ones of files that are still there and were not measured again. */
export function mergedResults(
  older: readonly FileResult[],
  newer: readonly FileResult[],
  isThere: (file: string) => boolean,
): readonly FileResult[] {
  const fresh = new Set(newer.map(({ file }) => file))
  const kept = older.filter(({ file }) => !fresh.has(file) && isThere(file))
  return [...kept, ...newer].sort((a, b) => (a.file < b.file ? -1 : 1))
}

const isAlike = (one: Survivor, other: Survivor): boolean =>
  one.line === other.line &&
  one.mutator === other.mutator &&
  one.original === other.original &&
  one.replacement === other.replacement

/** A file's older result when some of what survived then is noticed now. */
export function withFewerSurvivors(
  older: FileResult,
  noticed: readonly Survivor[],
  made: { readonly commit: string; readonly date: string },
): FileResult {
  const survivors = older.survivors.filter((one) => !noticed.some((other) => isAlike(one, other)))
  const killed = older.killed + older.survivors.length - survivors.length
  const noCoverage = Math.min(older.noCoverage, survivors.length)
  const survived = survivors.length - noCoverage
  return { ...older, ...made, killed, survived, noCoverage, survivors }
}

export const digestOf = (source: string): string =>
  createHash('sha256').update(source).digest('hex').slice(0, 12)

export interface Score {
  readonly noticed: number
  readonly left: number
}

export const scoreOf = (results: readonly FileResult[]): Score => ({
  noticed: results.reduce((sum, { killed, timeout }) => sum + killed + timeout, 0),
  left: results.reduce((sum, { survived, noCoverage }) => sum + survived + noCoverage, 0),
})

/** Per cent of the mutants that some test notices; 100 when there are none. */
export const percentOf = ({ noticed, left }: Score): number =>
  noticed + left === 0 ? 100 : (100 * noticed) / (noticed + left)
