/**
 * `npm run mutation -- [PATH…] [--stale|--survivors] [--at-once N] [--batch N] [--by-tap] [--json FILE]`
 *
 * Changes the code in many small ways, one at a time, and asks whether a test notices: files of the two
 * cores and of sessions, those that are at or under a PATH, or all of them. `--stale` leaves out what was
 * measured and has not changed since; `--survivors` tries what survived without a reason in those that have
 * not changed again, and nothing else, by all tests of the area: the slow ones are asked of it alone.
 * Results of these files are put into test/mutation/results.json and report.md after each batch of files
 * (10), so a run that is stopped goes on with `--stale`. `--by-tap` takes a process for each mutant and test
 * file, and writes no results: it is slower by far, and there to check the runner of our own. Exit 0 when
 * 90 % or more are noticed, 1 when not, 2 on bad usage.
 *
 * Stryker 9 is the last that runs on Node 20. It is installed beside this file, by its own lock file: who
 * builds or tests the product does not need its packages.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { AREAS, filesOf, testsOf } from './areas.ts'
import { REASONS } from './reasons.ts'
import { documentOf, withoutReason } from './report.ts'
import {
  digestOf,
  type FileResult,
  mergedResults,
  percentOf,
  readResults,
  scoreOf,
  withFewerSurvivors,
  writeResults,
} from './results.ts'
import { emptyResult, noticedIn, resultsOf } from './stryker-report.ts'
import { runStryker, type StrykerWish } from './stryker-run.ts'

/** The programs run from the root; npm sees to that. */
const ROOT = process.cwd()
const USAGE = 2
/** Per cent. */
const scoreMin = 90

const text = { type: 'string' } as const
const flag = { type: 'boolean', default: false } as const
const OPTIONS = {
  stale: flag,
  survivors: flag,
  'by-tap': flag,
  'at-once': { ...text, default: '2' },
  batch: { ...text, default: '10' },
  json: text,
} as const

const parse = (args: string[]) => parseArgs({ args, options: OPTIONS, allowPositionals: true })

const isThere = (file: string): boolean => existsSync(join(ROOT, file))

function main(args: string[]): number {
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(args)
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    return USAGE
  }
  const { values, positionals: paths } = parsed
  const elsewhere = paths.filter((path) =>
    AREAS.every((area) => filesOf(area, [path]).length === 0),
  )
  if (elsewhere.length > 0) {
    console.error(`${elsewhere.join(' ')}: neither in a core nor of sessions, see areas.ts`)
    return USAGE
  }
  const began = performance.now()
  const wishes = wishesOf(paths, values)
  const results = wishes.flatMap((wish) => resultsOfWish(wish))
  const isOk = show(results, performance.now() - began, values.json)
  return isOk ? 0 : 1
}

function wishesOf(
  paths: readonly string[],
  values: ReturnType<typeof parse>['values'],
): readonly StrykerWish[] {
  const size = Math.max(1, Number(values.batch))
  const known = new Map(readResults(ROOT).map((result) => [result.file, result]))
  const survivors = new Map(
    [...known.values()].map((result) => [result.file, withoutReason(REASONS, result)]),
  )
  const isStale = (file: string): boolean =>
    known.get(file)?.digest !== digestOf(readFileSync(join(ROOT, file), 'utf8'))
  const isWanted = (file: string): boolean => {
    if (values.survivors) return !isStale(file) && survivors.get(file)?.length !== 0
    return !values.stale || isStale(file)
  }
  return AREAS.flatMap((area) => {
    const files = filesOf(area, paths).filter(isWanted)
    const count = Math.ceil(files.length / size)
    return Array.from({ length: count }, (_, at) => ({
      files: files.slice(at * size, (at + 1) * size),
      survivors: values.survivors ? survivors : undefined,
      tests: testsOf(area, values.survivors),
      atOnce: Number(values['at-once']),
      byTap: values['by-tap'],
    }))
  })
}

function resultsOfWish(wish: StrykerWish): readonly FileResult[] {
  const git = ['rev-parse', '--short=10', 'HEAD']
  const commit = execFileSync('git', git, { cwd: ROOT, encoding: 'utf8' }).trim()
  const report = runStryker(ROOT, wish)
  const date = new Date().toISOString().slice(0, 10)
  const made = { commit, date }
  const known = wish.survivors === undefined ? [] : readResults(ROOT)
  const measured = resultsOf(report, made).map((result) => {
    const older = known.find(({ file }) => file === result.file)
    const noticed = noticedIn(report, result.file)
    return older === undefined ? result : withFewerSurvivors(older, noticed, made)
  })
  const wanted = wish.survivors === undefined ? wish.files : []
  const empty = wanted.filter((file) => report.files[file] === undefined)
  const results = [
    ...measured,
    ...empty.map((file) => emptyResult(file, readFileSync(join(ROOT, file), 'utf8'), made)),
  ]
  if (!wish.byTap) {
    const all = mergedResults(readResults(ROOT), results, isThere)
    writeResults(ROOT, all)
    const parts = AREAS.map((area) => ({ name: area.name, files: filesOf(area, []) }))
    writeFileSync(join(ROOT, 'test', 'mutation', 'report.md'), documentOf(all, REASONS, parts))
  }
  return results
}

function show(results: readonly FileResult[], tookMs: number, json: string | undefined): boolean {
  for (const result of results) {
    for (const { line, original, replacement } of withoutReason(REASONS, result)) {
      console.log(`survives: ${result.file}:${line}: ${original} → ${replacement}`)
    }
  }
  for (const result of results) {
    console.log(`${result.file}: ${percentOf(scoreOf([result])).toFixed(1)} %`)
  }
  const { noticed, left } = scoreOf(results)
  const percent = percentOf({ noticed, left })
  const count = noticed + left
  console.log(`${percent.toFixed(1)} % of ${count} are noticed, ${scoreMin} % is promised`)
  console.log(`${(tookMs / 1000 / Math.max(count, 1)).toFixed(2)} s for each mutant`)
  const ok = percent >= scoreMin
  if (json !== undefined) {
    const figure = {
      id: 'mutation',
      promise: `Of changes to the cores and to sessions, tests notice ${scoreMin} % or more`,
      fault: 'the code changed in one place at a time',
      ...{ count, seed: 0, durationMs: Math.round(tookMs), ok },
    }
    writeFileSync(json, `${JSON.stringify(figure, undefined, 2)}\n`)
  }
  return ok
}

process.exitCode = main(process.argv.slice(2))
