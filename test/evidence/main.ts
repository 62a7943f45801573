/**
 * `npm run evidence -- [--minutes N] [--seed S] [--only ID,…] [--count N] [--out DIR] [--take DIR,…]`
 *
 * The long version of everything that tests a promise, within so many minutes: runs of a fixed size
 * first, what is left is shared out by weight. Writes evidence.json and evidence.md to test/evidence (or
 * DIR) and the table of README.md. With `--only` other rows stay as they are; `--count` does one run of
 * that size for each of them, however long that takes. `--take` runs nothing: it takes over the rows of
 * runs that were made one by one with `--out`, parts of one run added. Exit 0 when every promise
 * was kept, 1 when one was broken or has no figure, 2 on bad usage.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { withPart } from '../marked-text.ts'
import { Evidence, type EvidenceRow } from './figure.ts'
import { addedRows, play } from './play.ts'
import { RUNNERS, type Runner } from './runners.ts'
import { sharesOf } from './shares.ts'
import { documentOf, tableOf } from './table.ts'

/** The programs run from the root; npm sees to that. */
const ROOT = process.cwd()
const OWN = join(ROOT, 'test', 'evidence')
const USAGE = 2

type Wishes = ReturnType<typeof read>

process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  let wishes: Wishes
  try {
    wishes = read(args)
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    return USAGE
  }
  const { out, take } = wishes
  const rows = take === undefined ? await playAll(wishes) : addedRows(take.flatMap(rowsIn))
  const evidence: Evidence = {
    format: 'uvmem-evidence-1',
    ...{ node: process.version, cores: cpus().length, minutes: minutesOf(wishes) },
    rows: mergeRows(rows, out),
  }
  write(evidence, out)
  const broken = rows.filter(({ ok }) => !ok)
  for (const { id, why } of broken) console.error(`BROKEN ${id}: ${why}`)
  return broken.length === 0 ? 0 : 1
}

/** Runs of a fixed size come first: what they leave is shared out. */
async function playAll(wishes: Wishes): Promise<readonly EvidenceRow[]> {
  const { runners, minutes, seed, count } = wishes
  const time = count === undefined ? ` in ${minutes} minutes` : ''
  console.log(`seed ${seed}, ${runners.length} runs${time}`)
  const end = performance.now() + minutes * 60_000
  const rows: EvidenceRow[] = []
  const isFixed = (runner: Runner): boolean =>
    runner.kind === 'suite' || runner.weight === 0 || count !== undefined
  const commit = commitOf()
  const playOne = async (runner: Runner, shareMs: number): Promise<void> => {
    console.log(`… ${runner.id}`)
    const tell = (line: string): void => console.log(line)
    const row = await play(runner, { root: ROOT, seed, commit, shareMs, count, tell })
    console.log(`  ${row.ok ? 'kept' : 'BROKEN'}: ${row.count} ${row.unit}`)
    rows.push(row)
  }
  for (const runner of runners.filter(isFixed)) await playOne(runner, 0)
  let waiting = runners.filter((runner) => !isFixed(runner))
  while (waiting.length > 0) {
    const [next, ...rest] = waiting as [Runner, ...Runner[]]
    const shares = sharesOf(waiting, Math.max(0, end - performance.now()))
    await playOne(next, shares.get(next.id) ?? 0)
    waiting = rest
  }
  return rows
}

/** Of the last run of all that there is; what is made one by one takes the time that it takes. */
function minutesOf({ out, count, take, minutes }: Wishes): number {
  const isOneByOne = count !== undefined || take !== undefined
  return isOneByOne && existsSync(join(out, 'evidence.json')) ? evidenceIn(out).minutes : minutes
}

/** In the order of the table; rows of runners that did not run now are those of the last time. */
function mergeRows(fresh: readonly EvidenceRow[], out: string): EvidenceRow[] {
  const before = existsSync(join(out, 'evidence.json')) ? rowsIn(out) : []
  return RUNNERS.flatMap(
    ({ id }) => fresh.find((row) => row.id === id) ?? before.find((row) => row.id === id) ?? [],
  )
}

function evidenceIn(folder: string): Evidence {
  return Evidence.parse(JSON.parse(readFileSync(join(folder, 'evidence.json'), 'utf8')))
}

function rowsIn(folder: string): readonly EvidenceRow[] {
  return evidenceIn(folder).rows
}

function commitOf(): string {
  const git = (...words: string[]): string =>
    execFileSync('git', words, { cwd: ROOT, encoding: 'utf8' }).trim()
  const isChanged = git('status', '--porcelain', '--', 'src', 'schemas', 'package.json') !== ''
  return `${git('rev-parse', '--short=10', 'HEAD')}${isChanged ? '+' : ''}`
}

function write(evidence: Evidence, out: string): void {
  mkdirSync(out, { recursive: true })
  writeFileSync(join(out, 'evidence.json'), `${JSON.stringify(evidence, undefined, 2)}\n`)
  writeFileSync(join(out, 'evidence.md'), documentOf(evidence))
  if (out !== OWN) return
  const readme = join(ROOT, 'README.md')
  writeFileSync(readme, withPart(readFileSync(readme, 'utf8'), 'evidence', tableOf(evidence)))
}

function read(args: string[]) {
  const text = { type: 'string' } as const
  const options = { minutes: text, seed: text, only: text, count: text, out: text, take: text }
  const { values } = parseArgs({ args, options })
  const minutes = Number(values.minutes ?? '60')
  const seed = Number(values.seed ?? String(1 + (Date.now() % 2 ** 30)))
  if (!(minutes > 0 && Number.isFinite(minutes))) throw new Error('--minutes: a number above 0')
  if (!(Number.isSafeInteger(seed) && seed > 0)) throw new Error('--seed: a whole number above 0')
  const count = values.count === undefined ? undefined : Number(values.count)
  if (count !== undefined && !(Number.isSafeInteger(count) && count > 0 && values.only)) {
    throw new Error('--count: a whole number above 0, for the runs that --only names')
  }
  const only = values.only?.split(',')
  const unknown = only?.find((each) => !RUNNERS.some(({ id }) => id === each))
  if (unknown !== undefined) {
    throw new Error(`--only ${unknown}: one of ${RUNNERS.map(({ id }) => id).join(', ')}`)
  }
  const runners = RUNNERS.filter(({ id }) => only?.includes(id) ?? true)
  return { runners, minutes, seed, count, out: values.out ?? OWN, take: values.take?.split(',') }
}
