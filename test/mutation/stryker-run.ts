/** Runs Stryker over some files and hands back its report. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Survivor } from './results.ts'
import { StrykerReport } from './stryker-report.ts'

export interface StrykerWish {
  readonly files: readonly string[]
  /** Only what survived is tried, by file; everything when undefined. */
  readonly survivors: ReadonlyMap<string, readonly Survivor[]> | undefined
  /** Test files without their ending. */
  readonly tests: readonly string[]
  /** How many processes work at once. */
  readonly atOnce: number
  /** Whether Stryker's tap runner does it, a process for each test file, instead of ours. */
  readonly byTap: boolean
}

/** What Stryker's sandbox compiles to. */
const OUT = 'out'
/**
 * Milliseconds for what hangs in one go, not counted by our own runner (see run-test.ts), in which the
 * process runs (see patient-timers.ts): many, since others may have the processor meanwhile.
 */
const replyWaitMs = 90_000
const reusesMax = 200

export function runStryker(root: string, wish: StrykerWish): StrykerReport {
  const own = join(root, 'test', 'mutation')
  if (!existsSync(join(own, 'node_modules', '@stryker-mutator'))) {
    execFileSync('npm', ['ci', '--ignore-scripts'], { cwd: own, stdio: 'inherit' })
  }
  const work = join(own, 'node_modules', '.cache')
  mkdirSync(work, { recursive: true })
  const fileName = join(work, 'report.json')
  rmSync(fileName, { force: true })
  const config = join(work, 'stryker.config.json')
  writeFileSync(config, JSON.stringify({ ...configOf(own, wish), jsonReporter: { fileName } }))
  const program = join(own, 'node_modules', '@stryker-mutator', 'core', 'bin', 'stryker.js')
  spawnSync(process.execPath, [program, 'run', config], { cwd: root, stdio: 'inherit' })
  if (!existsSync(fileName)) throw new Error('Stryker made no report: its words above say why')
  return StrykerReport.parse(JSON.parse(readFileSync(fileName, 'utf8')))
}

/** A file, or the lines of it where something survived. */
const placesOf = (file: string, survivors: readonly Survivor[] | undefined): readonly string[] => {
  const places = survivors?.map(({ line, lines }) => `${file}:${line}-${line + lines - 1}`)
  return places === undefined ? [file] : [...new Set(places)]
}

const configOf = (own: string, { files, survivors, tests, atOnce, byTap }: StrykerWish) => ({
  mutate: files.flatMap((file) => placesOf(file, survivors?.get(file))),
  concurrency: atOnce,
  testRunner: byTap ? 'tap' : 'in-process',
  plugins: [
    join(own, 'node_modules', '@stryker-mutator', 'tap-runner', 'dist', 'src', 'index.js'),
    ...['in-process-runner.js', 'ignored-code.js', 'patient-timers.js'].map((name) =>
      join(import.meta.dirname, name),
    ),
  ],
  ignorers: ['own-mistakes'],
  inProcess: { testFiles: tests },
  tap: {
    testFiles: tests.map((name) => `${OUT}/${name}.test.js`),
    nodeArgs: ['-r', '{{hookFile}}', '{{testFile}}'],
    forceBail: true,
  },
  coverageAnalysis: 'perTest',
  // The compiler only takes the types away: what a mutant does to them is no concern.
  buildCommand: `tsc -p tsconfig.json --noCheck --outDir ${OUT} --declaration false`,
  // There is none by that name: Stryker would read it with an API that TypeScript 7 has no more.
  tsconfigFile: 'none.json',
  disableTypeChecks: '{src,schemas,test}/**/*.ts',
  ignorePatterns: ['dist', 'docker', '.tap', 'test/mutation'],
  tempDirName: 'node_modules/.cache/stryker',
  reporters: ['json', 'progress-append-only'],
  timeoutMS: replyWaitMs,
  timeoutFactor: 4,
  maxTestRunnerReuse: byTap ? 0 : reusesMax,
  allowConsoleColors: false,
})
