/** Does the runs of a runner, in processes of their own, and makes a row of what they say. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EvidenceRow, type Figure, figuresIn } from './figure.ts'
import { commandOf, type LongRun, type Runner, type RunWish, type SuiteRun } from './runners.ts'
import { countFor } from './shares.ts'

export interface PlayWish {
  /** The root of the repository, which is built. */
  readonly root: string
  readonly seed: number
  readonly commit: string
  /** Milliseconds that the runner may take; 0 when its size is fixed. */
  readonly shareMs: number
  /** It is done once, with so many, however long that takes. */
  readonly count?: number | undefined
  readonly tell: (line: string) => void
}

/** Nothing takes so many times its share; and what is small has so many milliseconds at least. */
const lateTimes = 3
const lateMsMin = 600_000

interface Ended {
  readonly code: number | null
  /** What it said, the end of it. */
  readonly out: string
  readonly tookMs: number
}

const outCharsMax = 1_000_000

/** Runs it to its end, or kills it when it is late, if it can be. */
function runChild(words: readonly string[], root: string, lateMs?: number): Promise<Ended> {
  const began = performance.now()
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' }
  const child = spawn(process.execPath, words, {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const late = lateMs && setTimeout(() => child.kill('SIGKILL'), lateMs)
  let out = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      out = (out + text).slice(-outCharsMax)
    })
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(late)
      resolve({ code, out, tookMs: performance.now() - began })
    })
  })
}

interface Run {
  readonly wish: RunWish
  readonly tookMs: number
  readonly figure: Figure | undefined
  /** Why there is no figure, or what it says when it is not well. */
  readonly why: string | undefined
}

const lastLines = (text: string): string => text.trim().split('\n').slice(-12).join('\n')

async function runLong(runner: LongRun, wish: RunWish, bounds: PlayWish): Promise<Run> {
  const { root, shareMs, count } = bounds
  const folder = mkdtempSync(join(tmpdir(), 'uvmem-evidence-'))
  const file = join(folder, 'figures.json')
  const program = join(root, 'dist', 'test', runner.program)
  const lateMs = count === undefined ? Math.max(lateMsMin, shareMs * lateTimes) : undefined
  try {
    const words = ['--expose-gc', program, ...runner.words(wish), '--json', file]
    const { code, out, tookMs } = await runChild(words, root, lateMs)
    const figure = readFigure(file, runner.id)
    if (figure === undefined) {
      return { wish, tookMs, figure, why: `no figure, exit ${code}: ${lastLines(out)}` }
    }
    const ok = figure.ok && code === 0
    return { wish, tookMs, figure: { ...figure, ok }, why: ok ? undefined : lastLines(out) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readFigure(file: string, id: string): Figure | undefined {
  try {
    return figuresIn(readFileSync(file, 'utf8')).find((figure) => figure.id === id)
  } catch {
    return undefined
  }
}

async function runSuite(runner: SuiteRun, wish: RunWish, { root }: PlayWish): Promise<Run> {
  const { id, promise, fault, file } = runner
  const { code, out, tookMs } = await runChild(['--import=tsx', file], root, lateMsMin)
  const count = passesIn(out)
  const ok = code === 0 && count > 0
  const figure = { id, promise, fault, count, seed: 0, durationMs: tookMs, ok }
  return { wish, tookMs, figure, why: ok ? undefined : lastLines(out) }
}

/** Assertions that passed, in TAP: the lines that head no subtest of their own. */
export function passesIn(tap: string): number {
  const lines = tap.split('\n')
  const isHead = (line: string): boolean => / # time=|# SKIP|# TO[D]O| \{$/.test(line)
  return lines.filter((line) => /^\s*ok \d+/.test(line) && !isHead(line)).length
}

/** One run to learn the rate, another for what is left of the time; or one of a given size. */
export async function play(runner: Runner, wish: PlayWish): Promise<EvidenceRow> {
  const { seed, shareMs, tell, count: fixed } = wish
  if (runner.kind === 'suite') {
    return rowOf(runner, [await runSuite(runner, { count: 1, seed: 0 }, wish)], wish.commit)
  }
  const runs = [await runLong(runner, { count: fixed ?? runner.first, seed }, wish)]
  const [first] = runs
  if (fixed === undefined && first?.figure?.ok === true && runner.weight > 0) {
    const count = countFor(shareMs, runner.first, first.tookMs)
    tell(
      `  ${runner.first} ${runner.unit} in ${(first.tookMs / 1_000).toFixed(1)} s; next ${count}`,
    )
    if (count > 0) runs.push(await runLong(runner, { count, seed: seed + 1 }, wish))
  }
  return rowOf(runner, runs, wish.commit)
}

type Counts = EvidenceRow['also']
const noCounts: Counts = undefined

function addedCounts(left: Counts, right: Counts): Counts {
  if (left === undefined || right === undefined) return left ?? right
  const units = new Set([...Object.keys(left), ...Object.keys(right)])
  return Object.fromEntries(
    [...units].map((unit) => [unit, (left[unit] ?? 0) + (right[unit] ?? 0)]),
  )
}

function rowOf(runner: Runner, runs: readonly Run[], commit: string): EvidenceRow {
  const sum = (of: (run: Run) => number): number => runs.reduce((all, run) => all + of(run), 0)
  const biggest = runs.reduce((best, run) => (run.wish.count > best.wish.count ? run : best))
  const figures = runs.flatMap(({ figure }) => figure ?? [])
  const also = figures.reduce((all, figure) => addedCounts(all, figure.also), noCounts)
  const why = runs.find((run) => run.why !== undefined)?.why
  return {
    id: runner.id,
    promise: figures[0]?.promise ?? 'not known: there was no figure',
    fault: figures[0]?.fault ?? 'not known: there was no figure',
    count: figures.reduce((all, { count }) => all + count, 0),
    unit: runner.unit,
    ...(also === undefined ? {} : { also }),
    seeds: [...new Set(figures.map(({ seed }) => seed))].filter((seed) => seed > 0),
    durationMs: Math.round(sum(({ tookMs }) => tookMs)),
    ok: figures.length === runs.length && figures.every(({ ok }) => ok),
    command: commandOf(runner, biggest.wish),
    commit,
    date: new Date().toISOString(),
    ...(why === undefined ? {} : { why }),
  }
}

/** Rows of the same promise as one: parts of a run that was made in several. The command is the longest one's. */
export function addedRows(rows: readonly EvidenceRow[]): readonly EvidenceRow[] {
  const byId = new Map<string, EvidenceRow>()
  for (const row of rows) {
    const before = byId.get(row.id)
    byId.set(row.id, before === undefined ? row : addedRow(before, row))
  }
  return [...byId.values()]
}

function addedRow(left: EvidenceRow, right: EvidenceRow): EvidenceRow {
  const longest = left.count > right.count ? left : right
  const newest = left.date > right.date ? left : right
  const also = addedCounts(left.also, right.also)
  const why = [left.why, right.why].filter((each) => each !== undefined).join('\n')
  return {
    ...longest,
    count: left.count + right.count,
    ...(also === undefined ? {} : { also }),
    seeds: [...new Set([...left.seeds, ...right.seeds])],
    durationMs: left.durationMs + right.durationMs,
    ok: left.ok && right.ok,
    commit: [...new Set([left, right].flatMap(({ commit }) => commit.split(', ')))].join(', '),
    date: newest.date,
    ...(why === '' ? {} : { why }),
  }
}
