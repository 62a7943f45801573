/**
 * `npm run mutation -- [PATH…] [--tests NAME,…] [--at-once N] [--json FILE] [--write]`
 *
 * Changes the code in many small ways, one at a time, and asks whether a test notices: files of the two
 * cores and of sessions (PATHs, or all of them: hours). `--tests` names other test files than the
 * area's, without their ending. `--write` writes test/mutation/report.md. Exit 0 when 90 % or more are
 * noticed, 1 when not, 2 on bad usage.
 *
 * Stryker 9 is the last that runs on Node 20. It is installed beside this file, by its own lock file: who
 * builds or tests the product does not need its packages. Its tap runner starts a process for each
 * test file; a first run shows which files reach which mutant, and only those run for it.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { areasOf } from './areas.ts'
import { REASONS } from './reasons.ts'
import { documentOf, StrykerReport, scoreOf, scoresOf, survivorsOf } from './report.ts'

/** The programs run from the root; npm sees to that. */
const ROOT = process.cwd()
const OWN = join(ROOT, 'test', 'mutation')
const WORK = join(OWN, 'node_modules', '.cache')
const USAGE = 2
/** Per cent. */
const scoreMin = 90

process.exitCode = main(process.argv.slice(2))

function main(args: string[]): number {
  const text = { type: 'string' } as const
  const options = { tests: text, 'at-once': text, json: text, write: { type: 'boolean' } } as const
  let parsed: ReturnType<typeof parse>
  const parse = () => parseArgs({ args, options, allowPositionals: true })
  try {
    parsed = parse()
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    return USAGE
  }
  const { values, positionals: paths } = parsed
  const areas = areasOf(paths)
  if (areas.length === 0) {
    console.error(`${paths.join(' ')}: in src/uvmem, src/ultravisor or the sessions' code`)
    return USAGE
  }
  const tests = values.tests?.split(',') ?? areas.flatMap((area) => area.tests)
  const mutate = paths.length > 0 ? paths : areas.flatMap((area) => area.mutate)
  const began = performance.now()
  const report = runStryker(mutate, tests, Number(values['at-once'] ?? '2'))
  return show(report, args, performance.now() - began, values)
}

function runStryker(mutate: readonly string[], tests: readonly string[], atOnce: number) {
  if (!existsSync(join(OWN, 'node_modules', '@stryker-mutator'))) {
    execFileSync('npm', ['ci', '--ignore-scripts'], { cwd: OWN, stdio: 'inherit' })
  }
  mkdirSync(WORK, { recursive: true })
  const file = join(WORK, 'report.json')
  const config = join(WORK, 'stryker.config.json')
  writeFileSync(config, JSON.stringify(configOf(mutate, tests, atOnce, file)))
  const program = join(OWN, 'node_modules', '.bin', 'stryker')
  spawnSync(process.execPath, [program, 'run', config], { cwd: ROOT, stdio: 'inherit' })
  return StrykerReport.parse(JSON.parse(readFileSync(file, 'utf8')))
}

const configOf = (
  mutate: readonly string[],
  tests: readonly string[],
  concurrency: number,
  fileName: string,
) => ({
  mutate,
  concurrency,
  testRunner: 'tap',
  plugins: [join(OWN, 'node_modules', '@stryker-mutator', 'tap-runner', 'dist', 'src', 'index.js')],
  tap: {
    testFiles: tests.map((name) => `out/${name}.test.js`),
    nodeArgs: ['-r', '{{hookFile}}', '{{testFile}}'],
    forceBail: true,
  },
  coverageAnalysis: 'perTest',
  // The compiler only takes the types away: what a mutant does to them is no concern.
  buildCommand: 'tsc -p tsconfig.json --noCheck --outDir out --declaration false',
  // There is none by that name: Stryker would read it with an API that TypeScript 7 has no more.
  tsconfigFile: 'none.json',
  disableTypeChecks: '{src,schemas,test}/**/*.ts',
  ignorePatterns: ['dist', 'docker', '.tap', 'test/mutation'],
  tempDirName: 'node_modules/.cache/stryker',
  reporters: ['json', 'progress-append-only'],
  jsonReporter: { fileName },
  timeoutMS: 60_000,
  timeoutFactor: 4,
  allowConsoleColors: false,
})

function show(
  report: StrykerReport,
  args: readonly string[],
  tookMs: number,
  { json, write }: { readonly json?: string | undefined; readonly write?: boolean | undefined },
): number {
  const scores = scoresOf(report)
  const ok = scoreOf(scores) >= scoreMin
  for (const { file, line, original, replacement } of survivorsOf(report)) {
    console.log(`survives: ${file}:${line}: ${original} → ${replacement}`)
  }
  for (const score of scores) console.log(`${score.file}: ${scoreOf([score]).toFixed(1)} %`)
  console.log(`${scoreOf(scores).toFixed(1)} % are noticed, ${scoreMin} % is promised`)
  const count = scores.reduce((sum, { killed, left }) => sum + killed + left, 0)
  if (json !== undefined) {
    const figure = {
      id: 'mutation',
      promise: `Of changes to the cores and to sessions, tests notice ${scoreMin} % or more`,
      fault: 'the code changed in one place at a time',
      ...{ count, seed: 0, durationMs: Math.round(tookMs), ok },
    }
    writeFileSync(json, `${JSON.stringify(figure, undefined, 2)}\n`)
  }
  if (write === true) {
    const git = ['rev-parse', '--short=10', 'HEAD']
    const commit = execFileSync('git', git, { cwd: ROOT, encoding: 'utf8' }).trim()
    const words = args.filter((word) => word !== '--write').join(' ')
    const command = `npm run mutation -- ${words}`.trim()
    const made = { commit, date: new Date().toISOString(), command }
    writeFileSync(join(OWN, 'report.md'), documentOf(report, REASONS, made))
  }
  return ok ? 0 : 1
}
