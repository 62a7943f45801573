/**
 * A test runner for Stryker that keeps the tests in one process: its own tap runner starts a process for
 * each mutant and test file, a third of a second each, where the tests that reach a mutant take some
 * milliseconds. The tests run by tap as ever. Only a mutant of code that runs as modules load has the
 * modules loaded anew.
 *
 * A test that fails is run again without the mutant: should it fail still, then the mutant before has
 * left something behind, and all is loaded anew. So no mutant counts as noticed for another's sake.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { register } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { COLLECTION, type CollectedTest, Collection } from './collected-tests.ts'
import { type Ending, eventsOut, loadTap, runTest, StrayErrors, type TapTest } from './run-test.ts'
import type {
  DryRunResult,
  Instruments,
  MutantRunOptions,
  MutantRunResult,
  RunnerOptions,
  TestReport,
  TestRunner,
} from './stryker-plugin.ts'

/** Of each test in the run without mutants, milliseconds: in the sandbox. */
const DURATIONS = 'durations.json'
const scope: Record<string, unknown> = globalThis as never

type Verdict =
  | Exclude<MutantRunResult, { status: 'killed' }>
  | { readonly status: 'killed'; readonly by: CollectedTest | undefined; readonly why: string }

export class InProcessRunner implements TestRunner {
  readonly #files: readonly string[]
  readonly #collection = new Collection()
  readonly #instruments: Instruments = {}
  readonly #strays = new StrayErrors()
  #tests: readonly CollectedTest[] = []
  #tap: TapTest | undefined
  #run = 0
  /** Whether what is loaded may be other than what a process of its own would have. */
  #stale = true

  constructor(options: RunnerOptions) {
    this.#files = options.inProcess.testFiles
  }

  capabilities() {
    return { reloadEnvironment: true }
  }

  async init(): Promise<void> {
    scope[COLLECTION] = this.#collection.t
    scope['__stryker__'] = this.#instruments
    const sandbox = pathToFileURL(`${process.cwd()}/`).href
    register('./module-hooks.js', import.meta.url, { data: { sandbox } })
  }

  async dryRun(): Promise<DryRunResult> {
    await this.#load()
    const tests: TestReport[] = []
    for (const test of this.#tests) {
      const { id } = test
      this.#instruments.currentTestId = id
      const began = performance.now()
      const ending = await this.#runTest(test)
      const timeSpentMs = performance.now() - began
      this.#instruments.currentTestId = undefined
      const report = { id, name: id, timeSpentMs }
      if (ending.kind === 'passed') tests.push({ ...report, status: 0 })
      else tests.push({ ...report, status: 1, failureMessage: JSON.stringify(ending) })
    }
    this.#keepDurations(tests)
    return { status: 'complete', tests, mutantCoverage: this.#instruments.mutantCoverage }
  }

  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    const ids = new Set(options.testFilter)
    const verdict = await this.#judge(options, ids)
    this.#instruments.activeMutant = undefined
    if (verdict.status !== 'killed') return verdict
    const { by, why } = verdict
    const killedBy = [by?.id ?? this.#tests[0]?.id ?? '']
    return { status: 'killed', killedBy, failureMessage: why, nrOfTests: this.#tests.length }
  }

  async #judge(options: MutantRunOptions, ids: ReadonlySet<string>): Promise<Verdict> {
    if (options.mutantActivation === 'static') return await this.#judgeAtLoad(options)
    const first = await this.#tryOn(options, ids, this.#stale || options.reloadEnvironment)
    if (first.status !== 'killed' || !(await this.#failsAnyway(first.by))) return first
    const second = await this.#tryOn(options, ids, true)
    if (second.status !== 'killed' || !(await this.#failsAnyway(second.by))) return second
    this.#stale = true
    return { status: 'error', errorMessage: `fails without a mutant as well: ${second.by?.id}` }
  }

  async #judgeAtLoad({ activeMutant, hitLimit }: MutantRunOptions): Promise<Verdict> {
    this.#activate(activeMutant.id, hitLimit)
    this.#stale = true
    try {
      await this.#load()
    } catch (error) {
      return { status: 'killed', by: undefined, why: String(error) }
    }
    this.#stale = true
    return await this.#runAll(this.#tests)
  }

  async #tryOn(
    { activeMutant, hitLimit }: MutantRunOptions,
    ids: ReadonlySet<string>,
    anew: boolean,
  ): Promise<Verdict> {
    this.#activate(undefined, undefined)
    if (anew) await this.#load()
    this.#activate(activeMutant.id, hitLimit)
    return await this.#runAll(this.#tests.filter(({ id }) => ids.has(id)))
  }

  async #runAll(tests: readonly CollectedTest[]): Promise<Verdict> {
    for (const test of tests) {
      const ending = await this.#runTest(test)
      const { hitCount = 0, hitLimit = Number.POSITIVE_INFINITY } = this.#instruments
      if (hitCount > hitLimit || ending.kind === 'hangs') {
        this.#stale = true
        return { status: 'timeout', reason: ending.kind === 'hangs' ? test.id : 'an endless loop' }
      }
      if (ending.kind === 'failed') return { status: 'killed', by: test, why: ending.why }
    }
    return { status: 'survived', nrOfTests: tests.length }
  }

  /** Whether the test fails though no mutant is active. */
  async #failsAnyway(test: CollectedTest | undefined): Promise<boolean> {
    if (test === undefined) return false
    this.#activate(undefined, undefined)
    await eventsOut()
    const { kind } = await this.#runTest(test)
    return kind !== 'passed'
  }

  async #runTest(test: CollectedTest): Promise<Ending> {
    this.#tap ??= await loadTap()
    return await runTest(test, this.#strays, this.#tap)
  }

  #activate(mutant: string | undefined, hitLimit: number | undefined): void {
    this.#instruments.activeMutant = mutant
    this.#instruments.hitLimit = hitLimit
    this.#instruments.hitCount = hitLimit === undefined ? undefined : 0
  }

  /** For the other processes, and for those after this one. */
  #keepDurations(tests: readonly TestReport[]): void {
    const durations = tests.map(({ id, timeSpentMs }) => [id, timeSpentMs])
    writeFileSync(DURATIONS, JSON.stringify(Object.fromEntries(durations)))
  }

  #quickestFirst(tests: readonly CollectedTest[]): readonly CollectedTest[] {
    if (!existsSync(DURATIONS)) return tests
    const durations: Record<string, number> = JSON.parse(readFileSync(DURATIONS, 'utf8'))
    return tests.toSorted((a, b) => (durations[a.id] ?? 0) - (durations[b.id] ?? 0))
  }

  async #load(): Promise<void> {
    this.#run++
    this.#collection.take()
    for (const file of this.#files) {
      this.#collection.begin(file)
      await import(
        `${pathToFileURL(join(process.cwd(), 'out', `${file}.test.js`)).href}?run=${this.#run}`
      )
    }
    this.#tests = this.#quickestFirst(this.#collection.take())
    this.#stale = false
  }
}

const create = (options: RunnerOptions): TestRunner => new InProcessRunner(options)
create.inject = ['options'] as const

export const strykerPlugins = [{ kind: 'TestRunner', name: 'in-process', factory: create }]
export const strykerValidationSchema = {
  type: 'object',
  properties: {
    inProcess: {
      type: 'object',
      properties: { testFiles: { type: 'array', items: { type: 'string' } } },
    },
  },
}
