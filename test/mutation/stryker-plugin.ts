/** The part of Stryker's plugin interface that the runner needs: its packages are not the product's. */

export interface TestReport {
  readonly id: string
  readonly name: string
  readonly timeSpentMs: number
  /** Stryker's TestStatus: 0 passed, 1 failed. */
  readonly status: 0 | 1
  readonly failureMessage?: string
}

export type DryRunResult =
  | {
      readonly status: 'complete'
      readonly tests: readonly TestReport[]
      readonly mutantCoverage: unknown
    }
  | { readonly status: 'error'; readonly errorMessage: string }

export type MutantRunResult =
  | {
      readonly status: 'killed'
      readonly killedBy: readonly string[]
      readonly failureMessage: string
      readonly nrOfTests: number
    }
  | { readonly status: 'survived'; readonly nrOfTests: number }
  | { readonly status: 'timeout'; readonly reason: string }
  | { readonly status: 'error'; readonly errorMessage: string }

export interface MutantRunOptions {
  /** Ids of the tests that reach the mutant; all of them when undefined. */
  readonly testFilter?: readonly string[]
  /** How often the mutant may be reached before it counts as an endless loop. */
  readonly hitLimit?: number
  readonly activeMutant: { readonly id: string }
  readonly mutantActivation: 'static' | 'runtime'
  readonly reloadEnvironment: boolean
}

export interface TestRunner {
  capabilities(): { readonly reloadEnvironment: boolean }
  init(): Promise<void>
  dryRun(): Promise<DryRunResult>
  mutantRun(options: MutantRunOptions): Promise<MutantRunResult>
}

/** What instrumented code reads and writes, under `__stryker__` of the global object. */
export interface Instruments {
  activeMutant?: string | undefined
  currentTestId?: string | undefined
  hitCount?: number | undefined
  hitLimit?: number | undefined
  mutantCoverage?: unknown
}

export interface RunnerOptions {
  readonly inProcess: { readonly testFiles: readonly string[] }
}
